from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from careapp.assisted.commands import book_assisted
from careapp.assisted.delays import (
    ImpossibleDelay,
    TourNotPromised,
    expected_stops,
    list_waiting,
    report_delay,
)
from careapp.assisted.search import find_assisted
from careapp.config import Settings
from careapp.records.models import OutboxMessage
from careapp.tours.models import Stop, Tour
from tests.careapp.assisted.days import MINUTE, a_need, a_town, plan_by_hand
from tests.careapp.assisted.test_booking import choose
from tests.careapp.worlds import DAY, moment


def a_stop(arrives, starts, lasts=20):
    return Stop(
        visit_id=uuid4(),
        arrives_at=moment(8, arrives),
        starts_at=moment(8, starts),
        ends_at=moment(8, starts) + lasts * MINUTE,
    )


class TestExpectedStops:
    def test_ends_where_she_is_later_by_the_whole_delay(self):
        [there] = expected_stops([a_stop(0, 0)], 10 * MINUTE, now=moment(8, 5))

        assert there.expected_at == moment(8, 10)

    def test_makes_up_for_it_where_she_would_have_waited(self):
        # she would arrive at 8:10 and wait until 8:16: of ten minutes four are left, then none
        stops = [a_stop(10, 16, lasts=10), a_stop(30, 36, lasts=10)]

        late = [stop.late for stop in expected_stops(stops, 10 * MINUTE, now=moment(8))]

        assert late == [4 * MINUTE, timedelta()]


@pytest.fixture
def booked(session, calendar, now):
    """A town whose fourth patient is seen at nine."""
    town = a_town(session, hours=(9,))
    plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]})
    common = {"now": now, "calendar": calendar, "settings": Settings.read()}
    [offer] = find_assisted(session, need=a_need(town.stranger), viewer=town.viewer, **common)
    booking = book_assisted(session, choice=choose(offer, town.stranger), viewer=town.viewer, **common)
    tour_id = session.scalars(select(Stop.tour_id).where(Stop.visit_id == booking.visit_id)).one()
    session.flush()
    session.expire_all()
    return town, booking, tour_id


class TestReportDelay:
    def test_tells_the_doctors_waiting_list(self, session, booked):
        town, booking, tour_id = booked
        visit_starts = booking.starts_at - timedelta(seconds=booking.visit_offset_s)

        expected = report_delay(
            session, tour_id=tour_id, minutes=15, viewer=town.viewer, now=visit_starts + MINUTE
        )

        assert expected[-1].visit_id == booking.visit_id
        assert booking.expected_at == booking.starts_at + 15 * MINUTE
        assert session.get_one(Tour, tour_id).delay_s == 900
        sent = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "consultation.delayed"))
        assert [message.payload for message in sent] == [{"booking": str(booking.id)}]
        waiting = list_waiting(session, starts=moment(0), ends=moment(23), viewer=town.viewer)
        assert [row.id for row in waiting] == [booking.id]

    def test_may_be_taken_back(self, session, booked):
        town, booking, tour_id = booked
        at = booking.starts_at
        report_delay(session, tour_id=tour_id, minutes=15, viewer=town.viewer, now=at)

        report_delay(session, tour_id=tour_id, minutes=0, viewer=town.viewer, now=at)

        assert booking.expected_at is None

    def test_is_said_of_published_tours_only(self, session, calendar, now):
        town = a_town(session)
        plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]}, is_published=False)
        tour_id = session.scalars(select(Tour.id).where(Tour.date == DAY).limit(1)).one()

        with pytest.raises(TourNotPromised):
            report_delay(session, tour_id=tour_id, minutes=5, viewer=town.viewer, now=now)

    @pytest.mark.parametrize("minutes", [-1, 241])
    def test_refuses_what_nobody_is_late_by(self, session, now, viewer, minutes):
        with pytest.raises(ImpossibleDelay):
            report_delay(session, tour_id=uuid4(), minutes=minutes, viewer=viewer, now=now)
