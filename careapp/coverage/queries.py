"""Ask what link to expect: at a place, or all over an area."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.coverage.cells import Bounds, Cell
from careapp.coverage.judging import (
    Link,
    LinkKind,
    LinkWhy,
    Sums,
    better,
    judge_figures,
    judge_measures,
)
from careapp.coverage.models import CoverageFigure, CoverageMeasure
from careapp.organisations.models import Place
from careapp.tenancy import across_tenants

MONTHS = 12
"""Measures of so many months count; masts come and go."""


@dataclass(frozen=True)
class CellLink:
    """What to expect in a cell."""

    cell: Cell
    link: Link


def expected_link(session: Session, *, place: Place | None, now: datetime, operator: str = "") -> Link:
    """Return what a call from a place can count on.

    Measures of every service's phones count: what comes out tells nothing of whoever was there.

    Args:
        session: An open transaction.
        place: A home; None: nobody knows where it is.
        now: This moment.
        operator: Whose figures count; empty: the best of all operators'.
    """
    if place is None:
        return Link(LinkKind.UNKNOWN, LinkWhy.NO_PLACE)
    cell = Cell.of(latitude=place.latitude, longitude=place.longitude)
    with across_tenants(session):
        measured = _measured(session, _at(CoverageMeasure, cell), now)
    if cell in measured:
        return measured[cell]
    figured = _figured(session, _at(CoverageFigure, cell), operator)
    return figured.get(cell) or _unknown(session)


def list_links(
    session: Session, *, bounds: Bounds, viewer: Viewer, now: datetime, operator: str = ""
) -> list[CellLink]:
    """Return the cells of an area of which something is known, row by row from the south.

    Measures are those of the viewer's tenant only: a cell in which others' nurses were may hold one home.

    Args:
        session: An open transaction.
        bounds: The area.
        viewer: Who looks.
        now: This moment.
        operator: Whose figures count; empty: the best of all operators'.
    """
    found = _figured(session, _within(CoverageFigure, bounds), operator)
    found |= _measured(session, _within(CoverageMeasure, bounds), now, viewer)
    return [CellLink(cell, found[cell]) for cell in sorted(found)]


@dataclass(frozen=True)
class Source:
    """A data set in use.

    Attributes:
        name: What it is called.
        cells: Of how many cells it tells.
        operators: Of how many networks.
        as_of: Of which day its newest figure is.
    """

    name: str
    cells: int
    operators: int
    as_of: date


def list_sources(session: Session) -> list[Source]:
    """Return the data sets in use, by name."""
    place = (CoverageFigure.source, CoverageFigure.cell_row, CoverageFigure.cell_column)
    cells = select(*place).distinct().subquery()
    counts = select(cells.c.source, func.count()).group_by(cells.c.source)
    counted: dict[str, int] = dict(session.execute(counts).all())
    sets = (
        select(
            CoverageFigure.source,
            func.count(CoverageFigure.operator.distinct()),
            func.max(CoverageFigure.as_of),
        )
        .group_by(CoverageFigure.source)
        .order_by(CoverageFigure.source)
    )
    return [Source(name, counted[name], operators, as_of) for name, operators, as_of in session.execute(sets)]


def first_month(now: datetime) -> date:
    """Return the first month whose measures count."""
    months = now.year * 12 + now.month - 1 - MONTHS
    return date(months // 12, months % 12 + 1, 1)


def _figured(session: Session, where: ColumnElement[bool], operator: str) -> dict[Cell, Link]:
    figures = select(
        CoverageFigure.cell_row,
        CoverageFigure.cell_column,
        CoverageFigure.down_mbit,
        CoverageFigure.up_mbit,
        CoverageFigure.as_of,
    ).where(where)
    if operator:
        figures = figures.where(func.lower(CoverageFigure.operator) == operator.lower())
    found: dict[Cell, Link] = {}
    for row, column, down, up, as_of in session.execute(figures):
        cell = Cell(row, column)
        found[cell] = better(found.get(cell), judge_figures(down, up, as_of))
    return found


def _measured(
    session: Session, where: ColumnElement[bool], now: datetime, viewer: Viewer | None = None
) -> dict[Cell, Link]:
    place = (CoverageMeasure.cell_row, CoverageMeasure.cell_column)
    sums = (
        select(
            *place,
            func.sum(CoverageMeasure.succeeded),
            func.sum(CoverageMeasure.failed),
            func.sum(CoverageMeasure.total_ms),
            func.max(CoverageMeasure.month),
        )
        .where(where, CoverageMeasure.month >= first_month(now))
        .group_by(*place)
    )
    if viewer is not None:
        sums = visible(sums, viewer, CoverageMeasure)
    return dict(_judged(session.execute(sums)))


def _judged(rows: Iterable[Any]) -> Iterator[tuple[Cell, Link]]:
    for row, column, succeeded, failed, total_ms, month in rows:
        link = judge_measures(Sums(int(succeeded), int(failed), int(total_ms), month))
        if link is not None:
            yield Cell(row, column), link


def _unknown(session: Session) -> Link:
    has_any = session.scalar(select(CoverageFigure.cell_row).limit(1)) is not None
    return Link(LinkKind.UNKNOWN, LinkWhy.NO_FIGURE if has_any else LinkWhy.NOTHING_IMPORTED)


def _at(model: type[CoverageFigure | CoverageMeasure], cell: Cell) -> ColumnElement[bool]:
    return and_(model.cell_row == cell.row, model.cell_column == cell.column)


def _within(model: type[CoverageFigure | CoverageMeasure], bounds: Bounds) -> ColumnElement[bool]:
    return and_(
        model.cell_row.between(bounds.first.row, bounds.last.row),
        model.cell_column.between(bounds.first.column, bounds.last.column),
    )
