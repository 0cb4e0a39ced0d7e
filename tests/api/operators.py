"""The application as the operator of the whole region sees it: for tests of what is done, not of who may."""

from typing import Any

from fastapi import FastAPI, Request

from api.app import create_app
from careapp.access import OPERATOR, Viewer
from careapp.config import Settings


def app_of_operator(settings: Settings, **options: Any) -> FastAPI:
    """Make the application, in which whoever asks is the operator; its own ways of signing in rest."""
    app = create_app(settings, **options)
    app.state.ways = (_operator,)
    return app


async def _operator(_request: Request) -> Viewer:
    return OPERATOR
