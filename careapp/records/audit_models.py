"""Tables that seal the record."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base


class AuditUnsealed(Base):
    """A row of the record that waits to be sealed; the database itself puts it here."""

    __tablename__ = "audit_unsealed"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)


class AuditPatient(Base):
    """One of several patients whom a row of the record concerns: by it the row is found, and shown.

    An index and no more: what counts is `AuditEvent.patients`. It is filed when the row is sealed, many at
    once: filing costs more than writing the row, and whoever waits for an answer should not wait for it.
    """

    __tablename__ = "audit_patient"
    __table_args__ = (Index("ix_audit_patient_patient_id_event_id", "patient_id", "event_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Of the AuditEvent as which it is shown: the row's id, its last 16 bits counting from 1."""
    event_id: Mapped[UUID] = mapped_column(index=True)
    patient_id: Mapped[UUID]


class AuditSeal(Base):
    """A link of the chain: seals some rows of the record; append-only, as they are."""

    __tablename__ = "audit_seal"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counts from 1."""
    at: Mapped[datetime]
    members: Mapped[bytes] = mapped_column(LargeBinary)
    """Ids of the rows, 16 bytes each."""
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    """See `careapp.records.chain`."""
