"""Moving a patient's home on the map."""

import pytest
from sqlalchemy import select

from careapp.organisations.commands import NoPointOnEarth
from careapp.organisations.models import Municipality
from careapp.organisations.region import OutsideRegion, require_in_region
from careapp.people.homes import move_home
from careapp.people.queries import PatientNotFound
from careapp.records.models import AuditEvent
from careapp.roads.cache import CachedTravel
from careapp.roads.models import TravelPlace
from careapp.roads.places import PlacedBy, Precision
from careapp.roads.rows import point_of
from routing.travel.estimate import CarEstimate
from routing.travel.source import Coordinates, Profile
from tests.careapp.worlds import DAY, EVERYONE, a_patient, an_organisation, coordinator_of


@pytest.fixture
def region(session) -> None:
    for ags, latitude, longitude in (("05958004", 51.38, 8.08), ("05966024", 51.03, 7.85)):
        session.add(
            Municipality(
                ags=ags, name=ags, district="Kreis", population=9, latitude=latitude, longitude=longitude
            )
        )
    session.flush()


class TestMoveHome:
    def test_sets_the_point_and_writes_down_who_did_it(self, session, region, now):
        patient = a_patient(session)
        street = patient.known_home.street

        move_home(session, patient_id=patient.id, latitude=51.2, longitude=8.0, viewer=EVERYONE, now=now)

        home = patient.known_home
        assert (home.latitude, home.longitude, home.street) == (51.2, 8.0, street)
        assert (home.precision, home.placed_by) == (Precision.PIN, PlacedBy.PERSON)
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "move_home")).one()
        assert (event.viewer, event.subject_id) == (EVERYONE.name, patient.id)
        assert "51" not in str(event.detail["precision"]) + str(event.detail["placed_by"])

    def test_takes_a_geocoders_answer_with_its_precision(self, session, region, now):
        patient = a_patient(session)

        move_home(
            session,
            patient_id=patient.id,
            latitude=51.2,
            longitude=8.0,
            precision=Precision.STREET,
            placed_by=PlacedBy.GAZETTEER,
            viewer=EVERYONE,
            now=now,
        )

        assert (patient.known_home.precision, patient.known_home.placed_by) == (
            Precision.STREET,
            PlacedBy.GAZETTEER,
        )

    def test_forgets_the_travel_times_of_the_old_place(self, session, region, sessions, now):
        patient = a_patient(session)
        session.commit()
        old = Coordinates(patient.known_home.latitude, patient.known_home.longitude)
        CachedTravel(CarEstimate(), Profile.CAR, sessions, DAY).travel([old, Coordinates(51.1, 8.2)])

        move_home(session, patient_id=patient.id, latitude=51.2, longitude=8.0, viewer=EVERYONE, now=now)

        assert session.scalars(select(TravelPlace.point)).all() == [point_of(session, Coordinates(51.1, 8.2))]

    @pytest.mark.parametrize(
        ("latitude", "longitude", "words"),
        [(8.0, 51.2, "swapped"), (0.0, 0.0, "missing"), (52.5, 13.4, "km away"), (-51.2, 8.0, "km away")],
    )
    def test_refuses_a_point_that_cannot_be_meant(self, session, region, now, latitude, longitude, words):
        patient = a_patient(session)
        before = (patient.known_home.latitude, patient.known_home.longitude)

        with pytest.raises(OutsideRegion, match=words):
            move_home(
                session,
                patient_id=patient.id,
                latitude=latitude,
                longitude=longitude,
                viewer=EVERYONE,
                now=now,
            )

        assert (patient.known_home.latitude, patient.known_home.longitude) == before

    def test_refuses_what_is_no_point_on_earth(self, session, now):
        patient = a_patient(session)

        with pytest.raises(NoPointOnEarth):
            move_home(session, patient_id=patient.id, latitude=91, longitude=8, viewer=EVERYONE, now=now)

    def test_is_for_those_who_may_see_the_patient(self, session, region, now):
        patient = a_patient(session)
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(PatientNotFound):
            move_home(session, patient_id=patient.id, latitude=51.2, longitude=8.0, viewer=stranger, now=now)


class TestRequireInRegion:
    def test_knows_no_region_without_municipalities(self, session):
        require_in_region(session, latitude=-33.9, longitude=151.2)

        with pytest.raises(OutsideRegion, match="missing"):
            require_in_region(session, latitude=0, longitude=0)
