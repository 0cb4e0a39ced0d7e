"""The way of a tour on a map: on the roads that planned it, or not at all."""

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.dependencies import read_now
from careapp.config import Settings
from careapp.people.models import VehicleKind
from careapp.roads.choice import travel_sources
from careapp.tours.models import Stop, Tour
from tests.api.conftest import LOOPBACK
from tests.api.operators import app_of_operator
from tests.api.tours import a_proposed_day
from tests.careapp.worlds import DAY, EVERYONE
from tests.road_fakes import Asked, Reply, fake_server, osrm_reply


def routes(asked: Asked) -> Reply:
    """Draw each way with a corner in its middle."""
    legs = []
    for (west, south), (east, north) in zip(asked.coordinates, asked.coordinates[1:], strict=False):
        line = [[west, south], [west, north], [east, north]]
        legs.append({"duration": 60, "distance": 900, "steps": [{"geometry": {"coordinates": line}}]})
    waypoints = [{"location": list(place)} for place in asked.coordinates]
    return osrm_reply(
        Asked(asked.number, asked.path.replace("/route/", "/nearest/")),
        waypoints=waypoints,
        routes=[{"legs": legs}],
    )


@pytest.fixture
def tour_id(session, world, calendar, now):
    a_proposed_day(session, calendar=calendar, viewer=EVERYONE, now=now)
    tour_id = session.scalars(select(Tour.id)).one()
    session.commit()  # reading writes the record, so nobody else may hold the database
    return tour_id


def on_roads(session, settings):
    """Let the tour have been planned on the roads of these settings."""
    source = travel_sources(settings, today=DAY)[VehicleKind.CAR]
    for table in (Tour, Stop):
        session.execute(
            update(table).values(
                travel_source=source.name, travel_data=source.data, is_estimated=source.estimated
            )
        )
    session.commit()


@pytest.fixture
def ask(engine, now):
    def get(settings, address):
        app = app_of_operator(settings, engine=engine, runs_jobs=False)
        app.dependency_overrides[read_now] = lambda: now
        with TestClient(app, base_url=LOOPBACK) as client:
            return client.get(address)

    return get


class TestTourPath:
    def test_is_straight_and_says_so_where_it_was_estimated(self, client, tour_id):
        (tour,) = client.get("/api/tours?date=2026-03-03").json()["items"]
        home = tour["stops"][0]["place"]

        path = client.get(f"/api/tours/{tour_id}/path").json()

        assert (path["type"], path["attribution"]) == ("FeatureCollection", [])
        there, back = path["features"]
        assert there["properties"] == {
            "stop_id": there["properties"]["stop_id"],
            "seconds": 1800,
            "metres": 20_000,
            "estimated": True,
            "source": "estimate-car",
            "data": tour["stops"][0]["way"]["data"],
        }
        assert there["geometry"]["coordinates"][-1] == [home["longitude"], home["latitude"]]
        assert len(there["geometry"]["coordinates"]) == 2
        assert (back["properties"]["stop_id"], back["properties"]["seconds"]) == (None, 1800)
        assert back["properties"]["metres"] == 20_000

    def test_follows_the_roads_that_planned_it(self, session, tour_id, ask, tmp_path):
        with fake_server(routes) as server:
            settings = Settings.read(data_dir=tmp_path, roads="osrm-http", roads_url=server.url)
            on_roads(session, settings)
            path = ask(settings, f"/api/tours/{tour_id}/path").json()

        assert path["attribution"] == ["© OpenStreetMap contributors, ODbL 1.0"]
        for leg in path["features"]:
            assert len(leg["geometry"]["coordinates"]) >= 2
            assert leg["properties"]["estimated"] is False
            assert leg["properties"]["seconds"] == 1800  # as planned, not as asked today

    def test_is_refused_when_other_roads_are_in_use(self, session, tour_id, ask, tmp_path):
        chosen = {"data_dir": tmp_path, "roads": "osrm-http", "roads_url": "http://127.0.0.1:1"}
        on_roads(session, Settings.read(**chosen))

        response = ask(Settings.read(**chosen, roads_data_name="new"), f"/api/tours/{tour_id}/path")

        assert response.status_code == 503
        assert response.json()["type"] == "urn:careapp:problem:path-unavailable"
        assert "plan the day again" in response.json()["detail"]

    def test_is_refused_when_the_server_does_not_answer(self, session, tour_id, ask, tmp_path):
        with fake_server(lambda _: Reply(b"<html>", status=200)) as server:
            settings = Settings.read(data_dir=tmp_path, roads="osrm-http", roads_url=server.url)
            on_roads(session, settings)
            response = ask(settings, f"/api/tours/{tour_id}/path")

        assert response.status_code == 503
        assert response.json()["type"] == "urn:careapp:problem:roads-failed"
        assert str(tour_id) in response.json()["detail"]

    def test_is_not_there_without_a_tour(self, client):
        assert client.get(f"/api/tours/{uuid4()}/path").status_code == 404


class TestTours:
    def test_tell_where_each_way_comes_from(self, client, tour_id):
        tour = client.get(f"/api/tours/{tour_id}").json()

        for way in (tour["last_way"], tour["stops"][0]["way"]):
            assert (way["source"], way["estimated"], way["snap_m"]) == ("estimate-car", True, 0)
            assert len(way["data"]) == 64
