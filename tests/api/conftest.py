"""The application over a test database, at the hour of the fixture `now`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.dependencies import read_now
from careapp.config import Settings
from tests.api.operators import app_of_operator
from tests.careapp.worlds import World, a_world

LOOPBACK = "http://127.0.0.1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.read(data_dir=tmp_path)


@pytest.fixture
def world(session: Session) -> World:
    """A small care service and a practice, committed."""
    world = a_world(session)
    session.commit()
    return world


@pytest.fixture
def app(settings: Settings, engine: Engine, now: datetime) -> FastAPI:
    app = app_of_operator(settings, engine=engine, runs_jobs=False)
    app.dependency_overrides[read_now] = lambda: now
    app.state.clock = lambda: now
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client


@pytest.fixture
def sqlite_client(settings: Settings, sqlite_engine: Engine, now: datetime) -> Iterator[TestClient]:
    """For what does not depend on the kind of database."""
    app = app_of_operator(settings, engine=sqlite_engine, runs_jobs=False)
    app.dependency_overrides[read_now] = lambda: now
    app.state.clock = lambda: now
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client
