"""The compiled part of the search: plain functions over arrays, nothing allocated while they run.

`layout` says which column means what, `rng` draws, `timing` decides whether a route has a timetable, `links`
carries a change from one route to another, `insertion` finds the cheapest place, `ruin` and `recreate` change
the plan, `anneal` accepts or restores. Only `anneal.advance` is called from outside.
"""
