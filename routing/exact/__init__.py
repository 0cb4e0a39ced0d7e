"""CP-SAT (OR-Tools): small days to proof, and the best choice among routes the search has met."""

from routing.exact.day import Proof, plan_exactly
from routing.exact.recombine import recombine

__all__ = ["Proof", "plan_exactly", "recombine"]
