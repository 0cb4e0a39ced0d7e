"""Recorded legs: how long a way was planned to take, and how long it took."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from careapp.errors import Invalid

SHORTEST_PLANNED_S = 20.0
LONGEST_DRIVEN_S = 4 * 3600.0
FASTEST, SLOWEST = 0.1, 10.0
"""A way that took less or more than so many times its plan was no way: a clock or a place was wrong."""

_COLUMNS = {"planned_s", "driven_s"}


class UnreadableLegs(Invalid):
    """A file of legs has another form."""


@dataclass(frozen=True)
class RecordedLeg:
    """One way from stop to stop.

    Attributes:
        planned_s: Seconds in the plan.
        driven_s: Seconds from leaving to arriving.
        hour: Local hour of leaving, 0 to 23; None if unknown.
        kind: Vehicle: `car`, `bicycle`, `foot`.
    """

    planned_s: float
    driven_s: float
    hour: int | None = None
    kind: str = "car"


def read_legs(path: Path) -> tuple[list[RecordedLeg], Counter[str]]:
    """Read legs from CSV with a header: `planned_s`, `driven_s`, and if they are known `hour` and `kind`.

    Returns:
        The legs, and how many lines were left out for which reason.

    Raises:
        UnreadableLegs: There is no such file, or it lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = _COLUMNS - set(reader.fieldnames or ())
            if missing:
                raise UnreadableLegs(
                    f"{path.name} has no column {' and '.join(sorted(missing))}: its first line must name "
                    "planned_s and driven_s, and may name hour and kind"
                )
            rows = [_leg(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableLegs(
            f"{path.name} cannot be read as CSV ({type(error).__name__}): write it as UTF-8 with commas"
        ) from error
    legs = [leg for leg in rows if leg is not None]
    return legs, Counter({"a line without two numbers": len(rows) - len(legs)})


def _leg(row: dict[str, str | None]) -> RecordedLeg | None:
    try:
        planned, driven = float(row["planned_s"] or ""), float(row["driven_s"] or "")
        hour = row.get("hour") or ""
        return RecordedLeg(planned, driven, int(hour) if hour else None, (row.get("kind") or "car").strip())
    except ValueError:
        return None


def sift(legs: Iterable[RecordedLeg], *, kind: str) -> tuple[list[RecordedLeg], Counter[str]]:
    """Return the legs that can tell something, and how many others there are for which reason."""
    good, left_out = [], Counter[str]()
    for leg in legs:
        reason = next(_reasons(leg, kind), None)
        if reason is None:
            good.append(leg)
        else:
            left_out[reason] += 1
    return good, left_out


def _reasons(leg: RecordedLeg, kind: str) -> Iterator[str]:
    if leg.kind != kind:
        yield f"another vehicle than {kind}"
    if not leg.planned_s >= SHORTEST_PLANNED_S:  # NaN too
        yield f"planned to take less than {SHORTEST_PLANNED_S:.0f} s"
    if not 0 < leg.driven_s <= LONGEST_DRIVEN_S:
        yield "driven in no time, or in more than four hours"
    elif not FASTEST <= leg.driven_s / leg.planned_s <= SLOWEST:
        yield f"driven in less than {FASTEST:g} or more than {SLOWEST:g} times the plan"
    if leg.hour is not None and not 0 <= leg.hour <= 23:
        yield "an hour that no clock shows"
