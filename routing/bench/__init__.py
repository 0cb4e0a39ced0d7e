"""Measure the planner against best known values and against other planners, in one run."""

from routing.bench.table import bench

__all__ = ["bench"]
