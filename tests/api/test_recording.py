"""What is asked and shown stands in the record before the answer leaves."""

from uuid import UUID, uuid4

import pytest
from fastapi import Request
from sqlalchemy import select

from api.auth import viewers
from api.database import open_sessions
from careapp.access import Viewer, ViewerRole
from careapp.records.audit_writer import RecordUnwritable
from careapp.records.chain import unpacked
from careapp.records.models import AuditEvent
from tests.careapp.worlds import DAY, World, a_world

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def world(engine) -> World:
    """The world, written through sessions that keep the FHIR documents."""
    with open_sessions(engine).begin() as session:
        return a_world(session)


@pytest.fixture
def record(sessions):
    """Reads the rows of a request, by the id that its answer bears."""

    def read(answer) -> list[AuditEvent]:
        with sessions() as session:
            rows = session.scalars(
                select(AuditEvent)
                .where(AuditEvent.request_id == answer.headers["x-request-id"])
                .order_by(AuditEvent.patient_id)
            ).all()
            session.expunge_all()
            return list(rows)

    return read


def whom(rows: list[AuditEvent]) -> set[UUID | None]:
    named = {key for row in rows for key in unpacked(row.patients or b"")}
    return named | {row.patient_id for row in rows if row.patients is None}


class TestReads:
    def test_leave_one_row_that_names_every_patient_that_is_shown(self, client, world, record):
        answer = client.get("/api/patients")

        (row,) = record(answer)
        assert whom([row]) == {UUID(each["id"]) for each in answer.json()["items"]}
        assert len(whom([row])) == len(answer.json()["items"]) > 1
        assert row.patient_id is None
        assert (row.action, row.interaction, row.subject_kind, row.outcome) == (
            "list_patients",
            "search-type",
            "patient",
            "0",
        )

    def test_name_who_asked_for_which_row(self, client, world, record):
        (row,) = record(client.get(f"/api/visits/{world.visits[0].id}"))

        assert (row.viewer, row.role, row.organisation_id) == ("operator", "system", None)
        assert (row.action, row.interaction) == ("get_visit", "read")
        assert (row.subject_kind, row.subject_id) == ("visit", world.visits[0].id)
        assert row.patient_id == world.visits[0].patient_id
        assert row.mark is not None

    def test_of_tours_and_demand_name_every_patient_in_them(self, client, world, record):
        rows = record(client.get(f"/api/days/{DAY}/demand"))

        assert world.visits[0].patient_id in whom(rows)

    def test_of_fhir_name_the_patient_of_the_resource(self, client, world, record):
        (row,) = record(client.get(f"/fhir/Appointment/{world.visits[0].id}"))

        assert (row.interaction, row.subject_kind, row.subject_id, row.patient_id) == (
            "read",
            "Appointment",
            world.visits[0].id,
            world.visits[0].patient_id,
        )

    @pytest.mark.parametrize("form", ["_elements=status", "_format=xml", "_pretty=true"])
    def test_of_fhir_name_the_patient_however_it_is_written(self, client, world, record, form):
        (row,) = record(client.get(f"/fhir/Appointment/{world.visits[0].id}?{form}"))

        assert row.patient_id == world.visits[0].patient_id

    def test_of_an_unchanged_resource_are_looks_too(self, client, world, record):
        address = f"/fhir/Appointment/{world.visits[0].id}"
        tag = client.get(address).headers["etag"]

        answer = client.get(address, headers={"if-none-match": tag})

        assert answer.status_code == 304
        assert whom(record(answer)) == {world.visits[0].patient_id}

    @pytest.mark.parametrize(
        ("address", "interaction"),
        [
            ("/fhir/Patient/{id}/_history", "history-instance"),
            ("/fhir/Patient/{id}/_history/1", "vread"),
            ("/fhir/Patient/{id}/$everything", "operation"),
            ("/fhir/Patient/{id}?_summary=true", "read"),
        ],
    )
    def test_of_what_was_and_of_everything_are_looks(self, client, world, record, address, interaction):
        rows = record(client.get(address.format(id=world.patients[0].id)))

        assert {row.interaction for row in rows} == {interaction}
        assert whom(rows) == {world.patients[0].id}

    def test_of_what_comes_along_name_its_patient(self, client, world, record):
        answer = client.get(f"/fhir/Appointment?_id={world.visits[0].id}&_include=Appointment:patient")

        assert whom(record(answer)) == {world.visits[0].patient_id}

    def test_of_offers_are_recorded_without_a_patient(self, client, world, record):
        (row,) = record(client.get("/fhir/Slot?status=free&_count=1"))

        assert (row.action, row.interaction, row.subject_kind) == ("search_by_address", "search-type", "Slot")
        assert row.patient_id is None
        assert row.detail == {"status": 200, "query": "status=free&_count=1", "from": "testclient"}

    def test_of_the_record_itself_do_not_multiply_it(self, client, world, record):
        client.get("/api/patients")

        (row,) = record(client.get("/fhir/AuditEvent"))
        (about_one,) = record(client.get(f"/fhir/AuditEvent?patient=Patient/{world.patients[0].id}"))
        with_patients = record(client.get("/fhir/AuditEvent?_include=AuditEvent:patient"))

        assert (row.subject_kind, row.patient_id) == ("AuditEvent", None)
        assert about_one.patient_id == world.patients[0].id
        assert {each.id for each in world.patients} <= whom(with_patients)

    @pytest.mark.parametrize("address", ["/api/about", "/fhir/metadata", "/api/skills", "/health/live"])
    def test_of_what_shows_nobody_leave_nothing(self, client, world, record, address):
        assert record(client.get(address)) == []


class TestLooksAtSeveral:
    """One row of the record, and an AuditEvent for each patient, as IHE's patterns ask."""

    @pytest.fixture
    def looks(self, client, world):
        """The patients whom one request showed, and its id."""
        answer = client.get("/api/patients")
        return {each["id"] for each in answer.json()["items"]}, answer.headers["x-request-id"]

    @pytest.fixture
    def events(self, client, looks):
        """What a search of the record finds of that request."""

        def find(query=""):
            bundle = client.get(f"/fhir/AuditEvent?_count=100&{query}").json()
            return [
                each["resource"]
                for each in bundle.get("entry", [])
                if {"value": looks[1]}
                in [
                    entity["what"].get("identifier")
                    for entity in each["resource"]["entity"]
                    if "what" in entity
                ]
            ]

        return find

    def test_are_one_event_for_each(self, events, looks):
        found = events()

        patients = [
            entity["what"]["reference"]
            for event in found
            for entity in event["entity"]
            if "reference" in entity.get("what", {})
        ]
        assert sorted(patients) == sorted(f"Patient/{each}" for each in looks[0])
        assert len({event["id"] for event in found}) == len(found) == len(looks[0]) > 1
        assert {event["meta"]["profile"][0].rpartition(".")[2] for event in found} == {"PatientQuery"}

    @pytest.mark.parametrize(
        "query", ["patient=Patient/{}", "entity=Patient/{}", "patient={}&action=E&_sort=date"]
    )
    def test_are_found_by_each_patient(self, events, looks, query):
        for each in looks[0]:
            (event,) = events(query.format(each))

            assert f"Patient/{each}" in str(event["entity"])

    def test_are_read_one_by_one(self, client, events):
        for event in events():
            alone = client.get(f"/fhir/AuditEvent/{event['id']}")
            version = client.get(f"/fhir/AuditEvent/{event['id']}/_history/1")
            versions = client.get(f"/fhir/AuditEvent/{event['id']}/_history").json()

            assert alone.json() == version.json() == event
            assert [each["resource"] for each in versions["entry"]] == [event]

    def test_come_page_by_page_and_each_once(self, client, events, looks):
        everything = client.get("/fhir/AuditEvent?_count=1000&_total=accurate").json()
        addresses: list[str] = ["/fhir/AuditEvent?_count=1"]
        ids: list[str] = []
        while addresses and len(ids) < 50:
            page = client.get(addresses[0]).json()
            ids += [each["resource"]["id"] for each in page.get("entry", [])]
            addresses = [each["url"] for each in page["link"] if each["relation"] == "next"]

        # Each look at the record leaves a row as well, newer than the page that shows it.
        assert set(ids) >= {each["resource"]["id"] for each in everything["entry"]} - {ids[0]}
        assert len(ids) == len(set(ids))
        assert everything["total"] == len(everything["entry"])

    def test_come_along_with_their_patient(self, client, looks):
        one = min(looks[0])

        bundle = client.get(f"/fhir/Patient?_id={one}&_revinclude=AuditEvent:patient").json()
        found = client.get(f"/fhir/Patient?_has:AuditEvent:patient:action=E&_id={one}").json()

        kinds = [each["resource"]["resourceType"] for each in bundle["entry"]]
        assert kinds.count("AuditEvent") >= 1
        assert len(found["entry"]) == 1

    def test_stand_in_each_patients_report(self, client, looks):
        for each in looks[0]:
            items = client.get(f"/api/patients/{each}/accesses?limit=1").json()
            (access,) = items["items"]

            assert access["action"] == "list_patients"
            assert client.get(f"/fhir/AuditEvent/{access['id']}").status_code == 200


class TestSearches:
    def test_leave_no_name_in_the_record(self, client, world, record):
        query = "name=Canary&birthdate=1939-05-14&identifier=X110465770&Canary=1&status:Canary=free"

        (row,) = record(client.post("/fhir/Patient/_search", content=query, headers=FORM))

        assert "Canary" not in str(row.detail)
        assert "1939" not in str(row.detail)
        assert "X1104" not in str(row.detail)
        assert row.detail["query"].startswith("name=#")

    def test_for_the_same_name_look_alike(self, client, world, record):
        queries = [
            record(client.get(f"/fhir/Patient?name={name}&_total=none"))[0].detail["query"]
            for name in ("Quittebaum", "Quittebaum", "Zwetschgenstein")
        ]

        assert queries[0] == queries[1] != queries[2]

    def test_within_a_batch_are_recorded_with_all_that_they_show(self, client, world, record):
        asked = ["Patient?name=Canary", f"Appointment?_id={world.visits[0].id}"]
        entries = [{"request": {"method": "GET", "url": url}} for url in asked]

        rows = record(
            client.post("/fhir", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
        )

        (row,) = rows
        assert (row.interaction, row.patient_id) == ("batch", world.visits[0].patient_id)
        assert row.detail["query"].startswith("Patient?name=#")
        assert row.detail["query"].endswith(f" Appointment?_id={world.visits[0].id}")

    def test_that_find_nothing_name_the_patient_that_they_were_about(self, client, world, record):
        (row,) = record(client.get(f"/api/visits?patient={world.patients[0].id}&date=2031-01-01"))

        assert row.patient_id == world.patients[0].id
        assert row.detail["query"] == f"patient={world.patients[0].id}&date=2031-01-01"

    def test_for_a_patient_by_id_name_them_though_they_only_count(self, client, world, record):
        (row,) = record(client.get(f"/fhir/Patient?_id={world.patients[0].id}&_summary=count"))

        assert row.patient_id == world.patients[0].id


class TestDeeds:
    def test_are_recorded_once_by_the_command_itself(self, client, world, record):
        answer = client.post(f"/api/visits/{world.visits[0].id}/cancellation", json={"because": "pat"})

        (row,) = record(answer)
        assert (row.action, row.interaction, row.role) == ("cancel_visit", None, "system")
        assert row.patient_id == world.visits[0].patient_id
        assert row.mark is not None

    def test_that_show_others_too_leave_a_row_for_each_of_them(self, client, world, record):
        answer = client.post(f"/api/days/{DAY}/publication", json={})

        assert answer.status_code in {200, 409}
        assert all(row.interaction for row in record(answer))

    def test_that_fail_leave_nothing(self, client, world, record):
        answer = client.post(f"/api/visits/{world.visits[0].id}/cancellation", json={"because": "nonsense"})

        assert answer.status_code == 422
        assert record(answer) == []


class TestRefusals:
    def test_of_what_is_not_there_are_recorded(self, client, world, record):
        missing = uuid4()

        (row,) = record(client.get(f"/fhir/Patient/{missing}"))

        assert (row.outcome, row.subject_id, row.patient_id) == ("4", missing, missing)
        assert row.detail["status"] == 404

    def test_of_another_tenants_patient_name_who_tried(self, app, client, world, record):
        stranger = Viewer("stranger", ViewerRole.COORDINATOR, world.practice.id)
        app.dependency_overrides[viewers.signed_in] = signing_in(stranger)

        answer = client.get(f"/api/patients/{world.patients[0].id}")

        assert answer.status_code == 404
        (row,) = record(answer)
        assert (row.viewer, row.organisation_id, row.patient_id, row.outcome) == (
            "stranger",
            world.practice.id,
            world.patients[0].id,
            "4",
        )


class TestTheRecord:
    def test_that_cannot_be_written_lets_nothing_be_shown(self, app, client, world, monkeypatch):
        async def refuse(_rows) -> None:
            raise RecordUnwritable("full")

        monkeypatch.setattr(app.state.audit_writer, "write", refuse)

        answers = [client.get("/api/patients"), client.get(f"/fhir/Patient/{world.patients[0].id}")]

        assert [answer.status_code for answer in answers] == [503, 503]
        assert all(str(world.patients[0].id) not in answer.text for answer in answers)

    def test_is_written_before_the_answer_leaves(self, client, world, sessions):
        for _ in range(5):
            answer = client.get("/api/patients")
            with sessions() as session:
                statement = select(AuditEvent.id).where(
                    AuditEvent.request_id == answer.headers["x-request-id"]
                )
                assert session.scalars(statement).all()


def signing_in(viewer: Viewer):
    async def signed_in(request: Request) -> Viewer:
        request.scope["careapp.viewer"] = viewer
        return viewer

    return signed_in
