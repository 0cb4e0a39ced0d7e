"""What comes along with the matches."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event

from fhir.mapping.registry import get_resource
from fhir.search import includes
from fhir.search.includes import offered
from fhir.search.parameter import InvalidSearch
from fhir.validation.structure import model_of
from tests.careapp.worlds import coordinator_of
from tests.fhir.conftest import BASE, Searched, ids_of, link_of


def along(bundle: Mapping[str, Any]) -> set[str]:
    """`Type/id` of everything that is no match."""
    return {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", [])
        if entry["search"]["mode"] == "include"
    }


def of_booking(searched: Searched, query: str) -> dict[str, Any]:
    return searched.find("Appointment", f"_id={searched.served.booking.id}&{query}")


class TestInclude:
    def test_brings_what_matches_point_to(self, searched):
        served, world = searched.served, searched.served.world
        slot, schedule = f"Slot/{world.slot.id}", f"Schedule/{world.schedule.id}"
        patient = f"Patient/{world.patients[1].id}"
        doctor = f"Practitioner/{world.doctor.practitioner_id}"
        visit = f"Appointment/{world.visits[1].id}"
        for query, expected in (
            ("_include=Appointment:slot", {slot}),
            ("_include=Appointment:patient", {patient}),
            ("_include=Appointment:actor", {patient, doctor}),
            ("_include=Appointment:actor:Patient", {patient}),
            ("_include=Appointment:actor:Location", set()),
            ("_include=Appointment:slot&_include=Slot:schedule", {slot}),
            ("_include=Appointment:slot&_include:iterate=Slot:schedule", {slot, schedule}),
            ("_include=Appointment:slot&_include:recurse=Slot:schedule", {slot, schedule}),
            ("_include=Appointment:*", {slot, patient, doctor, visit}),
            ("_include=*", {slot, patient, doctor, visit}),
            ("_include=Schedule:actor", set()),
        ):
            bundle = of_booking(searched, query)
            assert along(bundle) == expected, query
            assert bundle["total"] == 1
            assert bundle["entry"][0]["resource"]["id"] == str(served.booking.id)
            model_of("Bundle").model_validate(bundle)
            for entry in bundle["entry"]:
                kind, key = entry["resource"]["resourceType"], entry["resource"]["id"]
                assert entry["fullUrl"] == f"{BASE}/{kind}/{key}"

    def test_brings_all_nurses_of_a_double_visit_once(self, searched):
        served, world = searched.served, searched.served.world

        bundle = searched.find(
            "Appointment", f"date=2026-03-03&_include=Appointment:practitioner&actor={world.patients[0].id}"
        )

        nurses = {f"Practitioner/{nurse.practitioner_id}" for nurse in world.nurses}
        assert str(served.double.id) in ids_of(bundle)
        assert along(bundle) == nurses
        assert len(bundle["entry"]) == bundle["total"] + 2

    def test_follows_a_reference_to_the_same_kind_without_repeating_a_match(self, searched):
        world = searched.served.world
        visit = str(world.visits[1].id)

        alone = of_booking(searched, "_include=Appointment:supporting-info")
        both = searched.find(
            "Appointment",
            f"_id={searched.served.booking.id},{visit}&_include:iterate=Appointment:supporting-info",
        )

        assert along(alone) == {f"Appointment/{visit}"}
        assert (both["total"], along(both)) == (2, set())

    def test_goes_on_with_every_page(self, searched):
        query = "status=booked&service-type=home-visit&_count=1&_include=Appointment:patient"
        bundle, found = searched.find("Appointment", query), set()
        for _ in range(9):
            (match,) = (entry for entry in bundle["entry"] if entry["search"]["mode"] == "match")
            patient = match["resource"]["participant"][0]["actor"]["reference"]
            assert along(bundle) == {patient}
            found.add(patient)
            link = link_of(bundle, "next")
            if link is None:
                break
            bundle = searched.find("Appointment", urlsplit(link).query)

        assert len(found) > 1

    def test_brings_only_what_the_viewer_may_see(self, searched):
        world = searched.served.world
        own = coordinator_of(world.organisation)
        query = f"_id={searched.served.booking.id}&_include=Appointment:actor&_include=Appointment:slot"

        found = along(searched.find("Appointment", query, viewer=own))

        # The doctor offers the slot, so everybody sees who that is.
        assert found == {
            f"Patient/{world.patients[1].id}",
            f"Slot/{world.slot.id}",
            f"Practitioner/{world.doctor.practitioner.id}",
        }
        strange = along(searched.find("Appointment", query, viewer=coordinator_of(world.practice)))
        assert strange == set()

    def test_brings_nothing_with_a_total_only(self, searched):
        bundle = of_booking(searched, "_include=*&_summary=count")

        assert (bundle["total"], "entry" in bundle) == (1, False)

    @pytest.mark.parametrize(
        "query",
        ["_include=Slot", "_include=Slot:a:b:c", "_include:exact=Slot:schedule", "_revinclude=a",
         "_include=Slot:schedule&_summary=text", "&".join(["_include=Slot:schedule"] * 21)],
    )  # fmt: skip
    def test_refuses_what_cannot_be_understood(self, searched, query):
        with pytest.raises(InvalidSearch):
            searched.find("Slot", query)

    def test_says_when_not_all_may_come_along(self, searched, monkeypatch):
        monkeypatch.setattr(includes, "MOST_INCLUDED", 2)

        bundle = of_booking(searched, "_include=*")

        *entries, note = bundle["entry"]
        assert [entry["search"]["mode"] for entry in entries] == ["match", "include", "include"]
        assert note["search"] == {"mode": "outcome"}
        assert note["resource"]["issue"][0]["severity"] == "warning"
        model_of("Bundle").model_validate(bundle)


class TestRevinclude:
    def test_brings_what_points_to_matches(self, searched):
        served, world = searched.served, searched.served.world
        slots = {f"Slot/{world.slot.id}", f"Slot/{served.free_slot.id}"}
        booking = f"Appointment/{served.booking.id}"
        for kind, key, query, expected in (
            ("Schedule", world.schedule.id, "_revinclude=Slot:schedule", slots),
            ("Schedule", world.schedule.id, "_revinclude=Slot:schedule&_revinclude=Appointment:slot", slots),
            ("Schedule", world.schedule.id, "_revinclude=Slot:schedule&_revinclude:iterate=Appointment:slot",
             {*slots, booking}),
            ("Slot", world.slot.id, "_revinclude=Appointment:slot", {booking}),
            ("Slot", world.slot.id, "_revinclude=Appointment:*", {booking}),
            ("Slot", world.slot.id, "_revinclude=*", {booking}),
            ("Slot", world.slot.id, "_revinclude=Appointment:slot:Schedule", set()),
            ("Slot", world.slot.id, "_revinclude=Appointment:slot&_include:iterate=Appointment:patient",
             {booking, f"Patient/{world.patients[1].id}"}),
            ("Practitioner", world.nurses[1].practitioner_id, "_revinclude=Appointment:practitioner",
             {f"Appointment/{served.double.id}"}),
            ("PractitionerRole", world.nurses[1].id, "_revinclude=List:source",
             {f"List/{served.tours[1].id}"}),
        ):  # fmt: skip
            assert along(searched.find(kind, f"_id={key}&{query}")) == expected, (kind, query)

    def test_brings_only_what_the_viewer_may_see(self, searched):
        world = searched.served.world
        query = f"_id={world.slot.id}&_revinclude=Appointment:slot"

        assert along(searched.find("Slot", query, viewer=coordinator_of(world.practice))) == set()


class TestStatements:
    def test_are_one_for_the_matches_and_one_for_each_kind_that_may_come(self, searched):
        statements: list[str] = []

        def note(_connection, _cursor, statement, *_rest):
            if statement != "BEGIN" and "set_config" not in statement:
                statements.append(statement)

        event.listen(searched.engine, "before_cursor_execute", note)
        try:
            searched.find("Appointment", "_include=Appointment:actor&_include=Appointment:slot")
        finally:
            event.remove(searched.engine, "before_cursor_execute", note)

        # Appointment and Slot; as actors HealthcareService, Location, Patient, Practitioner, PractitionerRole
        # and RelatedPerson.
        assert len(statements) == 8

    def test_see_one_moment(self, searched):
        with searched.sessions() as session:
            if session.connection().dialect.name == "postgresql":
                assert session.connection().get_isolation_level() == "REPEATABLE READ"


class TestOffered:
    def test_names_what_isik_asks_for(self):
        assert "Slot:schedule" in offered(get_resource("Slot"))[0]
        assert "Appointment:slot" in offered(get_resource("Slot"))[1]
        assert "Slot:schedule" in offered(get_resource("Schedule"))[1]
        assert {"Appointment:actor", "Appointment:slot"} <= set(offered(get_resource("Appointment"))[0])
        assert "Schedule:actor" in offered(get_resource("Schedule"))[0]
