"""Find addresses: in what an OpenStreetMap extract holds, or among the demo region's villages."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from heapq import nsmallest
from math import log
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from careapp.demo.facts import attribution, read_facts
from careapp.errors import Unavailable
from careapp.roads.addresses import OWN_TOWN
from careapp.roads.gazetteer_file import FORMAT, Entry, fill
from careapp.roads.network import settlement_points
from careapp.roads.places import OPENSTREETMAP, FoundPlace, PlacedBy, Precision, label_of
from careapp.roads.spelling import HOUSE_NUMBER, POSTAL_CODE, likeness, trigrams, words_of
from routing.travel import Coordinates

LONGEST_QUERY = 200

_MOST_WORDS = 12
_ENTRIES_LOOKED_AT = 5000
_CANDIDATES = 80
_RARE = 1000
_STREETS_WITH_HOUSES = 16
_SAME_NAMES = 50
_LIKE = 0.7
_BESIDE = 0.93
_HOUSE_WEIGHT, _POSTAL_WEIGHT = 2.5, 4.0
_ANSWERED = 0.15
_SHARES = {
    Precision.HOUSE: 1.0,
    Precision.STREET: 0.97,
    Precision.VILLAGE: 0.96,
    Precision.MUNICIPALITY: 0.95,
    Precision.POSTAL_CODE: 0.9,
}


class GazetteerUnreadable(Unavailable):
    """The gazetteer's file is damaged or of another version."""


class _Row(NamedTuple):
    id: int
    precision: str
    name: str
    key: str
    within: str
    beside: str
    postal_code: str | None
    city: str | None
    district: str | None
    latitude: float
    longitude: float
    weight: int


@dataclass(frozen=True)
class _Question:
    """A query taken apart: its words in order, the postal code and the numbers that may be a house's."""

    words: list[str]
    postal_code: str | None

    @classmethod
    def of(cls, query: str) -> "_Question":
        words = words_of(query[:LONGEST_QUERY])[:_MOST_WORDS]
        codes = [word for word in words if POSTAL_CODE.fullmatch(word)]
        return cls([word for word in words if word not in codes[:1]], codes[0] if codes else None)

    @cached_property
    def windows(self) -> list[tuple[int, int, str, str]]:
        """Each run of up to five words: first, end, all without spaces, and the digits in it."""
        return [
            (
                first,
                end,
                "".join(self.words[first:end]),
                _digits("".join(self.words[first:end])),
            )
            for first in range(len(self.words))
            for end in range(first + 1, min(first + 5, len(self.words)) + 1)
        ]


@dataclass(frozen=True)
class _Match:
    row: _Row
    number: str | None
    """The house number that is left when name and place are taken away."""
    weight: float
    """Letters that were understood."""
    total: float
    """Letters that were asked."""


class Gazetteer:
    """A gazetteer in use. Threads may share it.

    Args:
        path: The file that `write_gazetteer` made; while there is none, the demo region's villages are known.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = Lock()
        self._opened: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._attribution = ""

    def search(self, query: str, *, limit: int) -> list[FoundPlace]:
        """Return the best answers first; an empty list if nothing is like it.

        Words may stand in any order; a house that is not known gives its street, a street its village, a
        village its municipality.

        Raises:
            GazetteerUnreadable: The file is damaged or of another version.
        """
        question = _Question.of(query)
        try:
            with self._lock:
                return self._search(self._current(), question, limit)
        except sqlite3.DatabaseError as error:
            raise GazetteerUnreadable(
                f"the gazetteer cannot be read ({error}): make it anew with `careapp roads gazetteer FILE`"
            ) from error

    @property
    def attribution(self) -> str:
        """Whose data the file holds; of a damaged one OpenStreetMap's: rather named too often than never."""
        try:
            with self._lock:
                self._current()
                return self._attribution
        except sqlite3.DatabaseError:
            return OPENSTREETMAP

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection, self._opened = None, None

    def __del__(self) -> None:
        # Python 3.13 warns of a connection that nobody closed; a gazetteer lives as long as its application.
        self.close()

    def _current(self) -> sqlite3.Connection:
        """Return the connection to the file as it is now: a build may have put a new one in its place."""
        now = _identity(self._path)
        if self._connection is None or now != self._opened:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            connection = _demo_region() if now is None or self._path is None else _open(self._path)
            try:
                self._attribution = _attribution_of(connection)
            except sqlite3.DatabaseError:
                connection.close()
                raise
            self._connection, self._opened = connection, now
        return self._connection

    def _search(self, connection: sqlite3.Connection, question: _Question, limit: int) -> list[FoundPlace]:
        rows = _candidates(connection, question)
        matches = [match for row in rows if (match := _match(row, question)) is not None]
        matches.sort(key=lambda match: (-match.weight / match.total, -match.row.weight, match.row.id))
        found = [
            self._found(connection, match, looks_for_house=number < _STREETS_WITH_HOUSES)
            for number, match in enumerate(matches)
        ]
        order = sorted(range(len(found)), key=lambda number: (-found[number].score, number))
        best = [found[number] for number in order if found[number].score >= _ANSWERED]
        return list({(place.label, place.place): place for place in best}.values())[:limit]

    def _found(self, connection: sqlite3.Connection, match: _Match, *, looks_for_house: bool) -> FoundPlace:
        row = match.row
        precision = Precision(row.precision)
        is_street = precision is Precision.STREET
        city, district = row.city, row.district
        if precision in (Precision.VILLAGE, Precision.MUNICIPALITY):
            city, district = (
                (city or row.name, row.name) if precision is Precision.VILLAGE else (row.name, None)
            )
        place = FoundPlace(
            label="",
            place=Coordinates(row.latitude, row.longitude),
            precision=precision,
            score=0.0,
            attribution=self._attribution,
            source=PlacedBy.GAZETTEER,
            street=row.name if is_street else None,
            postal_code=row.postal_code,
            city=city,
            district=district,
        )
        understood = match.weight
        if is_street and match.number is not None and looks_for_house:
            place, share = _at_house(connection, place, row.id, match.number)
            understood += share * _HOUSE_WEIGHT
        label = label_of(
            street=place.street,
            house_number=place.house_number,
            postal_code=place.postal_code,
            city=place.city,
            district=place.district,
        )
        score = _SHARES[place.precision] * understood / match.total
        return replace(place, label=label, score=round(min(score, 1.0), 3))


def _candidates(connection: sqlite3.Connection, question: _Question) -> list[_Row]:
    """Return the entries that share most groups of letters with the question, a rare group counting more.

    Inverse document frequency, K. Spärck Jones, Journal of Documentation 28 (1972), p. 11. SQLite's own rank
    does not tell entries apart by groups that are in most of them, as those of a town's name are.
    """
    letters = "".join(word for word in question.words if not HOUSE_NUMBER.fullmatch(word))
    asked = trigrams(letters) | {group for word in question.words for group in trigrams(word)}
    if question.postal_code is not None:
        asked |= trigrams(question.postal_code)
    if not asked:
        return []
    marks = ",".join("?" * len(asked))
    known = connection.execute(
        f"SELECT letters, entries FROM trigram WHERE letters IN ({marks}) ORDER BY entries, letters",  # noqa: S608 -- marks
        sorted(asked),
    ).fetchall()
    scores: dict[int, float] = {}
    looked_at = 0
    for group, entries in known:
        looked_at += entries
        if scores and looked_at > _ENTRIES_LOOKED_AT:
            break
        rarity = log(1 + _RARE / entries)
        for (entry,) in connection.execute("SELECT rowid FROM text WHERE text MATCH ?", (f'"{group}"',)):
            scores[entry] = scores.get(entry, 0.0) + rarity
    keys = [letters for *_, letters, _ in question.windows] + [question.postal_code]
    marks = ",".join("?" * len(keys))
    same = [row[0] for row in connection.execute(f"SELECT id FROM entry WHERE key IN ({marks})", keys)]  # noqa: S608 -- marks

    def rank(entry: int) -> tuple[float, int]:
        return -scores.get(entry, 0.0), entry

    best = {*nsmallest(_CANDIDATES, scores, key=rank), *nsmallest(_SAME_NAMES, same, key=rank)}
    marks = ",".join("?" * len(best))
    rows = connection.execute(f"SELECT * FROM entry WHERE id IN ({marks})", sorted(best))  # noqa: S608 -- marks
    return [_Row(*row) for row in rows]


def _match(row: _Row, question: _Question) -> _Match | None:
    """Weigh how much of a question an entry answers; None if its own name is not in it."""
    total = sum(map(_weight, question.words)) + (_POSTAL_WEIGHT if question.postal_code else 0)
    if row.precision == Precision.POSTAL_CODE:
        if question.postal_code != row.key:
            return None
        return _Match(row, None, _POSTAL_WEIGHT, total)
    best = (0.0, 0, 0)
    digits = _digits(row.key)
    for first, end, letters, numbers_within in question.windows:
        alike = likeness(letters, row.key) if numbers_within == digits else 0.0
        if alike >= _LIKE:
            best = max(best, (alike * sum(map(_weight, question.words[first:end])), first, end))
    understood, first, end = best
    if end == 0:
        return None
    rest = question.words[:first] + question.words[end:]
    numbers = [word for word in rest if HOUSE_NUMBER.fullmatch(word)]
    within, beside = row.within.split(), row.beside.split()
    for word in rest:
        if word not in numbers:
            near = max((likeness(word, place) for place in beside), default=0.0)
            alike = max((likeness(word, place) for place in within), default=0.0)
            understood += max(alike, _BESIDE * near) * _weight(word)
    if question.postal_code is not None:
        known = row.postal_code or any(map(POSTAL_CODE.fullmatch, beside))
        same = 1.0 if question.postal_code in (row.postal_code, *beside) else 0.0 if known else 0.4
        understood += same * _POSTAL_WEIGHT
    return _Match(row, numbers[-1] if numbers else None, understood, total)


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def _weight(word: str) -> float:
    return _HOUSE_WEIGHT if HOUSE_NUMBER.fullmatch(word) else float(len(word))


def _at_house(
    connection: sqlite3.Connection, street: FoundPlace, entry: int, number: str
) -> tuple[FoundPlace, float]:
    """Return the house, or its street at the nearest number known, and how well the number was met."""
    digits, letter, _ = HOUSE_NUMBER.fullmatch(number).groups()  # type: ignore[union-attr]  # matched before
    for asked, share in ((number, 1.0), (digits + letter, 0.9), (digits, 0.6)):
        row = connection.execute(
            "SELECT shown, postal_code, city, district, latitude, longitude FROM house "
            "WHERE entry = ? AND number = ?",
            (entry, asked),
        ).fetchone()
        if row is not None:
            shown, postal_code, city, district, latitude, longitude = row
            at = Coordinates(latitude, longitude)
            if asked == digits != number:  # 12 is known, 12a is not: the door is near, but not this one
                return replace(street, place=at), share
            return (
                replace(
                    street,
                    place=at,
                    precision=Precision.HOUSE,
                    house_number=shown,
                    postal_code=postal_code,
                    city=city,
                    district=district,
                ),
                share,
            )
    return street, 0.0


def _attribution_of(connection: sqlite3.Connection) -> str:
    facts = dict(connection.execute("SELECT name, value FROM meta"))
    if facts.get("format") != FORMAT:
        raise sqlite3.DatabaseError("it is of another version")
    return str(facts["attribution"])


def _identity(path: Path | None) -> tuple[int, int] | None:
    try:
        status = path.stat() if path is not None else None
    except FileNotFoundError:
        return None
    return None if status is None else (status.st_ino, status.st_mtime_ns)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )


def _demo_region() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    fill(connection, _demo_entries(), attribution="; ".join(attribution()), synthetic=False)
    return connection


@cache
def _demo_entries() -> Sequence[Entry]:
    facts = read_facts()
    towns = [
        Entry(
            Precision.MUNICIPALITY,
            town.name,
            town.centre.latitude,
            town.centre.longitude,
            also=(town.district,),
            weight=town.population,
        )
        for town in facts.municipalities
    ]
    stops: dict[object, int] = {}
    for stop in facts.stops:
        stops[stop.settlement] = stops.get(stop.settlement, 0) + 1
    villages = [
        Entry(
            Precision.VILLAGE,
            settlement.name,
            point.latitude,
            point.longitude,
            city=settlement.municipality.name,
            also=(settlement.municipality.district,),
            weight=stops[settlement] + (OWN_TOWN if settlement.name == settlement.municipality.name else 0),
        )
        for settlement, point in settlement_points(facts).items()
    ]
    return [*towns, *villages]
