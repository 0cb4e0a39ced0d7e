"""The table that tells with which keys a database is sealed."""

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base


class SealingKey(Base):
    """A main key that sealed something here; without it the server does not start."""

    __tablename__ = "sealing_key"

    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    proof: Mapped[bytes] = mapped_column(LargeBinary)
    """Sealed with it: shows that a key of the same id is the same key."""
