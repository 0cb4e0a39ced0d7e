"""Days with tours, proposed or published, for tests of assisted consultations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.assisted.needs import Need
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.consultations.models import Slot
from careapp.people.models import Patient
from careapp.roads.choice import travel_sources
from careapp.tours.commands import propose_tours, publish_day
from careapp.tours.queries import day_to_plan
from routing.clock import time_routes
from routing.objective import cost_of
from routing.plan import Plan, Unassigned
from tests.careapp.worlds import DAY, World, a_patient, a_place, a_slot, a_survey, a_world, moment

MINUTE = timedelta(minutes=1)


@dataclass
class Town:
    """A world with slots of its doctor at whole hours, and a fourth patient whom nobody visits yet."""

    world: World
    stranger: Patient
    slots: list[Slot] = field(default_factory=list)

    @property
    def viewer(self) -> Viewer:
        return self.world.viewer


def a_town(session: Session, *, hours: Sequence[int] = (7, 9, 11), keeps_hours: bool = False) -> Town:
    world = a_world(session)
    session.delete(world.slot)
    if not keeps_hours:
        for hours_ in world.schedule.hours:
            session.delete(hours_)
    session.flush()
    session.expire(world.schedule, ["hours"])
    home = a_place(session, world.organisation, latitude=51.42, longitude=8.07)
    stranger = a_patient(session, world.organisation, home=home, family_name="Fremd")
    slots = [a_slot(session, world.schedule, starts_at=moment(hour)) for hour in hours]
    return Town(world, stranger, slots)


def plan_by_hand(
    session: Session,
    town: Town,
    calendar: Calendar,
    now,
    routes: Mapping[int, Sequence[int]],
    *,
    is_published: bool = True,
) -> None:
    """Propose tours, and publish them: number of a nurse to numbers of visits of the world."""
    day = day_to_plan(session, date=DAY, calendar=calendar, viewer=town.viewer)
    problem = day.to_problem(travel_sources(Settings.read(), today=DAY))
    shifts = [work.shift.id for work in day.work_times]
    visits = [visit.id for visit in day.visits]
    sequences = {
        shifts.index(town.world.shifts[nurse].id): [visits.index(town.world.visits[n].id) for n in numbers]
        for nurse, numbers in routes.items()
    }
    timed = time_routes(problem, sequences)
    assert timed is not None
    placed = {number for numbers in sequences.values() for number in numbers}
    left = tuple(
        Unassigned(number, ("by-hand",), "left out by hand", proven=False)
        for number in range(len(visits))
        if number not in placed
    )
    propose_tours(
        session,
        day=day,
        plan=Plan(timed, left, cost_of(problem, timed)),
        survey=a_survey(day),
        viewer=town.viewer,
        now=now,
    )
    if is_published:
        publish_day(session, date=DAY, viewer=town.viewer, now=now)
    session.flush()


def a_need(patient: Patient, **more) -> Need:
    return Need(patient.id, moment(0), moment(23), **({"skills": {"care": 2}} | more))
