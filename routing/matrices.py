"""Travel times and distances between all places of a day."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.units import LATEST, UNREACHABLE

__all__ = ["Travel"]


@dataclass(frozen=True, eq=False)
class Travel:
    """Travel between all places for one kind of vehicle; need not be symmetric.

    Attributes:
        seconds: Shape (places, places), int32; row is origin, column destination, diagonal zero.
            `UNREACHABLE` where no road leads.
        metres: The same for the length of the way; ignored where unreachable.

    Raises:
        InvalidTravel: Not square, not whole numbers, or a hole; the message names the pair.
    """

    seconds: NDArray[np.int32] = field(repr=False)
    metres: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("seconds", "metres"):
            object.__setattr__(self, name, _whole_square(name, getattr(self, name)))
        if self.seconds.shape != self.metres.shape:
            raise InvalidTravel(f"travel: seconds are {self.seconds.shape}, metres {self.metres.shape}")
        beyond = np.argwhere((self.seconds > LATEST) & (self.seconds != UNREACHABLE))
        if len(beyond):
            origin, destination = beyond[0]
            raise InvalidTravel(
                f"travel seconds from place {origin} to {destination}: longer than {LATEST} s; "
                f"write {UNREACHABLE} where no road leads"
            )
        loops = np.flatnonzero(np.diagonal(self.seconds))
        if len(loops):
            raise InvalidTravel(f"travel seconds from place {loops[0]} to itself must be 0")

    @property
    def places(self) -> int:
        """How many places the matrices know."""
        return int(self.seconds.shape[0])


def _whole_square(name: str, matrix: NDArray[Any]) -> NDArray[np.int32]:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InvalidTravel(f"travel {name}: shape {matrix.shape} is not square")
    if np.issubdtype(matrix.dtype, np.floating):
        holes = np.argwhere(~np.isfinite(matrix))
        if not len(holes):
            raise InvalidTravel(f"travel {name}: round up to whole numbers first")
    else:
        holes = np.argwhere((matrix < 0) | (matrix > UNREACHABLE))
    if len(holes):
        origin, destination = holes[0]
        raise InvalidTravel(
            f"travel {name} from place {origin} to {destination}: {matrix[origin, destination]} is no number "
            f"from 0 up; write {UNREACHABLE} where no road leads"
        )
    return np.ascontiguousarray(matrix, dtype=np.int32)
