"""The compiled local search.

`Search` holds one search and advances it in steps, `Team` several at once, `Pieces` one on each piece of a
large day; `compiled` tells whether the
machine code exists, `warm_up` makes it.
"""

from routing.search.engine import Search, compiled, warm_up
from routing.search.pieces import Pieces, can_be_cut
from routing.search.team import Team

__all__ = ["Pieces", "Search", "Team", "can_be_cut", "compiled", "warm_up"]
