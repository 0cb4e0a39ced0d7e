"""References: whether they can be read, point to a type that is allowed there, and to something that exists.

https://hl7.org/fhir/R4/references.html. Whole addresses of other servers are kept as they are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from fhir.issues import Issue
from fhir.mapping.registry import UnknownKind, get_resource
from fhir.search.carriers import parse_id
from fhir.validation.reading import broken, parts, text
from fhir.validation.structure import FoundReference
from fhir.validation.types import is_resource_kind

LITERAL = re.compile(
    r"(?:(?P<base>https?://[^\s?#]+?)/)?(?P<kind>[A-Z][A-Za-z]{1,39})/(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/[A-Za-z0-9\-.]{1,64})?"
)
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
KEYS_AT_ONCE = 500


@dataclass(frozen=True)
class Target:
    """Where a literal reference points.

    Attributes:
        base: Address of the server; None: this one.
        kind: Of resource.
        id: Of the resource.
    """

    base: str | None
    kind: str
    id: str


def parse(written: str) -> Target | None:
    """Read `Kind/id` or the whole address of a resource, with or without a version; None if it is neither."""
    found = LITERAL.fullmatch(written)
    if found is None or not is_resource_kind(found["kind"]):
        return None
    return Target(found["base"], found["kind"], found["id"])


def problems(found: Sequence[FoundReference]) -> Iterator[Issue]:
    """Yield what is wrong with references as far as the document tells by itself."""
    for each in found:
        written = text(each.node, "reference")
        kind = text(each.node, "type")
        if written is None:
            if kind is not None and each.targets and kind not in each.targets:
                yield _wrong_type(each)
        elif written.startswith("#"):
            yield from _contained(each, written)
        else:
            yield from _literal(each, written, kind)


def _contained(found: FoundReference, written: str) -> Iterator[Issue]:
    if written == "#":  # the resource around it
        return
    for resource, _ in parts(found.container, "contained"):
        if resource.get("id") == written[1:]:
            if found.targets and text(resource, "resourceType") not in found.targets:
                yield _wrong_type(found)
            return
    yield broken("ref-1", "no contained resource has this id", f"{found.path}.reference")


def _literal(found: FoundReference, written: str, kind: str | None) -> Iterator[Issue]:
    target = parse(written)
    if target is None:
        if ADDRESS.fullmatch(written) is None:
            sentence = "is no reference: give Kind/id, the whole address of a resource, or #id"
            yield Issue("value", sentence, f"{found.path}.reference")
        return
    if found.targets and target.kind not in found.targets:
        yield _wrong_type(found)
    if kind is not None and kind != target.kind:
        sentence = "names another type than the reference itself"
        yield Issue("invalid", sentence, f"{found.path}.type")


def _wrong_type(found: FoundReference) -> Issue:
    allowed = ", ".join(sorted(found.targets))
    return Issue("value", f"refers to a type that is not allowed here: {allowed}", f"{found.path}.reference")


def missing(
    session: Session, found: Sequence[FoundReference], *, base_url: str, viewer: Viewer
) -> Iterator[Issue]:
    """Yield an issue for each reference to this server at which the viewer finds nothing."""
    wanted: dict[str, dict[UUID | None, list[FoundReference]]] = {}
    for each in found:
        written = text(each.node, "reference") or ""
        if written.startswith("urn:"):
            sentence = "refers to an entry of a Bundle that is not here: send both in one transaction"
            yield Issue("not-found", sentence, f"{each.path}.reference")
        target = parse(written)
        if target is not None and target.base in {None, base_url}:
            wanted.setdefault(target.kind, {}).setdefault(parse_id(target.id), []).append(each)
    for kind, by_key in wanted.items():
        here = _existing(session, kind, [key for key in by_key if key is not None], viewer)
        for key, those in by_key.items():
            if key is None or key not in here:
                sentence = f"there is no such {kind} here, or not for you"
                yield from (Issue("not-found", sentence, f"{each.path}.reference") for each in those)


def _existing(session: Session, kind: str, keys: Sequence[UUID], viewer: Viewer) -> set[UUID]:
    try:
        resource = get_resource(kind)
    except UnknownKind:
        return set()
    found: set[UUID] = set()
    for first in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[first : first + KEYS_AT_ONCE]
        for part in resource.parts:
            rows = select(part.key).select_from(part.table).where(part.key.in_(some))
            found.update(session.scalars(part.visible(rows, viewer)))
    return found
