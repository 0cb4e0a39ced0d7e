"""Read days in the file formats of others and write answers to them."""

from collections.abc import Callable, Mapping

from routing.formats.hhcrsp import from_hhcrsp
from routing.formats.homecare import read_homecare
from routing.formats.reading import InvalidFile, parse_json
from routing.formats.task import InvalidAnswer, Task
from routing.formats.uhhc import from_uhhc
from routing.formats.vroom import from_vroom
from routing.formats.vrplib import from_vrplib

__all__ = ["FORMATS", "InvalidAnswer", "InvalidFile", "Task", "guess_format", "read_task"]

FORMATS: Mapping[str, Callable[[str], Task]] = {
    "vroom": from_vroom,
    "uhhc": from_uhhc,
    "hhcrsp": from_hhcrsp,
    "vrplib": from_vrplib,
    "homecare": read_homecare,
}

TELLING = {"nurses": "homecare", "terminal_points": "uhhc", "caregivers": "hhcrsp", "vehicles": "vroom"}
"""Keys at the top that tell a format, the first that is there."""


def guess_format(text: str) -> str:
    """Return the format of a file by what stands in it.

    Raises:
        InvalidFile: Nothing in it tells.
    """
    if not text.lstrip().startswith("{"):
        return "vrplib"
    record = parse_json(text)
    for key, name in TELLING.items():
        if key in record:
            return name
    raise InvalidFile(f"this is none of the formats {', '.join(FORMATS)}; name one with --format")


def read_task(text: str, name: str | None = None, *, breaks: bool = False) -> Task:
    """Read a file in a format, or in the one it seems to have.

    Args:
        text: What the file holds.
        name: A key of `FORMATS`.
        breaks: In `homecare`: whether nurses need the break the day describes.

    Raises:
        RoutingError: The file is wrong, or asks for what cannot be honoured; the message names line or key.
    """
    name = name or guess_format(text)
    if breaks:
        if name != "homecare":
            raise InvalidFile(f"--breaks belongs to homecare days; this is {name}")
        return read_homecare(text, breaks=True)
    return FORMATS[name](text)
