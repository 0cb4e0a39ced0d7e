"""Stored rows of travel times: how they are packed, written, and forgotten."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from careapp.roads.models import TravelData, TravelPlace, TravelRow
from careapp.sealing.ring import ring_of
from routing.travel.source import Coordinates

Cells: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""Destinations' place ids, ascending; seconds; metres."""

KEPT_DAYS = 90
"""A place that nobody asked for in so many days is forgotten."""

MOST_CELLS = 20_000_000
"""Ways kept at most, 12 bytes each."""

LONGEST_ROW = 5_000
"""Destinations kept for one origin at most; those asked for now stay."""

_CHUNK = 1_000
"""Rows of one statement: SQLite takes 32,766 parameters."""


def forget_place(session: Session, *, latitude: float, longitude: float) -> int:
    """Forget a place in every set of data, because nobody lives there any more.

    Returns:
        In how many sets it was known.
    """
    point = point_of(session, Coordinates(latitude, longitude))
    ids = session.scalars(select(TravelPlace.id).where(TravelPlace.point == point)).all()
    _forget(session, ids)
    return len(ids)


def forget_unused(session: Session, *, today: date, most_cells: int = MOST_CELLS) -> int:
    """Forget places that nobody asked for in a long time, and the longest unused while there are too many.

    Returns:
        How many places were forgotten.
    """
    old = session.scalars(
        select(TravelPlace.id).where(TravelPlace.used_on < today - timedelta(days=KEPT_DAYS))
    ).all()
    _forget(session, old)
    too_many = (session.scalar(select(func.coalesce(func.sum(TravelRow.cells), 0))) or 0) - most_cells
    more: list[int] = []
    if too_many > 0:
        for place_id, cells in session.execute(
            select(TravelRow.place_id, TravelRow.cells)
            .join(TravelPlace, TravelPlace.id == TravelRow.place_id)
            .order_by(TravelPlace.used_on, TravelPlace.id)
        ):
            if too_many <= 0:
                break
            more.append(place_id)
            too_many -= cells
        _forget(session, more)
    used = select(TravelPlace.data_id).where(TravelPlace.data_id == TravelData.id)
    session.execute(
        delete(TravelData).where(~used.exists()), execution_options={"synchronize_session": False}
    )
    return len(old) + len(more)


def _forget(session: Session, ids: Iterable[int]) -> None:
    for chunk in chunks(ids):
        session.execute(
            delete(TravelPlace).where(TravelPlace.id.in_(chunk)),
            execution_options={"synchronize_session": False},
        )


def point_of(session: Session, place: Coordinates) -> str:
    """Return what stands for a place: its whole hundred-thousandths of a degree, as a blind index."""
    latitude, longitude = (round(degrees * 100_000) for degrees in (place.latitude, place.longitude))
    return ring_of(session).tenant(None).blind(f"{latitude}|{longitude}", "travel_place").hex()


def unpacked(content: bytes) -> Cells:
    """Return the cells of a stored row."""
    ids, seconds, metres = np.frombuffer(content, dtype="<i4").reshape(3, -1)
    return ids, seconds, metres


def packed(cells: Cells) -> bytes:
    """Return cells as a row stores them."""
    return np.concatenate(cells).astype("<i4", copy=False).tobytes()


def merged(old: Cells, new: Cells) -> Cells:
    """Join two rows; what is in both comes from the new one, and the newest places stay if it is too long."""
    stays = ~np.isin(old[0], new[0], assume_unique=True)
    room = max(0, LONGEST_ROW - len(new[0]))
    kept = np.flatnonzero(stays)[-room:] if room else np.array([], dtype=np.int64)
    joined = [np.concatenate((one[kept], other)) for one, other in zip(old, new, strict=True)]
    order = np.argsort(joined[0])
    return joined[0][order], joined[1][order], joined[2][order]


def contents(session: Session, ids: Iterable[int]) -> Iterable[tuple[int, bytes]]:
    """Yield the stored rows of places, packed; those without one are left out."""
    for chunk in chunks(ids):
        yield from session.execute(
            select(TravelRow.place_id, TravelRow.content).where(TravelRow.place_id.in_(chunk))
        )


def alive(session: Session, ids: Iterable[int]) -> Iterable[int]:
    """Yield those places that have not been forgotten."""
    for chunk in chunks(ids):
        yield from session.scalars(select(TravelPlace.id).where(TravelPlace.id.in_(chunk)))


def chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    """Cut a list into pieces that one statement can take."""
    everything = list(ids)
    for low in range(0, len(everything), _CHUNK):
        yield everything[low : low + _CHUNK]


def insert_new(session: Session, model: type[Any], values: Sequence[dict[str, Any]]) -> None:
    """Insert rows, leaving alone what somebody else has inserted meanwhile."""
    session.execute(_dialect_insert(session)(model).on_conflict_do_nothing(), list(values))


def upsert_rows(session: Session, values: Sequence[dict[str, Any]]) -> None:
    """Write rows of travel times in place of those that are there."""
    if not values:
        return
    statement = _dialect_insert(session)(TravelRow)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["place_id"],
            set_={"cells": statement.excluded.cells, "content": statement.excluded.content},
        ),
        list(values),
    )


def _dialect_insert(session: Session) -> Any:
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
