"""AuditEvent: who did what with whose data, read only.

Shape: https://hl7.org/fhir/R4/auditevent.html, filled as IHE's Basic Audit Log Patterns
(https://profiles.ihe.net/ITI/BALP/): a type and subtype, one agent that asked, this server as source, the
subject as entity. Details are ids, counts and codes; a patient's name never is among them.
"""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, case, or_
from sqlalchemy.orm import joinedload

from careapp.records.models import AuditEvent
from fhir.mapping import codes
from fhir.mapping.elements import Json, instant, meta, reference, without_none
from fhir.mapping.resource import ServedResource
from fhir.mapping.tenant import invented, on_organisation
from fhir.search import carriers
from fhir.search.carriers import Carrier
from fhir.search.dates import Instant
from fhir.search.references import Reference
from fhir.search.strings import String
from fhir.search.tokens import Token

TYPE = "http://dicom.nema.org/resources/ontology/DCM"
ACTION = "http://hl7.org/fhir/audit-event-action"
OUR_ACTION = f"{codes.CODES}audit-action"
ENTITY_TYPE = f"{codes.TERMINOLOGY}audit-entity-type"
ENTITY_ROLE = f"{codes.TERMINOLOGY}object-role"
SOURCE_TYPE = f"{codes.TERMINOLOGY}security-source-type"

VERBS: Mapping[str, tuple[str, ...]] = {
    "C": ("add", "make", "propose", "book", "hold", "create", "record"),
    "R": ("list", "get", "look", "read", "search", "export", "download"),
    "U": ("cancel", "change", "confirm", "end", "fulfil", "move", "publish", "reopen", "set", "update"),
    "D": ("delete", "forget", "release", "remove"),
}
"""Of the action's first word; any other is executed (E)."""

KINDS: Mapping[str, str] = {
    "appointment": "Appointment",
    "booking": "Appointment",
    "care_order": "ServiceRequest",
    "care_plan": "CarePlan",
    "organisation": "Organization",
    "patient": "Patient",
    "place": "Location",
    "practitioner": "Practitioner",
    "role": "PractitionerRole",
    "schedule": "Schedule",
    "slot": "Slot",
    "tour": "List",
    "visit": "Appointment",
}
"""Under which resource a table's rows are shown; a held resource's kind stands in the details."""


def to_fhir(row: AuditEvent) -> Json:
    """Show an audit row."""
    is_synthetic = row.organisation is not None and row.organisation.is_synthetic
    return without_none(
        {
            "resourceType": "AuditEvent",
            "id": str(row.id),
            "meta": meta(is_synthetic=is_synthetic),
            "type": {"system": TYPE, "code": "110100", "display": "Application Activity"},
            "subtype": [{"system": OUR_ACTION, "code": row.action}],
            "action": _action(row.action),
            "recorded": instant(row.at),
            "outcome": "0",
            "agent": [
                {
                    "who": {
                        "identifier": {"system": f"{codes.OURS}/NamingSystem/viewer", "value": row.viewer}
                    },
                    "name": row.viewer,
                    "requestor": True,
                }
            ],
            "source": {
                "observer": {"display": "careapp"},
                "type": [{"system": SOURCE_TYPE, "code": "4", "display": "Application Server"}],
            },
            "entity": [_entity(row)],
        }
    )


def _entity(row: AuditEvent) -> Json:
    kind = _kind(row)
    is_person = kind == "Patient"
    return without_none(
        {
            "what": reference(kind, row.subject_id) if kind and row.subject_id else None,
            "type": {"system": ENTITY_TYPE, "code": "1", "display": "Person"}
            if is_person
            else {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
            "role": {"system": ENTITY_ROLE, "code": "1", "display": "Patient"}
            if is_person
            else {"system": ENTITY_ROLE, "code": "4", "display": "Domain Resource"},
            "name": row.subject_kind,
            "detail": [
                {"type": name, "valueString": str(value)}
                for name, value in row.detail.items()
                if value not in (None, "")
            ],
        }
    )


def _kind(row: AuditEvent) -> str | None:
    if row.subject_kind == "held_resource":
        return str(row.detail["kind"])
    return KINDS.get(row.subject_kind)


def _action(name: str) -> str:
    verb = name.partition("_")[0]
    return next((code for code, verbs in VERBS.items() if verb in verbs), "E")


def _is(code: str) -> ColumnElement[bool]:
    return or_(*(AuditEvent.action.regexp_match(f"^{verb}(_|$)") for verb in VERBS[code]))


def _subject(kind: str) -> Carrier:
    """The subject, if it is shown as this kind of resource."""
    is_shown_so = AuditEvent.subject_kind.in_([table for table, shown in KINDS.items() if shown == kind])
    whatever = carriers.ids(kind, AuditEvent.subject_id)
    return replace(
        carriers.ids(kind, case((is_shown_so, AuditEvent.subject_id))),
        matches=lambda found: and_(is_shown_so, whatever.matches(found)),  # the index on the id serves it
    )


_KNOWN = [_is(code) for code in VERBS]

AUDIT_EVENT = ServedResource(
    kind="AuditEvent",
    table=AuditEvent,
    about="Who did what with whose data.",
    to_fhir=to_fhir,
    synthetic=invented(AuditEvent.organisation_id),
    load=(joinedload(AuditEvent.organisation),),
    affected_by=(on_organisation(AuditEvent.id, AuditEvent.organisation_id),),
    parameters={
        "action": Token(
            (carriers.cases(ACTION, {**{code: _is(code) for code in VERBS}, "E": ~or_(*_KNOWN)}),),
            f"{codes.HL7_PARAMETER}AuditEvent-action",
        ),
        "agent-name": String((AuditEvent.viewer,), f"{codes.HL7_PARAMETER}AuditEvent-agent-name"),
        "date": Instant(AuditEvent.at, f"{codes.HL7_PARAMETER}AuditEvent-date"),
        "entity": Reference(
            tuple(_subject(kind) for kind in sorted(set(KINDS.values()))),
            f"{codes.HL7_PARAMETER}AuditEvent-entity",
        ),
        "entity-name": String((AuditEvent.subject_kind,), f"{codes.HL7_PARAMETER}AuditEvent-entity-name"),
        "outcome": Token(
            (carriers.cases("http://hl7.org/fhir/audit-event-outcome", {"0": AuditEvent.id.is_not(None)}),),
            f"{codes.HL7_PARAMETER}AuditEvent-outcome",
        ),
        "patient": Reference((_subject("Patient"),), f"{codes.HL7_PARAMETER}AuditEvent-patient"),
        "subtype": Token(
            (carriers.texts(OUR_ACTION, AuditEvent.action),), f"{codes.HL7_PARAMETER}AuditEvent-subtype"
        ),
    },
    order="date",
)
