"""What a query string asks for.

https://hl7.org/fhir/R4/search.html: a comma means or, a repeated parameter means and. By default unknown
parameters are ignored and missing from the self link, so a client can see what was used (ISiK asks for that).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

from sqlalchemy import ColumnElement, SQLColumnExpression, not_

from fhir.mapping.resource import ServedResource
from fhir.search.parameter import Context, InvalidSearch, Parameter, refuse, split_escaped

MOST_ITEMS = 1000
USUAL_ITEMS = 50
LONGEST_QUERY = 16_000
MOST_PARAMETERS = 100
MOST_VALUES = 400
"""Of all parameters together: a database refuses expressions that are nested too deeply."""

NOT_OURS = frozenset({"_format", "_pretty"})
"""How an answer is written is the API's business; neither used nor refused here."""

WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
TOTALS = frozenset({"none", "estimate", "accurate"})


@dataclass(frozen=True)
class Sort:
    """One level of the order.

    Attributes:
        name: Of the parameter.
        column: What to sort by.
        is_descending: Latest first.
    """

    name: str
    column: SQLColumnExpression[Any]
    is_descending: bool


@dataclass
class Asked:
    """A query string, understood.

    Attributes:
        conditions: All must hold.
        used: Parameters that are in use, in their order, for the self link.
        count: Most items of a page.
        with_total: Whether to count all matches.
        sorts: The order asked for; empty for the resource's usual one.
        page: Sealed place of a further page; then nothing else counts.
    """

    conditions: list[ColumnElement[bool]] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)
    count: int = USUAL_ITEMS
    with_total: bool = True
    sorts: list[Sort] = field(default_factory=list)
    page: str | None = None

    @property
    def query(self) -> str:
        """The parameters in use as a query string."""
        return "&".join(f"{quote(name, safe=':')}={quote(value, safe=':,/')}" for name, value in self.used)


class UnknownParameter(InvalidSearch):
    """A strict client asked for a parameter that is not supported."""


def read_query(query: str, resource: ServedResource, context: Context, *, strict: bool) -> Asked:
    """Understand a query string.

    Args:
        query: As in the address, without its question mark; or the body of a POST to `_search`.
        resource: What is searched.
        context: What the meaning of values depends on.
        strict: Refuse unknown parameters (`Prefer: handling=strict`).

    Raises:
        InvalidSearch: A value is malformed; the message names the parameter, the value and what is expected.
        UnknownParameter: A strict client asked for what is not supported.
    """
    if len(query) > LONGEST_QUERY:
        raise InvalidSearch(f"the query is too long: at most {LONGEST_QUERY} characters are read")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise InvalidSearch(
            f"the query has too many parameters: at most {MOST_PARAMETERS} are read"
        ) from None
    asked, values_left = Asked(), MOST_VALUES
    for full_name, text in pairs:
        name, _, modifier = full_name.partition(":")
        if text == "" or name in NOT_OURS:
            continue
        _refuse_unwritable(full_name, text)
        parameter = resource.all_parameters.get(name)
        if parameter is None:
            is_used = _control(asked, name, text, resource, strict=strict) if not modifier else False
            if not is_used and strict:
                raise UnknownParameter(_unknown(full_name, resource))
            continue
        values = [value for value in split_escaped(text, ",") if value]
        values_left -= len(values)
        if values_left < 0:
            raise InvalidSearch(f"{name} has too many values: at most {MOST_VALUES} in one search")
        if values:
            asked.conditions.append(_condition(name, modifier or None, values, parameter, context))
            asked.used.append((full_name, ",".join(values)))
    return asked


def _refuse_unwritable(name: str, text: str) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise refuse(name, text, "it holds characters that no text has")


def _condition(
    name: str, modifier: str | None, values: list[str], parameter: Parameter, context: Context
) -> ColumnElement[bool]:
    if modifier == "missing":
        if values not in (["true"], ["false"]):
            raise refuse(f"{name}:missing", ",".join(values), "give true or false")
        return not_(parameter.present()) if values == ["true"] else parameter.present()
    if modifier is not None and modifier not in parameter.modifiers:
        known = sorted({*parameter.modifiers, "missing"})
        raise refuse(
            f"{name}:{modifier}", ",".join(values), f"{name} takes only the modifiers {', '.join(known)}"
        )
    return parameter.condition(name, values, modifier, context)


def _control(asked: Asked, name: str, text: str, resource: ServedResource, *, strict: bool) -> bool:
    """Read a parameter that shapes the answer; False if it is none that is known."""
    match name:
        case "_count":
            if not WHOLE_NUMBER.fullmatch(text):
                raise refuse(name, text, "give a whole number, 0 for only the total")
            asked.count = min(int(text), MOST_ITEMS)
            asked.used = [pair for pair in asked.used if pair[0] != name]
            text = str(asked.count)
        case "_total":
            if text not in TOTALS:
                raise refuse(name, text, "give none, estimate or accurate")
            asked.with_total = text != "none"
        case "_summary":
            if text != "count":
                return False
            asked.count = 0
        case "_sort":
            return _sort(asked, text, resource, strict=strict)
        case "_page":
            asked.page = text
        case _:
            return False
    asked.used.append((name, text))
    return True


def _sort(asked: Asked, text: str, resource: ServedResource, *, strict: bool) -> bool:
    found: Mapping[str, Sort] = {
        written: Sort(written.removeprefix("-"), parameter.sort, is_descending=written.startswith("-"))
        for written in text.split(",")
        if (parameter := resource.all_parameters.get(written.removeprefix("-"))) is not None
        and parameter.sort is not None
    }
    if strict and len(found) < len(text.split(",")):
        raise UnknownParameter(
            f"_sort={text[:60]} is not supported: sort by {', '.join(sorted(_sortable(resource)))}, "
            "each after a minus for the opposite order"
        )
    asked.sorts = list(found.values())
    if found:
        asked.used.append(("_sort", ",".join(found)))
    return bool(found)


def _sortable(resource: ServedResource) -> list[str]:
    return [name for name, parameter in resource.all_parameters.items() if parameter.sort is not None]


def _unknown(name: str, resource: ServedResource) -> str:
    shown = "".join(letter for letter in name[:60] if letter.isprintable())
    known = ", ".join(sorted(resource.all_parameters))
    return (
        f"{shown} is not supported: {resource.kind} is searched by {known}; "
        "_count, _sort, _total shape the answer"
    )
