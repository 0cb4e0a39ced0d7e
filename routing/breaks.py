"""How long a nurse may work before she has to rest."""

from dataclasses import dataclass

from routing.errors import InvalidProblem
from routing.units import HOUR, LATEST, MINUTE, Points, Seconds

__all__ = ["WORKING_TIME_LAW", "BreakRule", "Lunch"]


@dataclass(frozen=True)
class BreakRule:
    """When breaks are due and how they may be cut.

    Working time is the time from leaving to returning without the planned breaks. Waiting counts as work
    unless a break is planned in it. A break lies between two services, or between a service and leaving or
    returning; travel may be interrupted by it.

    Attributes:
        steps: Pairs (work, total), rising: who works longer than `work` seconds needs breaks of `total`
            seconds together.
        shortest_part: A pause shorter than this is no break.
        longest_stretch: So long may one work without a break.

    Raises:
        InvalidProblem: The steps do not rise, or a length is negative.
    """

    steps: tuple[tuple[Seconds, Seconds], ...] = ((6 * HOUR, 30 * MINUTE), (9 * HOUR, 45 * MINUTE))
    shortest_part: Seconds = 15 * MINUTE
    longest_stretch: Seconds = 6 * HOUR

    def __post_init__(self) -> None:
        numbers = [self.shortest_part, self.longest_stretch, *(n for step in self.steps for n in step)]
        if any(not 0 < number <= LATEST for number in numbers):
            raise InvalidProblem("break rule: give every length as a positive number of seconds")
        pairs = zip(self.steps, self.steps[1:], strict=False)
        if any(later[0] <= earlier[0] or later[1] <= earlier[1] for earlier, later in pairs):
            raise InvalidProblem("break rule: list the steps in rising order of work and of rest")

    def needed(self, work: Seconds) -> Seconds:
        """Return how long the breaks of a nurse who works `work` seconds must be together."""
        return max((total for after, total in self.steps if work > after), default=0)


WORKING_TIME_LAW = BreakRule()
"""German Arbeitszeitgesetz, section 4: 30 minutes after six hours, 45 after nine, in parts of at least
15 minutes, never more than six hours of work in one go."""


@dataclass(frozen=True)
class Lunch:
    """A break that begins in certain hours, taken where the nurse is, before a way or after it.

    A break of a `BreakRule` that is long enough and begins in these hours is lunch as well. Who does not
    leave is due none.

    Attributes:
        earliest: First second at which it may begin.
        latest: Last one.
        length: It lasts so long at least.
        missed: Points of working without it; None if that is forbidden.

    Raises:
        InvalidProblem: It ends before it begins, or a number is negative or beyond all days.
    """

    earliest: Seconds
    latest: Seconds
    length: Seconds
    missed: Points | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.length <= LATEST or max(abs(self.earliest), abs(self.latest)) > LATEST:
            raise InvalidProblem(f"lunch: its times must be within {LATEST} s of midnight")
        if self.earliest > self.latest:
            raise InvalidProblem(f"lunch: it must begin by {self.latest}, before {self.earliest}")
        if not 0 <= (self.missed or 0) <= 10**6:
            raise InvalidProblem(f"lunch: missed {self.missed} is not within 0-1000000")

    def is_taken_by(self, start: Seconds, end: Seconds) -> bool:
        """Tell whether a break from start to end is such a lunch."""
        return self.earliest <= start <= self.latest and end - start >= self.length
