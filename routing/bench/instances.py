"""The instances of a folder, with what is known about them."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from routing.errors import RoutingError
from routing.formats import guess_format

__all__ = ["Instance", "list_instances"]

SUFFIXES = {".json", ".vrp", ".txt"}
NAMES = ("file", "instance")
VALUES = ("bks", "best")


@dataclass(frozen=True)
class Instance:
    """One file to plan.

    Attributes:
        name: Its path inside the folder, without suffix.
        path: Where it is.
        format: A key of `routing.formats.FORMATS`.
        best: The best known cost, None if there is none.
    """

    name: str
    path: Path
    format: str
    best: float | None


def list_instances(folder: Path, only: str = "") -> Iterator[Instance]:
    """Yield the instances below a folder whose path holds a text, in order of path.

    The best known cost comes from a `.sol` file beside the instance, or from the nearest `best.csv` above it:
    a column `file` or `instance` names the instance, the column `bks` or `best` its cost, and a column `set`
    the folder, where there is one. JSON files that are no instances are left out.
    """
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if path.suffix not in SUFFIXES or only not in name:
            continue
        kind = _format(path)
        if kind is not None:
            yield Instance(name, path, kind, _best(path, folder))


def _format(path: Path) -> str | None:
    if path.suffix == ".vrp":
        return "vrplib"
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".txt":
        return "vrplib" if re.search(r"^CUST", text, re.MULTILINE) else None
    try:
        return guess_format(text)
    except RoutingError:
        return None


def _best(path: Path, folder: Path) -> float | None:
    solution = path.with_suffix(".sol")
    if solution.exists():
        found = re.search(r"^Cost:?\s+([\d.]+)", solution.read_text(encoding="utf-8"), re.MULTILINE)
        return float(found[1]) if found else None
    for above in path.parents:
        table = above / "best.csv"
        if table.exists():
            return _row(table, path)
        if above == folder.parent:
            break
    return None


def _row(table: Path, path: Path) -> float | None:
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = {row.get(key, "") for key in NAMES}
            if {path.name, path.stem} & names and row.get("set", path.parent.name) == path.parent.name:
                return next((float(row[key]) for key in VALUES if row.get(key)), None)
    return None
