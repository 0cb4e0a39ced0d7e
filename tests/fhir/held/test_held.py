"""What others send is kept as it was, found by what it says, and seen by its owner only."""

from uuid import uuid4

import pytest
from sqlalchemy import delete, select

from careapp.organisations.models import Organisation
from careapp.records.held import HeldTask
from careapp.records.holding import HeldResourceNotFound
from careapp.records.models import AuditEvent
from careapp.records.search_values import SearchValue
from fhir import projector, sent
from fhir.issues import Rejected
from fhir.read import DocumentGone, DocumentNotFound
from fhir.search.parameter import InvalidSearch
from tests.careapp.worlds import a_patient, an_organisation, coordinator_of
from tests.fhir.conftest import BASE
from tests.fhir.held.conftest import Json

CODES = "http://example.org/codes"


def a_task(patient: object, **elements: object) -> Json:
    return {
        "resourceType": "Task",
        "identifier": [{"system": "http://example.org/tasks", "value": "T-1"}],
        "status": "requested",
        "intent": "order",
        "code": {
            "coding": [{"system": CODES, "code": "call", "display": "Anrufen"}],
            "text": "Zurückrufen",
        },
        "for": {"reference": f"Patient/{patient}"},
        "authoredOn": "2026-03-02T17:30:00+01:00",
        **elements,
    }


class TestHeldResource:
    def test_comes_back_as_it_was_sent(self, server, served):
        document = a_task(
            served.world.patients[0].id,
            meta={"tag": [{"system": "http://example.org/tags", "code": "x"}], "versionId": "77"},
            input=[{"type": {"text": "Nummer"}, "valueString": "02931 1"}],
        )

        key = server.create({"id": "of-the-sender", **document})

        found = server.read("Task", key)
        assert found["id"] == str(key)
        assert found["meta"].pop("versionId") == "1"
        assert found["meta"].pop("lastUpdated") == "2026-03-02T17:00:00Z"
        del found["id"], document["meta"]["versionId"]
        assert found == document

    def test_refers_to_this_server_by_relative_addresses(self, server, served):
        patient = served.world.patients[0].id
        key = server.create(
            a_task(patient)
            | {
                "for": {"reference": f"{BASE}/Patient/{patient}"},
                "focus": {"reference": "https://elsewhere.example/fhir/Appointment/1"},
            }
        )

        found = server.read("Task", key)
        assert found["for"] == {"reference": f"Patient/{patient}"}
        assert found["focus"] == {"reference": "https://elsewhere.example/fhir/Appointment/1"}
        assert server.find("Task", f"patient={patient}") == [str(key)]
        assert server.find("Task", "focus=https://elsewhere.example/fhir/Appointment/1") == [str(key)]

    def test_is_replaced_with_its_search_values(self, server, served):
        first, second = (patient.id for patient in served.world.patients[:2])
        key = server.create(a_task(first))

        server.update(key, a_task(second, status="accepted") | {"id": str(key)})

        assert server.read("Task", key)["meta"]["versionId"] == "2"
        assert server.find("Task", f"patient={first}") == []
        assert server.find("Task", f"patient={second}&status=accepted") == [str(key)]

    def test_is_gone_when_it_was_deleted(self, server, served, sessions):
        key = server.create(a_task(served.world.patients[0].id))

        server.delete("Task", key)

        with pytest.raises(DocumentGone):
            server.read("Task", key)
        assert server.find("Task", "status=requested") == []
        with sessions() as session:
            assert session.scalars(select(SearchValue.resource_id)).all().count(key) == 0
        with pytest.raises(HeldResourceNotFound):
            server.delete("Task", key)

    def test_is_indexed_anew_by_a_rebuild(self, server, served, sessions, now):
        key = server.create(a_task(served.world.patients[0].id))
        with sessions.begin() as session:
            session.execute(delete(SearchValue))
        assert server.find("Task", "status=requested") == []

        with sessions.begin() as session:
            assert projector.rebuild(session, now=now) == 0

        assert server.find("Task", "status=requested") == [str(key)]

    def test_is_written_to_the_audit(self, server, served, sessions):
        key = server.create(a_task(served.world.patients[0].id))
        server.delete("Task", key)

        with sessions() as session:
            events = session.scalars(select(AuditEvent).where(AuditEvent.subject_id == key)).all()
        assert {event.action for event in events} == {"hold_resource", "release_held_resource"}
        assert {event.detail["kind"] for event in events} == {"Task"}


class TestOwner:
    def test_is_the_patients_organisation(self, server, served):
        key = server.create(a_task(served.world.patients[0].id))

        own, stranger = coordinator_of(served.world.organisation), coordinator_of(served.world.practice)
        assert server.seen_by(own).find("Task") == [str(key)]
        assert server.seen_by(stranger).find("Task") == []
        with pytest.raises(DocumentNotFound):
            server.seen_by(stranger).read("Task", key)
        with pytest.raises(HeldResourceNotFound):
            server.seen_by(stranger).update(key, a_task(uuid4()))

    def test_is_the_sender_if_it_is_one_organisation(self, server, served, sessions):
        foreign = coordinator_of(served.world.practice)
        key = server.seen_by(foreign).create(a_task(served.world.patients[0].id))

        assert server.seen_by(foreign).find("Task") == [str(key)]
        with sessions() as session:
            assert session.get_one(HeldTask, key).patient_id is None  # they do not see that patient

    def test_follows_from_what_it_refers_to(self, server, served, sessions):
        task = a_task("x", focus={"reference": f"Appointment/{served.double.id}"})
        del task["for"]

        key = server.create(task)

        with sessions() as session:
            assert session.get_one(HeldTask, key).organisation_id == served.world.organisation_id

    def test_is_the_only_organisation_there_is(self, server, sessions):
        task = a_task("x")
        del task["for"]
        with sessions.begin() as session:
            only = an_organisation(session)

        key = server.create(task)

        with sessions() as session:
            assert session.get_one(HeldTask, key).organisation_id == only.id

    def test_that_cannot_be_told_is_refused(self, server, served):
        task = a_task("x")
        del task["for"]

        with pytest.raises(Rejected, match="whose this Task is to be") as refused:
            server.create(task)

        assert refused.value.issues[0].expression == "Task.for"

    def test_stays(self, server, served, sessions):
        key = server.create(a_task(served.world.patients[0].id))
        with sessions.begin() as session:
            stranger = a_patient(session, session.get_one(Organisation, served.world.practice.id))

        with pytest.raises(Rejected, match="another organisation"):
            server.update(key, a_task(stranger.id) | {"id": str(key)})


FINDS = {
    "status=requested": True,
    "status=http://hl7.org/fhir/task-status|requested": True,
    "status=|requested": False,
    "status:not=draft": True,
    "code=call": True,
    f"code={CODES}|call": True,
    f"code={CODES}|": True,
    "code=http://other|call": False,
    "code:not=call": False,
    "code:text=anruf": True,
    "code:text=zuruck": True,
    "code:text=rufen": True,
    "code:text=ruf an": False,
    "code:missing=false": True,
    "identifier=T-1": True,
    "identifier=http://example.org/tasks|T-1": True,
    "identifier=T-1,T-2": True,
    "identifier=T-2": False,
    "owner:missing=false": True,
    "owner={nurse}": True,
    "owner=Practitioner/{nurse}": True,
    "owner:Practitioner={nurse}": True,
    f"owner={BASE}/Practitioner/{{nurse}}": True,
    "owner=Organization/{nurse}": False,
    "authored-on=2026-03-02": True,
    "authored-on=2026-03-02T16:30:00Z": True,
    "authored-on=gt2026-03-02": False,
    # Both days are included: until midnight of the sixth in Berlin.
    "period=2026-03": True,
    "period=2026-03-03": False,
    "period=ge2026-03-04": True,
    "period=sa2026-03-02": True,
    "period=sa2026-03-03": False,
    "period=eb2026-03-06": True,
    "period=eb2026-03-05": False,
    "period=ap2026-03-04": True,
    "period=ne2026-03": False,
    "_tag=http://example.org/tags|x": True,
    "_tag:not=x": False,
}
"""What finds the task of the fixture `key`."""


class TestSearch:
    @pytest.fixture
    def key(self, server, served) -> str:
        patient = served.world.patients[0].id
        bare = a_task(served.world.patients[1].id, status="draft")
        server.create({name: part for name, part in bare.items() if name not in {"identifier", "code"}})
        return str(
            server.create(
                a_task(
                    patient,
                    owner={"reference": f"Practitioner/{served.world.nurses[0].practitioner_id}"},
                    executionPeriod={"start": "2026-03-03", "end": "2026-03-05"},
                    meta={"tag": [{"system": "http://example.org/tags", "code": "x"}]},
                )
            )
        )

    def test_finds_what_is_asked_for(self, server, served, key):
        nurse = served.world.nurses[0].practitioner_id

        found = {query: key in server.find("Task", query.format(nurse=nurse)) for query in FINDS}

        assert found == FINDS

    def test_sorts_by_dates(self, server, served, key):
        later = str(
            server.create(a_task(served.world.patients[0].id, authoredOn="2026-03-02T17:31:00+01:00"))
        )

        found = server.find("Task", "_sort=-authored-on&status=requested")

        assert found == [later, key]

    @pytest.mark.parametrize("query", ["code=a|b|c", "code=|", "authored-on=soon", "owner=a b", "code:in=x"])
    def test_refuses_what_it_cannot_understand(self, server, query):
        with pytest.raises(InvalidSearch):
            server.find("Task", query)

    def test_compares_long_codes(self, server, served):
        long = "x" * 5000
        key = server.create(a_task(served.world.patients[0].id, identifier=[{"value": long}]))

        assert server.find("Task", f"identifier={long}") == [str(key)]
        assert server.find("Task", f"identifier={long}x") == []

    def test_finds_rows_with_columns_by_what_was_sent_beside(self, server, served, sessions):
        patient = served.world.patients[0]
        with sessions.begin() as session:
            sent.keep(
                session,
                "Patient",
                patient.id,
                {
                    "resourceType": "Patient",
                    "identifier": [{"system": "http://example.org/numbers", "value": "P-7"}],
                    "meta": {"tag": [{"system": "http://example.org/tags", "code": "x"}]},
                },
                server.asking,
            )

        own = {str(each.id) for each in served.world.patients}
        assert server.find("Patient", "identifier=http://example.org/numbers|P-7") == [str(patient.id)]
        assert own <= set(server.find("Patient", "identifier=X000000001"))
        assert server.find("Patient", "_tag=x") == [str(patient.id)]
        assert str(patient.id) in server.find("Patient", "_tag=HTEST")
        assert str(patient.id) not in server.find("Patient", "_tag:not=HTEST")

    def test_forgets_what_was_sent_with_a_row_that_is_deleted(self, server, served, sessions):
        slot = served.free_slot
        with sessions.begin() as session:
            sent.keep(
                session,
                "Slot",
                slot.id,
                {"resourceType": "Slot", "identifier": [{"value": "S-1"}]},
                server.asking,
            )
        assert server.find("Slot", "identifier=S-1") == [str(slot.id)]

        with sessions.begin() as session:
            session.delete(session.merge(slot, load=False))

        with sessions() as session:
            assert session.scalars(select(SearchValue)).all() == []
