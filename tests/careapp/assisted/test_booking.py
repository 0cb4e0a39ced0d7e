from dataclasses import replace

import pytest
from sqlalchemy import func, select

from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.assisted.choices import Choice, NotAssisted, OfferGone
from careapp.assisted.commands import book_assisted, cancel_assisted, move_assisted
from careapp.assisted.needs import Basis, ImpossibleNeed
from careapp.assisted.search import find_assisted
from careapp.config import Settings
from careapp.consultations.booking import BookingEnded, Wish, book_slots, cancel_booking
from careapp.consultations.inside import VisitDoesNotFit
from careapp.consultations.models import Booking, SlotStatus
from careapp.consultations.taking import SlotTaken
from careapp.records.models import OutboxMessage
from careapp.roads.choice import travel_sources
from careapp.tours.changes import BOOKED
from careapp.tours.commands import publish_day
from careapp.tours.models import ChangeKind, Stop, Tour, TourChange
from careapp.tours.pins import BookedVisitLeftOut
from careapp.tours.queries import day_as_it_stands, day_to_plan
from careapp.tours.standing import stand
from careapp.visits.commands import VisitCarriesBooking, cancel_visit
from careapp.visits.models import Visit
from tests.careapp.assisted.days import MINUTE, a_need, a_town, plan_by_hand
from tests.careapp.worlds import DAY, a_slot, moment


def choose(offer, patient, **more) -> Choice:
    return Choice(
        patient.id,
        offer.schedule_id,
        offer.starts_at,
        offer.ends_at,
        offer.visit_starts_at,
        slot_id=offer.slot_id,
        kind_id=offer.kind_id,
        visit_id=offer.visit_id,
        shift_ids=offer.shift_ids,
        skills={"care": 2},
        **more,
    )


@pytest.fixture
def region(session, calendar, now):
    return Region(session, calendar, now)


class Region:
    """What the tests do to a town."""

    def __init__(self, session, calendar, now):
        self.session = session
        self.calendar = calendar
        self.now = now
        self.common = {"now": now, "calendar": calendar, "settings": Settings.read()}

    def published(self, **more):
        town = a_town(self.session, **more)
        plan_by_hand(self.session, town, self.calendar, self.now, {0: [0, 1], 1: [2]})
        return town

    def find(self, town, patient=None, **more):
        need = a_need(patient or town.stranger, **more)
        return find_assisted(self.session, need=need, viewer=town.viewer, **self.common)

    def book(self, town, offer, patient=None, **more):
        choice = choose(offer, patient or town.stranger, **more)
        return book_assisted(self.session, choice=choice, viewer=town.viewer, **self.common)

    def move(self, town, booking, offer, patient=None):
        choice = choose(offer, patient or town.stranger)
        return move_assisted(
            self.session, booking_id=booking.id, choice=choice, viewer=town.viewer, **self.common
        )

    def assert_keeps_the_rules(self, town):
        """The published tours, read anew, pass `routing.check` whole, and each stop is paid for in time."""
        self.session.expire_all()
        day = day_as_it_stands(self.session, date=DAY, calendar=self.calendar, viewer=town.viewer)
        tours = self.session.scalars(select(Tour).where(Tour.date == DAY)).all()
        for tour in tours:
            self.session.refresh(tour, ["stops"])
        standing = stand(day, tours, travel_sources(Settings.read(), today=DAY))
        assert standing.closed == frozenset()
        promised = select(func.count()).select_from(Stop).join(Visit, Stop.visit_id == Visit.id)
        promised = promised.where(Visit.status == AppointmentStatus.BOOKED)
        nurses = [nurse.practitioner_id for nurse in town.world.nurses]
        occupied = select(func.count()).select_from(Occupancy).where(Occupancy.practitioner_id.in_(nurses))
        assert self.session.scalar(promised) == self.session.scalar(occupied)
        for tour in tours:
            assert [stop.position for stop in tour.stops] == list(range(len(tour.stops)))


class TestBookAssistedInPublishedTours:
    def test_takes_the_doctor_the_nurse_and_the_place_in_her_tour(self, session, region):
        town = region.published()
        offer = region.find(town)[0]

        booking = region.book(town, offer)

        assert booking.slot.status is SlotStatus.BUSY
        assert (booking.starts_at, booking.ends_at) == (offer.starts_at, offer.ends_at)
        assert booking.brings_visit
        assert booking.visit_offset_s == (offer.starts_at - offer.visit_starts_at).seconds
        visit = session.get_one(Visit, booking.visit_id)
        assert (visit.status, visit.starts_at) == (AppointmentStatus.BOOKED, offer.visit_starts_at)
        stop = session.scalars(select(Stop).where(Stop.visit_id == visit.id)).one()
        tour = session.get_one(Tour, stop.tour_id)
        assert tour.shift_id == offer.shift_ids[0]
        assert (stop.starts_at, stop.ends_at) == (offer.visit_starts_at, offer.visit_ends_at)
        [receipt] = session.scalars(select(TourChange).where(TourChange.visit_id == visit.id))
        assert (receipt.kind, receipt.because, receipt.booking_id) == (ChangeKind.ADDED, BOOKED, booking.id)
        topics = set(session.scalars(select(OutboxMessage.topic)))
        assert {"slot.booked", "tour.changed"} <= topics
        region.assert_keeps_the_rules(town)

    def test_drives_exactly_as_much_more_as_was_offered(self, session, region):
        town = region.published()
        driven = func.sum(Tour.travel_s), func.sum(Tour.metres)
        before = session.execute(select(*driven)).one()
        offer = region.find(town)[0]

        region.book(town, offer)

        session.flush()
        after = session.execute(select(*driven)).one()
        assert (after[0] - before[0], after[1] - before[1]) == (offer.extra_s, offer.extra_m)

    def test_writes_a_receipt_for_whoever_is_moved(self, session, region):
        town = region.published()
        other = session.get_one(Visit, town.world.visits[2].id)
        # Both nurses are with somebody then, or would not be home with the next one in time otherwise.
        a_slot(session, town.world.schedule, starts_at=other.starts_at + 5 * MINUTE)
        moving = [offer for offer in region.find(town, tolerance_minutes=0) if offer.moved]
        if not moving:
            pytest.fail("the town has room everywhere: the test needs another one")
        before = {visit.id: visit.starts_at for visit in town.world.visits}

        region.book(town, moving[0])

        receipts = session.scalars(select(TourChange).where(TourChange.kind == ChangeKind.MOVED)).all()
        assert {(r.visit_id, (r.starts_after - r.starts_before).seconds) for r in receipts} == {
            (moved.visit_id, moved.seconds) for moved in moving[0].moved
        }
        for receipt in receipts:
            assert receipt.starts_before == before[receipt.visit_id]
            assert session.get_one(Visit, receipt.visit_id).starts_at == receipt.starts_after
        region.assert_keeps_the_rules(town)

    def test_uses_the_visit_that_the_patient_has_anyway(self, session, region):
        town = region.published(hours=())
        visit, patient = town.world.visits[2], town.world.patients[2]
        a_slot(session, town.world.schedule, starts_at=visit.starts_at + 5 * MINUTE)
        [offer] = region.find(town, patient, offset_minutes=5)

        booking = region.book(town, offer, patient)

        assert (booking.visit_id, booking.brings_visit) == (visit.id, False)
        assert session.scalars(select(TourChange)).all() == []
        region.assert_keeps_the_rules(town)

    def test_offers_the_same_place_to_one_only(self, session, region):
        town = region.published(hours=(9,))
        [offer] = region.find(town)
        region.book(town, offer)

        with pytest.raises((OfferGone, SlotTaken)):
            region.book(town, offer)

    def test_moves_nobody_farther_than_was_said(self, session, region):
        town = region.published()
        other = session.get_one(Visit, town.world.visits[2].id)
        a_slot(session, town.world.schedule, starts_at=other.starts_at + 5 * MINUTE)
        moving = [offer for offer in region.find(town, tolerance_minutes=0) if offer.moved]

        with pytest.raises(OfferGone, match="search again"):
            region.book(town, moving[0], most_moved_s=0)

    def test_refuses_a_start_that_does_not_hold_the_video(self, region):
        town = region.published()
        offer = region.find(town)[0]

        with pytest.raises(ImpossibleNeed):
            region.book(town, replace(offer, visit_starts_at=offer.starts_at - 30 * MINUTE))

    def test_carries_one_consultation_in_a_visit(self, session, region):
        town = region.published(hours=())
        visit, patient = town.world.visits[2], town.world.patients[2]
        a_slot(session, town.world.schedule, starts_at=visit.starts_at + 5 * MINUTE)
        [offer] = region.find(town, patient, offset_minutes=5)
        region.book(town, offer, patient)

        with pytest.raises(VisitDoesNotFit, match="carries another"):
            region.book(town, offer, patient)

    def test_takes_an_odd_time_of_the_doctors_hours(self, region):
        town = region.published(hours=(), keeps_hours=True)
        offer = next(each for each in region.find(town, most=200) if each.starts_at.minute % 15)

        booking = region.book(town, offer)

        assert booking.starts_at == offer.starts_at
        region.assert_keeps_the_rules(town)


class TestBookAssistedElsewhere:
    def test_lets_the_planner_keep_the_visits_start(self, session, region):
        town = a_town(session)
        plan_by_hand(session, town, region.calendar, region.now, {0: [0, 1], 1: [2]}, is_published=False)
        offer = region.find(town)[0]

        booking = region.book(town, offer)

        assert offer.basis is Basis.PROPOSED
        visit = session.get_one(Visit, booking.visit_id)
        assert (visit.status, visit.starts_at) == (AppointmentStatus.PROPOSED, offer.visit_starts_at)
        session.expire_all()
        day = day_to_plan(session, date=DAY, calendar=region.calendar, viewer=town.viewer)
        problem = day.to_problem(travel_sources(Settings.read(), today=DAY))
        [service] = [s for s in problem.services if s.visit == str(visit.id)]
        [window] = service.windows
        start = round((offer.visit_starts_at - day.origin).total_seconds())
        assert window.earliest <= start <= window.latest
        assert window.latest - window.earliest <= 600  # five minutes to either side

    def test_does_not_let_the_day_be_published_without_the_visit(self, session, region):
        town = a_town(session)
        plan_by_hand(session, town, region.calendar, region.now, {0: [0, 1], 1: [2]}, is_published=False)
        region.book(town, region.find(town)[0])

        with pytest.raises(BookedVisitLeftOut, match="plan the day again"):
            publish_day(session, date=DAY, viewer=town.viewer, now=region.now)

    def test_books_on_a_day_that_nobody_planned(self, session, region):
        town = a_town(session)
        offer = region.find(town)[0]

        booking = region.book(town, offer)

        assert offer.basis is Basis.EXPECTED
        assert session.get_one(Visit, booking.visit_id).status is AppointmentStatus.PROPOSED


class TestMoveAssisted:
    def test_moves_both(self, session, region):
        town = region.published()
        offers = region.find(town)
        booking = region.book(town, offers[0])
        visit_id, old_slot = booking.visit_id, booking.slot_id
        other = next(each for each in region.find(town) if each.starts_at != booking.starts_at)

        moved = region.move(town, booking, other)

        assert (moved.id, moved.visit_id) == (booking.id, visit_id)
        assert moved.starts_at == other.starts_at
        assert session.get_one(Visit, visit_id).starts_at == other.visit_starts_at
        slots = {slot.id: slot for slot in town.slots}
        session.refresh(slots[old_slot])
        assert slots[old_slot].status is SlotStatus.FREE
        assert len(session.scalars(select(Stop).where(Stop.visit_id == visit_id)).all()) == 1
        region.assert_keeps_the_rules(town)

    def test_moves_neither_where_no_nurse_can_be(self, session, region):
        town = region.published()
        offers = region.find(town)
        booking = region.book(town, offers[0])
        other = next(each for each in region.find(town) if each.starts_at != booking.starts_at)
        evening = a_slot(session, town.world.schedule, starts_at=moment(15))  # both nurses are at home
        session.commit()
        impossible = replace(
            other,
            slot_id=evening.id,
            starts_at=evening.starts_at,
            ends_at=evening.starts_at + 12 * MINUTE,
            visit_starts_at=evening.starts_at - 10 * MINUTE,
            shift_ids=(),
        )
        before = (booking.starts_at, booking.visit_id)

        with pytest.raises(OfferGone):
            region.move(town, booking, impossible)
        session.rollback()

        again = session.get_one(Booking, booking.id)
        session.refresh(again)
        assert (again.starts_at, again.visit_id) == before
        region.assert_keeps_the_rules(town)

    def test_refuses_one_that_was_cancelled(self, session, region):
        town = region.published()
        offer = region.find(town)[0]
        booking = region.book(town, offer)
        cancel_assisted(session, booking_id=booking.id, because="pat", viewer=town.viewer, now=region.now)

        with pytest.raises(BookingEnded):
            region.move(town, booking, offer)


class TestCancelAssisted:
    def test_frees_both(self, session, region):
        town = region.published()
        booking = region.book(town, region.find(town)[0])

        cancel_assisted(session, booking_id=booking.id, because="pat", viewer=town.viewer, now=region.now)

        visit = session.get_one(Visit, booking.visit_id)
        session.refresh(visit)
        assert visit.status is AppointmentStatus.CANCELLED
        assert booking.slot.status is SlotStatus.FREE
        assert session.scalars(select(Occupancy).where(Occupancy.appointment_id == visit.id)).all() == []
        region.assert_keeps_the_rules(town)
        assert len(region.find(town)) == 3  # the place in the tour is free again

    def test_is_what_any_other_way_of_cancelling_does_too(self, session, region):
        town = region.published()
        booking = region.book(town, region.find(town)[0])

        cancel_booking(session, booking_id=booking.id, because="prov", viewer=town.viewer, now=region.now)

        visit = session.get_one(Visit, booking.visit_id)
        session.refresh(visit)
        assert visit.status is AppointmentStatus.CANCELLED

    def test_leaves_the_visit_that_the_patient_has_anyway(self, session, region):
        town = region.published(hours=())
        visit, patient = town.world.visits[2], town.world.patients[2]
        a_slot(session, town.world.schedule, starts_at=visit.starts_at + 5 * MINUTE)
        [offer] = region.find(town, patient, offset_minutes=5)
        booking = region.book(town, offer, patient)

        cancel_assisted(session, booking_id=booking.id, because="pat", viewer=town.viewer, now=region.now)

        session.refresh(visit)
        assert visit.status is AppointmentStatus.BOOKED

    def test_refuses_a_consultation_without_a_nurse(self, session, region):
        town = region.published()
        wish = Wish([town.slots[0].id])
        booking = book_slots(
            session, wish=wish, patient_id=town.stranger.id, viewer=town.viewer, now=region.now
        )

        with pytest.raises(NotAssisted):
            cancel_assisted(session, booking_id=booking.id, because="pat", viewer=town.viewer, now=region.now)

    def test_never_orphans_the_booking_of_a_cancelled_visit(self, session, region):
        town = region.published()
        booking = region.book(town, region.find(town)[0])

        with pytest.raises(VisitCarriesBooking):
            cancel_visit(
                session, visit_id=booking.visit_id, because="pat", viewer=town.viewer, now=region.now
            )
