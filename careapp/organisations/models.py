"""Tables of municipalities, organisations (tenants) and places."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.db import Base, tenant_key, text_enum
from careapp.roads.places import PlacedBy, Precision
from careapp.sealing.fields import SealedColumn, SealedField, SealedRow


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


class Place(SealedRow, Base):
    """A point on the map with an address: a home, which is sealed; a service's base or a practice."""

    __tablename__ = "place"
    __table_args__ = (
        tenant_key("place"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint("(kind = 'home') = (sealed IS NOT NULL)", name="sealed"),
        CheckConstraint(
            "(sealed IS NULL AND latitude IS NOT NULL AND longitude IS NOT NULL) OR (sealed IS NOT NULL "
            "AND COALESCE(name, street, house_number, postal_code, city, district) IS NULL "
            "AND latitude IS NULL AND longitude IS NULL)",
            name="plain",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    municipality_ags: Mapped[str | None] = mapped_column(ForeignKey("municipality.ags"))
    kind: Mapped[PlaceKind] = mapped_column(text_enum(PlaceKind))
    sealed: Mapped[Any] = mapped_column(SealedColumn, nullable=True)
    """Of a home: name, address and point."""
    plain_name: Mapped[str | None] = mapped_column("name")
    plain_street: Mapped[str | None] = mapped_column("street")
    plain_house_number: Mapped[str | None] = mapped_column("house_number")
    plain_postal_code: Mapped[str | None] = mapped_column("postal_code")
    plain_city: Mapped[str | None] = mapped_column("city")
    plain_district: Mapped[str | None] = mapped_column("district")
    plain_latitude: Mapped[float | None] = mapped_column("latitude")
    plain_longitude: Mapped[float | None] = mapped_column("longitude")
    precision: Mapped[Precision | None] = mapped_column(text_enum(Precision))
    """What the point stands for; NULL if nobody said."""
    placed_by: Mapped[PlacedBy | None] = mapped_column(text_enum(PlacedBy))
    """Who or what found the point; who moved it is in the audit."""

    name = SealedField[str | None](plain="plain_name")
    street = SealedField[str | None](plain="plain_street")
    house_number = SealedField[str | None](plain="plain_house_number")
    postal_code = SealedField[str | None](plain="plain_postal_code")
    city = SealedField[str | None](plain="plain_city")
    district = SealedField[str | None](plain="plain_district")
    """Village or quarter (Ortsteil)."""
    latitude = SealedField[float](plain="plain_latitude")
    longitude = SealedField[float](plain="plain_longitude")

    municipality: Mapped[Municipality | None] = relationship(lazy="raise")
    organisation: Mapped[Organisation] = relationship(lazy="raise")

    @property
    def is_sealed(self) -> bool:
        """Only homes tell of a patient."""
        return self.kind == PlaceKind.HOME
