"""The table by which documents are found that no columns of their own are searched for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base


class SearchValue(Base):
    """One value of one search parameter of one document; written with the document."""

    __tablename__ = "search_value"
    __table_args__ = (
        Index("ix_search_value_kind_parameter_code", "kind", "parameter", "code"),
        Index("ix_search_value_kind_parameter_target_id", "kind", "parameter", "target_id"),
        Index("ix_search_value_kind_parameter_starts_at", "kind", "parameter", "starts_at"),
    )

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Of the document."""
    resource_id: Mapped[UUID] = mapped_column(primary_key=True)
    parameter: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organisation_id: Mapped[UUID | None]
    """Whose the document is; None: no tenant's, but offered to all or the whole region's."""
    system: Mapped[str | None]
    """Of a code or identifier; of a reference: the kind it points to."""
    code: Mapped[str | None] = mapped_column(String(200))
    """A code, a flag, an address; a digest of it if it is longer. Of numbers that may be a patient's: their
    blind index."""
    target_id: Mapped[UUID | None]
    """What a reference to a resource of ours points to."""
    text: Mapped[str | None]
    """Words that people read, of documents that are not sealed."""
    sealed_text: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Words that people read, of sealed ones."""
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    """A time as an interval, half-open."""
    is_local: Mapped[bool | None]
    """The interval's ends were written without an offset: they are the wall clock's."""
