"""Measure the planner against best known values and against other planners, in one run."""

from routing.bench.table import PUBLISHED, bench

__all__ = ["PUBLISHED", "bench"]
