"""OSRM's programs: found on this machine, or taken out of the wheel that carries them.

They come, in this order, from the installed package osrm-bindings (extra `roads`, Python 3.12 and newer),
from the data folder, from the PATH; or, where none of these has them, the same wheel is fetched through pip
from whatever index pip is set up for, checked against the hash below and unpacked into the data folder. The
programs are not Python: the wheel for 3.12 serves any version.
"""

import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from careapp.errors import Unavailable
from routing.travel.source import Profile

__all__ = ["VERSION", "Programs", "ProgramsMissing", "fetch_programs", "find_programs", "get_programs"]

PACKAGE: Final = "osrm-bindings"
VERSION: Final = "26.10.0"
"""Of the wheel that is fetched."""
NAMES: Final = ("osrm-extract", "osrm-partition", "osrm-customize", "osrm-contract", "osrm-routed")
FETCH_LIMIT_S: Final = 600
_EXECUTABLE: Final = 0o755


@dataclass(frozen=True)
class Wheel:
    """The file for one kind of machine.

    Attributes:
        tag: Platform, as pip names it.
        sha256: Hash of the file of `VERSION`.
    """

    tag: str
    sha256: str


WHEELS: Final[dict[tuple[str, str], Wheel]] = {
    ("linux", "x86_64"): Wheel(
        "manylinux_2_28_x86_64", "840d6f82812eb9f9e17c71eb9083dfa15f3be2bfec4965c32aefa48b00d3a951"
    ),
    ("linux", "aarch64"): Wheel(
        "manylinux_2_28_aarch64", "df2d386949756b3de034662d2abb378ff1d60ee9b0d5e33c0da4080dc29164a4"
    ),
    ("darwin", "arm64"): Wheel(
        "macosx_15_0_arm64", "70b36c422a972225e26c38789197f5b018459ebbdfacc244dd968dee859a721b"
    ),
}
"""By system and machine; only the first of them is tested."""

INSTEAD: Final = (
    "install OSRM (`pip install 'careapp[roads]'` with Python 3.12 or newer, or your system's osrm-tools), "
    "or name a server with CAREAPP_ROADS=osrm-http and CAREAPP_ROADS_URL"
)


class ProgramsMissing(Unavailable):
    """OSRM's programs are not on this machine and cannot be had."""


@dataclass(frozen=True)
class Programs:
    """Where OSRM's programs are.

    Attributes:
        folder: Holds `NAMES`.
        profiles: Holds `car.lua`, `bicycle.lua`, `foot.lua` and `lib/`.
        version: As the programs tell it, e.g. "26.10.0".
        origin: Where they were found: "package", "data folder" or "path".
    """

    folder: Path
    profiles: Path
    version: str
    origin: str

    def program(self, name: str) -> str:
        """Return the path of a program of `NAMES`."""
        return str(self.folder / name)

    def rules(self, profile: Profile) -> Path:
        """Return the Lua file that says where a vehicle may go, and how fast."""
        return self.profiles / f"{profile.value}.lua"


def find_programs(data_dir: Path) -> Programs | None:
    """Look for the programs on this machine; nothing is fetched."""
    installed = _package_folder()
    unpacked = _unpacked(data_dir)
    candidates = [
        *([(installed / "bin", installed / "share" / "profiles", "package")] if installed else []),
        (unpacked / "bin", unpacked / "share" / "profiles", "data folder"),
        *_on_path(),
    ]
    for folder, profiles, origin in candidates:
        if all((folder / name).is_file() for name in NAMES) and (profiles / "car.lua").is_file():
            version = _version_of(folder / "osrm-routed")
            if version is not None:
                return Programs(folder.absolute(), profiles.absolute(), version, origin)
    return None


def get_programs(data_dir: Path, on_fetch: Callable[[], None] | None = None) -> Programs:
    """Find the programs, or fetch them.

    Args:
        data_dir: Folder of our data; fetched programs go to `programs/` in it.
        on_fetch: Called before something is fetched, which may take a minute.

    Raises:
        ProgramsMissing: They are not here and cannot be had; says what to do.
    """
    found = find_programs(data_dir)
    if found is not None:
        return found
    if on_fetch is not None:
        on_fetch()
    return fetch_programs(data_dir)


def fetch_programs(data_dir: Path) -> Programs:
    """Fetch the pinned wheel with pip, check its hash and unpack its programs, all or nothing.

    Raises:
        ProgramsMissing: There is no wheel for this machine, pip cannot have it, it is not the one that was
            pinned, or its programs do not run here.
    """
    machine = (platform.system().lower(), platform.machine().lower())
    wheel = WHEELS.get(machine)
    if wheel is None:
        raise ProgramsMissing(
            f"there are no ready programs of OSRM for {machine[0]} on {machine[1]}: {INSTEAD}"
        )
    target = _unpacked(data_dir)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as name:
            scratch = Path(name)
            file = _download(wheel, scratch)
            _unpack(file, scratch / "osrm")
            _put(scratch / "osrm", target)
    except OSError as refused:
        raise ProgramsMissing(
            f"OSRM's programs cannot be written to {target.parent} ({refused.strerror}): "
            "name a folder with room that you may write with --data-dir or CAREAPP_DATA_DIR"
        ) from refused
    found = find_programs(data_dir)
    if found is None:
        raise ProgramsMissing(f"the fetched programs of OSRM do not run on this machine: {INSTEAD}")
    return found


def _download(wheel: Wheel, folder: Path) -> Path:
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary", ":all:", "--python-version", "3.12", "--abi", "abi3"),
        *("--platform", wheel.tag, "--dest", str(folder), f"{PACKAGE}=={VERSION}"),
    ]
    try:
        answer = subprocess.run(  # noqa: S603 -- our own command; no argument comes from outside
            command, capture_output=True, text=True, timeout=FETCH_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as slow:
        raise ProgramsMissing(
            f"the package index did not answer within {FETCH_LIMIT_S} s: try again later, or {INSTEAD}"
        ) from slow
    files = sorted(folder.glob("*.whl"))
    if answer.returncode != 0 or not files:
        errors = [line for line in answer.stderr.splitlines() if "ERROR" in line or "No module" in line]
        why = errors[-1].strip() if errors else f"exit code {answer.returncode}"
        raise ProgramsMissing(f"OSRM's programs cannot be fetched (pip: {why}): connect to it, {INSTEAD}")
    found = sha256(files[0].read_bytes()).hexdigest()
    if found != wheel.sha256:
        raise ProgramsMissing(
            f"{files[0].name} from the package index is not the file that we know "
            f"(sha256 {found[:12]}…): nothing of it was run; ask the index' operator, or {INSTEAD}"
        )
    return files[0]


def _unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(("osrm/bin/", "osrm/share/")) or ".dist-info/licenses/" in name:
                archive.extract(name, folder)
    for name in NAMES:
        (folder / "osrm" / "bin" / name).chmod(_EXECUTABLE)


def _put(unpacked: Path, target: Path) -> None:
    licence = next(unpacked.glob("*.dist-info/licenses/*"), None)
    if licence is not None:
        licence.replace(unpacked / "osrm" / "LICENSE.TXT")
    try:
        (unpacked / "osrm").rename(target)
    except OSError:
        if not (target / "bin" / NAMES[0]).is_file():  # else somebody else was faster with the same
            raise


def _unpacked(data_dir: Path) -> Path:
    return data_dir / "programs" / f"osrm-{VERSION}"


def _package_folder() -> Path | None:
    try:
        # Located, not imported: the package loads a library of 2 MB that we do not use.
        return Path(str(distribution(PACKAGE).locate_file("osrm")))
    except PackageNotFoundError:
        return None


def _on_path() -> list[tuple[Path, Path, str]]:
    routed = shutil.which("osrm-routed")
    if routed is None:
        return []
    places = dict.fromkeys((Path(routed).parent, Path(routed).resolve().parent))
    shares = ("share/osrm/profiles", "share/profiles", "share/osrm-backend/profiles")
    return [(folder, folder.parent / share, "path") for folder in places for share in shares]


def _version_of(program: Path) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 -- one of `NAMES`
            [str(program), "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip().removeprefix("v") if answer.returncode == 0 else None
