"""Names of the kinds of jobs: who asks for one need not load what does it."""

PLAN_DAY = "plan-day"
"""Plan a local day; arguments `date` (ISO), `seed`, `limit_s`. Done by `careapp.planning.plan_day`."""

EXPORT = "fhir-export"
"""Write resources into files; arguments as `fhir.operations.export.Order`, and `request`, as asked."""
