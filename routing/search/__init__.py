"""The compiled local search.

`Search` holds one search and advances it in steps; `compiled` tells whether its machine code exists,
`warm_up` makes it.
"""

from routing.search.engine import Search, compiled, warm_up

__all__ = ["Search", "compiled", "warm_up"]
