"""What ties two services."""

from dataclasses import dataclass
from enum import Enum

from routing.errors import InvalidLink
from routing.units import LATEST, Seconds

__all__ = ["Link", "Nurses"]


class Nurses(Enum):
    """Who does two linked services."""

    ANY = "any"
    SAME = "same"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Link:
    """What ties two services; it binds when both are planned.

    A double visit is `Link(a, b, 0, 0, Nurses.DIFFERENT)`.

    Attributes:
        first: Number of a service.
        second: Number of another.
        min_gap: The second starts at least so long after the **start** of the first. May be negative: then
            the second may start first.
        max_gap: And at most so long after it; None for no limit.
        nurses: Whether one nurse, two, or either does both.

    Raises:
        InvalidLink: Both are the same service, or the gaps exclude each other.
    """

    first: int
    second: int
    min_gap: Seconds = 0
    max_gap: Seconds | None = None
    nurses: Nurses = Nurses.ANY

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise InvalidLink(f"link: service {self.first} is tied to itself")
        if self.max_gap is not None and self.min_gap > self.max_gap:
            raise InvalidLink(
                f"link {self.first}-{self.second}: least gap {self.min_gap} exceeds {self.max_gap}"
            )
        if max(abs(self.min_gap), abs(self.max_gap or 0)) > LATEST:
            raise InvalidLink(f"link {self.first}-{self.second}: gaps must be within {LATEST} s")
