"""Rules of FHIR's complex data types: https://hl7.org/fhir/R4/datatypes.html."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from fhir.issues import Issue
from fhir.mapping.elements import Json
from fhir.validation.primitives import PATTERNS, moment
from fhir.validation.reading import broken, has_value, number, part, text

WIDEST_OFFSET = timedelta(hours=14)


def period(node: Json, path: str) -> Iterator[Issue]:
    """per-1: a Period, or whatever has a start and an end, does not end before it starts."""
    if ends_before(text(node, "end"), text(node, "start")):
        yield broken("per-1", "ends before it starts", f"{path}.end")


def ends_before(end: str | None, start: str | None) -> bool:
    """Tell whether an end surely lies before a start; beside a moment, a day may be that of any time zone."""
    last, first = _bounds(end), _bounds(start)
    if last is None or first is None:
        return False
    is_mixed = ("T" in str(end)) != ("T" in str(start))
    return last[1] + (WIDEST_OFFSET if is_mixed else timedelta()) < first[0]


def _bounds(written: str | None) -> tuple[datetime, datetime] | None:
    """The first and the last moment that a date or time may mean."""
    if written is None:
        return None
    if "T" in written:
        found = moment(written)
        return None if found is None else (found, found)
    if PATTERNS["date"].fullmatch(written) is None:
        return None
    numbers = [int(each) for each in written.split("-")]
    try:
        year, month, day = (*numbers, *(1,) * (3 - len(numbers)))[:3]
        first = datetime.combine(date(year, month, day), time(), UTC)
        if len(numbers) == 1:
            following = first.replace(year=year + 1)
        elif len(numbers) == 2:
            following = (first + timedelta(days=31)).replace(day=1)
        else:
            following = first + timedelta(days=1)
        return first, following - timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def extension(node: Json, path: str) -> Iterator[Issue]:
    """ext-1: an extension has a value or extensions, not both."""
    if has_value(node, "value") == ("extension" in node):
        yield broken("ext-1", "an extension has either a value or extensions of its own", path)


def quantity(node: Json, path: str) -> Iterator[Issue]:
    """qty-3: a coded unit has a system."""
    if "code" in node and "system" not in node:
        yield broken("qty-3", "a code of a unit needs its system", f"{path}.system")


def range_(node: Json, path: str) -> Iterator[Issue]:
    """rng-2: low is not above high."""
    low, high = number(part(node, "low"), "value"), number(part(node, "high"), "value")
    if low is not None and high is not None and low > high:
        yield broken("rng-2", "low is above high", f"{path}.low")


def ratio(node: Json, path: str) -> Iterator[Issue]:
    """rat-1: numerator and denominator stand both, or neither and an extension."""
    if ("numerator" in node) != ("denominator" in node) or (
        "numerator" not in node and "extension" not in node
    ):
        yield broken("rat-1", "numerator and denominator are given both", path)


def attachment(node: Json, path: str) -> Iterator[Issue]:
    """att-1: data have a content type."""
    if "data" in node and "contentType" not in node:
        yield broken("att-1", "data need a contentType", f"{path}.contentType")


def contact_point(node: Json, path: str) -> Iterator[Issue]:
    """cpt-2: a value has a system."""
    if "value" in node and not ("system" in node or "_system" in node):
        yield broken("cpt-2", "a value needs its system, such as phone or email", f"{path}.system")
