"""Every table in one import, for migrations, the test database and the FHIR registry."""

from careapp.appointments import models as appointments
from careapp.calls import models as calls
from careapp.consultations import further_models as further_consultations
from careapp.consultations import models as consultations
from careapp.coverage import models as coverage
from careapp.db import Base
from careapp.fairness import models as fairness
from careapp.help import models as help_
from careapp.identity import client_models as clients
from careapp.identity import models as identity
from careapp.identity import support_models as support
from careapp.jobs import models as jobs
from careapp.notices import models as notices
from careapp.openings import models as openings
from careapp.orders import models as orders
from careapp.organisations import models as organisations
from careapp.people import models as people
from careapp.privacy import models as privacy
from careapp.records import audit_models, held, search_values
from careapp.records import models as records
from careapp.roads import models as roads
from careapp.sealing import models as sealing
from careapp.subscriptions import models as subscriptions
from careapp.tours import models as tours
from careapp.visits import models as visits
from careapp.waiting import models as waiting

__all__ = [
    "METADATA",
    "appointments",
    "audit_models",
    "calls",
    "clients",
    "consultations",
    "coverage",
    "fairness",
    "further_consultations",
    "held",
    "help_",
    "identity",
    "jobs",
    "notices",
    "openings",
    "orders",
    "organisations",
    "people",
    "privacy",
    "records",
    "roads",
    "sealing",
    "search_values",
    "subscriptions",
    "support",
    "tours",
    "visits",
    "waiting",
]

METADATA = Base.metadata
