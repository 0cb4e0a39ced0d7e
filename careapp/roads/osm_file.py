"""Write OpenStreetMap files: PBF through pyosmium, XML without it. OSRM reads both."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import quoteattr

from careapp.errors import Invalid, Unavailable


class NoPbfHere(Unavailable):
    """A PBF file is asked for, and pyosmium is not installed."""


class DamagedExtract(Invalid):
    """A file cannot be read as OpenStreetMap data."""


class UnknownFormat(Invalid):
    """A file's name tells no format that we write."""


@dataclass(frozen=True)
class OsmNode:
    """A point: degrees (WGS 84) and tags."""

    latitude: float
    longitude: float
    tags: dict[str, str]


@dataclass(frozen=True)
class OsmWay:
    """A line: numbers of its nodes, counted from 0, and tags."""

    nodes: Sequence[int]
    tags: dict[str, str]


def has_pyosmium() -> bool:
    """Return whether PBF files can be read and written here."""
    return find_spec("osmium") is not None


def read_generator(path: Path) -> str:
    """Return what program wrote a file, as its header says; an empty string if it does not.

    Raises:
        DamagedExtract: The file cannot be read as OpenStreetMap data.
        NoPbfHere: pyosmium is not installed.
    """
    require_pyosmium()
    import osmium  # noqa: PLC0415 -- an extra

    with explaining_damage(path), osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
        return str(reader.header().get("generator"))


@contextmanager
def explaining_damage(path: Path) -> Iterator[None]:
    """Turn what pyosmium raises while it reads a file into a sentence.

    Raises:
        DamagedExtract: The block could not read the file.
    """
    try:
        yield
    except (RuntimeError, OSError, UnicodeDecodeError) as error:
        raise DamagedExtract(
            f"{path.name} cannot be read as OpenStreetMap data ({error}): "
            "fetch it again and compare its checksum"
        ) from error


def require_pyosmium() -> None:
    """Refuse to go on without pyosmium.

    Raises:
        NoPbfHere: It is not installed.
    """
    if not has_pyosmium():
        raise NoPbfHere(
            "pyosmium is not installed: run `pip install 'careapp[roads]'`; "
            "without it, a file that ends in .osm can be written"
        )


def write_osm(path: Path, *, generator: str, nodes: Sequence[OsmNode], ways: Sequence[OsmWay]) -> None:
    """Write a file beside `path` and put it in its place when it is whole.

    Ids count from 1; there are no dates, versions or users, so the same content gives the same bytes.

    Raises:
        NoPbfHere: The name ends in `.pbf` and pyosmium is not installed.
        UnknownFormat: The name ends neither in `.osm.pbf` nor in `.osm`.
    """
    if path.name.endswith(".osm.pbf"):
        require_pyosmium()
        part = path.with_name(f"{path.name.removesuffix('.osm.pbf')}.part.osm.pbf")
        write = _write_pbf
    elif path.name.endswith(".osm"):
        part = path.with_name(f"{path.name}.part")
        write = _write_xml
    else:
        raise UnknownFormat(f"{path.name}: name a file that ends in .osm.pbf or .osm")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(part, generator, nodes, ways)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_pbf(path: Path, generator: str, nodes: Sequence[OsmNode], ways: Sequence[OsmWay]) -> None:
    import osmium  # noqa: PLC0415 -- an extra: only who makes or reads maps needs it
    import osmium.osm.mutable as osm  # noqa: PLC0415

    header = osmium.io.Header()
    header.set("generator", generator)
    path.unlink(missing_ok=True)
    file = osmium.io.File(str(path), "pbf,add_metadata=none")
    with osmium.SimpleWriter(file, header=header) as writer:
        for number, node in enumerate(nodes, 1):
            writer.add_node(osm.Node(id=number, location=(node.longitude, node.latitude), tags=node.tags))
        for number, way in enumerate(ways, 1):
            writer.add_way(osm.Way(id=number, nodes=[node + 1 for node in way.nodes], tags=way.tags))


def _write_xml(path: Path, generator: str, nodes: Sequence[OsmNode], ways: Sequence[OsmWay]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator={quoteattr(generator)}>\n'
        )
        for number, node in enumerate(nodes, 1):
            at = f'lat="{node.latitude:.7f}" lon="{node.longitude:.7f}"'
            if node.tags:
                file.write(f'<node id="{number}" {at}>')
                _write_tags(file, node.tags)
                file.write("</node>\n")
            else:
                file.write(f'<node id="{number}" {at}/>\n')
        for number, way in enumerate(ways, 1):
            file.write(f'<way id="{number}">')
            file.writelines(f'<nd ref="{node + 1}"/>' for node in way.nodes)
            _write_tags(file, way.tags)
            file.write("</way>\n")
        file.write("</osm>\n")


def _write_tags(file: TextIO, tags: dict[str, str]) -> None:
    file.writelines(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items())
