"""The rules of a plan. To add one: write its file, then list it here."""

import numpy as np
from numpy.typing import NDArray

from routing.constraints.base import Constraint, Filter
from routing.constraints.breaks import Breaks
from routing.constraints.capacity import Capacity
from routing.constraints.links import Links
from routing.constraints.lunch import LunchBreaks
from routing.constraints.nurses import AllowedNurses
from routing.constraints.pins import Orders, PinnedNurses, PinnedStarts
from routing.constraints.remote import RemoteParts
from routing.constraints.rest import Rest
from routing.constraints.shifts import Shifts
from routing.constraints.skills import RequiredSkills
from routing.constraints.things import Things
from routing.constraints.time_windows import TimeWindows
from routing.constraints.travel import TravelTimes
from routing.constraints.visits import Once, WholeVisits
from routing.constraints.working_day import WorkingDay
from routing.constraints.working_time import WorkingTime
from routing.problem import Problem

__all__ = ["CONSTRAINTS", "FILTERS", "Constraint", "Filter", "allowed"]

CONSTRAINTS: tuple[Constraint, ...] = (
    Once(),
    WholeVisits(),
    AllowedNurses(),
    RequiredSkills(),
    TravelTimes(),
    TimeWindows(),
    Shifts(),
    WorkingTime(),
    Breaks(),
    LunchBreaks(),
    Links(),
    Capacity(),
    PinnedNurses(),
    PinnedStarts(),
    Orders(),
    WorkingDay(),
    Rest(),
    Things(),
    RemoteParts(),
)

FILTERS: tuple[Filter, ...] = tuple(rule for rule in CONSTRAINTS if isinstance(rule, Filter))


def allowed(problem: Problem) -> NDArray[np.bool_]:
    """Which vehicle may do which service as far as the two alone decide it, shape (services, vehicles)."""
    may = np.ones((len(problem.services), len(problem.vehicles)), dtype=np.bool_)
    for rule in FILTERS:
        may &= rule.allowed(problem)
    return may
