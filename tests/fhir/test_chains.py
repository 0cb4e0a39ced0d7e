"""Conditions on other resources: chains along references, and `_has` against them."""

import pytest

from fhir.search.asked import UnknownParameter
from fhir.search.parameter import InvalidSearch
from tests.careapp.worlds import coordinator_of
from tests.fhir.conftest import BASE, ids_of


class TestChain:
    def test_asks_of_the_target(self, searched):
        served, world = searched.served, searched.served.world
        doctor, nurse = world.doctor.practitioner, world.nurses[1].practitioner
        patient = world.patients[1]
        booking, double = str(served.booking.id), str(served.double.id)
        taken = f"{world.slot.starts_at:%Y-%m-%dT%H:%M:%SZ}"
        of_doctor = [str(world.slot.id), str(served.free_slot.id)]
        for kind, query, expected in (
            ("Appointment", f"patient.family={patient.family_name}&specialty=ALLG", [booking]),
            ("Appointment", f"patient._id={patient.id}&slot:missing=false", [booking]),
            ("Appointment", f"actor:Practitioner._id={nurse.id}", [double]),
            ("Appointment", f"practitioner._id={doctor.id},{nurse.id}&_sort=date", [double, booking]),
            ("Appointment", f"actor._id={doctor.id}", [booking]),
            ("Appointment", f"slot.start={taken}&slot.status=busy", [booking]),
            ("Appointment", f"slot.schedule.actor:Practitioner.name={doctor.family_name}", [booking]),
            ("Appointment", f"based-on.patient.identifier={world.patients[0].insurance_number}", [double]),
            ("Slot", f"schedule.actor=Practitioner/{doctor.id}", of_doctor),
            ("Slot", f"schedule.actor={BASE}/Practitioner/{doctor.id}", of_doctor),
            ("Slot", f"schedule.actor:Practitioner={doctor.id}", of_doctor),
            ("Slot", "schedule.actor:Practitioner.name=dr.&schedule.actor:Practitioner.name=a&status=free",
             of_doctor[1:]),
            ("Slot", "schedule.actor:PractitionerRole.specialty=UROL", []),
            ("Slot", "schedule.actor:Practitioner.name=nobody", []),
            ("Slot", f"schedule:Schedule.actor={doctor.id}", of_doctor),
            ("List", f"source.practitioner.name:exact={nurse.given_name}&source.practitioner._id={nurse.id}",
             [str(served.tours[1].id)]),
            ("List", f"item.patient.birthdate:missing=true&source._id={world.nurses[1].id}", []),
        ):  # fmt: skip
            assert ids_of(searched.find(kind, query)) == expected, query

    def test_asks_every_type_that_knows_the_question_if_none_is_named(self, searched):
        served, world = searched.served, searched.served.world
        home = world.patients[0].home

        by_name = ids_of(searched.find("Appointment", f"actor.name={world.doctor.practitioner.family_name}"))
        by_city = ids_of(searched.find("Appointment", f"actor.address-city={home.city}"))

        assert by_name == [str(served.booking.id)]
        assert str(served.double.id) in by_city

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("patient.gender=male", 0),
            ("patient.gender:not=male", 6),
            ("patient.birthdate:missing=false", 6),
            ("patient.active=true&status=proposed", 2),
            ("patient.family:contains=o,e", 6),
        ],
    )
    def test_takes_modifiers_and_several_values_at_its_end(self, searched, query, count):
        assert searched.find("Appointment", query)["total"] == count

    def test_counts_only_what_the_viewer_may_see(self, searched):
        served, world = searched.served, searched.served.world
        own, doctor = coordinator_of(world.organisation), world.doctor.practitioner

        # The care service sees its booking, a practice's schedules, and who offers them.
        assert ids_of(searched.find("Appointment", f"actor=Practitioner/{doctor.id}", viewer=own)) == [
            str(served.booking.id)
        ]
        for query in (
            f"actor:Practitioner.name={doctor.family_name}",
            f"slot.schedule.actor._id={doctor.id}",
        ):
            assert ids_of(searched.find("Appointment", query, viewer=own)) == [str(served.booking.id)]
        stranger = coordinator_of(world.practice)
        assert ids_of(searched.find("Appointment", "patient:Patient.gender=female", viewer=own)) != []
        assert ids_of(searched.find("Appointment", "patient:Patient.gender=female", viewer=stranger)) == []

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("patient:Location.name=x", "^patient:Location.name=x cannot be understood: patient may point"),
            ("patient.active=perhaps", "^active=perhaps cannot be understood"),
            ("patient.birthdate=1950-02-30", "^birthdate="),
            ("patient.family:text=x", "^family:text=x"),
            ("supporting-info." * 6 + "date=2026", "follow at most 5 references"),
            ("_has:Appointment:supporting-info:" * 6 + "date=2026", "follow at most 5 references"),
            ("&".join(["actor.active=true"] * 60), "follow at most 5 references, and name their types"),
        ],
    )  # fmt: skip
    def test_refuses_what_cannot_be_understood(self, searched, query, message):
        with pytest.raises(InvalidSearch, match=message):
            searched.find("Appointment", query)

    @pytest.mark.parametrize(
        "query",
        ["patient.colour=1", "date.name=x", "patient.=x", ".name=x", "patient:Patient.=1", "status.x=1"],
    )
    def test_is_unknown_if_its_target_does_not_know_it(self, searched, query):
        total = searched.find("Appointment")["total"]

        assert searched.find("Appointment", query)["total"] == total
        with pytest.raises(UnknownParameter):
            searched.find("Appointment", query, strict=True)


class TestHas:
    def test_asks_of_those_who_refer(self, searched):
        served, world = searched.served, searched.served.world
        doctor, nurse = world.doctor.practitioner, world.nurses[1].practitioner
        home, plan = world.patients[0].home_id, world.orders[1].care_plan_id
        for kind, query, expected in (
            ("Patient", "_has:Appointment:patient:slot:missing=false", [world.patients[1].id]),
            ("Patient", f"_has:Appointment:actor:slot=Slot/{world.slot.id}", [world.patients[1].id]),
            ("Patient", f"_has:Appointment:patient:practitioner={nurse.id}", [world.patients[0].id]),
            ("Patient", f"_has:Appointment:patient:practitioner._id={nurse.id}", [world.patients[0].id]),
            ("Patient", "_has:Appointment:patient:status:not=proposed,booked", []),
            ("Practitioner", f"_has:Appointment:practitioner:_id={served.booking.id}", [doctor.id]),
            ("Practitioner", f"_has:Schedule:actor:_has:Slot:schedule:_id={world.slot.id}", [doctor.id]),
            ("Location", f"_has:Appointment:location:_id={served.double.id}", [home]),
            ("Schedule", f"_has:Slot:schedule:status=free&_has:Slot:schedule:_id={served.free_slot.id}",
             [world.schedule.id]),
            ("Slot", "_has:Appointment:slot:status=booked", [world.slot.id]),
            ("Appointment", f"slot:missing=false&patient._has:CarePlan:patient:_id={plan}",
             [served.booking.id]),
        ):  # fmt: skip
            assert ids_of(searched.find(kind, query)) == [str(key) for key in expected], query

    def test_counts_only_what_the_viewer_may_see(self, searched):
        world = searched.served.world
        query = "_has:Appointment:slot:status=booked"

        assert ids_of(searched.find("Slot", query, viewer=coordinator_of(world.organisation))) == [
            str(world.slot.id)
        ]
        assert ids_of(searched.find("Slot", query, viewer=coordinator_of(world.practice))) == []

    @pytest.mark.parametrize(
        "query",
        ["_has=x", "_has:Appointment=x", "_has:Appointment:patient=x", "_has:Colour:patient:status=x",
         "_has:Appointment:colour:status=x", "_has:Appointment:status:status=x", "_has:Slot:schedule:_id=x",
         "_has:Appointment:patient:colour=x", "_has:::=x"],
    )  # fmt: skip
    def test_is_unknown_if_nothing_refers_so(self, searched, query):
        with pytest.raises(UnknownParameter):
            searched.find("Patient", query, strict=True)
        assert searched.find("Patient", query)["total"] == searched.find("Patient")["total"]
