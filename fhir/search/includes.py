"""Resources that come along: `_include`, `_revinclude`.

https://hl7.org/fhir/R4/search.html#include. What comes along is what the viewer could read anyway, once each,
never one of the matches again. Without `:iterate` only matches bring others along.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select, union, union_all
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.sealing.contents import opened
from fhir.access import shown
from fhir.mapping.registry import RESOURCES, find_resource
from fhir.mapping.resource import ServedResource
from fhir.search.bundle import Entry
from fhir.search.parameter import refuse
from fhir.search.references import Reference

MOST_INCLUDED = 1000
"""Of one page."""
MOST_ROUNDS = 8
"""From an included resource to the next."""

ITERATE = frozenset({"iterate", "recurse"})
"""`recurse` is what STU3 called it."""


@dataclass(frozen=True, eq=False)
class Include:
    """One `_include` or `_revinclude`.

    Attributes:
        source: Whose references it follows.
        references: Those references.
        target: Only targets of this type; None: of any.
        is_reverse: From targets to sources.
        is_iterating: Included resources bring others along, too.
    """

    source: ServedResource
    references: tuple[Reference, ...]
    target: str | None
    is_reverse: bool
    is_iterating: bool


def read_include(name: str, modifier: str, text: str) -> list[Include] | None:
    """Read what is to come along; None if it is not supported.

    Args:
        name: `_include` or `_revinclude`.
        modifier: `iterate`, or empty.
        text: `Slot:schedule`, `Appointment:actor:Patient`, `Slot:*` or `*`.

    Raises:
        InvalidSearch: It is not written so.
    """
    if modifier and modifier not in ITERATE:
        raise refuse(f"{name}:{modifier}", text, f"{name} takes only the modifier iterate")
    kind, *rest = text.split(":")
    if len(rest) > 2 or (len(rest) == 0 and kind != "*"):
        raise refuse(name, text, "give Type:parameter, Type:parameter:TargetType, Type:* or *")
    target = rest[1] if len(rest) == 2 and rest[1] != "*" else None
    kinds = RESOURCES if kind == "*" else [each for each in [find_resource(kind)] if each]
    sources = [part for each in kinds for part in each.parts]
    found = [
        Include(source, references, target, name == "_revinclude", is_iterating=bool(modifier))
        for source in sources
        if (references := _references(source, rest[0] if rest else "*", target))
    ]
    return found or None


def offered(resource: ServedResource) -> tuple[list[str], list[str]]:
    """Return what `_include` and `_revinclude` may name when a kind of resource is searched."""
    along = [
        f"{resource.kind}:{name}"
        for name, parameter in resource.all_parameters.items()
        if isinstance(parameter, Reference)
        and any(parameter.followed(kind, only_shown=True) for kind in parameter.modifiers)
    ]
    reverse = [
        f"{source.kind}:{name}"
        for source in RESOURCES
        for name, parameter in source.all_parameters.items()
        if isinstance(parameter, Reference) and parameter.followed(resource.kind, only_shown=True)
    ]
    return sorted(along), sorted(reverse)


def _references(source: ServedResource, name: str, target: str | None) -> tuple[Reference, ...]:
    chosen = [
        parameter
        for each, parameter in source.all_parameters.items()
        if isinstance(parameter, Reference) and name in {each, "*"}
    ]
    return tuple(each for each in chosen if target is None or target in each.modifiers)


def included(
    session: Session, includes: Sequence[Include], kind: str, ids: Iterable[UUID], viewer: Viewer
) -> tuple[list[Entry], bool]:
    """Fetch what comes along with some matches.

    Args:
        session: The transaction that found the matches; one that reads sees the same moment.
        includes: What is to come along.
        kind: Of the matches.
        ids: Of the matches.
        viewer: Who asks.

    Returns:
        The resources, and whether there were more than may come along.
    """
    entries: list[Entry] = []
    seen: dict[str, set[UUID]] = {kind: set(ids)}
    fresh: Mapping[str, set[UUID]] = seen
    following = includes
    for _ in range(MOST_ROUNDS):
        wanted = _wanted(following, fresh)
        fresh = {}
        for resource in RESOURCES:
            selects = wanted.get(resource.kind)
            if not selects:
                continue
            known = seen.setdefault(resource.kind, set())
            left = MOST_INCLUDED - len(entries)
            found = session.execute(_documents(resource, selects, known, viewer, left + 1)).all()
            entries += [
                Entry(resource.kind, str(key), opened(session, resource.kind, key, content), "include")
                for key, content in found
            ]
            if len(found) > left:
                return entries[:MOST_INCLUDED], True
            fresh[resource.kind] = {key for key, _ in found}
            known |= fresh[resource.kind]
        following = [include for include in includes if include.is_iterating]
        if not following or not any(fresh.values()):
            break
    return entries, False


def _wanted(includes: Sequence[Include], fresh: Mapping[str, set[UUID]]) -> dict[str, list[Select[UUID]]]:
    """Select the ids of what comes along, by kind."""
    wanted: dict[str, list[Select[UUID]]] = {}
    for include in includes:
        source = include.source
        for reference in include.references:
            for target in {include.target} if include.target else reference.modifiers:
                carriers = reference.followed(target, only_shown=True)
                ids = fresh.get(target if include.is_reverse else source.kind)
                if not ids:
                    continue
                for carrier in carriers:
                    if include.is_reverse:
                        rows = select(source.key).select_from(source.table)
                        wanted.setdefault(source.kind, []).append(
                            rows.where(carrier.matches([str(key) for key in ids]))
                        )
                    else:
                        wanted.setdefault(target, []).append(
                            carrier.targets(source.table, source.key.in_(ids))
                        )
    return wanted


def _documents(
    resource: ServedResource, selects: Sequence[Select[UUID]], known: set[UUID], viewer: Viewer, most: int
) -> Select[UUID, bytes]:
    ids = selects[0] if len(selects) == 1 else select(union(*selects).subquery().c[0])
    first, *others = (_documents_of_part(part, ids, known, viewer) for part in resource.parts)
    if not others:
        return first.order_by(resource.documents.id).limit(most)
    found = union_all(first, *others).subquery()
    return select(found.c.id, found.c.content).order_by(found.c.id).limit(most)


def _documents_of_part(
    resource: ServedResource, ids: Select[UUID], known: set[UUID], viewer: Viewer
) -> Select[UUID, bytes]:
    stored = resource.documents
    rows = (
        select(stored.id, stored.content)
        .select_from(resource.table)
        .join(stored, stored.id == resource.key)
        .where(stored.kind == resource.kind, resource.key.in_(ids))
    )
    return shown(rows.where(resource.key.not_in(known)) if known else rows, viewer, resource, "r")
