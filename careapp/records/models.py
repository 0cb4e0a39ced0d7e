"""Tables of documents, audit and outbox."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from careapp.db import Base
from careapp.organisations.models import Organisation


class Document(Base):
    """A row as another system sees it: canonical bytes, written in the row's own transaction."""

    __tablename__ = "document"

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    updated_at: Mapped[datetime]
    organisation_id: Mapped[UUID | None]
    """Whose it is; None: no tenant's, but offered to all or the whole region's."""
    content: Mapped[bytes] = mapped_column(LargeBinary)


class DocumentVersion(Base):
    """Each version a document ever had."""

    __tablename__ = "document_version"
    __table_args__ = (
        # Histories are read newest first, of everything or of a kind.
        Index("ix_document_version_updated_at_kind_id_version", "updated_at", "kind", "id", "version"),
        Index("ix_document_version_kind_updated_at_id_version", "kind", "updated_at", "id", "version"),
        Index(
            "ix_document_version_organisation_id_updated_at_kind_id_version",
            "organisation_id",
            "updated_at",
            "kind",
            "id",
            "version",
        ),
    )

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    updated_at: Mapped[datetime]
    organisation_id: Mapped[UUID | None]
    """As of `Document`; it stays when the document is gone."""
    content: Mapped[bytes] = mapped_column(LargeBinary)


class SentDocument(Base):
    """What another system sent of a row: whole, with elements that the row does not hold."""

    __tablename__ = "sent_document"

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID | None]
    """As of `Document`."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
    shown: Mapped[bytes] = mapped_column(LargeBinary)
    """What the row's document was right after that, to tell later what has changed since."""


class AuditEvent(Base):
    """Who did, asked for or saw what of whom; append-only (the database refuses changes).

    A search that shows ten patients leaves one row that names all ten. As IHE's Basic Audit Log Patterns ask,
    it is shown as ten AuditEvents: see `careapp.records.audit_models.AuditPatient`.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_subject_id", "subject_id"),
        Index("ix_audit_event_patient_id_at", "patient_id", "at"),  # a patient's report
        Index("ix_audit_event_at_id", "at", "id"),  # FHIR search by date
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    viewer: Mapped[str] = mapped_column(String(100))
    role: Mapped[str | None] = mapped_column(String(20))
    """What the viewer was; unknown of the oldest rows."""
    organisation_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(60))
    """Name of the command or query."""
    interaction: Mapped[str | None] = mapped_column(String(20))
    """Of a request, FHIR's name of what it was: read, search-type, operation …; None: a command."""
    outcome: Mapped[str] = mapped_column(String(1), default="0", server_default="0")
    """FHIR's code: 0 it was done or shown, 4 it was refused or not there, 8 it failed."""
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[UUID | None]
    patient_id: Mapped[UUID | None]
    """Whom it concerns, if it is one."""
    patients: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Whom it concerns, if it is several: their ids in order, 16 bytes each."""
    request_id: Mapped[str | None] = mapped_column(String(32))
    """The request's `X-Request-Id`."""
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Ids, counts and codes only: never a name, an address or a note."""
    mark: Mapped[bytes | None] = mapped_column(LargeBinary)
    """See `careapp.records.chain`; None of rows from before there were marks."""

    # No foreign key: an audit row outlives what it is about.
    organisation: Mapped[Organisation | None] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin=lambda: foreign(AuditEvent.organisation_id) == Organisation.id,
    )


class OutboxMessage(Base):
    """A side effect that leaves after the commit: at least once, with a key for the receiver."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        Index("ix_outbox_message_delivered_at_created_at", "delivered_at", "created_at"),
        Index("ix_outbox_message_topic_delivered_at_created_at", "topic", "delivered_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(String(60))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)


class SharedKey(Base):
    """Random bytes that every process of an installation uses alike."""

    __tablename__ = "shared_key"

    purpose: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
