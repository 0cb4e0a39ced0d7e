"""What a query string asks for.

https://hl7.org/fhir/R4/search.html: a comma means or, a repeated parameter means and. By default unknown
parameters are ignored and missing from the self link, so a client can see what was used (ISiK asks for that).
"""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from sqlalchemy import ColumnElement

from fhir.mapping.resource import ServedResource
from fhir.search.conditions import HAS, Conditions
from fhir.search.includes import Include, read_include
from fhir.search.order import Sort
from fhir.search.parameter import Context, InvalidSearch, refuse, split_escaped
from fhir.search.sealed_text import sealed_of
from fhir.search.subset import Subset, knows_element, read_elements, read_summary

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
INCLUDES = frozenset({"_include", "_revinclude"})
CONTROLS = INCLUDES | {"_count", "_total", "_summary", "_elements", "_sort", "_page"}
MOST_INCLUDES = 20


@dataclass
class Asked:
    """A query string, understood.

    Attributes:
        conditions: All must hold.
        used: Parameters that are in use, in their order, for the self link.
        count: Most items of a page.
        only_total: `_summary=count`: no items at all.
        with_total: Whether to count all matches.
        sorts: The order asked for; empty for the resource's usual one.
        includes: What comes along.
        subset: Which elements are wanted; None: all.
        page: Sealed place of a further page; then nothing else counts.
        form: How the answer is to be written (`_format`, `_pretty`); further pages are to be written alike.
    """

    conditions: list[ColumnElement[bool]] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)
    count: int = USUAL_ITEMS
    only_total: bool = False
    with_total: bool = True
    sorts: list[Sort] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    subset: Subset | None = None
    page: str | None = None
    form: list[tuple[str, str]] = field(default_factory=list)

    @property
    def query(self) -> str:
        """The parameters in use as a query string."""
        return _written(self.used)

    @property
    def bound(self) -> frozenset[str]:
        """Parameters with a condition on the rows themselves that those without a value do not meet."""
        return frozenset(name for name, _ in self.used if ":" not in name)

    @property
    def form_query(self) -> str:
        """What a link to a further page needs beside its place."""
        return f"&{_written(self.form)}" if self.form else ""


def _written(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe=':')}={quote(value, safe=':,/')}" for name, value in pairs)


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
    asked, values_left, conditions = Asked(), MOST_VALUES, Conditions(context)
    for full_name, text in pairs:
        name, _, modifier = full_name.partition(":")
        if name in NOT_OURS:
            asked.form += [(full_name, text)] if text else []
            continue
        if text == "":
            continue
        _refuse_unwritable(full_name, text)
        if _shapes(name):
            is_used = _control(asked, name, modifier, text, resource, strict=strict)
        else:
            values = [value for value in split_escaped(text, ",") if value]
            values_left -= len(values)
            if values_left < 0:
                raise InvalidSearch(f"{name} has too many values: at most {MOST_VALUES} in one search", name)
            if not values:
                continue
            condition = conditions.read(resource, full_name, values)
            is_used = condition is not None
            if condition is not None:
                asked.conditions.append(condition)
                asked.used.append((full_name, ",".join(values)))
        if not is_used and strict:
            raise UnknownParameter(_unknown(full_name, resource))
    if asked.includes and asked.subset is not None and asked.subset.summary == "text":
        raise InvalidSearch("_summary=text cannot be combined with _include or _revinclude: leave one out")
    return asked


def _shapes(name: str) -> bool:
    """Whether a parameter shapes the answer instead of choosing from the rows."""
    return name in CONTROLS


def _refuse_unwritable(name: str, text: str) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise refuse(name, text, "it holds characters that no text has")


def _control(
    asked: Asked, name: str, modifier: str, text: str, resource: ServedResource, *, strict: bool
) -> bool:
    """Read a parameter that shapes the answer; False if it is not used."""
    if name in INCLUDES:
        return _include(asked, name, modifier, text)
    if modifier:
        return False
    match name:
        case "_count":
            if not WHOLE_NUMBER.fullmatch(text):
                raise refuse(name, text, "give a whole number, 0 for only the total")
            asked.count = min(int(text), MOST_ITEMS)
            text = str(asked.count)
        case "_total":
            if text not in TOTALS:
                raise refuse(name, text, "give none, estimate or accurate")
            asked.with_total = text != "none"
        case "_summary":
            asked.subset = read_summary(text)
            asked.only_total = text == "count"
        case "_elements":
            return _elements(asked, text, resource, strict=strict)
        case "_sort":
            return _sort(asked, text, resource, strict=strict)
        case _:
            asked.page = text
    _use(asked, name, text)
    return True


def _use(asked: Asked, name: str, text: str) -> None:
    """Note a parameter of which the last one counts."""
    asked.used = [pair for pair in asked.used if pair[0] != name]
    asked.used.append((name, text))


def _include(asked: Asked, name: str, modifier: str, text: str) -> bool:
    found = read_include(name, modifier, text)
    if found is None:
        return False
    if len([1 for used, _ in asked.used if used.partition(":")[0] in INCLUDES]) >= MOST_INCLUDES:
        raise InvalidSearch(f"the query has too many includes: at most {MOST_INCLUDES} are read")
    asked.includes += found
    asked.used.append((f"{name}:{modifier}" if modifier else name, text))
    return True


def _elements(asked: Asked, text: str, resource: ServedResource, *, strict: bool) -> bool:
    subset = read_elements(text)
    if subset is None:
        return False
    unknown = [name for name in subset.elements if not knows_element(resource.kind, name)]
    if strict and unknown:
        raise UnknownParameter(
            f"_elements={text[:60]} is not supported: name elements of {resource.kind} itself"
        )
    asked.subset = asked.subset or subset
    _use(asked, "_elements", text)
    return True


def _sort(asked: Asked, text: str, resource: ServedResource, *, strict: bool) -> bool:
    found = {
        written: Sort(
            written.removeprefix("-"),
            parameter.sort,
            is_descending=written.startswith("-"),
            sealed=sealed_of(parameter),
        )
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
        _use(asked, "_sort", ",".join(found))
    return bool(found)


def _sortable(resource: ServedResource) -> list[str]:
    return [name for name, parameter in resource.all_parameters.items() if parameter.sort is not None]


def _unknown(name: str, resource: ServedResource) -> str:
    shown = "".join(letter for letter in name[:60] if letter.isprintable())
    known = ", ".join(sorted(resource.all_parameters))
    return (
        f"{shown} is not supported: {resource.kind} is searched by {known}, and through references by "
        f"chains and {HAS}; {', '.join(sorted(CONTROLS - {'_page'}))} shape the answer"
    )
