"""Which bound decides a start, so that starts that raise each other in a circle are seen at once.

Linked stops that stand in opposite orders in two routes have no timetable: each round raises them a little,
until a window closes. As in any search for longest paths, a start that is raised by a chain of bounds which
begins at itself proves such a circle.
"""

from collections.abc import Mapping, Sequence

from routing.units import Seconds

__all__ = ["closes_circle", "deciding_stop"]


def deciding_stop(
    lows: Sequence[Seconds],
    starts: Sequence[Seconds],
    ends: Sequence[Seconds],
    position: int,
    leaving: tuple[Seconds, Seconds],
    rest: tuple[int, Seconds, Seconds, Seconds, Seconds | None],
) -> int | None:
    """Return the position of the stop whose own least start decides that of another, or None for the shift.

    A start is decided by the stop's own bound, by the end of the stop before, or by a break or a leaving that
    is put off so that the return comes not too long after it: then by what decides the return.

    Args:
        lows: The bound of each stop of a route.
        starts: Their least starts.
        ends: Their ends then.
        position: Of the stop asked about.
        leaving: When the shift begins, and when the nurse leaves at the least.
        rest: Of the break: how many stops come before it (-1 for no break), its earliest start, its length,
            how long one may work without one, and the hour before which it does not begin, if there is one.
    """
    shift, leaves = leaving
    gap, rests, length, stretch, hour = rest
    last, returned = len(lows) - 1, False
    while starts[position] > lows[position]:
        before = ends[position - 1] if position else leaves
        waits = position == gap and rests > before and starts[position] == rests + length
        if position and not waits:
            position -= 1
            continue
        if not waits:
            if leaves == shift or (rests == hour and leaves == rests - stretch):
                return None
            if gap > 0 and leaves == rests - stretch == ends[gap - 1] - stretch:
                position = gap - 1
                continue
        if returned or (waits and rests == hour):
            return None
        returned, position = True, last
    return position


def closes_circle(parents: Mapping[int, int], service: int) -> bool:
    """Tell whether a chain of parents leads from a service back to it; -1 stands for none."""
    above = parents[service]
    while above not in (-1, service):
        above = parents.get(above, -1)
    return above == service
