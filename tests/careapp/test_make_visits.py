from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from threading import Barrier
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.appointments.models import AppointmentStatus
from careapp.calendar import Calendar
from careapp.orders.models import OnHolidays
from careapp.people.models import Absence, Patient
from careapp.records.models import AuditEvent
from careapp.visits import queries
from careapp.visits.commands import cancel_visit, make_visits
from careapp.visits.expansion import merged, starts_outside
from careapp.visits.models import Visit, VisitLink
from tests.careapp.worlds import DAY, a_patient, an_order, an_organisation, coordinator_of, moment

TWICE = ((0, time(7), time(9)), (1, time(17), time(19)))


def visits_of(session: Session, viewer: Viewer, day: date = DAY) -> list[Visit]:
    visits = queries.list_visits(session, viewer=viewer, date=day, limit=1000).items
    return sorted(visits, key=lambda visit: (visit.occurrence, visit.windows[0].earliest))


def absent(session: Session, patient: Patient, starts_at: datetime, ends_at: datetime) -> None:
    session.add(
        Absence(
            id=uuid4(),
            organisation_id=patient.organisation_id,
            patient_id=patient.id,
            starts_at=starts_at,
            ends_at=ends_at,
        )
    )
    session.flush()


class TestMakeVisits:
    def test_turns_an_order_into_a_visit_of_the_day(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        order = an_order(session, minutes=25, priority=3, skills=((0, "care", 2), (0, "wound-care", 3)))

        assert make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now) == 1
        session.flush()
        session.expunge_all()

        (visit,) = visits_of(session, viewer)
        assert (visit.care_order_id, visit.date, visit.occurrence) == (order.id, DAY, 0)
        assert (visit.duration_s, visit.priority, visit.status) == (1500, 3, AppointmentStatus.PROPOSED)
        assert [(window.earliest, window.latest) for window in visit.windows] == [(moment(6), moment(8))]
        (service,) = visit.services
        assert [(skill.skill_code, skill.grade) for skill in service.skills] == [
            ("care", 2),
            ("wound-care", 3),
        ]
        (event,) = session.scalars(select(AuditEvent))
        assert (event.action, event.detail) == ("make_visits", {"date": "2026-03-03", "count": 1})

    def test_makes_one_service_for_each_nurse(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        an_order(session, nurses=2, skills=((0, "care", 3), (1, "care", 1)))

        make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)

        (visit,) = visits_of(session, viewer)
        assert [service.number for service in visit.services] == [0, 1]
        assert [service.skills[0].grade for service in visit.services] == [3, 1]

    @pytest.mark.parametrize(
        ("day", "expected"),
        [
            # 02:00 to 03:30 on the wall clock, with 45 minutes between 02:00 and 02:45.
            (date(2026, 3, 29), [("01:00", "01:30")]),  # one hour is skipped: both windows meet
            (date(2026, 10, 25), [("00:00", "00:30"), ("00:45", "02:30")]),  # one hour is doubled
            (date(2026, 3, 3), [("01:00", "01:30"), ("01:45", "02:30")]),
        ],
    )
    def test_follows_the_wall_clock_through_the_clock_change(
        self,
        session: Session,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
        day: date,
        expected: list[tuple[str, str]],
    ) -> None:
        an_order(session, windows=((0, time(2), time(2, 30)), (0, time(2, 45), time(3, 30))))

        make_visits(session, date=day, calendar=calendar, viewer=viewer, now=now)

        (visit,) = visits_of(session, viewer, day)
        assert [
            (f"{window.earliest:%H:%M}", f"{window.latest:%H:%M}") for window in visit.windows
        ] == expected

    @pytest.mark.parametrize(
        ("first", "last", "expected"),
        [
            (date(2026, 3, 3), None, 1),
            (date(2026, 3, 4), None, 0),
            (date(2026, 1, 1), date(2026, 3, 3), 1),
            (date(2026, 1, 1), date(2026, 3, 2), 0),
        ],
    )
    def test_respects_the_first_and_last_date(
        self,
        session: Session,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
        first: date,
        last: date | None,
        expected: int,
    ) -> None:
        an_order(session, first_date=first, last_date=last)

        assert make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now) == expected

    @pytest.mark.parametrize(("on_holidays", "expected"), [(OnHolidays.SKIP, 0), (OnHolidays.AS_USUAL, 1)])
    def test_asks_the_order_about_holidays(
        self,
        session: Session,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
        on_holidays: OnHolidays,
        expected: int,
    ) -> None:
        an_order(session, on_holidays=on_holidays)
        corpus_christi = date(2026, 6, 4)

        assert (
            make_visits(session, date=corpus_christi, calendar=calendar, viewer=viewer, now=now) == expected
        )

    def test_leaves_out_who_is_no_longer_in_care(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        an_order(session, a_patient(session, is_active=False))
        an_order(session, is_active=False)
        an_order(session).care_plan.is_active = False
        ended = an_order(session)
        ended.care_plan.last_date = DAY - timedelta(days=1)
        later = an_order(session)
        later.care_plan.first_date = DAY + timedelta(days=1)
        session.flush()

        assert make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now) == 0

    def test_makes_a_tenants_own_visits_only(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        own = an_order(session)
        an_order(session)

        made = make_visits(
            session, date=DAY, calendar=calendar, viewer=coordinator_of(own.organisation), now=now
        )

        assert made == 1
        assert [visit.care_order_id for visit in visits_of(session, viewer)] == [own.id]

    def test_costs_the_same_number_of_statements_for_many_orders(
        self,
        sessions: sessionmaker[Session],
        engine: Engine,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
    ) -> None:
        counts = []
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *of: statements.append(of[2]))

        for number, day in ((2, DAY), (60, DAY + timedelta(days=1))):
            with sessions.begin() as session:
                organisation = an_organisation(session)
                for _ in range(number):
                    an_order(session, a_patient(session, organisation), first_date=day, windows=TWICE)
            with sessions.begin() as session:
                statements.clear()
                make_visits(session, date=day, calendar=calendar, viewer=viewer, now=now)
                counts.append(len(statements))

        assert counts[0] == counts[1]


class TestAgain:
    def test_makes_nothing_twice(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        an_order(session, windows=TWICE, min_gap_minutes=480)

        counts = [make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now) for _ in range(3)]

        assert counts == [2, 0, 0]
        assert session.scalar(select(func.count()).select_from(VisitLink)) == 1

    def test_makes_what_was_ordered_in_between(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        first = an_order(session)
        make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)
        second = an_order(session)

        assert make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now) == 1
        assert {visit.care_order_id for visit in visits_of(session, viewer)} == {first.id, second.id}

    @pytest.mark.parametrize(
        "status", [AppointmentStatus.BOOKED, AppointmentStatus.CANCELLED, AppointmentStatus.FULFILLED]
    )
    def test_leaves_alone_what_became_of_a_visit(
        self,
        session: Session,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
        status: AppointmentStatus,
    ) -> None:
        an_order(session)
        make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)
        (visit,) = visits_of(session, viewer)
        visit.starts_at, visit.ends_at = moment(7), moment(8)
        visit.status = status
        session.flush()

        assert make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now) == 0
        assert visit.status == status

    def test_makes_nothing_twice_when_two_make_the_same_day_at_once(
        self, sessions: sessionmaker[Session], calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        with sessions.begin() as session:
            organisation = an_organisation(session)
            for _ in range(20):
                an_order(session, a_patient(session, organisation))
        together = Barrier(4)

        def make(_: int) -> int:
            together.wait()
            with sessions.begin() as session:
                return make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)

        with ThreadPoolExecutor(4) as pool:
            counts = list(pool.map(make, range(4)))

        assert sorted(counts) == [0, 0, 0, 20]


class TestLinks:
    def test_tie_consecutive_visits_of_an_order(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        thrice = (*TWICE, (2, time(21), time(22)))
        order = an_order(session, windows=thrice, min_gap_minutes=240, max_gap_minutes=720)

        make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)

        ids = [visit.id for visit in visits_of(session, viewer)]
        links = session.scalars(select(VisitLink)).all()
        assert {(link.first_id, link.second_id) for link in links} == {(ids[0], ids[1]), (ids[1], ids[2])}
        assert {(link.min_gap_s, link.max_gap_s) for link in links} == {(4 * 3600, 12 * 3600)}
        assert {link.organisation_id for link in links} == {order.organisation_id}

    @pytest.mark.parametrize(("least", "most", "expected"), [(None, None, []), (None, 600, [(0, 36000)])])
    def test_exist_only_where_a_gap_is_asked_for(
        self,
        session: Session,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
        least: int | None,
        most: int | None,
        expected: list[tuple[int, int]],
    ) -> None:
        an_order(session, windows=TWICE, min_gap_minutes=least, max_gap_minutes=most)

        make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)

        links = session.scalars(select(VisitLink)).all()
        assert [(link.min_gap_s, link.max_gap_s) for link in links] == expected

    def test_keep_only_the_least_gap_around_a_visit_that_is_not_made(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        order = an_order(
            session,
            windows=((0, time(7), time(8)), (1, time(12), time(13)), (2, time(18), time(19))),
            min_gap_minutes=240,
            max_gap_minutes=360,
        )
        absent(session, order.patient, moment(10), moment(13))

        make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)

        (link,) = session.scalars(select(VisitLink))
        assert [visit.occurrence for visit in visits_of(session, viewer)] == [0, 2]
        assert (link.min_gap_s, link.max_gap_s) == (4 * 3600, None)

    def test_never_name_a_cancelled_visit(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        order = an_order(session, windows=TWICE[:1])
        make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)
        (visit,) = visits_of(session, viewer)
        cancel_visit(session, visit_id=visit.id, because="pat", viewer=viewer, now=now)
        order.windows.append(type(order.windows[0])(occurrence=1, earliest=time(17), latest=time(19)))
        order.min_gap_minutes = 480
        session.flush()

        assert make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now) == 1
        assert session.scalars(select(VisitLink)).all() == []


class TestAbsences:
    @pytest.mark.parametrize(
        ("starts_at", "ends_at", "expected"),
        [
            # The visit of 20 minutes may start from 06:00 to 08:00 UTC.
            (moment(5), moment(6), [(moment(6), moment(8))]),
            (moment(5), moment(7), [(moment(7), moment(8))]),
            (moment(7), moment(9), [(moment(6), moment(6, 40))]),
            (moment(6, 30), moment(7), [(moment(6), moment(6, 10)), (moment(7), moment(8))]),
            (moment(8, 20), moment(12), [(moment(6), moment(8))]),
            (moment(8), moment(9), [(moment(6), moment(7, 40))]),
            (moment(0), moment(8), [(moment(8), moment(8))]),
            (moment(6, 10), moment(8, 30), []),
            (moment(0, day=date(2026, 3, 1)), moment(0, day=date(2026, 3, 9)), []),
        ],
    )
    def test_cut_the_windows_so_that_care_and_absence_never_overlap(
        self,
        session: Session,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
        starts_at: datetime,
        ends_at: datetime,
        expected: Sequence[tuple[datetime, datetime]],
    ) -> None:
        order = an_order(session)
        absent(session, order.patient, starts_at, ends_at)

        made = make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now)

        assert made == bool(expected)
        found = [
            (window.earliest, window.latest)
            for visit in visits_of(session, viewer)
            for window in visit.windows
        ]
        assert found == list(expected)

    def test_of_another_patient_or_day_do_not_matter(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        order = an_order(session)
        absent(session, a_patient(session), moment(0), moment(23))
        absent(session, order.patient, moment(0, day=date(2026, 3, 1)), moment(22, day=date(2026, 3, 2)))

        assert make_visits(session, date=DAY, calendar=calendar, viewer=viewer, now=now) == 1


hours = st.integers(0, 24).map(lambda hour: moment(0) + timedelta(hours=hour))
intervals = st.lists(hours, min_size=2, max_size=2).map(sorted).map(tuple)


class TestStartsOutside:
    @given(intervals, st.lists(intervals.filter(lambda pair: pair[0] < pair[1]), max_size=4))
    def test_agrees_with_trying_every_quarter_of_an_hour(
        self, window: tuple[datetime, datetime], absences: list[tuple[datetime, datetime]]
    ) -> None:
        lasts = timedelta(minutes=30)
        quarters = [moment(0) + number * timedelta(minutes=15) for number in range(97)]

        left = starts_outside(window, absences, lasts)

        allowed = {quarter for quarter in quarters if any(low <= quarter <= high for low, high in left)}
        assert allowed == {
            quarter
            for quarter in quarters
            if window[0] <= quarter <= window[1]
            and all(quarter + lasts <= starts_at or quarter >= ends_at for starts_at, ends_at in absences)
        }

    @given(st.lists(intervals, max_size=6))
    def test_merged_windows_allow_the_same_and_lie_apart(
        self, windows: list[tuple[datetime, datetime]]
    ) -> None:
        found = merged(windows)

        quarters = [moment(0) + number * timedelta(minutes=15) for number in range(97)]
        for quarter in quarters:
            assert any(low <= quarter <= high for low, high in found) == any(
                low <= quarter <= high for low, high in windows
            )
        assert all(one[1] < other[0] for one, other in pairwise(found))
