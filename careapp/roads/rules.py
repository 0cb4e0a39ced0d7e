"""OSRM's rules for a vehicle, with one addition: they write down what they said of each way.

Speed factors need a speed to start from. OSRM's rules make it out of a dozen tags; instead of a second,
slightly different spelling of them we let them tell.
"""

from pathlib import Path
from typing import Final

from careapp.roads.programs import Programs
from routing.travel.source import Profile

_WRAPPER: Final = """\
package.path = {folder} .. '/?.lua;' .. package.path
local rules = dofile({folder} .. '/{profile}.lua')
local out = assert(io.open({speeds}, 'a'))
-- Each thread has a state of its own: a line must reach the file whole.
out:setvbuf('line', 4096)
local process_way = rules.process_way
local inaccessible = mode.inaccessible
rules.process_way = function(profile, way, result, relations)
  process_way(profile, way, result, relations)
  local ahead, back = result.forward_speed, result.backward_speed
  if result.forward_mode == inaccessible then ahead = 0 end
  if result.backward_mode == inaccessible then back = 0 end
  if result.duration <= 0 and (ahead > 0 or back > 0) then
    out:write(string.format('%d,%.4g,%.4g,%.5g,%.5g\\n',
      way:id(), math.max(0, ahead), math.max(0, back), result.forward_rate, result.backward_rate))
  end
end
return rules
"""


def write_rules(programs: Programs, profile: Profile, *, into: Path, speeds: Path) -> None:
    """Write the Lua file that `osrm-extract` runs.

    Args:
        programs: Whose rules they are.
        profile: Of which vehicle.
        into: The file to write.
        speeds: The file that the rules will write: way, speeds in km/h and rates, forward and backward.
    """
    into.write_text(
        _WRAPPER.format(
            folder=_quoted(programs.profiles), profile=profile.value, speeds=_quoted(speeds.absolute())
        ),
        encoding="utf-8",
    )


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{text}'"
