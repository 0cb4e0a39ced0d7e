"""What a primitive value may look like: https://hl7.org/fhir/R4/datatypes.html#primitive."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

YEAR = r"(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
MONTH = r"(?:0[1-9]|1[0-2])"
DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
OFFSET = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "canonical": re.compile(r"\S+"),
    "code": re.compile(r"[^\s]+(?:\s[^\s]+)*"),
    "date": re.compile(f"{YEAR}(?:-{MONTH}(?:-{DAY})?)?"),
    "dateTime": re.compile(f"{YEAR}(?:-{MONTH}(?:-{DAY}(?:T{CLOCK}{OFFSET})?)?)?"),
    "id": re.compile(r"[A-Za-z0-9\-.]{1,64}"),
    "instant": re.compile(f"{YEAR}-{MONTH}-{DAY}T{CLOCK}{OFFSET}"),
    "oid": re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"),
    "time": re.compile(CLOCK),
    "uri": re.compile(r"\S+"),
    "url": re.compile(r"\S+"),
    "uuid": re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
}
BASE64 = re.compile(r"[0-9A-Za-z+/]+={0,2}")
EXPECTED: Mapping[str, str] = {
    "base64Binary": "must be base64",
    "canonical": "must be an address without spaces",
    "code": "must be a code: no spaces at its ends, single ones inside",
    "date": "must be a date that exists: YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "must be a date that exists, or one with time and offset such as 2026-03-02T09:00:00+01:00",
    "decimal": "must be a JSON number",
    "id": "must be 1 to 64 letters, digits, hyphens and dots",
    "instant": "must be a moment that exists, to the second and with offset: 2026-03-02T09:00:00+01:00",
    "integer": "must be a whole JSON number of 32 bits",
    "oid": "must be an OID such as urn:oid:1.2.276",
    "positiveInt": "must be a whole JSON number from 1 to 2147483647",
    "time": "must be a time of day to the second, such as 09:00:00",
    "unsignedInt": "must be a whole JSON number from 0 to 2147483647",
    "uri": "must be an address without spaces",
    "url": "must be an address without spaces",
    "uuid": "must be a UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520, in small letters",
}
SMALLEST: Mapping[str, int] = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
LARGEST = 2**31 - 1
LONGEST_STRING = 1024 * 1024
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def complaint(type_name: str, value: object) -> str | None:
    """Say what is wrong with a value of a primitive type; None if nothing is. The value is not repeated."""
    if type_name == "boolean":
        return None if isinstance(value, bool) else "must be true or false, without quotes"
    if type_name in SMALLEST:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return None if is_whole and SMALLEST[type_name] <= value <= LARGEST else EXPECTED[type_name]  # type: ignore[operator]  # an int: is_whole
    if type_name == "decimal":
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        return None if is_number else EXPECTED[type_name]
    if not isinstance(value, str):
        return "must be a JSON string"
    return _text(type_name, value)


def _text(type_name: str, value: str) -> str | None:
    if not value.strip():
        return "must not be empty: leave it out instead"
    if FORBIDDEN.search(value):
        return "holds characters that FHIR does not allow"
    if len(value) > LONGEST_STRING and type_name != "base64Binary":
        return "is longer than one MiB"
    if type_name == "base64Binary":
        value = "".join(value.split())
        return None if len(value) % 4 == 0 and BASE64.fullmatch(value) else EXPECTED[type_name]
    pattern = PATTERNS.get(type_name)
    if pattern is None:
        return None
    is_right = pattern.fullmatch(value) is not None and EXISTS.get(type_name, _always)(value)
    return None if is_right else EXPECTED[type_name]


def moment(text: object) -> datetime | None:
    """Read a date with time and offset, in UTC; None if it is none, or lies outside of the calendar."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _day_exists(text: str) -> bool:
    year, month, day = (int(part) for part in [*text.split("-"), "1", "1"][:3])
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _exists(text: str) -> bool:
    return moment(text) is not None if "T" in text else _day_exists(text)


def _always(text: str) -> bool:
    del text
    return True


EXISTS: Mapping[str, Callable[[str], bool]] = {
    "date": _exists,
    "dateTime": _exists,
    "instant": _exists,
}
