"""There is no sign-in yet: only this machine's own pages and programs are answered."""

import pytest

HERE = "127.0.0.1:8000"


class TestHost:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "[::1]:8000", "LOCALHOST"]
    )
    def test_may_be_loopback(self, sqlite_client, host):
        assert sqlite_client.get("/api/about", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8000", "", "[", "[::"]
    )
    @pytest.mark.parametrize("path", ["/api/patients", "/health/live"])
    def test_may_be_nothing_else(self, sqlite_client, host, path):
        # A page of evil.example may point that name at 127.0.0.1 and read everything (DNS rebinding).
        response = sqlite_client.get(path, headers={"host": host})

        assert response.status_code == 403
        assert response.json()["type"] == "urn:careapp:problem:foreign-page"


class TestOrigin:
    def test_may_be_our_own(self, sqlite_client):
        headers = {"host": HERE, "origin": f"http://{HERE}"}

        assert sqlite_client.get("/api/about", headers=headers).status_code == 200

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9000", "["])
    def test_may_be_no_other(self, sqlite_client, origin):
        # A page of another site can send a POST without a body unseen.
        headers = {"host": HERE, "origin": origin}

        response = sqlite_client.post("/api/days/2026-03-03/plan", headers=headers)

        assert response.status_code == 403
