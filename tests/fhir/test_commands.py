"""After any use case the documents are what `rebuild` would make of the rows."""

import orjson
import pytest
from sqlalchemy.orm import Session, sessionmaker

from careapp.consultations.booking import Wish, book_slots, cancel_booking
from careapp.consultations.commands import make_slots
from careapp.orders.commands import end_order
from careapp.tours.commands import publish_day
from careapp.visits.commands import add_visit, cancel_visit, make_visits
from fhir import projector
from tests.careapp.worlds import DAY, EVERYONE, World, a_slot, a_world, moment
from tests.fhir.rows import a_plan, a_tour
from tests.keys import content_of


@pytest.fixture
def world(sessions: sessionmaker[Session]) -> World:
    with sessions.begin() as session:
        return a_world(session)


@pytest.fixture
def document(sessions, now):
    """Look at a document, after making sure that none is stale."""

    def document(kind, key):
        with sessions.begin() as session:
            assert projector.rebuild(session, now=now) == 0
            content = content_of(session, kind, key)
        return orjson.loads(content)

    return document


class TestDocuments:
    def test_follow_a_day_from_orders_to_a_published_tour(self, sessions, world, document, calendar, now):
        with sessions.begin() as session:
            assert make_visits(session, date=DAY, calendar=calendar, viewer=EVERYONE, now=now) == 3
        with sessions.begin() as session:
            visits = [session.merge(visit, load=False) for visit in world.visits[:2]]
            tour = a_tour(session, world.nurses[0], visits, plan=a_plan(session), shift=world.shifts[0])
        assert document("List", tour.id)["mode"] == "working"
        assert document("Appointment", visits[0].id)["status"] == "proposed"

        with sessions.begin() as session:
            publish_day(session, date=DAY, viewer=EVERYONE, now=now)

        assert document("List", tour.id)["mode"] == "snapshot"
        found = document("Appointment", visits[0].id)
        assert found["status"] == "booked"
        assert {each["status"] for each in found["participant"]} == {"accepted"}

    def test_follow_a_visit_that_is_entered_and_cancelled(self, sessions, world, document, calendar, now):
        with sessions.begin() as session:
            visit = add_visit(
                session,
                patient_id=world.patients[0].id,
                title="Verbandswechsel",
                windows=[(moment(9), moment(10))],
                minutes=30,
                calendar=calendar,
                viewer=EVERYONE,
                now=now,
            )
        assert document("Appointment", visit.id)["minutesDuration"] == 30

        with sessions.begin() as session:
            cancel_visit(session, visit_id=visit.id, because="pat", viewer=EVERYONE, now=now)

        assert document("Appointment", visit.id)["cancelationReason"]["coding"][0]["code"] == "pat"

    def test_follow_a_slot_that_is_made_booked_and_freed(self, sessions, world, document, calendar, now):
        with sessions.begin() as session:
            made = make_slots(session, first=DAY, days=1, calendar=calendar, viewer=EVERYONE, now=now)
            slot = a_slot(session, world.schedule, starts_at=moment(12))
        assert made > 0
        assert document("Slot", slot.id)["status"] == "free"

        with sessions.begin() as session:
            booking = book_slots(
                session, wish=Wish([slot.id]), patient_id=world.patients[0].id, viewer=EVERYONE, now=now
            )
        assert document("Slot", slot.id)["status"] == "busy"
        assert document("Appointment", booking.id)["slot"] == [{"reference": f"Slot/{slot.id}"}]

        with sessions.begin() as session:
            cancel_booking(session, booking_id=booking.id, because="prov", viewer=EVERYONE, now=now)
        assert document("Slot", slot.id)["status"] == "free"
        assert document("Appointment", booking.id)["status"] == "cancelled"

    def test_follow_an_order_that_ends(self, sessions, world, document, now):
        order = world.orders[0]
        with sessions.begin() as session:
            end_order(session, order_id=order.id, last_date=DAY, viewer=EVERYONE, now=now)

        repeat = document("ServiceRequest", order.id)["occurrenceTiming"]["repeat"]
        assert repeat["boundsPeriod"]["end"] == DAY.isoformat()
