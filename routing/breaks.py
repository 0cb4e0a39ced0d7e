"""How long a nurse may work before she has to rest."""

from dataclasses import dataclass

from routing.errors import InvalidProblem
from routing.units import HOUR, LATEST, MINUTE, Seconds

__all__ = ["WORKING_TIME_LAW", "BreakRule"]


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
