from datetime import time

import pytest
from sqlalchemy import func, select

from careapp import planning
from careapp.appointments.models import AppointmentStatus
from careapp.config import Settings
from careapp.tours.commands import publish_day
from careapp.tours.day import NothingToPlan
from careapp.tours.models import Plan, Stop, Tour, UnassignedVisit
from careapp.visits.models import Visit
from tests.careapp.worlds import DAY, a_nurse, a_patient, a_shift_pattern, an_order, an_organisation


@pytest.fixture
def region(sessions):
    """A care service with two nurses and five patients, one of whom needs what nobody can do."""
    with sessions.begin() as session:
        organisation = an_organisation(session)
        for _ in range(2):
            a_shift_pattern(session, a_nurse(session, organisation, skills={"care": 3}))
        for hour in (7, 8, 9, 10):
            an_order(session, a_patient(session, organisation), windows=[(0, time(hour), time(hour, 30))])
        an_order(session, a_patient(session, organisation), skills=[(0, "ventilation", 4)])
    return organisation


@pytest.fixture
def plan_day(sessions, now, viewer):
    def run(*, date=DAY, is_cancelled=lambda: False, told=None):
        return planning.plan_day(
            sessions,
            date=date,
            seed=1,
            limit_s=0.5,
            settings=Settings.read(),
            viewer=viewer,
            now=lambda: now,
            on_progress=told.append if told is not None else lambda _: None,
            is_cancelled=is_cancelled,
        )

    return run


class TestPlanDay:
    def test_goes_all_the_way_from_care_orders_to_proposed_tours(self, region, plan_day, sessions):
        told: list[planning.Progress] = []

        result = plan_day(told=told)

        assert (result["visits"], result["assigned"], result["unassigned"]) == (5, 4, 1)
        assert result["violations"] == []
        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(Stop)) == 4
            reason = session.scalars(select(UnassignedVisit)).one()
            assert "ventilation" in reason.reason
            times = session.scalars(select(Visit.starts_at).where(Visit.starts_at.is_not(None))).all()
            assert len(times) == 4
        fractions = [step.fraction for step in told]
        assert fractions == sorted(fractions)
        assert fractions[0] == 0
        assert told[-1].text == "proposing tours"

    def test_replaces_its_own_proposal_when_asked_again(self, region, plan_day, sessions):
        first, second = plan_day(), plan_day()

        assert first["plan"] != second["plan"]
        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(Visit)) == 5
            assert session.scalar(select(func.count()).select_from(Stop)) == 4
            assert {str(plan_id) for plan_id in session.scalars(select(Tour.plan_id))} == {second["plan"]}

    def test_leaves_published_tours_alone_and_plans_what_is_left(
        self, region, plan_day, sessions, viewer, now
    ):
        plan_day()
        with sessions.begin() as session:
            published = [tour.id for tour in publish_day(session, date=DAY, viewer=viewer, now=now)]

        result = plan_day()

        assert result["visits"] == 1  # only the one that nobody can do is still open
        with sessions() as session:
            assert set(published) <= set(session.scalars(select(Tour.id)))
            statuses = session.scalars(select(Visit.status)).all()
            assert statuses.count(AppointmentStatus.BOOKED) == 4

    def test_writes_no_plan_when_it_is_cancelled(self, region, plan_day, sessions):
        with pytest.raises(planning.PlanningCancelled, match="start it again any time"):
            plan_day(is_cancelled=lambda: True)

        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(Plan)) == 0

    def test_refuses_a_day_without_visits(self, engine, plan_day):
        with pytest.raises(NothingToPlan, match="add care orders"):
            plan_day()
