"""Breaks in several parts, for routes that have no timetable with one break.

Which gaps the parts lie in is tried, two or three at a time; with gaps and lengths given the least times
decide (`settling.settle`). Gaps that are too short for any part, and first and last parts that would come too
late or too early for the stretches of work, are passed over.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement

from routing.problem import Problem
from routing.settling import NEVER, Duty, Part, Pause, Pauses, settle, split_options
from routing.units import Seconds

__all__ = ["first_split"]


def first_split(problem: Problem, vehicle: int, parts: Sequence[Part], duty: Duty) -> Pauses | None:
    """Return the first break in parts with which these stops have a timetable, or None.

    First by the ways to cut it in `settling.split_options`, then by its gaps. The stops must have a timetable
    without breaks. There is none where travel depends on the hour.
    """
    nurse = problem.vehicles[vehicle]
    options = [] if problem.depends_on_hours(vehicle) else split_options(nurse)
    if not options or nurse.breaks is None:
        return None
    room = _Room(problem, vehicle, parts, duty)
    most = NEVER if nurse.max_work is None else nurse.max_work
    stretch = nurse.breaks.longest_stretch
    for cut, span in options:
        rest, cap = sum(length for length, _ in cut), min(most, span)
        if max(room.span, room.work + rest) > cap:
            continue
        shortest = min(length for length, _ in cut)
        gaps = [gap for gap in range(len(parts) + 1) if room.holds(gap, shortest)]
        for chosen in combinations_with_replacement(gaps, len(cut)):
            if room.free[chosen[0]] > room.by + stretch or room.late[chosen[-1]] + stretch < room.done:
                continue
            pauses = Pauses(tuple(Pause(gap, *part) for gap, part in zip(chosen, cut, strict=True)), cap)
            if settle(problem, vehicle, parts, pauses, duty) is not None:
                return pauses
    return None


class _Room:
    """What a route without breaks leaves to them.

    By gap: when she is free at the soonest (`free`), and when the stop after it, or the return, has to be at
    the latest (`late`). Of the route: when she leaves at the latest (`by`), is back at the soonest (`done`),
    how long that takes at least (`span`), and how much of it is travel and care (`work`).
    """

    def __init__(self, problem: Problem, vehicle: int, parts: Sequence[Part], duty: Duty) -> None:
        nurse = problem.vehicles[vehicle]
        places = [nurse.start, *(part.location for part in parts), nurse.end]
        self.legs = [problem.seconds(vehicle, places[n], places[n + 1]) for n in range(len(parts) + 1)]
        self.free, self.by, self.work = [duty.leaves_from], nurse.leaves_by, 0
        for part, leg in zip(parts, self.legs, strict=False):
            self.free.append(max(part.low, self.free[-1] + leg) + part.duration)
            self.work += leg
            self.by = min(self.by, part.high - self.work)
            self.work += part.duration
        self.work += self.legs[-1]
        self.done: Seconds = self.free[-1] + self.legs[-1]
        self.late = [duty.back_by]
        for part, leg in zip(reversed(parts), reversed(self.legs), strict=False):
            self.late.insert(0, min(part.high, self.late[0] - leg - part.duration))
        self.span = max(self.done - self.by, self.work)

    def holds(self, gap: int, length: Seconds) -> bool:
        """Tell whether a break of this length may lie in a gap."""
        return self.free[gap] + self.legs[gap] + length <= self.late[gap]
