"""How a row of the record is shown as an AuditEvent.

Shape: https://hl7.org/fhir/R4/auditevent.html, filled as IHE's Basic Audit Log Patterns ask
(https://profiles.ihe.net/ITI/BALP/): a client, a server and a person as agents; the request, the resource or
query, and the one patient it concerns as entities. A profile is claimed where one fits: successful reads,
searches, creations, updates and deletions. One thing differs, and on purpose: the query holds no name, only a
keyed hash of it (`api.recorded_requests`).
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from careapp.records.models import AuditEvent
from fhir.mapping import codes
from fhir.mapping.elements import Json, instant, meta, reference, without_none

DCM = "http://dicom.nema.org/resources/ontology/DCM"
TYPE = f"{codes.TERMINOLOGY}audit-event-type"
INTERACTION = "http://hl7.org/fhir/restful-interaction"
ACTION = "http://hl7.org/fhir/audit-event-action"
OUTCOME = "http://hl7.org/fhir/audit-event-outcome"
OUR_ACTION = f"{codes.CODES}audit-action"
OUR_ROLE = f"{codes.CODES}viewer-role"
ENTITY_TYPE = f"{codes.TERMINOLOGY}audit-entity-type"
ENTITY_ROLE = f"{codes.TERMINOLOGY}object-role"
SOURCE_TYPE = f"{codes.TERMINOLOGY}security-source-type"
PARTICIPATION = f"{codes.TERMINOLOGY}v3-ParticipationType"
BALP = "https://profiles.ihe.net/ITI/BALP/"

VERBS: Mapping[str, tuple[str, ...]] = {
    "C": ("add", "make", "propose", "book", "hold", "create", "record"),
    "R": ("list", "get", "look", "read", "search", "export", "download"),
    "U": ("cancel", "change", "confirm", "end", "fulfil", "move", "publish", "reopen", "set", "update"),
    "D": ("delete", "forget", "release", "remove"),
}
"""Of a command's first word; any other is executed (E)."""

INTERACTIONS: Mapping[str, tuple[str, ...]] = {
    "C": ("create",),
    "R": ("read", "vread", "history-instance", "history-type", "history-system"),
    "U": ("update", "patch"),
    "D": ("delete",),
}
"""Of a request; any other is executed (E), searches too, as IHE's patterns have it."""

PROFILES: Mapping[str, str] = {
    "create": "Create",
    "delete": "Delete",
    "patch": "Update",
    "read": "Read",
    "search-type": "Query",
    "update": "Update",
    "vread": "Read",
}
OF_COMMANDS: Mapping[str, str] = {"C": "create", "U": "update", "D": "delete"}
"""What a command is as an interaction."""

PURPOSES: Mapping[str, tuple[str, str]] = {
    "administrator": ("HOPERAT", "healthcare operations"),
    "auditor": ("HCOMPL", "health compliance"),
    "client": ("TREAT", "treatment"),
    "coordinator": ("HOPERAT", "healthcare operations"),
    "doctor": ("TREAT", "treatment"),
    "nurse": ("TREAT", "treatment"),
    "support": ("HSYSADMIN", "health system administration"),
    "system": ("HSYSADMIN", "health system administration"),
}
"""What a role looks for (v3-ActReason), unless the row says otherwise: `BTG` for a broken glass."""

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

TOLD_ELSEWHERE = frozenset({"from", "purpose"})
"""Details that have an element of their own."""


@dataclass(frozen=True)
class Recorded:
    """A row as it is shown; see `AuditEvent`."""

    id: UUID
    at: datetime
    viewer: str
    role: str | None
    action: str
    interaction: str | None
    outcome: str
    subject_kind: str
    subject_id: UUID | None
    patient_id: UUID | None
    request_id: str | None
    detail: Mapping[str, Any]
    is_synthetic: bool

    @classmethod
    def of(cls, row: AuditEvent) -> Self:
        """Take a row loaded with its organisation."""
        return cls(
            **{name: getattr(row, name) for name in COLUMNS},
            is_synthetic=row.organisation is not None and row.organisation.is_synthetic,
        )

    @property
    def kind(self) -> str | None:
        """The resource that the subject is shown as."""
        if self.subject_kind == "held_resource":
            return str(self.detail["kind"])
        return KINDS.get(self.subject_kind) or (self.subject_kind if self.subject_kind[0].isupper() else None)

    @property
    def verb(self) -> str:
        """FHIR's code of what was done."""
        if self.interaction is not None:
            return next((code for code, names in INTERACTIONS.items() if self.interaction in names), "E")
        first = self.action.partition("_")[0]
        return next((code for code, verbs in VERBS.items() if first in verbs), "E")

    @property
    def as_interaction(self) -> str | None:
        """What it was as a request; None of what runs by itself or has no name of FHIR's."""
        if self.interaction is not None or self.request_id is None:
            return self.interaction
        return OF_COMMANDS.get(self.verb, "operation")


COLUMNS = (
    "id",
    "at",
    "viewer",
    "role",
    "action",
    "interaction",
    "outcome",
    "subject_kind",
    "subject_id",
    "patient_id",
    "request_id",
    "detail",
)
"""What is read of a row, in this order."""


def show(event: Recorded) -> Json:
    """Show what was recorded."""
    interaction = event.as_interaction
    is_request = interaction is not None
    code = {"system": TYPE, "code": "rest", "display": "Restful Operation"}
    if not is_request:
        code = {"system": DCM, "code": "110100", "display": "Application Activity"}
    entities = list(_entities(event, interaction))
    profile = _profile(event, interaction, entities)
    return without_none(
        {
            "resourceType": "AuditEvent",
            "id": str(event.id),
            "meta": meta(*([profile] if profile else []), is_synthetic=event.is_synthetic),
            "type": code,
            "subtype": [
                *([{"system": INTERACTION, "code": interaction}] if is_request else []),
                {"system": OUR_ACTION, "code": event.action},
            ],
            "action": event.verb,
            "recorded": instant(event.at),
            "outcome": event.outcome,
            "outcomeDesc": None if event.outcome == "0" else "refused, or not there",
            "agent": _agents(event, interaction),
            "source": {
                "observer": {"display": "careapp"},
                "type": [{"system": SOURCE_TYPE, "code": "4", "display": "Application Server"}],
            },
            "entity": entities,
        }
    )


def _profile(event: Recorded, interaction: str | None, entities: list[Json]) -> str | None:
    name = PROFILES.get(interaction or "")
    is_known = "query" in entities[0] or "what" in entities[0]
    if name is None or event.outcome != "0" or event.detail.get("from") is None or not is_known:
        return None
    of_patient = "Patient" if event.patient_id is not None else ""
    return f"{BALP}StructureDefinition/IHE.BasicAudit.{of_patient}{name}"


def _agents(event: Recorded, interaction: str | None) -> list[Json]:
    is_client = event.role == "client"
    person: Json = without_none(
        {
            "type": _concept(PARTICIPATION, "IRCP", "information recipient")
            if event.verb in {"R", "E"}
            else _concept(PARTICIPATION, "AUT", "author (originator)"),
            "role": [_concept(OUR_ROLE, event.role)] if event.role else None,
            "who": _whom(event.viewer),
            "name": event.viewer,
            "requestor": True,
            "purposeOfUse": _purpose(event),
        }
    )
    if interaction is None:
        return [person]
    asks, answers = ("110153", "Source Role ID"), ("110152", "Destination Role ID")
    if event.verb == "R":  # the data flow the other way
        asks, answers = answers, asks
    network = {"address": str(event.detail.get("from", "unknown")), "type": "2"}
    client: Json = {
        "type": _concept(DCM, *asks),
        "who": _whom(event.viewer) if is_client else {"display": "a browser or another program"},
        **({"name": event.viewer} if is_client else {}),
        "requestor": is_client,
        "network": network,
        **({"purposeOfUse": _purpose(event)} if is_client else {}),
    }
    server: Json = {
        "type": _concept(DCM, *answers),
        "who": {"display": "careapp"},
        "requestor": False,
        "network": {"address": "careapp", "type": "1"},
    }
    return [client, server] if is_client else [person, client, server]


def _purpose(event: Recorded) -> list[Json]:
    given = event.detail.get("purpose")
    known = (str(given), None) if given else PURPOSES.get(event.role or "")
    return [_concept(codes.ACT_REASON, *known)] if known else []


def _entities(event: Recorded, interaction: str | None) -> list[Json]:
    found: list[Json] = []
    is_search = interaction in {"search-type", "search-system"}
    if is_search:
        asked = f"{event.kind or event.subject_kind}?{event.detail.get('query', '')}"
        found.append(
            {
                "type": _coding(ENTITY_TYPE, "2", "System Object"),
                "role": _coding(ENTITY_ROLE, "24", "Query"),
                "query": b64encode(asked.encode()).decode(),
            }
        )
    else:
        is_person = event.kind == "Patient" and event.patient_id is None
        found.append(
            without_none(
                {
                    "what": reference(event.kind, event.subject_id)
                    if event.kind and event.subject_id
                    else None,
                    "type": _coding(ENTITY_TYPE, "1", "Person")
                    if is_person
                    else _coding(ENTITY_TYPE, "2", "System Object"),
                    "role": _coding(ENTITY_ROLE, "1", "Patient")
                    if is_person
                    else _coding(ENTITY_ROLE, "4", "Domain Resource"),
                    "name": event.subject_kind,
                    "detail": [
                        {"type": name, "valueString": str(value)}
                        for name, value in event.detail.items()
                        if value not in (None, "") and name not in TOLD_ELSEWHERE
                    ],
                }
            )
        )
    if event.patient_id is not None:
        found.append(
            {
                "what": reference("Patient", event.patient_id),
                "type": _coding(ENTITY_TYPE, "1", "Person"),
                "role": _coding(ENTITY_ROLE, "1", "Patient"),
            }
        )
    if event.request_id is not None:
        found.append(
            {
                "what": {"identifier": {"value": event.request_id}},
                "type": _coding(f"{BALP}CodeSystem/BasicAuditEntityType", "XrequestId"),
            }
        )
    return found


def _whom(viewer: str) -> Json:
    return {"identifier": {"system": f"{codes.OURS}/NamingSystem/viewer", "value": viewer}}


def _coding(system: str, code: str, display: str | None = None) -> Json:
    return without_none({"system": system, "code": code, "display": display})


def _concept(system: str, code: str, display: str | None = None) -> Json:
    return {"coding": [_coding(system, code, display)]}
