"""What must hold of people, whoever enters them."""

import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.errors import Invalid
from careapp.organisations.commands import require_name
from careapp.organisations.models import Organisation, Place
from careapp.organisations.queries import get_place
from careapp.people.models import Gender

_INSURANCE_NUMBER = re.compile(r"[A-Z]\d{9}")
_SPECIALTY = re.compile(r"[A-Z]{3,4}")


class ImpossibleInsuranceNumber(Invalid):
    """A Krankenversichertennummer has another form."""


class ImpossibleSpecialty(Invalid):
    """A specialty has not the form of a code of IHE-D."""


class PlaceOfAnotherOrganisation(Invalid):
    """A role's base belongs to another organisation."""


@dataclass(frozen=True)
class Person:
    """Who a nurse or doctor is.

    Attributes:
        family_name: At least one letter.
        given_name: At least one letter; None for somebody with a single name.
        gender: Administrative.
        title: Academic, such as Dr. med.
    """

    family_name: str
    given_name: str | None
    gender: Gender = Gender.UNKNOWN
    title: str | None = None


def require_insurance_number(number: str | None) -> None:
    """Refuse a Krankenversichertennummer of another form.

    Raises:
        ImpossibleInsuranceNumber: It is not a letter and nine digits.
    """
    if number is not None and not _INSURANCE_NUMBER.fullmatch(number):
        raise ImpossibleInsuranceNumber(
            "the insurance number has another form: write a capital letter and nine digits, as on the card"
        )


def require_specialty(specialty: str) -> None:
    """Refuse a specialty of another form.

    Raises:
        ImpossibleSpecialty: It is not three or four capital letters.
    """
    if not _SPECIALTY.fullmatch(specialty):
        raise ImpossibleSpecialty(
            f"{specialty!r} is no specialty: write a code of IHE-D such as ALLG or INNE"
        )


def require_given(whose: str, name: str | None) -> str:
    """Return a given name as it is stored: empty for somebody with a single name.

    Raises:
        EmptyName: It is given, but nothing is left of it.
    """
    return "" if name is None else require_name(whose, name)


def own_place(session: Session, organisation: Organisation, place_id: UUID, viewer: Viewer) -> Place:
    """Return a place if it is the organisation's.

    Raises:
        PlaceNotFound: No place has this id, or not for this viewer.
        PlaceOfAnotherOrganisation: It is another one's.
    """
    place = get_place(session, place_id=place_id, viewer=viewer)
    if place.organisation_id != organisation.id:
        raise PlaceOfAnotherOrganisation(
            f"place {place_id} belongs to another organisation: add one for {organisation.id} first"
        )
    return place
