"""Makes the demo region's rows: same seed, same rows, same ids."""

from collections import Counter
from datetime import date, timedelta
from random import Random
from uuid import UUID, uuid5

from careapp.demo.geography import Spot
from careapp.demo.names import (
    a_family_name,
    a_given_name,
    a_phone_number,
    an_address,
    an_insurance_number,
    an_old_given_name,
)
from careapp.organisations.models import Organisation, OrganisationKind, Place, PlaceKind
from careapp.people.models import Gender, Patient, Practitioner, Role, RoleKind
from careapp.roads.places import PlacedBy

_NAMESPACE = UUID("5f1c7a52-8a0e-4a6b-9d1e-2f3b4c5d6e7f")
_OLDEST, _YOUNGEST = date(1930, 1, 1), date(1966, 1, 1)
_WOMEN_AMONG_PATIENTS = 0.62
_WOMEN_AMONG_NURSES = 0.85
_WOMEN_AMONG_DOCTORS = 0.5


class Maker:
    """Draws people and places; everything it makes is marked as invented.

    Attributes:
        random: The only source of chance, so that the order of calls decides.
        made: How many ids of each kind were given out.
    """

    def __init__(self, seed: int) -> None:
        """Begin with a seed."""
        self.random = Random(seed)  # noqa: S311 -- a demo must repeat, it guards nothing
        self.made: Counter[str] = Counter()
        self._seed = seed

    def id(self, kind: str) -> UUID:
        """Return the next id of a kind of row: a hash of seed, kind and number."""
        self.made[kind] += 1
        return uuid5(_NAMESPACE, f"{self._seed}/{kind}/{self.made[kind]}")

    def organisation(self, kind: OrganisationKind, name: str) -> Organisation:
        """Make a tenant."""
        return Organisation(
            id=self.id(kind.value),
            kind=kind,
            name=name,
            phone=a_phone_number(self.random),
            is_active=True,
            is_synthetic=True,
        )

    def place(
        self, organisation: Organisation, kind: PlaceKind, spot: Spot, *, name: str | None = None
    ) -> Place:
        """Make a place with an invented address."""
        street, house_number = an_address(self.random)
        settlement = spot.stop.settlement
        return Place(
            id=self.id("place"),
            organisation_id=organisation.id,
            organisation=organisation,
            municipality_ags=settlement.municipality.ags,
            kind=kind,
            name=name,
            street=street,
            house_number=house_number,
            city=settlement.municipality.name,
            district=settlement.name,
            latitude=spot.point.latitude,
            longitude=spot.point.longitude,
            placed_by=PlacedBy.DEMO,
        )

    def patient(self, organisation: Organisation, spot: Spot) -> Patient:
        """Make a patient with a home."""
        home = self.place(organisation, PlaceKind.HOME, spot)
        gender = self._gender(_WOMEN_AMONG_PATIENTS)
        days = self.random.randrange((_YOUNGEST - _OLDEST).days)
        patient_id = self.id("patient")
        return Patient(
            id=patient_id,
            organisation_id=organisation.id,
            organisation=organisation,
            family_name=a_family_name(self.random),
            given_name=an_old_given_name(self.random, gender),
            gender=gender,
            birth_date=_OLDEST + timedelta(days=days),
            phone=a_phone_number(self.random),
            insurance_number=an_insurance_number(self.made["patient"]),
            home_id=home.id,
            home=home,
            is_active=True,
            is_synthetic=True,
        )

    def role(self, organisation: Organisation, kind: RoleKind, base: Place) -> Role:
        """Make a nurse or a doctor; skills, vehicle and specialty are the caller's."""
        is_doctor = kind == RoleKind.DOCTOR
        gender = self._gender(_WOMEN_AMONG_DOCTORS if is_doctor else _WOMEN_AMONG_NURSES)
        practitioner = Practitioner(
            id=self.id("practitioner"),
            organisation_id=organisation.id,
            family_name=a_family_name(self.random),
            given_name=a_given_name(self.random, gender),
            title="Dr. med." if is_doctor else None,
            gender=gender,
            is_active=True,
            is_synthetic=True,
        )
        return Role(
            id=self.id(kind.value),
            organisation_id=organisation.id,
            organisation=organisation,
            practitioner_id=practitioner.id,
            practitioner=practitioner,
            kind=kind,
            base_id=base.id,
            base=base,
            is_active=True,
            skills=[],
        )

    def _gender(self, share_of_women: float) -> Gender:
        return Gender.FEMALE if self.random.random() < share_of_women else Gender.MALE
