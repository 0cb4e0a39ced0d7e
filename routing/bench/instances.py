"""The instances of a folder, with what is known about them."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from routing.errors import RoutingError
from routing.formats import guess_format

__all__ = ["Instance", "list_instances"]

SUFFIXES = {".json", ".vrp", ".txt"}
NAMES = ("file", "instance")
VALUES = ("bks", "best")
SECONDS = ("brkga2020_seconds", "sa_avg_s")
"""Columns that say how long a published planner took: BRKGA 2020 and simulated annealing, both on average."""


@dataclass(frozen=True)
class Instance:
    """One file to plan.

    Attributes:
        name: Its path inside the folder, without suffix.
        path: Where it is.
        format: A key of `routing.formats.FORMATS`.
        best: The best known cost, None if there is none.
        published_s: Seconds that a published planner took for it, None if nobody says.
    """

    name: str
    path: Path
    format: str
    best: float | None
    published_s: float | None = None

    @property
    def folder(self) -> str:
        """The folder it lies in, as far as it belongs to the name; that of the file if it stands alone."""
        parent = Path(self.name).parent.as_posix()
        return self.path.parent.name if parent == "." else parent


def list_instances(folder: Path, only: Sequence[str] = ()) -> Iterator[Instance]:
    """Yield the instances below a folder whose path holds one of some texts, in order of path.

    The best known cost comes from a `.sol` file beside the instance, or from the nearest `best.csv` above it:
    a column `file` or `instance` names the instance, the column `bks` or `best` its cost, and a column `set`
    the folder, where there is one. Published seconds come from the columns `brkga2020_seconds` or `sa_avg_s`.
    JSON files that are no instances are left out.

    Args:
        folder: Where to look, and below.
        only: Any of these texts is in the path; empty for all.

    Raises:
        RoutingError: A table holds something else where a number belongs.
    """
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if path.suffix not in SUFFIXES or (only and not any(text in name for text in only)):
            continue
        kind = _format(path)
        if kind is not None:
            row = _row(path, folder)
            best = _solution(path) if path.with_suffix(".sol").exists() else _first(row, VALUES)
            yield Instance(name, path, kind, best, _first(row, SECONDS))


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


def _solution(path: Path) -> float | None:
    text = path.with_suffix(".sol").read_text(encoding="utf-8")
    found = re.search(r"^Cost:?\s+([\d.]+)", text, re.MULTILINE)
    return float(found[1]) if found else None


def _row(path: Path, folder: Path) -> Mapping[str, str]:
    """Return what the nearest table says of an instance; nothing if it is not there."""
    for above in path.parents:
        table = above / "best.csv"
        if table.exists():
            with table.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    names = {row.get(key, "") for key in NAMES}
                    if {path.name, path.stem} & names and row.get(
                        "set", path.parent.name
                    ) == path.parent.name:
                        return row
            return {}
        if above == folder.parent:
            break
    return {}


def _first(row: Mapping[str, str], columns: Sequence[str]) -> float | None:
    """Return the first number that stands in one of these columns."""
    for column in columns:
        if row.get(column):
            try:
                return float(row[column])
            except ValueError as error:
                raise RoutingError(f"best.csv: {column} is {row[column][:20]!r}, not a number") from error
    return None
