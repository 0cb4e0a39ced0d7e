"""Filters of subscriptions: searches such as `Appointment?status=cancelled&patient=Patient/1`."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement

from careapp.access import Viewer
from fhir.mapping.resource import ServedResource
from fhir.search.asked import read_query
from fhir.search.parameter import Context, InvalidSearch


def conditions_of(
    filters: Sequence[str], resource: ServedResource, *, base_url: str, zone: ZoneInfo, viewer: Viewer
) -> list[ColumnElement[bool]]:
    """Turn filters into SQL.

    Args:
        filters: All must match.
        resource: What the topic is about; one part of it.
        base_url: Address of this server's FHIR part.
        zone: Whose wall clock a time without an offset is read from.
        viewer: Who hears; what a filter follows is only what they may see.

    Raises:
        InvalidSearch: A filter is about another kind, malformed, or uses what is not supported: one that was
            ignored would tell about everybody.
    """
    found: list[ColumnElement[bool]] = []
    kind = resource.kind
    for written in filters:
        name, mark, query = written.partition("?")
        if not mark or name.strip("/") != kind:
            raise InvalidSearch(f"a filter of this topic looks like {kind}?status=…, about nothing else")
        context = Context(base_url=base_url, zone=zone, viewer=viewer)
        asked = read_query(query, resource, context, strict=True)
        if not asked.conditions:
            raise InvalidSearch(f"a filter names at least one search parameter of {kind}")
        found += asked.conditions
    return found
