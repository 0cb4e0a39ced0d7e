"""What an operation over many resources is asked for: kinds, times, amount."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from fhir.issues import Issue, Malformed
from fhir.mapping.elements import Json
from fhir.mapping.registry import RESOURCES
from fhir.search import dates
from fhir.search.asked import LONGEST_QUERY, MOST_PARAMETERS
from fhir.search.parameter import InvalidSearch, refuse

Pairs = Sequence[tuple[str, str]]

_WHOLE = re.compile(r"[0-9]{1,9}")


def read_pairs(query: str) -> Pairs:
    """Read a query string, empty values left out.

    Raises:
        InvalidSearch: It is too long, or has too many parameters.
    """
    if len(query) > LONGEST_QUERY:
        raise InvalidSearch(f"the query is too long: at most {LONGEST_QUERY} characters are read")
    try:
        return parse_qsl(query, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise InvalidSearch(f"the query has more than {MOST_PARAMETERS} parameters") from None


def pairs_of(parameters: Json) -> Pairs:
    """Read the names and plain values of a Parameters resource.

    Raises:
        Malformed: It is no Parameters resource, or a parameter has no plain value.
    """
    if parameters.get("resourceType") != "Parameters":
        raise Malformed([Issue("invalid", "send a Parameters resource", "resourceType")])
    sent = parameters.get("parameter", [])
    if not isinstance(sent, list):
        raise Malformed([Issue("structure", "send a list of parameters", "Parameters.parameter")])
    return [_pair(number, each) for number, each in enumerate(sent)]


def _pair(number: int, sent: object) -> tuple[str, str]:
    place = f"Parameters.parameter[{number}]"
    if not isinstance(sent, dict) or not isinstance(sent.get("name"), str):
        raise Malformed([Issue("required", "give each parameter a name", f"{place}.name")])
    values = [value for name, value in sent.items() if name.startswith("value")]
    if len(values) == 1 and isinstance(values[0], dict):  # a Reference
        values = [values[0].get("reference")]
    if len(values) != 1 or not isinstance(values[0], str | int | bool):
        raise Malformed([Issue("value", "give the parameter one plain value", f"{place}.value")])
    value = values[0]
    return sent["name"], str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Wanted:
    """Which resources, of which times.

    Attributes:
        kinds: Of these kinds only; None: of all.
        since: Changed at this moment or later; None: whenever.
        until: Changed before this moment; None: whenever.
        start: Care on this day or later, as sent; None: any.
        end: Care on this day or earlier, as sent; None: any.
        count: Most resources of a page; None: as many as fit.
        unused: Names of parameters that are not known here.
    """

    kinds: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    start: str | None = None
    end: str | None = None
    count: int | None = None
    unused: tuple[str, ...] = ()

    def wants(self, kind: str) -> bool:
        """Tell whether resources of a kind are asked for."""
        return self.kinds is None or kind in self.kinds


KNOWN = frozenset({"_type", "_since", "_until", "_count", "start", "end"})


def read_wanted(pairs: Pairs, *, zone: ZoneInfo, known: Iterable[str] = KNOWN) -> Wanted:
    """Understand the parameters of an operation.

    Args:
        pairs: Names and values.
        zone: Whose wall clock a time without an offset is read from.
        known: Names that this operation takes, of `KNOWN`.

    Raises:
        InvalidSearch: A value is malformed, or a kind is not served here.
    """
    taken = frozenset(known)
    asked = [(name, value) for name, value in pairs if name in taken and value]
    types = [kind.strip() for name, value in asked if name == "_type" for kind in value.split(",")]
    served = {resource.kind for resource in RESOURCES}
    for kind in types:
        if kind not in served:
            raise refuse("_type", kind, f"name kinds that are served: {', '.join(sorted(served))}")
    last = dict(asked)
    count = last.get("_count")
    if count is not None and not _WHOLE.fullmatch(count):
        raise refuse("_count", count, "give a whole number")
    for name in {"start", "end"} & last.keys():
        _interval(name, last[name], zone)
    return Wanted(
        kinds=frozenset(types) or None,
        since=_interval("_since", last["_since"], zone).lo if "_since" in last else None,
        until=_interval("_until", last["_until"], zone).hi if "_until" in last else None,
        start=last.get("start"),
        end=last.get("end"),
        count=int(count) if count else None,
        unused=tuple(sorted({name for name, _ in pairs} - taken)),
    )


def _interval(name: str, value: str, zone: ZoneInfo) -> dates.Interval:
    if value[:1].isalpha():
        raise refuse(name, value, "give a date or a time without a prefix")
    return dates.read(name, value, zone)[1]


def query_of(pairs: Pairs, known: Iterable[str] = KNOWN) -> str:
    """Write the parameters that are in use as a query string."""
    taken = frozenset(known)
    return urlencode([(name, value) for name, value in pairs if name in taken and value])
