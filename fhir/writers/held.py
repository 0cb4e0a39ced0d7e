"""Resources that are held as they were sent: whose they become, and what a few of them mean to us."""

from collections.abc import Mapping
from typing import Any, Protocol, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import visible
from careapp.errors import Conflict
from careapp.organisations.models import Organisation
from careapp.people.models import Patient
from careapp.records.held import (
    HeldCareTeam,
    HeldCommunication,
    HeldConsent,
    HeldProvenance,
    HeldRelatedPerson,
    HeldResource,
    HeldTask,
)
from careapp.records.holding import change_held, get_held, hold, release_held
from fhir.asking import Asking
from fhir.formats.json import write_json
from fhir.issues import Issue, Rejected
from fhir.mapping.elements import Json
from fhir.mapping.held.declared import OWN, VERSION
from fhir.mapping.registry import get_resource
from fhir.search import extract
from fhir.sent import relative
from fhir.writers.writer import Writer


class Meaning(Protocol):
    """What a held document says about our own rows."""

    def apply(self, session: Session, row: Any, document: Json, asking: Asking) -> None:
        """Bring our rows in line with a document that came or changed.

        Raises:
            Rejected: It breaks rules; names all of them.
            CareError: A command refused it.
        """
        ...

    def withdraw(self, session: Session, row: Any, asking: Asking) -> None:
        """Undo what a document said that is about to go."""
        ...


class OurOwnRecord(Conflict):
    """The resource is what this server wrote down itself."""


class HeldWriter:
    """Writes one kind of held resource.

    Args:
        model: Its table.
        patient: Path of the reference to the patient whom it is about.
        anchors: Paths of references from which its owner follows if it names no patient of ours.
        meaning: What it says about our own rows.
        keeps_ours: Rows without content are our own records, and nobody may replace them.
    """

    interactions = frozenset({"create", "update", "delete"})

    def __init__(
        self,
        model: type[HeldResource],
        *,
        patient: str,
        anchors: tuple[str, ...],
        meaning: Meaning | None = None,
        keeps_ours: bool = False,
    ) -> None:
        self._model, self._patient, self._anchors, self._meaning = model, patient, anchors, meaning
        self._keeps_ours = keeps_ours

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """Hold a document; it becomes the patient's organisation's, or the sender's.

        Raises:
            Rejected: It cannot be told whose it is to be, or its meaning breaks a rule.
        """
        own = relative(document, asking.base_url)
        patient = self._patient_of(session, own, asking)
        row = hold(
            session,
            self._model,
            organisation_id=self._owner(session, own, patient, asking),
            patient_id=None if patient is None else patient.id,
            content=content_of(own),
            viewer=asking.viewer,
            now=asking.now,
        )
        if self._meaning is not None:
            self._meaning.apply(session, row, own, asking)
        return row.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """Hold another document in its place.

        Raises:
            Rejected: Its patient is another organisation's, or its meaning breaks a rule.
            OurOwnRecord: It is this server's own record.
        """
        row = self._get(session, key, asking)
        own = relative(document, asking.base_url)
        patient = self._patient_of(session, own, asking)
        if patient is not None and patient.organisation_id != row.organisation_id:
            raise Rejected(
                [
                    Issue(
                        "business-rule",
                        "the patient belongs to another organisation than this resource: create a new one",
                        f"{row.kind}.{self._patient}",
                    )
                ]
            )
        change_held(
            session,
            row,
            patient_id=None if patient is None else patient.id,
            content=content_of(own),
            viewer=asking.viewer,
            now=asking.now,
        )
        if self._meaning is not None:
            self._meaning.apply(session, row, own, asking)

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """Give the document up, and what it meant.

        Raises:
            OurOwnRecord: It is this server's own record.
        """
        row = self._get(session, key, asking)
        if self._meaning is not None:
            self._meaning.withdraw(session, row, asking)
        release_held(session, row, viewer=asking.viewer, now=asking.now)

    def _get(self, session: Session, key: UUID, asking: Asking) -> HeldResource:
        row = get_held(session, self._model, held_id=key, viewer=asking.viewer)
        if self._keeps_ours and row.content is None:
            raise OurOwnRecord(f"{row.kind}/{key} is this server's own record, which nobody may change")
        return row

    def _patient_of(self, session: Session, document: Json, asking: Asking) -> Patient | None:
        for key in targets_at(document, (self._patient,), "Patient"):
            found = session.scalars(
                visible(select(Patient).where(Patient.id == key), asking.viewer, Patient)
            ).one_or_none()
            if found is not None:
                return found
        return None

    def _owner(self, session: Session, document: Json, patient: Patient | None, asking: Asking) -> UUID:
        if asking.viewer.organisation_id is not None:
            return asking.viewer.organisation_id
        if patient is not None:
            return patient.organisation_id
        for element in extract.elements(document, self._anchors):
            owner = owner_of(session, element, asking)
            if owner is not None:
                return owner
        all_there_are = session.scalars(select(Organisation.id).limit(2)).all()
        if len(all_there_are) == 1:
            return all_there_are[0]
        kind = document["resourceType"]
        raise Rejected(
            [
                Issue(
                    "required",
                    f"it cannot be told whose this {kind} is to be: refer to a patient of this server",
                    f"{kind}.{self._patient}",
                )
            ]
        )


def owner_of(session: Session, element: object, asking: Asking) -> UUID | None:
    """Return the organisation of what a reference points to; None if it is not here."""
    for value in extract.references(element, None):
        if value.target_id is None or value.system is None:
            continue
        if value.system == "Organization":
            return session.scalar(select(Organisation.id).where(Organisation.id == value.target_id))
        table = cast("Any", _table_of(value.system))
        if table is not None:
            statement = select(table.organisation_id).where(table.id == value.target_id)
            found: UUID | None = session.scalar(visible(statement, asking.viewer, table))
            return found
    return None


def _table_of(kind: str) -> object:
    table = get_resource(kind).table
    return table if hasattr(table, "organisation_id") else None


def targets_at(document: Json, paths: tuple[str, ...], kind: str) -> list[UUID]:
    """List ids of resources of one kind on this server that references at some paths point to."""
    return [
        value.target_id
        for element in extract.elements(document, paths)
        for value in extract.references(element, frozenset({kind}))
        if value.target_id is not None
    ]


def content_of(document: Json) -> bytes:
    """Write a document without what is ours: its type, id, version and time."""
    meta = {name: each for name, each in document.get("meta", {}).items() if name not in VERSION}
    rest = {name: each for name, each in document.items() if name not in OWN}
    return write_json({"meta": meta, **rest} if meta else rest)


HELD_WRITERS: Mapping[str, Writer] = {
    "CareTeam": HeldWriter(
        HeldCareTeam,
        patient="subject",
        anchors=("managingOrganization", "encounter", "participant.member", "participant.onBehalfOf"),
    ),
    "Communication": HeldWriter(
        HeldCommunication, patient="subject", anchors=("about", "basedOn", "encounter", "sender", "recipient")
    ),
    "Consent": HeldWriter(HeldConsent, patient="patient", anchors=("organization", "performer")),
    "Provenance": HeldWriter(
        HeldProvenance,
        patient="target",
        anchors=("target", "agent.who", "agent.onBehalfOf"),
        keeps_ours=True,
    ),
    "RelatedPerson": HeldWriter(HeldRelatedPerson, patient="patient", anchors=()),
    "Task": HeldWriter(
        HeldTask, patient="for", anchors=("focus", "basedOn", "encounter", "owner", "requester")
    ),
}
"""Who writes which kind of held resource."""
