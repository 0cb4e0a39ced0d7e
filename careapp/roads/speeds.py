"""Speed factors by hour band, season and class of road, and the files in which OSRM takes other speeds."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from careapp.errors import Invalid
from careapp.roads.manifest import BASE, Manifest, find_manifest
from careapp.roads.segments import ROAD_CLASSES, Segments, WaySpeeds
from routing.travel.source import Profile

__all__ = [
    "BadSpeeds",
    "Slice",
    "read_slices",
    "slice_at",
    "slice_of_day",
    "slices_by_hour",
    "write_closed",
    "write_speeds",
]

TABLE: Final = "speeds.toml"
"""Name of the table, here and in a data set."""
DEFAULT_TABLE: Final = Path(__file__).with_name(TABLE)
Factor = Annotated[float, Field(gt=0.05, le=2.0)]
_ROWS: Final = 100_000


class BadSpeeds(Invalid):
    """A table of speed factors cannot be read, or a slice is not in it."""


class Slice(BaseModel):
    """A part of the week or the year with speeds of its own; `speeds.toml` tells what each line means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    text: str
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    days: tuple[Annotated[int, Field(ge=1, le=7)], ...] = ()
    bands: tuple[tuple[time, time], ...] = ()
    of: tuple[str, ...] = ()
    car: dict[str, Factor] = {}
    bicycle: dict[str, Factor] = {}
    foot: dict[str, Factor] = {}

    def holds_at(self, local: datetime) -> bool:
        """Whether a local date and time lies in it."""
        return (
            (not self.months or local.month in self.months)
            and (not self.days or local.isoweekday() in self.days)
            and (not self.bands or any(start <= local.time() < end for start, end in self.bands))
        )

    def factors(self, profile: Profile) -> NDArray[np.float64]:
        """Return the factor of each class of `ROAD_CLASSES`, shape (classes,)."""
        table: dict[str, float] = getattr(self, profile.value)
        default = table.get("default", 1.0)
        return np.array(
            [table.get(name, table.get(name.removesuffix("_link"), default)) for name in ROAD_CLASSES]
        )


def read_slices(path: Path = DEFAULT_TABLE) -> dict[str, Slice]:
    """Read a table of speed factors: slices by name, in the table's order.

    Raises:
        BadSpeeds: It is no such table; says which line to mend.
    """
    try:
        found = [Slice.model_validate(entry) for entry in tomllib.loads(path.read_text("utf-8"))["slice"]]
    except OSError as unread:
        raise BadSpeeds(
            f"{path}: cannot be read ({unread.strerror}): name a table like speeds.toml"
        ) from unread
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as malformed:
        raise BadSpeeds(f"{path.name}: no table of slices: {malformed}") from malformed
    except ValidationError as refused:
        first = refused.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadSpeeds(f"{path.name}: {where}: {first['msg']}") from refused
    slices = {slice_.name: slice_ for slice_ in found}
    for slice_ in found:
        strange = {*slice_.car, *slice_.bicycle, *slice_.foot} - {"default", *ROAD_CLASSES}
        if strange:
            raise BadSpeeds(
                f"{path.name}: {slice_.name}: no class of road is called {', '.join(sorted(strange))}"
            )
        if slice_.name == BASE or not {*slice_.of} <= {*slices} - {slice_.name}:
            raise BadSpeeds(
                f"{path.name}: {slice_.name}: choose another name, and multiply only other slices"
            )
    return slices


def choose(slices: Mapping[str, Slice], names: Iterable[str]) -> list[Slice]:
    """Return the slices of these names, in the table's order.

    Raises:
        BadSpeeds: One is not in the table.
    """
    wanted = set(names) - {BASE}
    missing = sorted(wanted - set(slices))
    if missing:
        raise BadSpeeds(
            f"no slice is called {', '.join(missing)}: choose from {', '.join([BASE, *slices])}, "
            "or name a table of your own with --speeds"
        )
    return [slice_ for slice_ in slices.values() if slice_.name in wanted]


def slice_at(local: datetime, built: Sequence[str], slices: Mapping[str, Slice]) -> str:
    """Return which of the slices that were built holds at a local date and time; `BASE` if none does."""
    holding = [slice_.name for slice_ in slices.values() if slice_.name in built and slice_.holds_at(local)]
    return holding[-1] if holding else BASE


def slice_of_day(data_dir: Path, day: date) -> str:
    """Return the slice for a plan of a whole local day, out of the data in use; `BASE` without any.

    Only what holds all day counts: seasons do, hours do not. Those are told by `slices_by_hour`.
    """
    manifest = find_manifest(data_dir)
    if manifest is None or manifest.slices == (BASE,):
        return BASE
    table = read_slices(manifest.folder / TABLE)
    all_day = {name: slice_ for name, slice_ in table.items() if not slice_.bands}
    return slice_at(datetime.combine(day, time(12)), manifest.slices, all_day)


def slices_by_hour(manifest: Manifest, day: date) -> list[tuple[time, str]]:
    """Return from which wall-clock times of a local day on which slice holds, where there is a change.

    Before the first of them the slice is that of `slice_of_day`.
    """
    table = read_slices(manifest.folder / TABLE)
    built = [slice_ for slice_ in table.values() if slice_.name in manifest.slices]
    edges = {time.min, *(edge for slice_ in built for band in slice_.bands for edge in band)}
    all_day = {name: slice_ for name, slice_ in table.items() if not slice_.bands}
    before = slice_at(datetime.combine(day, time(12)), manifest.slices, all_day)
    changes = []
    for edge in sorted(edges):
        name = slice_at(datetime.combine(day, edge), manifest.slices, table)
        if name != before:
            changes.append((edge, name))
        before = name
    return changes


def factors_of(slice_: Slice, profile: Profile, slices: Mapping[str, Slice]) -> NDArray[np.float64]:
    """Return a slice's factors times those of the slices that it is made of, shape (classes,)."""
    factors = slice_.factors(profile)
    for name in slice_.of:
        factors = factors * slices[name].factors(profile)
    return factors


def write_speeds(path: Path, segments: Segments, speeds: WaySpeeds, factors: NDArray[np.float64]) -> int:
    """Write the segments whose speed is not the rules' own, as OSRM reads them.

    Each line is `from node,to node,km/h` and, where the rules weigh by it, the rate times the same factor, so
    that what they avoid stays avoided.

    Returns:
        How many lines were written.
    """
    found = np.searchsorted(speeds.way, segments.way)
    found[found == len(speeds.way)] = 0
    factor = factors[segments.kind]
    changed = np.flatnonzero((speeds.way[found] == segments.way) & (factor != 1.0))
    lines = 0
    with path.open("w", encoding="ascii") as file:
        for first in range(0, len(changed), _ROWS):
            some = changed[first : first + _ROWS]
            for back in (0, 1):
                ends = (segments.start[some], segments.end[some])
                speed = speeds.speed[found[some], back] * factor[some]
                rate = speeds.rate[found[some], back] * factor[some]
                rows = zip(
                    ends[back].tolist(), ends[1 - back].tolist(), speed.tolist(), rate.tolist(), strict=True
                )
                text = [
                    f"{a},{b},{kmh:.2f},{good:.3f}\n" if good > 0 else f"{a},{b},{kmh:.2f}\n"
                    for a, b, kmh, good in rows
                    if kmh > 0
                ]
                file.writelines(text)
                lines += len(text)
    return lines


def write_closed(path: Path, segments: Segments, is_closed: NDArray[np.bool_]) -> None:
    """Write segments that nobody may use, in either direction."""
    with path.open("w", encoding="ascii") as file:
        pairs = zip(segments.start[is_closed].tolist(), segments.end[is_closed].tolist(), strict=True)
        file.writelines(f"{a},{b},0\n{b},{a},0\n" for a, b in pairs)
