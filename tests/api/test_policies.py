"""Each route carries exactly one policy: whoever adds a route says who may use it."""

from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from api.app import create_app
from api.auth.policy import PLANNING, OpenPolicy, Policy, anybody, may
from api.routers import ROUTERS
from careapp.config import Settings

LEAST_ROUTES = 140
"""How many there were when policies came: far fewer means that this test no longer finds them."""


class TestEveryRoute:
    def test_carries_exactly_one_policy(self, settings: Settings):
        app = create_app(settings, runs_jobs=False)

        wrong = {name_of(route): len(policies_of(route)) for route in routes_of(app)}

        assert {name: count for name, count in wrong.items() if count != 1} == {}

    def test_is_found_by_these_tests(self, settings: Settings):
        app = create_app(settings, runs_jobs=False)

        found = [name_of(route) for route in routes_of(app)]

        assert len(found) >= LEAST_ROUTES
        assert len(found) == len(list(iter_route_contexts(ROUTERS[0].routes))) + sum(
            len(list(iter_route_contexts(router.routes))) for router in ROUTERS[1:]
        )

    def test_names_a_reason_where_everybody_may(self, settings: Settings):
        app = create_app(settings, runs_jobs=False)

        reasons = [
            policy.why
            for route in routes_of(app)
            for policy in policies_of(route)
            if isinstance(policy, OpenPolicy)
        ]

        assert reasons
        assert all(len(reason.split()) >= 3 for reason in reasons)


class TestWithoutAPolicy:
    """The test itself, tried on routes that break the rule."""

    def test_a_route_is_found(self):
        assert [len(policies_of(route)) for route in routes_of(a_planted(APIRouter()))] == [0]

    def test_a_route_with_two_is_found(self):
        app = a_planted(APIRouter(dependencies=[may(*PLANNING), anybody("nobody is harmed by it")]))

        assert [len(policies_of(route)) for route in routes_of(app)] == [2]


def a_planted(router: APIRouter) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    router.get("/planted")(lambda: None)
    app.include_router(router)
    return app


def routes_of(app: FastAPI) -> list[RouteContext]:
    """List every route as it is served, those of included routers too (`app.routes` hides them)."""
    return list(iter_route_contexts(app.routes))


def policies_of(route: RouteContext) -> list[Policy | OpenPolicy]:
    """Return the policies that a request to a route passes through; none if it is no route of FastAPI's."""
    dependant = getattr(route, "dependant", None)
    if not isinstance(dependant, Dependant):
        return []
    return [call for call in _calls(dependant) if isinstance(call, Policy | OpenPolicy)]


def _calls(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)


def name_of(route: RouteContext) -> str:
    return f"{' '.join(sorted(route.methods or ()))} {route.path}"
