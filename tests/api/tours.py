"""A proposed day for tests: one visit in a tour, one left out."""

from datetime import datetime

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.tours import commands, queries
from careapp.tours.models import Plan
from routing.plan import Cost, Route, Stop, Unassigned
from routing.plan import Plan as RoutingPlan
from tests.careapp.worlds import DAY, a_survey

HOUR = 3600


def a_proposed_day(session: Session, *, calendar: Calendar, viewer: Viewer, now: datetime) -> Plan:
    """Propose tours for the open visits of `DAY`.

    The first shift takes the first visit at 08:00, half an hour and 20 km from its base; others are left out.
    """
    day = queries.day_to_plan(session, date=DAY, calendar=calendar, viewer=viewer)
    stop = Stop(
        service=0,
        arrival=8 * HOUR - 600,
        start=8 * HOUR,
        end=8 * HOUR + 1200,
        travel=1800,
        metres=20_000,
    )
    route = Route(
        vehicle=0,
        stops=(stop,),
        breaks=(),
        leaves=8 * HOUR - 2400,
        returns=8 * HOUR + 3000,
        travel_home=1800,
        metres_home=20_000,
    )
    left_out = tuple(
        Unassigned(service=number, rules=("time-windows",), sentence="no nurse is free then", proven=False)
        for number in range(1, len(day.services))
    )
    plan = RoutingPlan(
        routes=(route,),
        unassigned=left_out,
        cost=Cost({"travel": 3600, "unassigned": 20_000}),
        seed=7,
        iterations=1000,
        seconds=1.5,
        version="1",
    )
    return commands.propose_tours(session, day=day, plan=plan, survey=a_survey(day), viewer=viewer, now=now)
