"""The routes, one file per area. To add an area: write its file, then list it here."""

from api.routers import (
    about,
    consultations,
    days,
    emergencies,
    encounters,
    external_sign_in,
    fhir,
    figures,
    health,
    jobs,
    nurses,
    oauth,
    orders,
    own_account,
    pages,
    patients,
    places,
    records,
    roads,
    second_steps,
    sign_in,
    support,
    tours,
    visits,
)
from api.routers import help as help_across
from api.routers import map as map_ground

__all__ = ["ROUTERS"]

ROUTERS = (
    fhir.router,  # first, so that an address of FHIR is compared with no other
    about.document,
    about.router,
    health.router,
    days.router,
    jobs.router,
    tours.router,
    roads.router,
    nurses.router,
    visits.router,
    encounters.router,
    patients.router,
    records.router,
    places.router,
    orders.router,
    consultations.router,
    figures.router,
    emergencies.router,
    support.router,
    help_across.router,
    help_across.visits,
    map_ground.router,
    sign_in.me_router,
    sign_in.router,
    second_steps.router,
    external_sign_in.router,
    own_account.router,
    oauth.router,
    pages.router,
)
