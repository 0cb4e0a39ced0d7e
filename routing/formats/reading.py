"""Read strictly what others wrote: each refusal names the line or key and the reason."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from routing.errors import RoutingError

__all__ = ["InvalidFile", "Record", "parse_json"]

LARGEST = 10**12


class InvalidFile(RoutingError):
    """A file is not what its format says, or asks for what cannot be honoured; the message names where."""


class Record:
    """A JSON object together with the place where it stands.

    Every getter raises `InvalidFile` with the place, for a key that is missing or holds something else.
    """

    def __init__(self, content: object, place: str = "") -> None:
        if not isinstance(content, dict):
            raise InvalidFile(f"{place or 'the file'}: expected an object, not {_kind(content)}")
        self._content: dict[str, Any] = content
        self._where = place

    @property
    def content(self) -> dict[str, Any]:
        """The object itself."""
        return self._content

    def __contains__(self, key: str) -> bool:
        """Tell whether the key is there and not null."""
        return self._content.get(key) is not None

    def place(self, key: str) -> str:
        """Return how to name a key of this object to a person."""
        return f"{self._where}.{key}" if self._where else key

    def refuse(self, key: str, reason: str) -> InvalidFile:
        """Return the error that names this key."""
        return InvalidFile(f"{self.place(key)}: {reason}")

    def only(self, known: Collection[str], *, ignored: Collection[str] = ()) -> None:
        """Refuse each key that is neither known nor without meaning for a plan: `ignored`, or empty."""
        for key, value in self._content.items():
            if key not in known and key not in ignored and value not in (None, [], {}):
                raise self.refuse(key, "this key is not supported; remove it if the plan may do without it")

    def get(self, key: str) -> Any:
        """Return what stands at a key, whatever it is."""
        if key not in self:
            raise self.refuse(key, "is missing")
        return self._content[key]

    def text(self, key: str) -> str:
        """Return a text."""
        value = self.get(key)
        if not isinstance(value, str):
            raise self.refuse(key, f"expected a text, not {_kind(value)}")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self._content.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refuse(key, f"expected true or false, not {_kind(value)}")
        return value

    def number(self, key: str, *, least: float = -LARGEST, most: float = LARGEST) -> float:
        """Return a number within bounds."""
        return _number(self.get(key), self.place(key), least, most)

    def whole(
        self, key: str, *, default: int | None = None, least: int = -LARGEST, most: int = LARGEST
    ) -> int:
        """Return a whole number within bounds; the default if the key is missing and a default is given."""
        if default is not None and key not in self:
            return default
        return _whole(self.get(key), self.place(key), least, most)

    def wholes(self, key: str, *, least: int = -LARGEST, most: int = LARGEST) -> list[int]:
        """Return a list of whole numbers; an empty one if the key is missing."""
        return [_whole(value, place, least, most) for place, value in self._entries(key)]

    def numbers(self, key: str) -> list[float]:
        """Return a list of numbers; an empty one if the key is missing."""
        return [_number(value, place, -LARGEST, LARGEST) for place, value in self._entries(key)]

    def texts(self, key: str) -> list[str]:
        """Return a list of texts; an empty one if the key is missing."""
        texts = []
        for place, value in self._entries(key):
            if not isinstance(value, str):
                raise InvalidFile(f"{place}: expected a text, not {_kind(value)}")
            texts.append(value)
        return texts

    def record(self, key: str) -> "Record":
        """Return the object at a key."""
        return Record(self.get(key), self.place(key))

    def records(self, key: str, *, optional: bool = False) -> list["Record"]:
        """Return a list of objects; if it is optional and missing, an empty one."""
        if not optional:
            self.get(key)
        return [Record(value, place) for place, value in self._entries(key)]

    def pairs(self, key: str) -> list[tuple[int, int]]:
        """Return a list of pairs of whole numbers, each in rising order; an empty one if missing."""
        pairs = []
        for place, value in self._entries(key):
            if not isinstance(value, list) or len(value) != 2:
                raise InvalidFile(f"{place}: expected two whole numbers")
            low, high = (_whole(bound, place, -LARGEST, LARGEST) for bound in value)
            if low > high:
                raise InvalidFile(f"{place}: ends at {high}, before it begins at {low}")
            pairs.append((low, high))
        return pairs

    def square(self, key: str, *, places: int | None = None) -> list[list[float]]:
        """Return a square matrix of numbers from 0 up, of a given size if one is given."""
        self.get(key)
        rows = []
        for place, row in self._entries(key):
            if not isinstance(row, list):
                raise InvalidFile(f"{place}: expected a list of numbers, not {_kind(row)}")
            rows.append([_number(value, f"{place}[{i}]", 0, LARGEST) for i, value in enumerate(row)])
        for number, row in enumerate(rows):
            if len(row) != len(rows):
                raise self.refuse(key, f"row {number} has {len(row)} numbers, there are {len(rows)} rows")
        if places is not None and len(rows) != places:
            raise self.refuse(key, f"has {len(rows)} rows, expected {places}")
        return rows

    def _entries(self, key: str) -> Iterator[tuple[str, Any]]:
        value = self._content.get(key)
        if value is None:
            return
        if not isinstance(value, list):
            raise self.refuse(key, f"expected a list, not {_kind(value)}")
        for number, entry in enumerate(value):
            yield f"{self.place(key)}[{number}]", entry


def parse_json(text: str) -> Record:
    """Read a JSON object; keys given twice, NaN and Infinity are refused, which Python's reader lets pass.

    Raises:
        InvalidFile: With line and column, or the key.
    """

    def refuse_constant(name: str) -> None:
        raise InvalidFile(f"{name} is no number that JSON knows")

    def refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key, value in pairs:
            if key in content:
                raise InvalidFile(f"{key}: the key is given twice in one object")
            content[key] = value
        return content

    try:
        return Record(json.loads(text, parse_constant=refuse_constant, object_pairs_hook=refuse_twins))
    except json.JSONDecodeError as error:
        raise InvalidFile(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise InvalidFile("the file is nested too deeply") from error
    except ValueError as error:
        raise InvalidFile("a number has more digits than any plan needs") from error


def _number(value: object, place: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidFile(f"{place}: expected a number, not {_kind(value)}")
    if not least <= value <= most:
        raise InvalidFile(f"{place}: {str(value)[:20]} is not within {least:g} to {most:g}")
    return value


def _whole(value: object, place: str, least: int, most: int) -> int:
    number = _number(value, place, least, most)
    if number != int(number):
        raise InvalidFile(f"{place}: expected a whole number, not {number}")
    return int(number)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
