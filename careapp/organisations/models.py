"""Tables of municipalities, organisations (tenants) and places."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.db import Base, tenant_key, text_enum
from careapp.roads.places import PlacedBy, Precision


class OrganisationKind(StrEnum):
    """What an organisation does in the region."""

    CARE_SERVICE = "care-service"
    PRACTICE = "practice"


class PlaceKind(StrEnum):
    """What a place is used for."""

    HOME = "home"
    BASE = "base"
    PRACTICE = "practice"


class Municipality(Base):
    """A town or municipality: public facts, no tenant's data."""

    __tablename__ = "municipality"

    ags: Mapped[str] = mapped_column(String(8), primary_key=True)
    """Official key (Amtlicher Gemeindeschlüssel), eight digits."""
    name: Mapped[str]
    district: Mapped[str]
    population: Mapped[int]
    latitude: Mapped[float]
    longitude: Mapped[float]


class Organisation(Base):
    """A tenant: a care service with nurses, or a practice with doctors."""

    __tablename__ = "organisation"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[OrganisationKind] = mapped_column(text_enum(OrganisationKind))
    name: Mapped[str]
    phone: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    is_synthetic: Mapped[bool] = mapped_column(default=False)
    """Invented for the demo region; marked so wherever it is shown."""


class Place(Base):
    """A point on the map with an address: a patient's home, a nurse's home, a service's base."""

    __tablename__ = "place"
    __table_args__ = (
        tenant_key("place"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    municipality_ags: Mapped[str | None] = mapped_column(ForeignKey("municipality.ags"))
    kind: Mapped[PlaceKind] = mapped_column(text_enum(PlaceKind))
    name: Mapped[str | None]
    street: Mapped[str | None]
    house_number: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    district: Mapped[str | None]
    """Village or quarter (Ortsteil)."""
    latitude: Mapped[float]
    longitude: Mapped[float]
    precision: Mapped[Precision | None] = mapped_column(text_enum(Precision))
    """What the point stands for; NULL if nobody said."""
    placed_by: Mapped[PlacedBy | None] = mapped_column(text_enum(PlacedBy))
    """Who or what found the point; who moved it is in the audit."""

    municipality: Mapped[Municipality | None] = relationship(lazy="raise")
    organisation: Mapped[Organisation] = relationship(lazy="raise")
