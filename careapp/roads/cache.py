"""Travel times kept in the database, so that a day asks its engine only for what is new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from careapp.roads.manifest import BASE
from careapp.roads.models import TravelData, TravelPlace
from careapp.roads.rows import (
    MOST_CELLS,
    alive,
    chunks,
    contents,
    forget_unused,
    insert_new,
    merged,
    packed,
    point_of,
    unpacked,
    upsert_rows,
)
from routing.errors import TravelNonsense
from routing.problem import Travel
from routing.travel.answers import same_places
from routing.travel.source import Coordinates, Path, Profile, Snapped, Table, TravelSource
from routing.units import UNREACHABLE

__all__ = ["CachedTravel"]


@dataclass(frozen=True)
class _Known:
    """A place that the database knows: its number, and metres to its road."""

    id: int
    snap_m: int


@dataclass(frozen=True)
class CachedTravel:
    """Another source, asked only for rows and columns that the database lacks.

    A request is read, asked and written apart: no database connection waits for the engine, and what fails
    half-way writes nothing. Places are rounded to 1e-5 degrees before anybody is asked. A place at no road is
    not kept: it may be mended by a new pin or new data, and an engine of another region must leave no trace.

    Attributes:
        source: Asked for what is missing.
        profile: Whose roads.
        sessions: Factory of writing sessions.
        today: For the date of last use.
        time_slice: Part of the key: travel by hours is one matrix for each slice.
        radius_m: The source's; what was kept under a larger one does not count.
        most_cells: Bound on all that is kept, of all sources.
    """

    source: TravelSource
    profile: Profile
    sessions: sessionmaker[Session]
    today: date
    time_slice: str = BASE
    radius_m: int | None = None
    most_cells: int = MOST_CELLS
    _nowhere: set[Coordinates] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The source's."""
        return self.source.name

    @property
    def estimated(self) -> bool:
        """The source's."""
        return self.source.estimated

    @property
    def data(self) -> str:
        """The source's."""
        return self.source.data

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places; see `TravelSource.travel`."""
        table = self.table(places, places)
        return Travel(table.seconds, table.metres)

    def table(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Table:
        """Return times and distances; see `TravelSource.table`."""
        origins, destinations = _rounded(origins), _rounded(destinations)
        known = self._known([*origins, *destinations])
        rows = _distinct(origins, known)
        columns = _distinct(destinations, known)
        ids = np.array([known[place].id for place in columns], dtype=np.int32)
        found = self._read(rows, known, ids)
        if (found.seconds < 0).any():
            self._complete(found, rows, columns, known, ids)
        return _spread(found, origins, destinations, rows, columns)

    def snap(self, places: Sequence[Coordinates]) -> list[Snapped]:
        """Return how far each place is from its road; `place` is the rounded place itself."""
        places = _rounded(places)
        known = self._known(places)
        return [
            Snapped(place, known[place].snap_m) if place in known else Snapped(None, None) for place in places
        ]

    def path(self, places: Sequence[Coordinates]) -> Path:
        """Return the way through the places; not kept."""
        return self.source.path(_rounded(places))

    def _known(self, places: Sequence[Coordinates]) -> dict[Coordinates, _Known]:
        """Return those of the places that lie at a road, after asking the source about new ones."""
        distinct = list(dict.fromkeys(places))
        with self.sessions.begin() as session:
            known = self._stored(session, distinct)
        new = [place for place in distinct if place not in known and place not in self._nowhere]
        if not new:
            return known
        snapped = self.source.snap(new)
        at_road = {
            place: each.metres
            for place, each in zip(new, snapped, strict=True)
            if each.place is not None and each.metres is not None
        }
        self._nowhere.update(place for place in new if place not in at_road)
        if len(distinct) > 1 and not known and not at_road:
            raise TravelNonsense(
                f"none of {len(distinct)} places lies near a road that {self.source.name} knows: "
                "its data are of another region"
            )
        if at_road:
            with self.sessions.begin() as session:
                self._store(session, at_road)
                known = self._stored(session, distinct)
        return known

    def _data_id(self, session: Session) -> int | None:
        return session.scalar(
            select(TravelData.id).where(
                TravelData.source == self.source.name,
                TravelData.data == self.source.data,
                TravelData.profile == self.profile,
                TravelData.slice == self.time_slice,
            )
        )

    def _stored(self, session: Session, places: Sequence[Coordinates]) -> dict[Coordinates, _Known]:
        data_id = self._data_id(session)
        if data_id is None:
            return {}
        wanted = {point_of(session, place): place for place in places}
        found = {}
        stale = []
        for row in session.execute(
            select(
                TravelPlace.id,
                TravelPlace.point,
                TravelPlace.snap_m,
                TravelPlace.used_on,
            ).where(TravelPlace.data_id == data_id)
        ):
            place = wanted.get(row.point)
            if place is not None and (self.radius_m is None or row.snap_m <= self.radius_m):
                found[place] = _Known(row.id, row.snap_m)
                if row.used_on < self.today:
                    stale.append(row.id)
        for chunk in chunks(stale):
            session.execute(
                update(TravelPlace).where(TravelPlace.id.in_(chunk)).values(used_on=self.today),
                execution_options={"synchronize_session": False},
            )
        return found

    def _store(self, session: Session, snap_m: Mapping[Coordinates, int]) -> None:
        key = {
            "source": self.source.name,
            "data": self.source.data,
            "profile": str(self.profile),
            "slice": self.time_slice,
        }
        insert_new(session, TravelData, [key])
        data_id = self._data_id(session)
        insert_new(
            session,
            TravelPlace,
            [
                {
                    "data_id": data_id,
                    "point": point_of(session, place),
                    "snap_m": metres,
                    "used_on": self.today,
                }
                for place, metres in snap_m.items()
            ],
        )

    def _read(
        self, rows: Sequence[Coordinates], known: Mapping[Coordinates, _Known], ids: NDArray[np.int32]
    ) -> Table:
        """Return what is stored, shape (rows, ids); -1 where nothing is."""
        shape = len(rows), len(ids)
        seconds, metres = np.full(shape, -1, dtype=np.int32), np.full(shape, -1, dtype=np.int32)
        number = {known[place].id: row for row, place in enumerate(rows)}
        with self.sessions.begin() as session:
            for place_id, content in contents(session, number):
                have, *values = unpacked(content)
                at = np.searchsorted(have, ids).clip(max=len(have) - 1)
                hit = have[at] == ids
                for matrix, stored in zip((seconds, metres), values, strict=True):
                    matrix[number[place_id], hit] = stored[at[hit]]
        return Table(seconds, metres)

    def _complete(
        self,
        found: Table,
        rows: Sequence[Coordinates],
        columns: Sequence[Coordinates],
        known: Mapping[Coordinates, _Known],
        ids: NDArray[np.int32],
    ) -> None:
        """Ask for what is missing, write it, and fill it in."""
        missing = found.seconds < 0
        # A new place lacks its whole row; the old ones lack its column.
        new = missing.mean(axis=1) > 0.5  # beyond half a row, one request is better than two
        old = np.flatnonzero(~new)
        parts: list[tuple[list[int], list[int]]] = [
            (np.flatnonzero(new).tolist(), list(range(len(columns)))),
            (old.tolist(), np.flatnonzero(missing[old].any(axis=0)).tolist()),
        ]
        for some_rows, some_columns in parts:
            if some_rows and some_columns:
                asked = self.source.table([rows[n] for n in some_rows], [columns[n] for n in some_columns])
                at = np.ix_(some_rows, some_columns)
                found.seconds[at], found.metres[at] = asked.seconds, asked.metres
        with self.sessions.begin() as session:
            changed = {known[rows[n]].id: n for n in np.flatnonzero(missing.any(axis=1)).tolist()}
            self._write(session, changed, found, ids)
            forget_unused(session, today=self.today, most_cells=self.most_cells)

    def _write(
        self, session: Session, changed: Mapping[int, int], found: Table, ids: NDArray[np.int32]
    ) -> None:
        order = np.argsort(ids)
        ids = ids[order]
        written = []
        stored = dict(contents(session, changed))
        # A place may have been forgotten while the engine was asked.
        living = set(alive(session, changed))
        for place_id, row in changed.items():
            if place_id not in living:
                continue
            cells = ids, found.seconds[row, order], found.metres[row, order]
            if place_id in stored:
                cells = merged(unpacked(stored[place_id]), cells)
            written.append({"place_id": place_id, "cells": len(cells[0]), "content": packed(cells)})
        upsert_rows(session, written)


def _rounded(places: Sequence[Coordinates]) -> list[Coordinates]:
    return [Coordinates(round(place.latitude, 5), round(place.longitude, 5)) for place in places]


def _distinct(places: Sequence[Coordinates], known: Mapping[Coordinates, _Known]) -> list[Coordinates]:
    return [place for place in dict.fromkeys(places) if place in known]


def _spread(
    found: Table,
    origins: Sequence[Coordinates],
    destinations: Sequence[Coordinates],
    rows: Sequence[Coordinates],
    columns: Sequence[Coordinates],
) -> Table:
    """Put the table of distinct places at roads into that of all places; the others are unreachable."""
    row_of = {place: number for number, place in enumerate(rows)}
    column_of = {place: number for number, place in enumerate(columns)}
    top = [number for number, place in enumerate(origins) if place in row_of]
    left = [number for number, place in enumerate(destinations) if place in column_of]
    source = np.ix_([row_of[origins[n]] for n in top], [column_of[destinations[n]] for n in left])
    same = same_places(origins, destinations)
    spread = []
    for matrix in (found.seconds, found.metres):
        whole = np.full((len(origins), len(destinations)), UNREACHABLE, dtype=np.int32)
        if top and left:
            whole[np.ix_(top, left)] = matrix[source]
        whole[same] = 0
        spread.append(whole)
    return Table(*spread)
