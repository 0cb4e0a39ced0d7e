"""Nurses' shifts: Slots that nobody books, of Schedules that nobody writes, among those of doctors."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select

from careapp.config import Settings
from careapp.consultations.taking import SlotTaken
from careapp.records.models import Document
from careapp.roads.geocoders import choose_geocoder
from careapp.tours.models import Shift
from fhir.asking import Asking
from fhir.interactions import history, writing
from fhir.issues import NotSupported, Rejected
from fhir.mapping import codes
from fhir.mapping.registry import RESOURCES, get_resource
from fhir.operations.book import book
from fhir.operations.export import read_order, write_export
from fhir.read import DocumentGone, DocumentNotFound, read
from fhir.search.parameter import Context
from fhir.search.query import find_ids
from fhir.validation.check import errors
from tests.careapp.worlds import (
    DAY,
    EVERYONE,
    a_doctor,
    a_nurse,
    a_patient,
    a_shift,
    coordinator_of,
    moment,
)
from tests.fhir.conftest import BASE, PAGE_KEY, ZONE, ids_of, link_of

WHICH = [part for each in RESOURCES for part in each.also]


@pytest.fixture
def asking(calendar, now, tmp_path) -> Asking:
    return Asking(
        viewer=EVERYONE,
        now=now,
        base_url=BASE,
        calendar=calendar,
        geocoder=choose_geocoder(Settings.read(data_dir=tmp_path)),
        page_key=PAGE_KEY,
    )


@pytest.fixture
def nurse(sessions):
    with sessions.begin() as session:
        return a_nurse(session)


@pytest.fixture
def shift(sessions, nurse):
    with sessions.begin() as session:
        return a_shift(session, session.merge(nurse))


@pytest.fixture
def stored(sessions):
    def stored(kind: str, key: Any) -> Any:
        with sessions() as session:
            content = session.scalar(
                select(Document.content).where(Document.kind == kind, Document.id == key)
            )
        return None if content is None else orjson.loads(content)

    return stored


class TestDocuments:
    def test_show_a_nurses_hours_without_a_profile(self, stored, nurse, shift):
        found = stored("Schedule", nurse.id)

        assert errors(found) == []
        assert "profile" not in found["meta"]
        assert [each["reference"] for each in found["actor"]] == [
            f"Practitioner/{nurse.practitioner_id}",
            f"PractitionerRole/{nurse.id}",
        ]
        # A shift of eight hours from 05:00 UTC.
        assert found["planningHorizon"] == {"start": "2026-03-03T05:00:00Z", "end": "2026-03-03T13:00:00Z"}

    def test_reach_as_far_as_shifts_are_planned(self, sessions, stored, nurse, shift):
        with sessions.begin() as session:
            for days in (1, 2, 9):
                a_shift(session, session.merge(nurse), day=DAY + timedelta(days=days))
        with sessions.begin() as session:
            session.delete(session.get(Shift, shift.id))

        horizon = stored("Schedule", nurse.id)["planningHorizon"]

        assert horizon == {"start": "2026-03-04T05:00:00Z", "end": "2026-03-12T13:00:00Z"}

    def test_show_a_shift_as_time_that_is_taken(self, stored, nurse, shift):
        found = stored("Slot", shift.id)

        assert errors(found) == []
        assert {name: found[name] for name in ("schedule", "status", "start", "end")} == {
            "schedule": {"reference": f"Schedule/{nurse.id}"},
            "status": "busy-unavailable",
            "start": "2026-03-03T05:00:00Z",
            "end": "2026-03-03T13:00:00Z",
        }
        assert "profile" not in found["meta"]

    def test_are_not_made_of_doctors_roles(self, sessions, stored):
        with sessions.begin() as session:
            doctor = a_doctor(session)

        assert stored("Schedule", doctor.id) is None

    def test_go_with_the_shift_and_keep_its_history(self, sessions, asking, shift):
        with sessions.begin() as session:
            session.delete(session.get(Shift, shift.id))

        with sessions() as session:
            with pytest.raises(DocumentGone):
                read(session, kind="Slot", id=str(shift.id), viewer=EVERYONE)
            bundle = orjson.loads(
                history.instance(session, kind="Slot", id=str(shift.id), query="", asking=asking)
            )
        assert [each["request"]["method"] for each in bundle["entry"]] == ["DELETE", "POST"]


class TestParameters:
    @pytest.mark.parametrize("part", WHICH, ids=lambda part: part.about)
    def test_have_the_names_and_types_of_their_kind(self, part):
        whole = get_resource(part.kind)

        assert {name: each.type for name, each in part.all_parameters.items()} == {
            name: each.type for name, each in whole.all_parameters.items()
        }
        assert {name for name, each in part.all_parameters.items() if each.sort is not None} == {
            name for name, each in whole.all_parameters.items() if each.sort is not None
        }


class TestSearch:
    @pytest.fixture
    def shifts(self, searched):
        return {str(shift.id) for shift in searched.served.world.shifts}

    @pytest.fixture
    def nurses(self, searched):
        return {str(nurse.id) for nurse in searched.served.world.nurses}

    def test_finds_shifts_among_slots_in_the_order_of_time(self, searched, shifts):
        bundle = searched.find("Slot")
        starts = [each["resource"]["start"] for each in bundle["entry"]]

        assert shifts < set(ids_of(bundle))
        assert starts == sorted(starts)

    @pytest.mark.parametrize(
        ("query", "finds_shifts"),
        [
            ("status=busy-unavailable", True),
            ("status=http://hl7.org/fhir/slotstatus|busy-unavailable", True),
            ("status=free", False),
            ("status:not=free", True),
            (f"start={DAY}", True),
            ("start=ge2027", False),
            (f"service-type={codes.HOME_VISIT}", True),
            (f"service-type={codes.VIDEO_CONSULTATION}", False),
            ("specialty=ALLG", False),
            ("specialty:missing=true", True),
            ("identifier=x|1", False),
        ],
    )
    def test_asks_of_shifts_what_it_asks_of_slots(self, searched, shifts, query, finds_shifts):
        found = searched.find("Slot", query, strict=True)

        assert (shifts <= set(ids_of(found))) == finds_shifts
        assert found["total"] == len(ids_of(found))

    @pytest.mark.parametrize("sort", ["start", "-start", "status", "-status,start", "_id", "_lastUpdated"])
    def test_pages_through_both_and_back(self, searched, sort):
        whole = ids_of(searched.find("Slot", f"_sort={sort}"))
        seen: list[str] = []
        back: list[str] = []
        bundle = searched.find("Slot", f"_sort={sort}&_count=3")
        while True:
            seen += ids_of(bundle)
            following = link_of(bundle, "next")
            if following is None:
                break
            bundle = searched.find("Slot", following.partition("?")[2])
        bundle = searched.find("Slot", str(link_of(bundle, "last")).partition("?")[2])
        while True:
            back = ids_of(bundle) + back
            before = link_of(bundle, "previous")
            if before is None:
                break
            bundle = searched.find("Slot", before.partition("?")[2])

        assert seen == back == whole
        assert len(set(whole)) == len(whole) == 10

    def test_follows_a_shift_to_its_nurse_and_back(self, searched, shifts, nurses):
        nurse = searched.served.world.nurses[0]
        own = {str(each.id) for each in searched.served.world.shifts if each.role_id == nurse.id}

        by_person = searched.find("Slot", f"schedule.actor=Practitioner/{nurse.practitioner_id}")
        by_role = searched.find("Slot", f"schedule.actor:PractitionerRole._id={nurse.id}")
        with_schedule = searched.find("Slot", f"schedule=Schedule/{nurse.id}&_include=Slot:schedule")
        along = searched.find(
            "Schedule", f"actor=PractitionerRole/{nurse.id}&_revinclude=Slot:schedule&_include=Schedule:actor"
        )

        assert set(ids_of(by_person)) == set(ids_of(by_role)) == own
        assert set(ids_of(with_schedule)) == own | {str(nurse.id)}
        assert set(ids_of(along)) == own | {str(nurse.id), str(nurse.practitioner_id)}

    def test_knows_who_has_working_hours(self, searched, nurses):
        found = searched.find("PractitionerRole", "_has:Schedule:actor:service-type=home-visit")

        assert set(ids_of(found)) == nurses

    def test_finds_ids_of_both(self, searched):
        context = Context(BASE, ZONE, EVERYONE)
        with searched.sessions() as session:
            found = find_ids(session, kind="Slot", query_string="start=ge2020", context=context, limit=100)

        assert sorted(map(str, found)) == sorted(ids_of(searched.find("Slot")))


class TestViewer:
    @pytest.mark.parametrize("kind", ["Schedule", "Slot"])
    def test_of_another_tenant_sees_what_is_offered_and_no_shift(self, searched, asking, kind):
        world = searched.served.world
        mine = {str(each.id) for each in (world.nurses if kind == "Schedule" else world.shifts)}
        stranger = coordinator_of(world.practice)

        seen = searched.find(kind, viewer=stranger)
        with searched.sessions() as session:
            versions = orjson.loads(
                history.kind(session, kind=kind, query="_count=1000", asking=replace(asking, viewer=stranger))
            )
            for key in mine:
                with pytest.raises(DocumentNotFound):
                    read(session, kind=kind, id=key, viewer=stranger)

        assert set(ids_of(seen)) == set(ids_of(searched.find(kind))) - mine
        assert mine.isdisjoint(each["resource"]["id"] for each in versions["entry"])
        assert seen["total"] == len(ids_of(seen)) == versions["total"] > 0

    def test_of_another_tenant_does_not_learn_of_a_shift_that_is_gone(self, sessions, nurse, shift):
        with sessions.begin() as session:
            stranger = coordinator_of(a_patient(session).organisation)
            session.delete(session.get(Shift, shift.id))

        with sessions() as session, pytest.raises(DocumentNotFound) as refused:
            read(session, kind="Slot", id=str(shift.id), viewer=stranger)

        assert not isinstance(refused.value, DocumentGone)


class TestWriting:
    @pytest.mark.parametrize("kind", ["Schedule", "Slot"])
    def test_is_refused_with_the_place_where_it_is_done(self, sessions, asking, stored, nurse, shift, kind):
        shown = stored(kind, nurse.id if kind == "Schedule" else shift.id)
        one = {"kind": kind, "id": shown["id"], "asking": asking}

        with sessions() as session, pytest.raises(NotSupported, match="changed at /api: Nurses'"):
            writing.update(session, document=shown, **one)
        with sessions() as session, pytest.raises(NotSupported):
            writing.delete(session, **one)
        assert stored(kind, UUID(shown["id"])) == shown

    @pytest.mark.parametrize("named", ["slot", "schedule"])
    def test_books_no_nurse(self, sessions, asking, nurse, shift, named):
        with sessions.begin() as session:
            patient = a_patient(session, session.merge(nurse).organisation)
        appointment = {
            "resourceType": "Appointment",
            "status": "proposed",
            "start": shift.starts_at.isoformat(),
            "end": shift.ends_at.isoformat(),
            "participant": [
                {"actor": {"reference": f"Patient/{patient.id}", "display": "P"}, "status": "accepted"}
            ],
        }
        document: dict[str, Any] = {
            **appointment,
            "slot": [{"reference": f"Slot/{shift.id}", "display": "Dienst"}],
        }
        if named == "schedule":
            document = {
                "resourceType": "Parameters",
                "parameter": [
                    {"name": "appt-resource", "resource": appointment},
                    {"name": "schedule", "valueReference": {"reference": f"Schedule/{nurse.id}"}},
                ],
            }

        with sessions() as session, pytest.raises((Rejected, SlotTaken)) as refused:
            book(session, document, replace(asking, now=moment(17, day=DAY - timedelta(days=1))))

        if named == "slot":
            assert "a nurse's shift cannot be booked" in str(refused.value)

    def test_exports_them_with_the_others(self, sessions, tmp_path, now, shift, nurse):
        viewer = coordinator_of(nurse.organisation)
        order = read_order("system", [("_type", "Slot,Schedule")], zone=ZONE, viewer=viewer)

        written = write_export(
            sessions,
            tmp_path / "export",
            order,
            viewer=viewer,
            now=lambda: now,
            tell=lambda _progress: None,
            is_cancelled=lambda: False,
        )

        assert {file["kind"]: file["count"] for file in written["files"]} == {"Schedule": 1, "Slot": 1}
