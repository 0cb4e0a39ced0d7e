"""The gazetteer's file: SQLite with a full-text index over groups of three letters."""

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from careapp.errors import Invalid
from careapp.roads.places import Precision
from careapp.roads.spelling import key_of, trigrams, words_of

NAME = "gazetteer.sqlite"
FORMAT = "1"
"""Raise it when an older file can no longer be searched."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    precision TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    within TEXT NOT NULL,
    beside TEXT NOT NULL,
    postal_code TEXT,
    city TEXT,
    district TEXT,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    weight INTEGER NOT NULL
);
CREATE INDEX entry_key ON entry (key);
CREATE TABLE house (
    entry INTEGER NOT NULL,
    number TEXT NOT NULL,
    shown TEXT NOT NULL,
    postal_code TEXT,
    city TEXT,
    district TEXT,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    PRIMARY KEY (entry, number)
) WITHOUT ROWID;
CREATE TABLE trigram (letters TEXT PRIMARY KEY, entries INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE text USING fts5(letters, content='', tokenize='trigram', detail='none');
"""


class NothingToFind(Invalid):
    """An extract holds no name, so it would make a gazetteer that finds nothing."""


@dataclass(frozen=True)
class HouseEntry:
    """A door: every number it answers to, and where it is."""

    numbers: tuple[str, ...]
    shown: str
    latitude: float
    longitude: float
    postal_code: str | None = None
    city: str | None = None
    district: str | None = None


@dataclass(frozen=True)
class Entry:
    """A street, village, municipality or postal code.

    Attributes:
        precision: Which of these it is.
        name: As it is written.
        latitude: Of its middle.
        longitude: Of its middle.
        postal_code: Five digits.
        city: Town or municipality.
        district: Village or quarter.
        also: More names that people write beside it.
        weight: Of two that fit alike, the heavier comes first.
        houses: Of a street.
    """

    precision: Precision
    name: str
    latitude: float
    longitude: float
    postal_code: str | None = None
    city: str | None = None
    district: str | None = None
    also: tuple[str, ...] = ()
    weight: int = 0
    houses: tuple[HouseEntry, ...] = field(default=(), repr=False)


def write_gazetteer(
    path: Path, entries: Iterable[Entry], *, attribution: str, synthetic: bool
) -> Counter[str]:
    """Write a gazetteer beside `path` and put it in its place when it is whole.

    Returns:
        How many entries of each precision, and houses, it holds.

    Raises:
        NothingToFind: There are no entries; what was at `path` stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part)) as connection:
            counts = fill(connection, entries, attribution=attribution, synthetic=synthetic)
        if not counts:
            raise NothingToFind("the extract holds no street, village or address: name a larger one")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return counts


def fill(
    connection: sqlite3.Connection, entries: Iterable[Entry], *, attribution: str, synthetic: bool
) -> Counter[str]:
    """Make the tables in an empty database and fill them; return how many of each there are."""
    connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
    counts: Counter[str] = Counter()
    frequency: Counter[str] = Counter()
    for number, entry in enumerate(entries, 1):
        letters = _letters(entry)
        connection.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *_row(entry))
        )
        connection.execute("INSERT INTO text (rowid, letters) VALUES (?, ?)", (number, " ".join(letters)))
        connection.executemany(
            "INSERT OR IGNORE INTO house VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _houses(number, entry)
        )
        frequency.update({group for word in letters for group in trigrams(word)})
        counts[entry.precision.value] += 1
        counts["house"] += len(entry.houses)
    connection.executemany("INSERT INTO trigram VALUES (?, ?)", frequency.items())
    connection.execute("INSERT INTO text (text) VALUES ('optimize')")
    facts = {"format": FORMAT, "attribution": attribution, "synthetic": str(int(synthetic))}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
    connection.commit()
    return +counts


def _row(entry: Entry) -> tuple[object, ...]:
    return (
        entry.precision.value,
        entry.name,
        _key(entry.name),
        " ".join(sorted(_words(entry.city, entry.district))),
        " ".join(sorted(_words(*entry.also))),
        entry.postal_code,
        entry.city,
        entry.district,
        entry.latitude,
        entry.longitude,
        entry.weight + len(entry.houses),
    )


def _letters(entry: Entry) -> list[str]:
    """Return what is indexed: the name and the places without spaces, so that `Am-Bach` is `am bach`."""
    places = {key_of(name) for name in (entry.city, entry.district, *entry.also) if name}
    return [_key(entry.name), *sorted(places), *filter(None, (entry.postal_code,))]


def _key(name: str) -> str:
    """Return a name's spelling without what stands in brackets: nobody writes `Eslohe (Sauerland)`."""
    return key_of(re.sub(r"\s*\(.*?\)", "", name)) or key_of(name)


def _words(*names: str | None) -> set[str]:
    return {word for name in names if name for word in (*words_of(name), key_of(name))}


def _houses(number: int, entry: Entry) -> Iterator[tuple[object, ...]]:
    for house in entry.houses:
        for asked in house.numbers:
            yield (
                number,
                asked,
                house.shown,
                house.postal_code or entry.postal_code,
                house.city or entry.city,
                house.district or entry.district,
                house.latitude,
                house.longitude,
            )


Tell = Callable[[str, float], None]
