"""Patients and the organisations that care for them."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.auth.policy import EVERYBODY, PLANNING, TREATING, may
from api.dependencies import DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import (
    After,
    Example,
    In,
    Limit,
    Line,
    LocalDate,
    NamedOut,
    Out,
    PageOut,
    PlaceOut,
    next_address,
    shown_as,
)
from careapp.organisations import queries as organisations
from careapp.organisations.commands import Address
from careapp.organisations.models import OrganisationKind
from careapp.people import commands, homes, patients, queries
from careapp.people.models import Gender, Patient
from careapp.roads.places import PlacedBy, Precision

router = APIRouter(prefix="/api", tags=["patients"])

ORGANISATION_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c05",
    "name": "Pflegedienst Beispiel",
    "kind": "care-service",
    "is_active": True,
}
HOME_EXAMPLE: Example = {
    "street": "Hauptstraße",
    "house_number": "1",
    "postal_code": "57319",
    "city": "Bad Berleburg",
    "district": "Arfeld",
    "latitude": 51.03,
    "longitude": 8.47,
    "precision": "house",
    "placed_by": "gazetteer",
}
NEW_POINT_EXAMPLE: Example = {"latitude": 51.0312, "longitude": 8.4724}
NEW_PATIENT_EXAMPLE: Example = {
    "organisation_id": ORGANISATION_EXAMPLE["id"],
    "family_name": "Beispiel",
    "given_name": "Erna",
    "gender": "female",
    "birth_date": "1939-05-14",
    "insurance_number": "X110465770",
    "home": HOME_EXAMPLE,
}
PATIENT_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02",
    "organisation": {"id": ORGANISATION_EXAMPLE["id"], "name": ORGANISATION_EXAMPLE["name"]},
    "family_name": "Beispiel",
    "given_name": "Erna",
    "gender": "female",
    "birth_date": "1939-05-14",
    "phone": None,
    "insurance_number": "X110465770",
    "home": HOME_EXAMPLE,
    "is_active": True,
    "is_synthetic": True,
}


class OrganisationOut(NamedOut):
    """A care service with nurses, or a practice with doctors."""

    model_config = shown_as(ORGANISATION_EXAMPLE)

    kind: OrganisationKind
    is_active: bool


class OrganisationPage(PageOut[OrganisationOut]):
    """Some organisations."""

    model_config = shown_as({"items": [ORGANISATION_EXAMPLE], "next": None})


class HomeOut(PlaceOut):
    """A home: what its point stands for, and who or what found it; both null if nobody said."""

    precision: Precision | None
    placed_by: PlacedBy | None


class PatientOut(Out):
    """A person who receives care, of the demo region if `is_synthetic`; `home` is null if nobody knows it."""

    model_config = shown_as(PATIENT_EXAMPLE)

    id: UUID
    organisation: NamedOut
    family_name: str
    given_name: str
    gender: Gender
    birth_date: date | None
    phone: str | None
    insurance_number: str | None
    home: HomeOut | None
    is_active: bool
    is_synthetic: bool

    @classmethod
    def of(cls, row: Patient) -> Self:
        """Show a patient loaded with `people.queries.WITH_HOME`."""
        return cls.model_validate(row)


class PatientPage(PageOut[PatientOut]):
    """Some patients."""

    model_config = shown_as({"items": [PATIENT_EXAMPLE], "next": None})


class NewHome(In):
    """Where nurses visit: a point on the map, and the address to find the door."""

    model_config = shown_as(HOME_EXAMPLE)

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    street: Line | None = None
    house_number: Line | None = None
    postal_code: Line | None = None
    city: Line | None = None
    district: Line | None = None
    precision: Precision | None = Field(default=None, description="As the search for places told it.")
    placed_by: PlacedBy | None = Field(default=None, description="Whose answer was taken, or `person`.")


class NewPoint(In):
    """Where the pin was dropped."""

    model_config = shown_as(NEW_POINT_EXAMPLE)

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    precision: Precision = Field(default=Precision.PIN, description="A pin set by hand is the door.")
    placed_by: PlacedBy = Field(
        default=PlacedBy.PERSON, description="The source of an answer that was taken."
    )


class NewPatient(In):
    """Whom an organisation takes into its care."""

    model_config = shown_as(NEW_PATIENT_EXAMPLE)

    organisation_id: UUID
    family_name: Line
    given_name: Line
    home: NewHome
    gender: Gender = Gender.UNKNOWN
    birth_date: LocalDate | None = None
    phone: Line | None = None
    insurance_number: Line | None = Field(default=None, description="KVNR: a capital letter and nine digits.")


@router.get("/organisations", dependencies=[may(*EVERYBODY)])
def list_organisations(
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    kind: OrganisationKind | None = None,
    limit: Limit = 50,
    after: After = None,
) -> OrganisationPage:
    """List care services and practices."""
    page = organisations.list_organisations(session, viewer=viewer, kind=kind, limit=limit, after=after)
    return OrganisationPage(
        items=[OrganisationOut.model_validate(row) for row in page.items], next=next_address(request, page)
    )


@router.get("/patients", dependencies=[may(*TREATING)])
def list_patients(
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    is_active: Annotated[
        bool | None, Query(description="Only those in care, or only those no longer.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> PatientPage:
    """List patients with their homes. There is no search by name: an address must not hold one."""
    page = queries.list_patients(session, viewer=viewer, is_active=is_active, limit=limit, after=after)
    return PatientPage(items=[PatientOut.of(row) for row in page.items], next=next_address(request, page))


@router.get("/patients/{patient_id}", responses=problems(404), dependencies=[may(*TREATING)])
def get_patient(patient_id: UUID, session: ReadSession, viewer: SignedIn) -> PatientOut:
    """Show a patient."""
    return PatientOut.of(queries.get_patient(session, patient_id=patient_id, viewer=viewer))


@router.post("/patients", status_code=201, responses=problems(404), dependencies=[may(*PLANNING)])
def add_patient(
    body: NewPatient, response: Response, session: DbSession, viewer: SignedIn, now: Now
) -> PatientOut:
    """Take a patient into an organisation's care."""
    patient = commands.add_patient(
        session,
        **body.model_dump(exclude={"home"}),
        home=Address(**body.home.model_dump()),
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/patients/{patient.id}"
    return PatientOut.of(patient)


@router.put("/patients/{patient_id}/home", responses=problems(404), dependencies=[may(*PLANNING)])
def set_home(patient_id: UUID, body: NewHome, session: DbSession, viewer: SignedIn, now: Now) -> PatientOut:
    """Say where a patient lives; 400 if it lies far away from the region."""
    patient = patients.set_home(
        session, patient_id=patient_id, home=Address(**body.model_dump()), viewer=viewer, now=now
    )
    return PatientOut.of(patient)


@router.put(
    "/patients/{patient_id}/home/point",
    responses=problems(404, 409),
    dependencies=[may(*PLANNING)],
)
def move_home(patient_id: UUID, body: NewPoint, session: DbSession, viewer: SignedIn, now: Now) -> PatientOut:
    """Move the pin of a patient's home; 400 if it lies far away from the region. The address stays."""
    patient = homes.move_home(session, patient_id=patient_id, **body.model_dump(), viewer=viewer, now=now)
    return PatientOut.of(patient)
