"""Parameters of single kinds of resource: addresses, distances, texts, stretches of time."""

from datetime import date

import pytest
from sqlalchemy import Engine, select

from careapp.db import make_sessions
from careapp.orders.models import CarePlan
from fhir.mapping.registry import get_resource
from fhir.search.parameter import Context, InvalidSearch
from fhir.search.query import find_ids
from tests.careapp.worlds import EVERYONE, a_world, coordinator_of
from tests.fhir.conftest import BASE, ZONE, ids_of
from tests.fhir.test_includes import along


class TestAddress:
    @pytest.mark.parametrize("kind", ["Patient", "Location", "Organization"])
    def test_is_found_by_each_part(self, searched, kind):
        everything = searched.find(kind, "address-city:missing=false")["total"]
        resource = searched.find(kind, "address-city:missing=false")["entry"][0]["resource"]
        shown = resource["address"]
        address = shown[0] if isinstance(shown, list) else shown
        key = resource["id"]

        for query in (
            f"address={address['line'][0]}",
            f"address={address['city'][:4].upper()}",
            f"address:contains={address['city'][2:5]}",
            f"address={address['postalCode']}",
            f"address-city:exact={address['city']}",
            f"address-postalcode={address['postalCode'][:2]}",
        ):
            assert key in ids_of(searched.find(kind, query)), query
        assert searched.find(kind, "address-country=de")["total"] == everything
        for query in ("address=Atlantis", "address-city=Atlantis", "address-state=NW", "address-country=FR"):
            assert searched.find(kind, query)["total"] == 0

    def test_of_an_organisation_is_no_home(self, searched):
        homes = {
            entry["resource"]["address"]["line"][0]
            for entry in searched.find("Location", "type=PTRES&address-city:missing=false")["entry"]
        }
        bases = {
            entry["resource"]["address"]["line"][0]
            for entry in searched.find("Location", "type=PROFF&address-city:missing=false")["entry"]
        }

        for line in homes - bases:
            assert searched.find("Organization", f"address={line}")["total"] == 0

    def test_without_a_city_is_none(self, searched):
        # One patient's home has a position only.
        stranger = searched.find("Patient", "family=Unbekannt")["entry"][0]["resource"]

        assert "address" not in stranger
        assert searched.find("Patient", "family=Unbekannt&address:missing=true")["total"] == 1


class TestNear:
    def test_finds_places_within_a_distance(self, searched):
        home = searched.served.world.patients[0].home
        here = f"{home.latitude}|{home.longitude}"

        assert str(home.id) in ids_of(searched.find("Location", f"near={here}|1|m"))
        # A hundredth of a degree of latitude is 1.1 km.
        north = f"{home.latitude + 0.01:.6f}|{home.longitude}"
        assert str(home.id) in ids_of(searched.find("Location", f"near={north}|1.2|km"))
        assert str(home.id) not in ids_of(searched.find("Location", f"near={north}|1.0"))
        # One of longitude there is 1.1 km times the cosine of 51 degrees: 0.7 km.
        east = f"{home.latitude}|{home.longitude + 0.01:.6f}"
        assert str(home.id) in ids_of(searched.find("Location", f"near={east}|0.8|km"))
        assert str(home.id) not in ids_of(searched.find("Location", f"near={east}|600|m"))
        assert searched.find("Location", "near=0|0")["total"] == 0
        assert searched.find("Location", "near:missing=true")["total"] == 0

    @pytest.mark.parametrize(
        "value", ["here", "51", "91|8", "51|181", "51|8|x", "51|8|1|lightyears", "1|2|3|km|4"]
    )
    def test_refuses_what_is_no_point(self, searched, value):
        with pytest.raises(InvalidSearch, match=r"^near=.+: give latitude\|longitude"):
            searched.find("Location", f"near={value}")


class TestText:
    @pytest.mark.parametrize(
        ("kind", "query", "is_found"),
        [
            ("Appointment", "service-type:text=hausbesuch", True),
            ("Appointment", "service-type:text=sprech", True),
            ("Appointment", "service-type:text=x", False),
            ("Appointment", "service-type:text=x,BESUCH", True),
            ("HealthcareService", "service-type:text=hausliche", True),
            ("ServiceRequest", "code:text=a,e,i,o,u", True),
            ("ServiceRequest", "code=a", False),
            ("ServiceRequest", "code:missing=true", False),
            ("PractitionerRole", "role:text=doctor", False),
            ("Schedule", "specialty:text=allgemein", False),
            ("Schedule", "service-type:text=Video", True),
        ],
    )
    def test_is_found_in_part(self, searched, kind, query, is_found):
        assert bool(searched.find(kind, query)["total"]) == is_found

    def test_of_a_skill_is_its_name(self, searched):
        resource = searched.find("PractitionerRole", "role=nurse")["entry"][0]["resource"]
        name = resource["code"][1]["coding"][0]["display"]

        assert resource["id"] in ids_of(searched.find("PractitionerRole", f"role:text={name[1:]}"))

    @pytest.mark.parametrize("query", ["active:text=true", "service-type:text=" + "x" * 1001])
    def test_is_refused_where_it_makes_no_sense(self, searched, query):
        with pytest.raises(InvalidSearch):
            searched.find("HealthcareService", query)


class TestDays:
    """`CarePlan?date=`: one from 10 to 20 March 2026, one from 15 March without end."""

    @pytest.fixture
    def found(self, engine: Engine):
        with make_sessions(engine)() as session:
            world = a_world(session)
            session.query(CarePlan).update({"first_date": date(1990, 1, 1), "last_date": date(1990, 1, 2)})
            closed, open_ = world.orders[0].care_plan_id, world.orders[1].care_plan_id
            for key, first, last in (
                (closed, date(2026, 3, 10), date(2026, 3, 20)),
                (open_, date(2026, 3, 15), None),
            ):
                session.query(CarePlan).filter_by(id=key).update({"first_date": first, "last_date": last})
            names = {closed: "closed", open_: "open"}

            def find(value: str) -> str:
                context = Context(BASE, ZONE, EVERYONE)
                is_found = (
                    get_resource("CarePlan").parameters["date"].condition("date", [value], None, context)
                )
                ids = session.scalars(select(CarePlan.id).where(is_found))
                return " ".join(sorted(names[key] for key in ids if key in names))

            yield find

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("2026-03", "closed"),
            ("2026-03-10", ""),
            ("eq2026", "closed"),
            ("ne2026-03", "open"),
            ("ne2026-04", "closed open"),
            ("gt2026-03-19", "closed open"),
            ("gt2026-03-20", "open"),
            ("lt2026-03-15", "closed"),
            ("lt2026-03-15T00:00:00", "closed"),
            ("lt2026-03-15T00:01:00", "closed open"),
            ("ge2026-03-10", "closed open"),
            ("ge2026-03-21", "open"),
            ("le2026-03-20", "closed open"),
            ("le2026-03-09", ""),
            ("sa2026-03-14", "open"),
            ("sa2026-03-09", "closed open"),
            ("eb2026-03-21", "closed"),
            ("eb2026-03-20", ""),
            ("ap2026-03-22", "open"),
            ("ap2026-03-21", "closed open"),
            ("ap2026-03-08", ""),
            ("ap2026-03-09", "closed"),
        ],
    )
    def test_finds(self, found, value, expected):
        assert found(value) == expected


class TestImplied:
    def test_finds_slots_by_the_health_care_service_as_isik_asks(self, searched):
        world, type_ = searched.served.world, "https://careapp.example/fhir/CodeSystem/service-type"
        slots = {str(world.slot.id), str(searched.served.free_slot.id)}
        service = f"HealthcareService/{world.practice.id}"

        for query in (
            f"schedule.actor:HealthcareService.type={type_}|video-consultation",
            "schedule.actor:HealthcareService.service-type=video-consultation",
            f"schedule.actor={service}",
            "service-type=video-consultation&specialty=ALLG",
        ):
            assert slots <= set(ids_of(searched.find("Slot", query))), query
        # What nurses' calendars hold is no offer: their shifts.
        care = ids_of(searched.find("Slot", "schedule.actor:HealthcareService.type=home-care"))
        assert sorted(care) == sorted(str(shift.id) for shift in world.shifts)

    def test_does_not_come_along(self, searched):
        schedule = searched.served.world.schedule

        found = along(searched.find("Schedule", f"_id={schedule.id}&_include=Schedule:actor"))

        assert {each.partition("/")[0] for each in found} == {"Practitioner", "PractitionerRole"}


class TestFurther:
    @pytest.mark.parametrize(
        ("kind", "query", "count"),
        [
            ("Appointment", "part-status=accepted", 4),
            ("Appointment", "part-status=tentative", 2),
            ("Organization", "type=prov", 4),
            ("Organization", "type=care-service", 2),
            ("CarePlan", "intent=plan", 4),
            ("ServiceRequest", "intent=order&occurrence=ge2020", 4),
            ("ServiceRequest", "intent=plan", 0),
            ("PractitionerRole", "role=doctor&location:missing=false", 2),
            ("HealthcareService", "location:missing=true", 1),
        ],
    )
    def test_are_found(self, searched, kind, query, count):
        assert searched.find(kind, query)["total"] == count

    def test_find_people_by_their_phone(self, searched):
        number = "%2B492931123"

        for query in (f"telecom={number}", f"telecom=phone|{number}", f"phone={number}"):
            assert searched.names("Patient", query, searched.people) == ["Groß"]
        assert searched.find("Patient", f"telecom=email|{number}")["total"] == 0


class TestFindIds:
    def test_finds_what_the_viewer_may_see(self, searched):
        world = searched.served.world
        with searched.sessions() as session:

            def find(viewer, limit=9):
                return find_ids(
                    session,
                    kind="Patient",
                    query_string=f"_id={world.patients[0].id},{world.patients[1].id}",
                    context=Context(BASE, ZONE, viewer),
                    limit=limit,
                )

            assert find(EVERYONE) == sorted(patient.id for patient in world.patients[:2])
            assert len(find(EVERYONE, limit=1)) == 1
            assert find(coordinator_of(world.practice)) == []
