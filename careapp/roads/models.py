"""Tables of travel times that were asked for once, and of closed roads.

Those of travel times hold no patient, visit or name, and no id of one: a place is two numbers. But a home's
place is personal data all the same, so places are forgotten: those unused for the longest go first when room
runs out, those unused for `rows.KEPT_DAYS` go with the next writing, and `rows.forget_place` removes one at
once. Rows name places by numbers that are never used again: what other rows still say of a forgotten place
means nothing.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base
from careapp.roads.areas import Area


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
    """A place at a road, rounded to 1e-5 degrees (about a metre), which only its blind index tells."""

    __tablename__ = "travel_place"
    __table_args__ = (
        UniqueConstraint("data_id", "point"),
        Index("ix_travel_place_used_on", "used_on"),
        {"sqlite_autoincrement": True},  # a number is never used again
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    data_id: Mapped[int] = mapped_column(ForeignKey("travel_data.id", ondelete="CASCADE"))
    point: Mapped[str] = mapped_column(String(32))
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


class Closure(Base):
    """Roads that nobody may use for a time; a lifted one stays for those who ask why a tour went round it."""

    __tablename__ = "road_closure"
    __table_args__ = (
        CheckConstraint("(polygon IS NULL) <> (radius_m IS NULL)", name="area"),
        CheckConstraint("(latitude IS NULL) = (radius_m IS NULL)", name="latitude"),
        CheckConstraint("(longitude IS NULL) = (radius_m IS NULL)", name="longitude"),
        CheckConstraint("ends_at IS NULL OR starts_at < ends_at", name="order"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    """None until it is lifted."""
    reason: Mapped[str] = mapped_column(String(200))
    """For people; holds no name of a person."""
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    radius_m: Mapped[int | None]
    polygon: Mapped[list[list[float]] | None] = mapped_column(JSON(none_as_null=True))
    """Corners as [longitude, latitude]; the last is joined to the first."""
    profiles: Mapped[list[str]] = mapped_column(JSON)
    """Whom it stops."""
    added_by: Mapped[str] = mapped_column(String(100))
    added_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]

    @property
    def area(self) -> Area:
        """Where it is."""
        if self.latitude is not None and self.longitude is not None and self.radius_m is not None:
            return Area(middle=(self.longitude, self.latitude), radius_m=self.radius_m)
        return Area(polygon=tuple((corner[0], corner[1]) for corner in self.polygon or ()))

    def parts(self) -> dict[str, Any]:
        """Return what travel times depend on."""
        return {
            "middle": [self.longitude, self.latitude, self.radius_m],
            "polygon": self.polygon,
            "profiles": sorted(self.profiles),
        }
