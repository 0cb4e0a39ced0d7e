"""Definitions as resources: read by id, searched by a few plain parameters. No rows are behind them."""

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import parse_qsl, quote

import orjson

from careapp.errors import NotFound
from fhir.discovery import operations, parameters
from fhir.discovery.operations import Offer
from fhir.mapping.elements import Json
from fhir.search.asked import LONGEST_QUERY, MOST_PARAMETERS
from fhir.search.bundle import Entry, searchset
from fhir.search.parameter import InvalidSearch

KINDS = ("OperationDefinition", "SearchParameter")
SEARCHED: Mapping[str, tuple[str, ...]] = {
    "OperationDefinition": ("_id", "base", "code", "kind", "name", "status", "url"),
    "SearchParameter": ("_id", "base", "code", "name", "status", "target", "type", "url"),
}
"""By which elements of the same names each kind is found (`_id` is `id`), exactly."""


class DefinitionNotFound(NotFound):
    """There is no definition of this id."""


def all_of(kind: str, offers: Collection[Offer]) -> Sequence[Json]:
    """Return all definitions of one of `KINDS`."""
    made = parameters.definitions() if kind == "SearchParameter" else operations.definitions(offers)
    return list(made)


def read(kind: str, key: str, offers: Collection[Offer]) -> bytes:
    """Return a definition.

    Raises:
        DefinitionNotFound: There is none of this id.
    """
    for each in all_of(kind, offers):
        if each["id"] == key:
            return orjson.dumps(each)
    raise DefinitionNotFound(f"there is no such {kind}: search without parameters for all of them")


def search(kind: str, query: str, offers: Collection[Offer], base_url: str) -> bytes:
    """Return those definitions that fit, all on one page.

    Args:
        kind: One of `KINDS`.
        query: As in the address, without its question mark; what is not known is left out of the self link.
        offers: Operations that are answered.
        base_url: Address of this server's FHIR part.

    Raises:
        InvalidSearch: The query is too long.
    """
    if len(query) > LONGEST_QUERY or query.count("&") > MOST_PARAMETERS:
        raise InvalidSearch(f"the query is too long: at most {LONGEST_QUERY} characters are read")
    asked = [(name, value) for name, value in parse_qsl(query) if name in SEARCHED[kind]]
    found = [each for each in all_of(kind, offers) if all(_fits(each, *pair) for pair in asked)]
    address = f"{base_url}/{kind}"
    used = "&".join(f"{name}={quote(value, safe=':,/')}" for name, value in asked)
    return searchset(
        base_url=base_url,
        entries=[Entry(kind, each["id"], orjson.dumps(each)) for each in found],
        links=[("self", f"{address}?{used}" if used else address)],
        total=len(found),
    )


def _fits(definition: Json, name: str, value: str) -> bool:
    found = definition.get("id" if name == "_id" else name)
    held = found if isinstance(found, list) else [found]
    return any(each in held for each in value.split(","))
