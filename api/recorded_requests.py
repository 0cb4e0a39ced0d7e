"""What a request asked for, in the words of the record: no value in it may be a name.

A query stands in the record with the names of its parameters, with ids, dates, numbers and known codes. Any
other value may be a name, an address or an insurance number, so only a keyed hash of it stands there, 16
hexadecimal digits after `#`: two searches for the same person look alike, and nobody reads whom they meant.
That is why `AuditEvent.entity.query` is not the raw query that IHE's patterns ask for.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from starlette.types import Scope

from careapp.records.chain import Chain
from fhir.mapping.registry import RESOURCES
from fhir.search.asked import CONTROLS, MOST_PARAMETERS, NOT_OURS

SHOWS_NOBODY = (
    "/api/about",
    "/api/map",
    "/api/roads",
    "/api/jobs",
    "/api/me",
    "/api/organisations",
    "/api/places",
    "/api/skills",
    "/api/doctors",
    "/fhir/metadata",
    "/fhir/OperationDefinition",
    "/fhir/SearchParameter",
    "/fhir/StructureDefinition",
    "/fhir/CompartmentDefinition",
)
"""Addresses that show no patient. They are recorded only if something about one was loaded all the same."""

SUBJECTS: Mapping[str, str] = {
    "appointments": "appointment",
    "bookings": "booking",
    "calls": "call",
    "days": "day",
    "doctors": "role",
    "holds": "slot",
    "nurses": "role",
    "orders": "care_order",
    "patients": "patient",
    "slots": "slot",
    "tours": "tour",
    "visits": "visit",
}
"""The table behind the first word of an address under `/api`; any other word stands for itself."""

METHODS: Mapping[str, str] = {
    "GET": "search-type",
    "HEAD": "search-type",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
"""https://hl7.org/fhir/R4/valueset-type-restful-interaction.html"""

_ID = re.compile(r"([A-Z][A-Za-z]+/)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(/_history/[0-9]+)?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_TIME = re.compile(
    r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?[12][0-9]{3}(-[01][0-9](-[0-3][0-9])?)?"
    r"(T[0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+ -][0-9]{2}:[0-9]{2})?)?"
)
_BETWEEN_WORDS = re.compile(r"[,:.|]|(?<![a-z])-")
_CODES = """
    accurate active arrived booked busy busy-tentative busy-unavailable cancelled care-service completed
    count data draft entered-in-error estimate false female free fulfilled iterate json male none noshow
    off pending practice proposed published text true unknown waitlist xml
"""
_PARAMETERS = frozenset(name for resource in RESOURCES for name in resource.all_parameters)
_WORDS = _PARAMETERS | CONTROLS | {resource.kind for resource in RESOURCES} | frozenset(_CODES.split())
_FHIR_NAMES = _PARAMETERS | CONTROLS | NOT_OURS | {"_has", "_at", "_typeFilter", "_outputFormat"}
LONGEST_QUERY = 2000
"""Letters of a query as it is recorded."""


@dataclass(frozen=True)
class Asked:
    """What a request asked for.

    Attributes:
        action: Name of the route's function.
        interaction: FHIR's name of what kind of request it was.
        subject_kind: Kind of resource, or table.
        subject_id: Of the one row that was asked for.
        patients: Whom the request names by id.
        query: Its query without names; None if it has none.
        shows_nobody: It is not recorded unless something about a patient was loaded.
        is_of_record: It was asked who looked. The answer holds patients' ids and nothing else of them; to
            record it once more for each would make the record grow by being read.
    """

    action: str
    interaction: str
    subject_kind: str
    subject_id: UUID | None
    patients: frozenset[UUID]
    query: str | None
    shows_nobody: bool
    is_of_record: bool


def asked_of(scope: Scope, form: bytes, queries: Sequence[str], chain: Chain) -> Asked | None:
    """Tell what a request asked for; None if no route took it.

    Args:
        scope: Of a request that a route has taken.
        form: Its body, if that is the form of a search.
        queries: Searches of a batch, each `Kind?query`.
        chain: Makes the hashes.
    """
    context = scope.get("fastapi", {}).get("effective_route_context")
    template: str | None = getattr(context, "path_format", None)
    if template is None:
        return None
    parameters: dict[str, Any] = scope.get("path_params", {})
    text = "&".join(filter(None, (scope["query_string"].decode("latin-1"), form.decode("latin-1"))))
    subject_kind, subject_id = _subject(template, parameters), _key(parameters)
    query, named = None, frozenset[UUID]()
    if text:
        query, named = _clean(text, subject_kind, _names(context, template), chain)
    for each in queries:
        kind, _, of_entry = each.partition("?")
        cleaned, patients = _clean(of_entry, kind, _FHIR_NAMES, chain)
        query = " ".join(filter(None, (query, f"{kind if kind in _WORDS else 'Resource'}?{cleaned}")))
        query, named = query[:LONGEST_QUERY], named | patients
    if subject_id is not None and subject_kind.lower() == "patient":
        named |= {subject_id}
    return Asked(
        action=str(getattr(context, "name", "unknown"))[:60],
        interaction=_interaction(scope["method"], template),
        subject_kind=subject_kind,
        subject_id=subject_id,
        patients=named,
        query=query,
        shows_nobody=template.startswith(SHOWS_NOBODY),
        is_of_record=subject_kind == "AuditEvent" and "include=" not in text and "include:" not in text,
    )


def _interaction(method: str, template: str) -> str:
    path = template.rstrip("/")
    if "$" in path:
        return "operation"
    if path == "/fhir":
        return "batch"
    if path.endswith("_search"):
        return "search-type"
    if path.endswith("_history/{version}"):
        return "vread"
    if path.endswith("_history"):
        steps = path.count("{")
        return ("history-system", "history-type", "history-instance")[steps]
    if method in {"GET", "HEAD"}:
        return "read" if path.endswith("}") and not path.endswith("{kind}") else "search-type"
    if method == "POST" and path.startswith("/api/") and "{" in path:
        return "operation"
    return METHODS[method]


def _subject(template: str, parameters: Mapping[str, Any]) -> str:
    steps = template.strip("/").split("/")
    word = steps[1] if len(steps) > 1 else "Bundle"
    if word.startswith("{"):
        # The kind is what the client wrote: anything, unless it is one of ours.
        kind = str(parameters.get("kind"))
        return kind if kind in _WORDS else "Resource"
    if steps[0] == "fhir":
        return word if word[:1].isupper() else "Bundle"
    return SUBJECTS.get(word, word)[:40]


def _key(parameters: Mapping[str, Any]) -> UUID | None:
    for name, value in parameters.items():
        if name == "id" or name.endswith("_id"):
            try:
                return UUID(str(value))
            except ValueError:
                return None
    return None


def _names(context: Any, template: str) -> frozenset[str]:
    """Names of the parameters that a route knows: a name that it does not know may be a person's."""
    if template.startswith("/fhir"):
        return _FHIR_NAMES
    return _known(context.endpoint)


@lru_cache(maxsize=500)
def _known(endpoint: Any) -> frozenset[str]:
    return frozenset(inspect.signature(endpoint).parameters)


@lru_cache(maxsize=500)
def _clean(text: str, kind: str, names: frozenset[str], chain: Chain) -> tuple[str, frozenset[UUID]]:
    """Write a query without names, and find the patients that it names by id; kept for who asks it again."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return "#too-many", frozenset()
    written, named = [], set()
    for full_name, value in pairs:
        steps = re.split(r"[:.]", full_name)
        is_known = steps[0] in names and all(step in _WORDS or step in _MODIFIERS for step in steps[1:])
        name = full_name if is_known else f"#{chain.blind(full_name)}"
        values = [_plain(steps[0], each, chain) for each in value.split(",")]
        written.append(f"{name}={','.join(values)}")
        of_patients = {"patient", "subject", "_id"} if kind == "Patient" else {"patient", "subject"}
        named |= {UUID(each[-36:]) for each in values if _is_patient(each, is_about=steps[0] in of_patients)}
    return "&".join(written)[:LONGEST_QUERY], frozenset(named)


_MODIFIERS = frozenset({"exact", "contains", "missing", "not", "text", "identifier", "of-type", "iterate"})


def _is_patient(value: str, *, is_about: bool) -> bool:
    if not _ID.fullmatch(value) or "_history" in value:
        return False
    return value.startswith("Patient/") or ("/" not in value and is_about)


def _plain(name: str, value: str, chain: Chain) -> str:
    if value == "" or _ID.fullmatch(value) or _NUMBER.fullmatch(value):
        return value
    if _TIME.fullmatch(value) and name != "birthdate":
        return value
    words = [word for word in _BETWEEN_WORDS.split(value) if word]
    if words and all(word in _WORDS or word in _MODIFIERS for word in words):
        return value
    return f"#{chain.blind(value)}"
