"""Data sets of roads: what each is made of, and which one is in use.

    DATA_DIR/roads/sets/20261123T101500Z-3f9c2a1b7d04/    one data set; nothing in it changes once it is whole
        manifest.json
        roads.npz                                         see `careapp.roads.segments`
        speeds.toml                                       the speed factors that it was made with
        car/speeds.csv                                    what OSRM's rules say of each way
        car/base/network.osrm.*                           one folder for each kind of vehicle and time slice
    DATA_DIR/roads/current → sets/…                       the one in use

The switch from one to the next is the renaming of a symbolic link: whoever looks sees the old set or the new
one. Sets no longer in use are kept for one generation.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from careapp.errors import Conflict, Unavailable
from routing.travel.source import Profile

__all__ = [
    "BASE",
    "Bounds",
    "Extract",
    "Manifest",
    "NoRoads",
    "Profile",
    "RoadsBusy",
    "RoadsDamaged",
    "Step",
    "changing",
    "closures_in",
    "current_manifest",
    "find_manifest",
    "hash_of",
    "new_set",
    "switch_to",
]

BASE: Final = "base"
"""The time slice without speed factors."""
WORK: Final = ".work-"
_MANIFEST: Final = "manifest.json"


class NoRoads(Unavailable):
    """No road data were built yet."""


class RoadsDamaged(Unavailable):
    """The road data in use cannot be read."""


class RoadsBusy(Conflict):
    """Another process changes the road data now."""


class Bounds(BaseModel):
    """A box of degrees."""

    model_config = ConfigDict(frozen=True)

    west: float
    south: float
    east: float
    north: float


class Extract(BaseModel):
    """The OpenStreetMap file that a data set is made of."""

    model_config = ConfigDict(frozen=True)

    file: str
    """Its name, without folders."""
    sha256: str
    bounds: Bounds


class Step(BaseModel):
    """One program's run during a build."""

    model_config = ConfigDict(frozen=True)

    name: str
    """E.g. "car: contract"."""
    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Manifest(BaseModel):
    """What a data set is made of.

    `data` depends on nothing else than what travel times depend on: the extract, the programs, the vehicles'
    rules, the speed factors, the closures, the algorithm. Built again from the same it is the same.
    """

    model_config = ConfigDict(frozen=True)

    data: str
    built_at: datetime
    extract: Extract
    profiles: tuple[Profile, ...]
    slices: tuple[str, ...]
    """`BASE` first."""
    algorithm: str
    """"mld", or "ch" for contracted data."""
    synthetic: bool
    attribution: str
    programs: str
    """Version of OSRM."""
    roads: int = 0
    """Ways with a road on them."""
    closures: tuple[str, ...] = ()
    """Ids of the closures that the times honour."""
    base: str | None = None
    """Name of the set without closures that this one was made from; None if it is none."""
    steps: tuple[Step, ...] = ()
    seconds: float = 0.0
    """Wall time of the whole build."""

    _folder: Path | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Path:
        """Where the data set lies."""
        if self._folder is None:
            raise NoRoads("these road data were never written to a folder: build them")
        return self._folder

    @property
    def data_dir(self) -> Path:
        """The folder of all our data that this set belongs to."""
        return self.folder.parents[2]

    @property
    def peak_bytes(self) -> int:
        """Most memory that one step of the build held."""
        return max((step.peak_bytes for step in self.steps), default=0)

    def network(self, profile: Profile, slice_: str = BASE) -> Path:
        """Return the base path of OSRM's files for a kind of vehicle and a time slice."""
        return self.folder / profile.value / slice_ / "network.osrm"

    def write(self, folder: Path) -> Self:
        """Write it into a data set's folder; return it as of there."""
        path = folder / _MANIFEST
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return self.at(folder)

    def at(self, folder: Path) -> Self:
        """Return it as of a folder."""
        placed = self.model_copy()
        placed._folder = folder  # noqa: SLF001 -- our own class
        return placed


def roads_folder(data_dir: Path) -> Path:
    """Return where road data lie."""
    return data_dir.absolute() / "roads"


def find_manifest(data_dir: Path) -> Manifest | None:
    """Read the manifest of the data in use; None if none were built.

    Raises:
        RoadsDamaged: It is there and cannot be read.
    """
    current = roads_folder(data_dir) / "current"
    try:
        folder = current.parent / current.readlink()
    except FileNotFoundError:
        return None
    return read_manifest(folder)


def current_manifest(data_dir: Path) -> Manifest:
    """Read the manifest of the data in use.

    Raises:
        NoRoads: No road data were built.
        RoadsDamaged: They cannot be read.
    """
    found = find_manifest(data_dir)
    if found is None:
        raise NoRoads("there are no road data yet: run `careapp roads build FILE.osm.pbf`")
    return found


def read_manifest(folder: Path) -> Manifest:
    """Read a data set's manifest.

    Raises:
        RoadsDamaged: It cannot be read.
    """
    try:
        text = (folder / _MANIFEST).read_text(encoding="utf-8")
        return Manifest.model_validate_json(text).at(folder)
    except (OSError, ValidationError) as damaged:
        raise RoadsDamaged(
            f"the road data {folder.name} cannot be read: build them anew with `careapp roads build`"
        ) from damaged


def closures_in(data_dir: Path, data: Collection[str]) -> list[str]:
    """Return the ids of the closures that data sets honour.

    Args:
        data_dir: Folder of our data.
        data: Hashes of the sets, as tours carry them; those of other sources, and of sets that are gone, are
            passed over.
    """
    found: set[str] = set()
    for folder in (roads_folder(data_dir) / "sets").glob("[0-9]*"):
        with suppress(RoadsDamaged):
            manifest = read_manifest(folder)
            if manifest.data in data:
                found.update(manifest.closures)
    return sorted(found)


@contextmanager
def changing(data_dir: Path) -> Iterator[None]:
    """Change road data alone; what a killed process left behind is removed first.

    Raises:
        RoadsBusy: Another process changes them.
    """
    folder = roads_folder(data_dir)
    (folder / "sets").mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise RoadsBusy(
                "another `careapp roads build`, or a closure's, changes the road data now: wait for its end"
            ) from busy
        for left in (folder / "sets").glob(f"{WORK}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def new_set(data_dir: Path) -> Iterator[Path]:
    """Give an empty folder for a data set; it is removed at the block's end unless `switch_to` took it."""
    folder = roads_folder(data_dir) / "sets" / f"{WORK}{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def switch_to(manifest: Manifest, work: Path) -> Manifest:
    """Put a whole data set in use; of the older ones the last stays, and what the new one is made from.

    Args:
        manifest: What is in `work`; written there.
        work: Folder from `new_set`.

    Returns:
        The manifest as of the set's place.
    """
    sets = work.parent
    stem = f"{manifest.built_at:%Y%m%dT%H%M%SZ}-{manifest.data[:12]}"
    name, number = stem, 1
    while (sets / name).exists():
        number += 1
        name = f"{stem}-{number}"
    manifest.write(work)
    _sync(work)
    work.rename(sets / name)
    point_to(sets / name)
    return manifest.at(sets / name)


def point_to(folder: Path) -> None:
    """Make a data set the one in use, and remove those that nobody needs any more."""
    roads = folder.parents[1]
    current, fresh = roads / "current", roads / f".current-{os.getpid()}"
    before = current.readlink() if current.is_symlink() else None
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("sets") / folder.name)
    fresh.replace(current)
    kept = {folder.name}
    if before is not None:
        kept.add(before.name)
    for name in tuple(kept):
        kept |= {base for base in (_base_of(folder.parent / name),) if base}
    for other in folder.parent.iterdir():
        if other.name not in kept and not other.name.startswith(WORK):
            shutil.rmtree(other, ignore_errors=True)


def _base_of(folder: Path) -> str | None:
    try:
        return read_manifest(folder).base
    except RoadsDamaged:
        return None


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def hash_of(**parts: object) -> str:
    """Return the hash of what travel times depend on: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Return a file's SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
