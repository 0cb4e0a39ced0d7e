"""What the service tells of itself."""

import pytest
from fastapi.testclient import TestClient

from careapp.db import make_engine
from careapp.migrate import DatabaseTooOld
from tests.api.operators import app_of_operator


class TestAbout:
    def test_names_the_sources_and_the_missing_sign_in(self, sqlite_client):
        about = sqlite_client.get("/api/about").json()

        assert about["version"]
        assert about["zone"] == "Europe/Berlin"
        assert "no sign-in yet" in about["sign_in"]
        assert any("OpenStreetMap" in line for line in about["attribution"])


class TestHealth:
    def test_is_alive_and_ready(self, client):
        assert client.get("/health/live").json() == {"status": "ok"}
        assert client.get("/health/ready").json() == {"status": "ok"}

    def test_is_not_ready_when_the_database_is_another_version_s(self, sqlite_client, sqlite_engine):
        with sqlite_engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from_the_future'")

        response = sqlite_client.get("/health/ready")

        assert response.status_code == 503
        assert "newer version" in response.json()["detail"]
        assert sqlite_client.get("/health/live").status_code == 200


class TestStart:
    def test_refuses_a_database_without_tables(self, settings, tmp_path):
        engine = make_engine(f"sqlite:///{tmp_path / 'new.sqlite'}")

        with (
            pytest.raises(DatabaseTooOld, match="careapp migrate"),
            TestClient(app_of_operator(settings, engine=engine, runs_jobs=False)),
        ):
            pass

        engine.dispose()

    def test_runs_jobs_and_gives_them_back(self, settings, sqlite_engine):
        app = app_of_operator(settings, engine=sqlite_engine)

        with TestClient(app, base_url="http://127.0.0.1") as client:
            assert client.get("/health/ready").status_code == 200
