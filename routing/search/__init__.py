"""The compiled local search.

`Search` holds one search and advances it in steps, `Team` several at once, `Pieces` one on each piece of a
large day; `compiled` tells whether the machine code exists, `warm_up` makes it, `make_ready` and `Compiling`
where it can be stopped.
"""

from routing.search.engine import Search, compiled, warm_up
from routing.search.pieces import Pieces, can_be_cut
from routing.search.promises import Promise
from routing.search.team import Team
from routing.search.warming import Compiling, make_ready

__all__ = [
    "Compiling",
    "Pieces",
    "Promise",
    "Search",
    "Team",
    "can_be_cut",
    "compiled",
    "make_ready",
    "warm_up",
]
