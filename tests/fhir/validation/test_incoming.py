"""What other systems send, beside what is here."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from fhir.asking import Asking
from fhir.issues import Issue, Malformed, Rejected
from fhir.validation.incoming import check_incoming
from tests.careapp.worlds import EVERYONE, World, a_world, an_organisation, coordinator_of
from tests.fhir.conftest import BASE, PAGE_KEY
from tests.fhir.validation.documents import an_appointment

Json = dict[str, Any]


@pytest.fixture
def world(sessions: sessionmaker[Session]) -> World:
    with sessions.begin() as session:
        return a_world(session)


class Checking:
    """Checks in short."""

    def __init__(self, session: Session, calendar: Any, now: Any) -> None:
        self.session, self.calendar, self.now = session, calendar, now

    def __call__(
        self,
        document: object,
        *,
        kind: str = "Appointment",
        viewer: Viewer = EVERYONE,
        key: UUID | None = None,
    ) -> list[Issue]:
        asking = Asking(
            viewer=viewer,
            now=self.now,
            base_url=BASE,
            calendar=self.calendar,
            geocoder=None,  # type: ignore[arg-type]  # nobody looks for an address here
            page_key=PAGE_KEY,
        )
        return check_incoming(self.session, document, kind=kind, asking=asking, key=key)


@pytest.fixture
def check(sessions: sessionmaker[Session], calendar: Any, now: Any) -> Any:
    with sessions() as session:
        yield Checking(session, calendar, now)


def places(refused: pytest.ExceptionInfo[Rejected]) -> list[str | None]:
    return [each.expression for each in refused.value.issues]


def referring(*references: str) -> Json:
    return an_appointment(
        participant=[
            {"actor": {"reference": each, "display": "A"}, "status": "accepted"} for each in references
        ]
    )


class TestShape:
    @pytest.mark.parametrize(
        ("document", "place"),
        [
            (None, "Appointment"),
            ([], "Appointment"),
            ("Appointment", "Appointment"),
            ({}, "Appointment"),
            ({"resourceType": "Patient"}, "Appointment"),
            ({"resourceType": ["Appointment"]}, "Appointment"),
        ],
    )
    def test_of_another_kind_is_malformed(self, check, document, place):
        with pytest.raises(Malformed) as refused:
            check(document)

        assert places(refused) == [place]

    def test_of_another_resource_is_malformed(self, check):
        with pytest.raises(Malformed) as refused:
            check(an_appointment(), key=uuid4())

        assert places(refused) == ["Appointment.id"]


class TestReferences:
    def test_are_found_in_all_their_spellings(self, check, world):
        patient, nurse = world.patients[0].id, world.nurses[0].practitioner_id

        found = check(
            referring(
                f"Patient/{patient}",
                f"{BASE}/Practitioner/{nurse}",
                f"Patient/{patient}/_history/1",
                "https://other.example/fhir/Practitioner/7",
            )
        )

        assert found == []

    def test_that_lead_nowhere_are_all_named(self, check, world):
        document = referring(
            f"Patient/{uuid4()}",
            f"{BASE}/Practitioner/{uuid4()}",
            "Patient/not-an-id",
            "Device/1",
            f"Patient/{world.patients[0].id}",
            "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        )

        with pytest.raises(Rejected) as refused:
            check(document)

        assert type(refused.value) is Rejected
        assert sorted(map(str, places(refused))) == [
            f"Appointment.participant[{number}].actor.reference" for number in (0, 1, 2, 3, 5)
        ]

    def test_to_what_others_have_lead_nowhere(self, check, world, sessions):
        with sessions.begin() as session:
            stranger = coordinator_of(an_organisation(session))

        with pytest.raises(Rejected) as refused:
            check(referring(f"Patient/{world.patients[0].id}"), viewer=stranger)

        assert [each.code for each in refused.value.issues] == ["not-found"]

    def test_that_lead_nowhere_stand_beside_all_other_mistakes(self, check):
        with pytest.raises(Rejected) as refused:
            check({**referring("Patient/1"), "status": "canceled"})

        assert places(refused) == ["Appointment.status", "Appointment.participant[0].actor.reference"]


class TestWarnings:
    def test_are_returned(self, check):
        identifier = {"system": "http://fhir.de/sid/gkv/kvid-10", "value": "A123456789"}

        found = check({"resourceType": "Patient", "identifier": [identifier]}, kind="Patient")

        assert [(each.severity, each.expression) for each in found] == [
            ("warning", "Patient.identifier[0].value")
        ]
