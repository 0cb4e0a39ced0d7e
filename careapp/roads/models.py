"""Tables of travel times that were asked for once.

They hold no patient, visit or name, and no id of one: a place is two numbers. But a home's place is personal
data all the same, so places are forgotten: those unused for the longest go first when room runs out, those
unused for `rows.KEPT_DAYS` go with the next writing, and `rows.forget_place` removes one at once. Rows name
places by numbers that are never used again: what other rows still say of a forgotten place means nothing.
"""

from datetime import date

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base


class TravelData(Base):
    """What one source says, with one set of data, for one profile and time slice."""

    __tablename__ = "travel_data"
    __table_args__ = (UniqueConstraint("source", "data", "profile", "slice"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    data: Mapped[str] = mapped_column(String(64))
    """Hash of the source's data set: after a change nothing old is read."""
    profile: Mapped[str] = mapped_column(String(20))
    slice: Mapped[str] = mapped_column(String(40))
    """Hours and season for which the times hold; "base" for any."""


class TravelPlace(Base):
    """A place at a road, rounded to 1e-5 degrees (about a metre)."""

    __tablename__ = "travel_place"
    __table_args__ = (
        UniqueConstraint("data_id", "latitude_e5", "longitude_e5"),
        Index("ix_travel_place_used_on", "used_on"),
        {"sqlite_autoincrement": True},  # a number is never used again
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    data_id: Mapped[int] = mapped_column(ForeignKey("travel_data.id", ondelete="CASCADE"))
    latitude_e5: Mapped[int]
    longitude_e5: Mapped[int]
    snap_m: Mapped[int]
    """Metres to its road."""
    used_on: Mapped[date]
    """When somebody last asked for it."""


class TravelRow(Base):
    """The ways from one place to others."""

    __tablename__ = "travel_row"

    place_id: Mapped[int] = mapped_column(ForeignKey("travel_place.id", ondelete="CASCADE"), primary_key=True)
    cells: Mapped[int]
    """How many destinations."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """Three blocks of `cells` little-endian int32: destinations' place ids, ascending; seconds; metres."""
