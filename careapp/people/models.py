"""Tables of people."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.db import Base, of_same_tenant, tenant_key, text_enum
from careapp.errors import Conflict
from careapp.organisations.models import Organisation, Place
from careapp.sealing.fields import SealedColumn, SealedField, SealedRow


class HomeUnknown(Conflict):
    """Nobody has said where a patient lives, so no nurse can come."""


class Gender(StrEnum):
    """Administrative gender; the values are FHIR's."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class RoleKind(StrEnum):
    """What a practitioner does."""

    NURSE = "nurse"
    DOCTOR = "doctor"


class VehicleKind(StrEnum):
    """How a nurse travels."""

    CAR = "car"
    EBIKE = "ebike"


class PreferenceKind(StrEnum):
    """What is agreed between a patient and a nurse."""

    PREFERRED = "preferred"
    FORBIDDEN = "forbidden"


class Skill(Base):
    """Something a nurse can and a service may need, graded from 1 (basic) to 4 (specialist)."""

    __tablename__ = "skill"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name_de: Mapped[str]
    name_en: Mapped[str]


class Patient(SealedRow, Base):
    """A person who receives care from one organisation; who it is, is sealed."""

    __tablename__ = "patient"
    __table_args__ = (
        of_same_tenant("home_id", "place"),
        tenant_key("patient"),
        Index("ix_patient_phone_blind", "phone_blind"),
        Index("ix_patient_insurance_number_blind", "insurance_number_blind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    sealed: Mapped[Any] = mapped_column(SealedColumn)
    gender: Mapped[Gender] = mapped_column(text_enum(Gender))
    birth_date: Mapped[date | None]
    phone_blind: Mapped[str | None] = mapped_column(String(32))
    insurance_number_blind: Mapped[str | None] = mapped_column(String(32))
    home_id: Mapped[UUID | None]
    """NULL: not known; then nurses cannot come, but the patient can join a video consultation."""
    is_active: Mapped[bool] = mapped_column(default=True)
    is_synthetic: Mapped[bool] = mapped_column(default=False)
    restricted_at: Mapped[datetime | None]
    """Since then only administrators see what is about this patient."""

    family_name = SealedField[str]()
    given_name = SealedField[str]()
    phone = SealedField[str | None](blind="phone_blind")
    insurance_number = SealedField[str | None](blind="insurance_number_blind")
    """Krankenversichertennummer (KVNR): a letter and nine digits."""

    home: Mapped[Place | None] = relationship(
        lazy="raise", primaryjoin="Patient.home_id == Place.id", foreign_keys="Patient.home_id"
    )
    organisation: Mapped[Organisation] = relationship(lazy="raise")

    @property
    def known_home(self) -> Place:
        """Where nurses visit; whoever has orders or visits has one.

        Raises:
            HomeUnknown: Nobody has said where it is.
        """
        if self.home is None:
            raise HomeUnknown(f"patient {self.id} has no home on the map: enter the address first")
        return self.home


class Practitioner(Base):
    """A person who gives care; may hold several roles, but is in one place at a time."""

    __tablename__ = "practitioner"
    __table_args__ = (tenant_key("practitioner"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    family_name: Mapped[str] = mapped_column(index=True)
    given_name: Mapped[str]
    title: Mapped[str | None]
    gender: Mapped[Gender] = mapped_column(text_enum(Gender))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_synthetic: Mapped[bool] = mapped_column(default=False)

    roles: Mapped[list["Role"]] = relationship(
        lazy="raise",
        back_populates="practitioner",
        primaryjoin="Role.practitioner_id == Practitioner.id",
        foreign_keys="Role.practitioner_id",
    )


class Role(Base):
    """A practitioner as nurse or doctor of an organisation (FHIR PractitionerRole)."""

    __tablename__ = "role"
    __table_args__ = (
        of_same_tenant("base_id", "place"),
        of_same_tenant("practitioner_id", "practitioner"),
        tenant_key("role"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    practitioner_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[RoleKind] = mapped_column(text_enum(RoleKind))
    specialty: Mapped[str | None] = mapped_column(String(20))
    """Of a doctor: code of IHE-D's `AerztlicheFachrichtungen`, e.g. `ALLG`."""
    base_id: Mapped[UUID]
    """Where a nurse's tour begins and ends unless the shift says otherwise; a doctor's practice."""
    vehicle: Mapped[VehicleKind | None] = mapped_column(text_enum(VehicleKind))
    is_active: Mapped[bool] = mapped_column(default=True)

    practitioner: Mapped[Practitioner] = relationship(
        lazy="raise",
        back_populates="roles",
        primaryjoin="Role.practitioner_id == Practitioner.id",
        foreign_keys="Role.practitioner_id",
    )
    base: Mapped[Place] = relationship(
        lazy="raise", primaryjoin="Role.base_id == Place.id", foreign_keys="Role.base_id"
    )
    organisation: Mapped[Organisation] = relationship(lazy="raise")
    skills: Mapped[list["RoleSkill"]] = relationship(lazy="raise", order_by="RoleSkill.skill_code")


class RoleSkill(Base):
    """A skill that a nurse holds, at a grade."""

    __tablename__ = "role_skill"
    __table_args__ = (CheckConstraint("grade BETWEEN 1 AND 4", name="grade"),)

    role_id: Mapped[UUID] = mapped_column(ForeignKey("role.id"), primary_key=True)
    skill_code: Mapped[str] = mapped_column(ForeignKey("skill.code"), primary_key=True)
    grade: Mapped[int]

    skill: Mapped[Skill] = relationship(lazy="raise")


class Preference(Base):
    """A nurse whom a patient prefers, or who must not come."""

    __tablename__ = "preference"
    __table_args__ = (
        of_same_tenant("patient_id", "patient"),
        of_same_tenant("role_id", "role"),
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    role_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    kind: Mapped[PreferenceKind] = mapped_column(text_enum(PreferenceKind))


class Absence(Base):
    """A time in which a patient is not at home, or a practitioner not at work; half-open."""

    __tablename__ = "absence"
    __table_args__ = (
        of_same_tenant("patient_id", "patient"),
        of_same_tenant("practitioner_id", "practitioner"),
        CheckConstraint("starts_at < ends_at", name="order"),
        CheckConstraint("(patient_id IS NULL) <> (practitioner_id IS NULL)", name="one_person"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    patient_id: Mapped[UUID | None] = mapped_column(index=True)
    practitioner_id: Mapped[UUID | None] = mapped_column(index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
