"""Tables that seal the record."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base


class AuditUnsealed(Base):
    """A row of the record that waits to be sealed; the database itself puts it here."""

    __tablename__ = "audit_unsealed"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)


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
