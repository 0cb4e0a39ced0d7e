"""What binds a nurse's shifts, and who knows a patient."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event

from careapp.appointments.models import AppointmentStatus
from careapp.config import Settings
from careapp.people.models import Absence, Role
from careapp.roads.choice import travel_sources
from careapp.tours import continuity, queries
from careapp.tours.duties import REST, Duty, ShiftsOverlap, bounds, work_times
from careapp.tours.models import Plan, Stop, Tour, TourStatus
from routing.solver import solve
from tests.careapp.worlds import (
    DAY,
    EVERYONE,
    a_nurse,
    a_patient,
    a_shift,
    a_visit,
    an_organisation,
    coordinator_of,
    moment,
)

HOUR = 3600
ONE_DAY = timedelta(days=1)


def a_tour(session, shift, visits=(), *, leaves_at=None, returns_at=None, status=TourStatus.PUBLISHED):
    """Build a tour on a shift, with one stop for each visit."""
    plan = Plan(
        id=uuid4(),
        organisation_id=shift.organisation_id,
        date=shift.date,
        made_at=shift.starts_at,
        seed=1,
        version="1",
        iterations=1,
        seconds=1.0,
        travel_source="estimate",
        cost=0,
        cost_terms={},
    )
    session.add(plan)
    session.flush()
    tour = Tour(
        id=uuid4(),
        organisation_id=shift.organisation_id,
        plan_id=plan.id,
        shift_id=shift.id,
        role_id=shift.role_id,
        practitioner_id=shift.role.practitioner_id,
        date=shift.date,
        status=status,
        published_at=shift.starts_at if status == TourStatus.PUBLISHED else None,
        leaves_at=leaves_at or shift.starts_at,
        returns_at=returns_at or shift.ends_at,
        travel_s=0,
        metres=0,
        waiting_s=0,
        last_leg_s=0,
        stops=[
            Stop(
                id=uuid4(),
                position=position,
                service_id=visit.services[0].id,
                visit_id=visit.id,
                arrives_at=visit.starts_at,
                starts_at=visit.starts_at,
                ends_at=visit.ends_at,
                travel_s=0,
                metres=0,
            )
            for position, visit in enumerate(visits)
        ],
        breaks=[],
    )
    session.add(tour)
    session.flush()
    return tour


def a_past_visit(session, patient, nurse, days_ago, *, status=AppointmentStatus.FULFILLED):
    """Build a visit of a published tour."""
    day = DAY - days_ago * ONE_DAY
    visit = a_visit(session, patient, day=day, status=status, starts_at=moment(7, day=day))
    a_tour(session, a_shift(session, nurse, day=day), [visit])


@pytest.fixture
def read(session, calendar):
    def run(viewer=EVERYONE):
        session.flush()
        session.expire_all()
        day = queries.day_to_plan(session, date=DAY, calendar=calendar, viewer=viewer)
        return day, day.to_problem(travel_sources(Settings.read(), today=DAY))

    return run


class TestRest:
    def test_lies_between_the_shift_of_the_day_before_and_this_one(self, session, read):
        nurse = a_nurse(session)
        a_shift(session, nurse, day=DAY - ONE_DAY, starts_at=moment(13, day=DAY - ONE_DAY))
        a_shift(session, nurse)

        _, problem = read()

        # back at 21:00 UTC, 22:00 in Berlin: two hours before midnight; eleven hours later it is 09:00
        (vehicle,) = problem.vehicles
        assert (vehicle.free_since, vehicle.rest) == (-2 * HOUR, 11 * HOUR)
        assert vehicle.leaves_from == 9 * HOUR
        assert vehicle.nurse == str(nurse.practitioner_id)

    def test_counts_from_the_return_of_a_published_tour(self, session, read):
        nurse = a_nurse(session)
        before = a_shift(session, nurse, day=DAY - ONE_DAY, starts_at=moment(13, day=DAY - ONE_DAY))
        a_tour(session, before, returns_at=moment(17, day=DAY - ONE_DAY))
        a_shift(session, nurse)

        assert read()[1].vehicles[0].free_since == -6 * HOUR

    def test_lies_before_the_shift_of_the_day_after(self, session, read):
        nurse = a_nurse(session)
        a_shift(session, nurse, starts_at=moment(13))
        a_shift(session, nurse, day=DAY + ONE_DAY)

        # the next begins at 06:00 in Berlin: she is back at 19:00, although her shift lasts until 22:00
        (vehicle,) = read()[1].vehicles
        assert (vehicle.next_duty, vehicle.back_by) == (30 * HOUR, 19 * HOUR)

    def test_binds_a_person_whatever_her_role_and_no_other(self, session, read):
        organisation = an_organisation(session)
        nurse, other = a_nurse(session, organisation), a_nurse(session, organisation)
        second = Role(
            id=uuid4(),
            organisation_id=other.organisation_id,
            organisation=other.organisation,
            practitioner_id=nurse.practitioner_id,
            practitioner=nurse.practitioner,
            kind=nurse.kind,
            base_id=other.base_id,
            base=other.base,
            vehicle=nurse.vehicle,
            is_active=True,
            skills=[],
        )
        session.add(second)
        session.flush()
        a_shift(session, second, day=DAY - ONE_DAY)
        for role in (nurse, other):
            a_shift(session, role)

        day, problem = read()

        since = {
            work.shift.role_id: vehicle.free_since
            for work, vehicle in zip(day.work_times, problem.vehicles, strict=True)
        }
        assert since == {nurse.id: -10 * HOUR, other.id: None}

    def test_is_not_owed_for_a_shift_in_which_she_was_absent(self, session, read):
        nurse = a_nurse(session)
        a_shift(session, nurse, day=DAY - ONE_DAY)
        a_shift(session, nurse)
        session.add(
            Absence(
                id=uuid4(),
                organisation_id=nurse.organisation_id,
                practitioner_id=nurse.practitioner_id,
                starts_at=moment(0, day=DAY - ONE_DAY),
                ends_at=moment(23, day=DAY - ONE_DAY),
            )
        )

        assert read()[1].vehicles[0].free_since is None

    def test_may_be_ten_hours_where_another_of_twelve_makes_up_for_it(self, session, read):
        nurse = a_nurse(session)
        for days_ago in (3, 2):  # 06:00 to 14:00 each: sixteen hours between them
            a_shift(session, nurse, day=DAY - days_ago * ONE_DAY)
        a_shift(session, nurse, day=DAY - ONE_DAY, starts_at=moment(11, 30, day=DAY - ONE_DAY))
        a_shift(session, nurse)

        # back at 20:30 in Berlin, the shift begins at 06:00: nine and a half hours
        (vehicle,) = read()[1].vehicles
        assert vehicle.rest == 10 * HOUR
        assert vehicle.leaves_from == 6.5 * HOUR

    @pytest.mark.parametrize(
        ("gaps", "rest"),
        [
            ([], 11),  # nothing makes up for it
            ([11], 11),
            ([12], 10),
            ([10, 12], 11),  # the rest of twelve hours has made up for another already
            ([10, 12, 12], 10),
        ],
    )
    def test_is_made_up_for_once_only(self, session, gaps, rest):
        nurse = a_nurse(session)
        shift = a_shift(session, nurse)
        # Backwards from the last duty before: 10.5 hours of rest, then duties of eight hours with these gaps.
        ends_at = shift.starts_at - timedelta(hours=10.5)
        duties = []
        for number, gap in enumerate([*reversed(gaps), 0]):
            starts_at = ends_at - timedelta(hours=8)
            duties.append(Duty(nurse.practitioner_id, DAY - (number + 1) * ONE_DAY, starts_at, ends_at))
            ends_at = starts_at - timedelta(hours=gap)

        bound = bounds(DAY, work_times([shift], []), duties)[nurse.practitioner_id]

        assert bound.rest == timedelta(hours=rest)

    def test_stays_eleven_hours_where_the_roster_leaves_them(self, session):
        nurse = a_nurse(session)

        bound = bounds(DAY, work_times([a_shift(session, nurse)], []), [])[nurse.practitioner_id]

        assert (bound.rest, bound.free_since, bound.max_day) == (REST, None, None)


class TestPlans:
    def test_keep_the_rest_and_say_so_where_it_leaves_a_visit_out(self, session, read):
        nurse = a_nurse(session)
        a_shift(session, nurse, day=DAY - ONE_DAY, starts_at=moment(13, day=DAY - ONE_DAY))
        a_shift(session, nurse)
        a_visit(session, a_patient(session, nurse.organisation), windows=[(moment(6), moment(7))])
        later = a_visit(session, a_patient(session, nurse.organisation), windows=[(moment(9), moment(10))])
        day, problem = read()

        plan = solve(problem, iterations=20)

        # She may leave at 09:00 in Berlin: too late for 07:00 to 08:00.
        (left,) = plan.unassigned
        assert "rest long enough between two days" in left.sentence
        assert [day.services[stop.service].visit_id for _, stop in plan.stops()] == [later.id]

    def test_send_the_nurse_whom_the_patient_knows(self, session, read):
        organisation = an_organisation(session)
        known, stranger = a_nurse(session, organisation), a_nurse(session, organisation)
        patient = a_patient(session, organisation)
        a_past_visit(session, patient, known, 2)
        for nurse in (known, stranger):
            a_shift(session, nurse)
        a_visit(session, patient)
        day, problem = read()

        ((vehicle, _),) = solve(problem, iterations=20).stops()

        assert day.work_times[vehicle].shift.role_id == known.id


class TestSplitShifts:
    def test_are_the_shifts_of_one_nurse_and_ten_hours_of_work(self, session, read):
        nurse = a_nurse(session)
        a_shift(session, nurse, starts_at=moment(5), ends_at=moment(11))
        a_shift(session, nurse, starts_at=moment(15), ends_at=moment(20))

        early, late = read()[1].vehicles

        assert early.nurse == late.nurse
        assert (early.day, late.day, early.max_day, late.max_day) == (0, 0, 10 * HOUR, 10 * HOUR)

    def test_leave_to_the_other_what_a_published_tour_does_not_take(self, session, read):
        nurse = a_nurse(session)
        morning = a_shift(session, nurse, starts_at=moment(5), ends_at=moment(11))
        a_tour(session, morning, returns_at=moment(12))
        a_shift(session, nurse, starts_at=moment(11), ends_at=moment(19))

        # published from 06:00 to 13:00 in Berlin, seven hours: three are left, from 13:00 on
        (vehicle,) = read()[1].vehicles
        assert (vehicle.shift.earliest, vehicle.shift.latest) == (13 * HOUR, 20 * HOUR)
        assert vehicle.max_day == 3 * HOUR

    def test_end_before_a_later_tour_that_is_published(self, session, read):
        nurse = a_nurse(session)
        a_tour(session, a_shift(session, nurse, starts_at=moment(14)), leaves_at=moment(14))
        a_shift(session, nurse, starts_at=moment(8), ends_at=moment(15))

        assert read()[1].vehicles[0].shift.latest == 15 * HOUR

    def test_are_not_worked_if_published_tours_leave_too_little(self, session, read):
        nurse = a_nurse(session)
        a_tour(session, a_shift(session, nurse, starts_at=moment(5)), returns_at=moment(13))
        a_shift(session, nurse, starts_at=moment(6), ends_at=moment(13, 30))

        assert read()[0].work_times == []

    def test_must_not_overlap(self, session, read):
        nurse = a_nurse(session)
        first = a_shift(session, nurse, starts_at=moment(5), ends_at=moment(11)).id
        second = a_shift(session, nurse, starts_at=moment(10), ends_at=moment(15)).id

        with pytest.raises(
            ShiftsOverlap, match=f"shift {second} begins before shift {first} of the same nurse"
        ):
            read()


class TestContinuity:
    def test_costs_more_the_less_a_nurse_knows_the_patient(self, session, read):
        organisation = an_organisation(session)
        often, once, never = (a_nurse(session, organisation) for _ in range(3))
        patient = a_patient(session, organisation)
        for days_ago in (2, 4, 6):
            a_past_visit(session, patient, often, days_ago)
        a_past_visit(session, patient, once, 8, status=AppointmentStatus.BOOKED)
        for nurse in (often, once, never):
            a_shift(session, nurse)
        a_visit(session, patient)

        day, problem = read()

        names = {often.id: "often", once.id: "once", never.id: "never"}
        costs = {
            names[day.work_times[number].shift.role_id]: points
            for number, points in problem.services[0].known.items()
        }
        # once of three times: two thirds of 450
        assert costs == {"once": 300, "never": continuity.STRANGER}

    def test_costs_nothing_where_nobody_came_lately(self, session, read):
        nurse = a_nurse(session)
        patient = a_patient(session, nurse.organisation)
        a_past_visit(session, patient, nurse, 29)
        a_past_visit(session, patient, nurse, 3, status=AppointmentStatus.NOSHOW)
        a_shift(session, nurse)
        a_visit(session, patient)

        assert read()[1].services[0].known == {}

    def test_does_not_look_into_another_tenants_tours(self, session, read):
        mine, other = a_nurse(session), a_nurse(session)
        patient = a_patient(session, mine.organisation)
        a_visit(session, patient)
        a_shift(session, mine)
        a_past_visit(session, a_patient(session, other.organisation), other, 1)
        a_past_visit(session, patient, mine, 2)

        day, _ = read(coordinator_of(mine.organisation))

        assert day.visits_before == {patient.id: {mine.practitioner_id: 1}}


class TestReadingADay:
    def test_costs_the_same_number_of_statements_for_many_nurses(self, session, engine, calendar, read):
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *of: statements.append(of[2]))
        counts = []
        for number in (1, 6):
            organisation = an_organisation(session)
            for _ in range(number):
                nurse = a_nurse(session, organisation)
                patient = a_patient(session, organisation)
                for days_ago in (1, 2):
                    a_past_visit(session, patient, nurse, days_ago)
                a_shift(session, nurse)
                a_visit(session, patient)
            viewer = coordinator_of(organisation)
            session.flush()
            session.expire_all()
            statements.clear()
            queries.day_to_plan(session, date=DAY, calendar=calendar, viewer=viewer)
            counts.append(len(statements))

        assert counts[0] == counts[1]
