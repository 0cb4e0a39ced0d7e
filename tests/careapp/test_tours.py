from concurrent.futures import ThreadPoolExecutor
from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.appointments.occupancy import AlreadyOccupied, occupy
from careapp.config import Settings
from careapp.db import NaiveDatetime
from careapp.people.models import Absence, Preference, PreferenceKind
from careapp.people.queries import NurseNotFound
from careapp.records.models import OutboxMessage
from careapp.roads.choice import travel_sources
from careapp.tours import commands, queries
from careapp.tours.duties import work_times
from careapp.tours.models import Shift, Stop, Tour, TourStatus, UnassignedVisit
from careapp.visits.models import Visit, VisitLink
from routing.plan import Break, Cost, Plan, Route, Unassigned
from routing.plan import Stop as RoutedStop
from routing.problem import Nurses
from tests.careapp.worlds import (
    DAY,
    EVERYONE,
    a_nurse,
    a_patient,
    a_shift,
    a_shift_pattern,
    a_survey,
    a_visit,
    an_organisation,
    coordinator_of,
    moment,
)

HOUR = 3600


class TestMakeShifts:
    def test_turns_each_pattern_of_the_day_into_a_shift(self, session, calendar, now, viewer):
        a_shift_pattern(session, a_nurse(session), starts=time(6), ends=time(14))
        a_shift_pattern(session, a_nurse(session), recurrence="FREQ=WEEKLY;BYDAY=SA")

        made = commands.make_shifts(session, date=DAY, calendar=calendar, viewer=viewer, now=now)

        assert made == 1
        shift = session.scalars(select(Shift)).one()
        assert (shift.starts_at, shift.ends_at) == (moment(5), moment(13))  # one hour behind Berlin

    def test_makes_none_twice(self, session, calendar, now, viewer):
        a_shift_pattern(session, a_nurse(session))
        commands.make_shifts(session, date=DAY, calendar=calendar, viewer=viewer, now=now)

        assert commands.make_shifts(session, date=DAY, calendar=calendar, viewer=viewer, now=now) == 0

    @pytest.mark.parametrize(
        ("day", "hours"),
        [
            (date(2026, 3, 3), 8),
            (date(2026, 3, 28), 7),  # the clock jumps from 02:00 to 03:00 in this night
            (date(2026, 10, 24), 9),  # and from 03:00 back to 02:00 in this one
        ],
    )
    def test_lasts_as_long_as_the_night_does(self, session, calendar, now, viewer, day, hours):
        a_shift_pattern(session, a_nurse(session), starts=time(22), ends=time(6))

        commands.make_shifts(session, date=day, calendar=calendar, viewer=viewer, now=now)

        shift = session.scalars(select(Shift)).one()
        assert shift.ends_at - shift.starts_at == timedelta(hours=hours)


class TestAddShift:
    def add(self, session, nurse, starts_at, ends_at, calendar, now, viewer=EVERYONE):
        return commands.add_shift(
            session,
            role_id=nurse.id,
            starts_at=starts_at,
            ends_at=ends_at,
            calendar=calendar,
            viewer=viewer,
            now=now,
        )

    def test_lets_the_nurse_work_from_her_base(self, session, calendar, now):
        nurse = a_nurse(session)

        shift = self.add(session, nurse, moment(5), moment(12), calendar, now)

        assert (shift.date, shift.start_place_id, shift.max_work_s) == (DAY, nurse.base_id, 7 * HOUR)

    @pytest.mark.parametrize(
        ("starts_at", "ends_at", "error", "sentence"),
        [
            (moment(12), moment(5), commands.ShiftEndsBeforeItStarts, "give an end after its start"),
            (moment(5), moment(5), commands.ShiftEndsBeforeItStarts, "give an end after its start"),
            (moment(5), moment(17), commands.ShiftTooLong, "end it earlier, or make two"),
            (moment(5).replace(tzinfo=None), moment(9), NaiveDatetime, "add an offset"),
        ],
    )
    def test_refuses_an_impossible_shift(self, session, calendar, now, starts_at, ends_at, error, sentence):
        nurse = a_nurse(session)

        with pytest.raises(error, match=sentence):
            self.add(session, nurse, starts_at, ends_at, calendar, now)

    def test_refuses_a_second_shift_at_the_same_time(self, session, calendar, now):
        nurse = a_nurse(session)
        a_shift(session, nurse, starts_at=moment(5), ends_at=moment(9))

        with pytest.raises(commands.ShiftExists):
            self.add(session, nurse, moment(8), moment(12), calendar, now)

    def test_refuses_a_nurse_of_another_service(self, session, calendar, now):
        nurse = a_nurse(session)
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(NurseNotFound):
            self.add(session, nurse, moment(5), moment(9), calendar, now, viewer=stranger)


class TestWorkTimes:
    @pytest.mark.parametrize(
        ("absent", "expected"),
        [
            ([], (5, 13)),
            ([(0, 23)], None),
            ([(4, 7)], (7, 13)),
            ([(7, 8)], (8, 13)),  # 5-7 and 8-13 are left: the longer one counts
            ([(5, 7), (9, 13)], (7, 9)),
            ([(4, 5)], (5, 13)),  # ends as the shift begins
        ],
    )
    def test_keeps_the_longest_rest_of_a_shift(self, session, absent, expected):
        nurse = a_nurse(session)
        shift = a_shift(session, nurse, starts_at=moment(5), ends_at=moment(13))
        absences = [
            Absence(
                id=uuid4(),
                practitioner_id=nurse.practitioner_id,
                starts_at=moment(starts),
                ends_at=moment(ends),
            )
            for starts, ends in absent
        ]

        left = work_times([shift], absences)

        found = [(work.starts_at, work.ends_at) for work in left]
        assert found == ([(moment(expected[0]), moment(expected[1]))] if expected else [])

    def test_leaves_other_nurses_alone(self, session):
        shift = a_shift(session, a_nurse(session))
        other = Absence(id=uuid4(), practitioner_id=uuid4(), starts_at=moment(0), ends_at=moment(23))

        assert len(work_times([shift], [other])) == 1


class TestToProblem:
    def problem(self, session, calendar, viewer=EVERYONE):
        session.flush()
        session.expire_all()
        day = queries.day_to_plan(session, date=DAY, calendar=calendar, viewer=viewer)
        return day, day.to_problem(travel_sources(Settings.read(), today=DAY))

    def test_counts_seconds_from_the_local_midnight(self, session, calendar):
        nurse = a_nurse(session)
        a_shift(session, nurse, starts_at=moment(5), ends_at=moment(13))
        a_visit(session, a_patient(session, nurse.organisation), windows=[(moment(6), moment(8))])

        _, problem = self.problem(session, calendar)

        window = problem.services[0].windows[0]
        assert (window.earliest, window.latest) == (7 * HOUR, 9 * HOUR)  # 07:00 and 09:00 in Berlin
        assert problem.vehicles[0].shift.earliest == 6 * HOUR

    @pytest.mark.parametrize("day", [DAY, date(2026, 3, 29), date(2026, 10, 25)])
    def test_counts_so_that_the_clock_can_be_read_off(self, session, calendar, day):
        # On 2026-03-29 midnight lies 6 hours before 07:00, on 2026-10-25 it lies 8 hours before.
        seven = calendar.at(day, time(7))
        a_visit(session, day=day, windows=[(seven, seven)])
        session.flush()
        session.expire_all()

        planned = queries.day_to_plan(session, date=day, calendar=calendar, viewer=EVERYONE)

        window = planned.to_problem(travel_sources(Settings.read(), today=DAY)).services[0].windows[0]
        assert window.earliest == 7 * HOUR
        assert planned.moment(window.earliest) == seven

    def test_keeps_nurses_with_the_patients_of_their_own_service(self, session, calendar):
        here, there = a_nurse(session), a_nurse(session)
        shifts = {a_shift(session, nurse).id: nurse for nurse in (here, there)}
        a_visit(session, a_patient(session, here.organisation))

        day, problem = self.problem(session, calendar)

        (allowed,) = problem.services[0].allowed
        assert shifts[day.work_times[allowed].shift.id] is here

    def test_ties_the_nurses_of_a_visit_and_the_visits_of_a_day(self, session, calendar):
        patient = a_patient(session)
        double = a_visit(session, patient, services=[{"care": 2}, {"care": 1}, {}])
        later = a_visit(session, patient, windows=[(moment(12), moment(13))])
        session.add(
            VisitLink(
                first_id=double.id,
                second_id=later.id,
                organisation_id=patient.organisation_id,
                min_gap_s=4 * HOUR,
                max_gap_s=None,
            )
        )

        day, problem = self.problem(session, calendar)

        together = [link for link in problem.links if link.nurses is Nurses.DIFFERENT]
        assert len(together) == 3  # each pair of three nurses
        assert {(link.min_gap, link.max_gap) for link in together} == {(0, 0)}
        (gap,) = [link for link in problem.links if link.nurses is Nurses.ANY]
        visit_of = [service.visit_id for service in day.services]
        assert (visit_of[gap.first], visit_of[gap.second], gap.min_gap) == (double.id, later.id, 4 * HOUR)

    def test_knows_whom_a_patient_prefers_and_refuses(self, session, calendar):
        organisation = an_organisation(session)
        liked, refused = a_nurse(session, organisation), a_nurse(session, organisation)
        for nurse in (liked, refused):
            a_shift(session, nurse)
        patient = a_patient(session, organisation)
        a_visit(session, patient)
        for nurse, kind in ((liked, PreferenceKind.PREFERRED), (refused, PreferenceKind.FORBIDDEN)):
            session.add(
                Preference(
                    patient_id=patient.id, role_id=nurse.id, organisation_id=organisation.id, kind=kind
                )
            )

        day, problem = self.problem(session, calendar)

        role_of = [work.shift.role_id for work in day.work_times]
        service = problem.services[0]
        assert [role_of[number] for number in service.preferred] == [liked.id]
        assert [role_of[number] for number in service.forbidden] == [refused.id]

    def test_leaves_out_what_is_promised_cancelled_or_another_tenants(self, session, calendar):
        mine = a_visit(session)
        a_visit(session, status=AppointmentStatus.BOOKED, starts_at=moment(6))
        a_visit(session, status=AppointmentStatus.CANCELLED)
        a_visit(session)

        day, _ = self.problem(session, calendar, viewer=coordinator_of(mine.organisation))

        assert [visit.id for visit in day.visits] == [mine.id]


def a_planned_day(session, calendar, *, visits=2, services=({"care": 2},)):
    """Build one nurse per service and a plan that places every visit, half an hour apart, from 07:00."""
    organisation = an_organisation(session)
    for _ in services:
        a_shift(session, a_nurse(session, organisation))
    for _ in range(visits):
        a_visit(session, a_patient(session, organisation), services=services)
    session.flush()
    session.expire_all()
    day = queries.day_to_plan(session, date=DAY, calendar=calendar, viewer=EVERYONE)
    routes = tuple(
        Route(
            vehicle=vehicle,
            stops=tuple(
                RoutedStop(
                    service=visit * len(services) + vehicle,
                    arrival=7 * HOUR + 1800 * visit,
                    start=7 * HOUR + 1800 * visit,
                    end=7 * HOUR + 1800 * visit + 1200,
                    travel=300,
                    metres=2500,
                )
                for visit in range(visits)
            ),
            breaks=(Break(start=10 * HOUR, end=10 * HOUR + 1800, after=visits),),
            leaves=7 * HOUR - 300,
            returns=11 * HOUR,
            travel_home=300,
            metres_home=2500,
        )
        for vehicle in range(len(services))
    )
    return day, Plan(routes=routes, cost=Cost({"travel": 900}), seed=7, version="1")


def propose(session, day, plan, now, viewer=EVERYONE, survey=None):
    return commands.propose_tours(
        session, day=day, plan=plan, survey=survey or a_survey(day), viewer=viewer, now=now
    )


class TestProposeTours:
    def test_writes_tours_stops_and_the_visits_times(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)

        row = propose(session, day, plan, now)

        session.flush()
        tour = session.scalars(select(Tour)).one()
        assert (tour.status, tour.plan_id, tour.travel_s) == (TourStatus.PROPOSED, row.id, 900)
        stops = session.scalars(select(Stop).order_by(Stop.position)).all()
        assert [stop.starts_at for stop in stops] == [moment(6), moment(6, 30)]
        visit = session.get(Visit, stops[0].visit_id)
        assert (visit.status, visit.starts_at) == (AppointmentStatus.PROPOSED, moment(6))
        assert (row.cost, row.cost_terms, row.seed) == (900, {"travel": 900}, 7)

    def test_takes_the_place_of_the_proposal_before(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        propose(session, day, plan, now)
        session.flush()
        left_out = Unassigned(1, ("shifts",), "every capable nurse is full", proven=False)
        shorter = Plan(
            routes=(
                Route(
                    plan.routes[0].vehicle,
                    plan.routes[0].stops[:1],
                    (),
                    7 * HOUR - 300,
                    8 * HOUR,
                    300,
                    2500,
                ),
            ),
            unassigned=(left_out,),
            version="1",
        )

        row = propose(session, day, shorter, now)

        session.flush()
        assert session.scalar(select(func.count()).select_from(Tour)) == 1
        assert session.scalar(select(func.count()).select_from(Stop)) == 1
        reason = session.scalars(select(UnassignedVisit).where(UnassignedVisit.plan_id == row.id)).one()
        assert (reason.rule, reason.reason) == ("shifts", "every capable nurse is full")
        assert session.get(Visit, reason.visit_id).starts_at is None

    def test_refuses_when_tours_were_published_meanwhile(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        survey = a_survey(day)
        propose(session, day, plan, now, survey=survey)
        session.flush()
        commands.publish_day(session, date=DAY, viewer=EVERYONE, now=now)

        with pytest.raises(commands.DayChanged, match="published while"):
            propose(session, day, plan, now, survey=survey)

    def test_refuses_when_a_visit_was_cancelled_meanwhile(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        session.get(Visit, day.visits[0].id).status = AppointmentStatus.CANCELLED
        session.flush()

        with pytest.raises(commands.DayChanged, match="plan again"):
            propose(session, day, plan, now)


class TestPublishDay:
    def test_promises_every_visit_and_takes_the_nurses_time(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        propose(session, day, plan, now)
        session.flush()

        (tour,) = commands.publish_day(session, date=DAY, viewer=EVERYONE, now=now)

        session.flush()
        assert (tour.status, tour.published_at) == (TourStatus.PUBLISHED, now)
        assert set(session.scalars(select(Visit.status))) == {AppointmentStatus.BOOKED}
        taken = session.execute(
            select(Occupancy.starts_at, Occupancy.ends_at).order_by(Occupancy.starts_at)
        ).all()
        # She leaves five minutes before each visit of twenty minutes.
        assert [tuple(row) for row in taken] == [
            (moment(5, 55), moment(6, 20)),
            (moment(6, 25), moment(6, 50)),
        ]
        assert session.scalars(select(OutboxMessage.topic)).all() == ["tour.published"]

    def test_promises_a_double_visit_with_both_nurses(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar, visits=1, services=({"care": 2}, {"care": 1}))
        propose(session, day, plan, now)
        session.flush()

        tours = commands.publish_day(session, date=DAY, viewer=EVERYONE, now=now)

        assert len(tours) == 2
        assert session.scalar(select(func.count()).select_from(Occupancy)) == 2

    def test_refuses_a_day_without_proposed_tours(self, session, now):
        with pytest.raises(commands.NothingToPublish, match="plan the day first"):
            commands.publish_day(session, date=DAY, viewer=EVERYONE, now=now)

    def test_publishes_only_what_the_viewer_may_see(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        propose(session, day, plan, now)
        session.flush()
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(commands.NothingToPublish):
            commands.publish_day(session, date=DAY, viewer=stranger, now=now)

    def test_refuses_a_day_in_which_a_visit_was_cancelled(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        propose(session, day, plan, now)
        session.get(Visit, day.visits[0].id).status = AppointmentStatus.CANCELLED
        session.flush()

        with pytest.raises(commands.DayChanged, match="plan it again"):
            commands.publish_day(session, date=DAY, viewer=EVERYONE, now=now)

    def test_publishes_nothing_if_a_nurse_is_promised_elsewhere(self, sessions, calendar, now):
        with sessions.begin() as session:
            day, plan = a_planned_day(session, calendar)
            propose(session, day, plan, now)
            elsewhere = a_visit(session)
            occupy(
                session,
                organisation_id=day.work_times[0].shift.organisation_id,
                practitioner_id=day.work_times[0].shift.role.practitioner_id,
                appointment_id=elsewhere.id,
                starts_at=moment(6, 40),
                ends_at=moment(7),
            )

        with pytest.raises(AlreadyOccupied), sessions.begin() as session:
            commands.publish_day(session, date=DAY, viewer=EVERYONE, now=now)

        with sessions() as session:
            assert session.scalars(select(Tour.status)).one() == TourStatus.PROPOSED

    def test_lets_one_of_two_coordinators_publish(self, sessions, calendar, now):
        with sessions.begin() as session:
            day, plan = a_planned_day(session, calendar)
            propose(session, day, plan, now)

        def publish(_):
            try:
                with sessions.begin() as session:
                    return len(commands.publish_day(session, date=DAY, viewer=EVERYONE, now=now))
            except commands.NothingToPublish:
                return 0

        with ThreadPoolExecutor(4) as pool:
            published = sorted(pool.map(publish, range(4)))

        assert published == [0, 0, 0, 1]


class TestReadTours:
    def test_shows_a_day_at_a_glance(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        propose(session, day, plan, now)
        session.flush()

        overview = queries.get_day(session, date=DAY, viewer=EVERYONE)

        assert overview.visits == {AppointmentStatus.PROPOSED: 2}
        assert [overview.stops[tour.id] for tour in overview.tours] == [2]
        assert overview.plan is not None
        assert overview.plan.cost == 900

    def test_shows_an_untouched_day_as_empty(self, session):
        overview = queries.get_day(session, date=DAY, viewer=EVERYONE)

        assert (overview.visits, overview.plan, overview.tours) == ({}, None, [])

    def test_shows_a_nurse_only_what_is_published(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        propose(session, day, plan, now)
        session.flush()
        role_id = day.work_times[0].shift.role_id
        proposed = queries.get_nurse_day(session, role_id=role_id, date=DAY, viewer=EVERYONE)
        commands.publish_day(session, date=DAY, viewer=EVERYONE, now=now)

        published = queries.get_nurse_day(session, role_id=role_id, date=DAY, viewer=EVERYONE)

        assert proposed == []
        assert [len(tour.stops) for tour in published] == [2]
        assert published[0].stops[0].visit.patient.known_home.city == "Arnsberg"

    def test_hides_tours_from_other_services(self, session, calendar, now):
        day, plan = a_planned_day(session, calendar)
        propose(session, day, plan, now)
        session.flush()
        (tour,) = queries.list_tours(session, date=DAY, viewer=EVERYONE)
        stranger = coordinator_of(an_organisation(session))

        assert queries.list_tours(session, date=DAY, viewer=stranger) == []
        assert queries.get_day(session, date=DAY, viewer=stranger).tours == []
        with pytest.raises(queries.TourNotFound):
            queries.get_tour(session, tour_id=tour.id, viewer=stranger)
        with pytest.raises(NurseNotFound):
            queries.get_nurse_day(session, role_id=tour.role_id, date=DAY, viewer=stranger)
