"""Learn about coverage: from data sets, and from our own phones. None of these commits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.coverage.cells import Cell
from careapp.coverage.files import Figure
from careapp.coverage.models import CoverageFigure, CoverageMeasure
from careapp.coverage.queries import first_month
from careapp.errors import Invalid, NotFound
from careapp.records import audit

_ROWS = 5_000
LONGEST_NAME = 40
LONGEST_MS = 120_000
"""An exchange that took longer was given up long before by whoever waited."""


class NoSamples(Invalid):
    """What a phone sent about coverage holds nothing."""


class NoFigures(Invalid):
    """A data set holds no figure."""


class SourceUnknown(NotFound):
    """No data set has this name."""


class NoSource(Invalid):
    """A data set's name is none."""


@dataclass(frozen=True)
class Sample:
    """One exchange of a phone with us, in a cell; not when, and not whose.

    Attributes:
        cell: Where, as the phone worked it out.
        is_ok: It succeeded.
        took_ms: How long it took, if it did.
    """

    cell: Cell
    is_ok: bool
    took_ms: int


@dataclass(frozen=True)
class Imported:
    """What became of a data set.

    Attributes:
        figures: How many it had.
        cells: How many cells are known by it now.
        operators: Of how many networks.
    """

    figures: int
    cells: int
    operators: int


def import_figures(
    session: Session, *, source: str, figures: Iterable[Figure], viewer: Viewer, now: datetime
) -> Imported:
    """Take a data set in place of what was known from it; of several figures for a cell the middle counts.

    Args:
        session: An open transaction.
        source: Name of the data set.
        figures: See `careapp.coverage.files`.
        viewer: Who imports.
        now: This moment.

    Raises:
        NoFigures: There are none; what was known stays.
    """
    found: dict[tuple[str, Cell], list[Figure]] = {}
    count = 0
    for figure in figures:
        count += 1
        found.setdefault((figure.operator, figure.cell), []).append(figure)
    if not found:
        raise NoFigures("the file holds no figure: nothing was changed")
    session.execute(delete(CoverageFigure).where(CoverageFigure.source == source))
    rows = [_row(source, operator, cell, each) for (operator, cell), each in found.items()]
    for low in range(0, len(rows), _ROWS):
        session.execute(insert(CoverageFigure), rows[low : low + _ROWS])
    imported = Imported(count, len({cell for _, cell in found}), len({name for name, _ in found}))
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="import_coverage",
        subject_kind=CoverageFigure.__tablename__,
        figures=imported.figures,
        cells=imported.cells,
    )
    return imported


def add_samples(session: Session, *, samples: Sequence[Sample], viewer: Viewer, now: datetime) -> int:
    """Add what a phone met to the sums of its cells; nothing is kept of single exchanges.

    Returns:
        To how many cells.

    Raises:
        NoSamples: There are none, or whoever sends them belongs to no service.
    """
    if not samples or viewer.organisation_id is None:
        raise NoSamples("send at least one sample, as a nurse of a service")
    sums: dict[Cell, list[int]] = {}
    for sample in samples:
        sum_ = sums.setdefault(sample.cell, [0, 0, 0])
        sum_[0 if sample.is_ok else 1] += 1
        sum_[2] += min(sample.took_ms, LONGEST_MS) if sample.is_ok else 0
    month = now.date().replace(day=1)
    rows = [
        {
            "organisation_id": viewer.organisation_id,
            "month": month,
            "cell_row": cell.row,
            "cell_column": cell.column,
            "succeeded": succeeded,
            "failed": failed,
            "total_ms": total_ms,
        }
        for cell, (succeeded, failed, total_ms) in sorted(sums.items())  # in one order: no deadlock
    ]
    _add(session, rows)
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="add_coverage",
        subject_kind=CoverageMeasure.__tablename__,
        samples=len(samples),
    )
    return len(rows)


def remove_figures(session: Session, *, source: str, viewer: Viewer, now: datetime) -> None:
    """Forget a data set.

    Raises:
        SourceUnknown: There is none of this name.
    """
    gone = session.execute(delete(CoverageFigure).where(CoverageFigure.source == source))
    if not getattr(gone, "rowcount", 0):
        raise SourceUnknown("there is no data set of this name: `careapp coverage list` names them")
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="remove_coverage",
        subject_kind=CoverageFigure.__tablename__,
        cells=getattr(gone, "rowcount", 0),
    )


def require_source(name: str) -> str:
    """Return the name of a data set as it is kept.

    Raises:
        NoSource: It is empty or too long.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise NoSource(f"name the data set in 1 to {LONGEST_NAME} characters")
    return name


def forget_measures(session: Session, *, now: datetime) -> int:
    """Delete measures that count no longer; returns how many rows."""
    gone = session.execute(delete(CoverageMeasure).where(CoverageMeasure.month < first_month(now)))
    return getattr(gone, "rowcount", 0)


def _row(source: str, operator: str, cell: Cell, figures: Sequence[Figure]) -> dict[str, Any]:
    return {
        "source": source,
        "operator": operator,
        "cell_row": cell.row,
        "cell_column": cell.column,
        "down_mbit": median(figure.down_mbit for figure in figures),
        "up_mbit": median(figure.up_mbit for figure in figures),
        "as_of": max(figure.as_of for figure in figures),
    }


def _add(session: Session, rows: list[dict[str, Any]]) -> None:
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(CoverageMeasure)
    old, new = CoverageMeasure, statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["organisation_id", "month", "cell_row", "cell_column"],
            set_={
                "succeeded": old.succeeded + new.succeeded,
                "failed": old.failed + new.failed,
                "total_ms": old.total_ms + new.total_ms,
            },
        ),
        rows,
    )
