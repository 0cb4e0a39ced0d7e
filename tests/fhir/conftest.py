"""Sessions whose documents are kept in step, and searches in short."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.db import make_sessions
from fhir import projector
from fhir.search.query import search

BASE = "https://care.example/fhir"
ZONE = ZoneInfo("Europe/Berlin")
PAGE_KEY = bytes(range(32))


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def sessions(engine: Engine, clock: Clock) -> sessionmaker[Session]:
    """Sessions that the projector follows."""
    sessions = make_sessions(engine)
    projector.attach(sessions, clock)
    return sessions


@pytest.fixture
def find(sessions: sessionmaker[Session], viewer: Viewer) -> Callable[..., dict[str, Any]]:
    """Search, and parse the bundle."""

    def find(kind: str, query: str = "", *, viewer: Viewer = viewer, strict: bool = False) -> dict[str, Any]:
        with sessions() as session:
            return orjson.loads(
                search(
                    session,
                    kind=kind,
                    query_string=query,
                    base_url=BASE,
                    viewer=viewer,
                    zone=ZONE,
                    page_key=PAGE_KEY,
                    strict=strict,
                )
            )

    return find


def ids_of(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def link_of(bundle: dict[str, Any], relation: str) -> str | None:
    return next((link["url"] for link in bundle["link"] if link["relation"] == relation), None)
