"""Routers that need not look at their routes to know that an address is none of theirs."""

from typing import Any

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope


class MarkedRouter(APIRouter):
    """A router all of whose addresses have one of some marks in them, e.g. `$` in FHIR's operations.

    FastAPI compares an address with each route in turn, and once more for each router that is included in
    another: with all routes of this service that took longer than a search.
    """

    def __init__(self, *marks: str, **given: Any) -> None:
        """Make a router.

        Args:
            marks: One of them is in each address of a route.
            given: As for any router.
        """
        super().__init__(**given)
        self._marks = marks

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Compare the routes only with an address that has a mark."""
        path: str = scope["path"]
        if any(mark in path for mark in self._marks):
            return super().matches(scope)
        return Match.NONE, {}
