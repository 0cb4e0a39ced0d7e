"""The edge of a public service: its proxy, its name, other sites' pages, how often somebody may ask."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.app import create_app
from api.auth.policy import anybody
from api.auth.viewers import SignedIn
from careapp.access import Viewer, ViewerRole
from careapp.config import Settings

PUBLIC = "https://care.example"
PROXY = "10.0.0.7"
THROUGH_PROXY = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
ASK = "/api/about"

Open = Callable[..., TestClient]


async def somebody(request: Request) -> Viewer | None:
    name = request.headers.get("x-test-name")
    return None if name is None else Viewer(name, ViewerRole.ANALYST)


@pytest.fixture
def public(sqlite_engine: Engine, tmp_path: Path) -> Iterator[Open]:
    """Opens a public service, as a peer of this address."""
    with ExitStack() as stack:

        def open_as(peer: str = PROXY, base_url: str = PUBLIC, **settings: object) -> TestClient:
            read = Settings.read(
                data_dir=tmp_path,
                public_url=PUBLIC,
                host="10.0.0.2",
                proxies=f"{PROXY}, fd00::/64",
                **settings,
            )
            app = create_app(read, engine=sqlite_engine, runs_jobs=False)
            app.state.ways = (somebody,)
            add_mirror(app)
            client = TestClient(app, base_url=base_url, client=(peer, 5), headers=THROUGH_PROXY)
            return stack.enter_context(client)

        yield open_as


def add_mirror(app: FastAPI) -> None:
    @app.get("/mirror", dependencies=[anybody("a test's")])
    def mirror(request: Request) -> dict[str, str]:
        return {"client": request.client.host if request.client else "", "base": str(request.base_url)}

    @app.get("/me", dependencies=[anybody("a test's")])
    def me(viewer: SignedIn) -> str:
        return viewer.name


class TestProxy:
    def test_tells_who_asks_and_under_which_name(self, public):
        client = public()

        assert client.get("/mirror").json() == {"client": "203.0.113.9", "base": f"{PUBLIC}/"}
        assert client.get("/mirror", headers={"host": "Care.Example:443"}).json()["base"] == f"{PUBLIC}/"

    @pytest.mark.parametrize(
        ("forwarded", "client"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first is what the client made up
            ("127.0.0.1, 203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, fd00::5", "203.0.113.9"),  # two proxies of ours in a row
            ("203.0.113.9, 10.0.0.7, fd00::5", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("nonsense", PROXY),
            ("", PROXY),
        ],
    )
    def test_is_believed_as_far_as_it_saw_itself(self, public, forwarded, client):
        headers = {"x-forwarded-for": forwarded}

        assert public().get("/mirror", headers=headers).json()["client"] == client

    def test_is_no_stranger(self, public):
        response = public("203.0.113.9").get(ASK)

        assert response.status_code == 403
        assert response.json()["type"] == "urn:careapp:problem:foreign-way"
        assert PUBLIC in response.json()["detail"]

    @pytest.mark.parametrize("scheme", ["http", "", "https, http"])
    def test_took_the_request_by_tls(self, public, scheme):
        response = public().get(ASK, headers={"x-forwarded-proto": scheme})

        assert response.status_code == 403
        assert "X-Forwarded-Proto" in response.json()["detail"]

    def test_says_where_the_request_came_from(self, public):
        client = public()
        del client.headers["x-forwarded-for"]

        response = client.get(ASK)

        assert response.status_code == 403
        assert "X-Forwarded-For" in response.json()["detail"]

    def test_is_not_needed_on_the_machine_itself(self, public):
        client = public("127.0.0.1", "http://127.0.0.1:8000")
        del client.headers["x-forwarded-for"]

        assert client.get(ASK).status_code == 200
        # Somebody else's request, by a proxy on the same machine that does not say so.
        assert client.get(ASK, headers={"host": "care.example"}).status_code == 403

    def test_is_not_believed_where_nothing_is_public(self, sqlite_client):
        response = sqlite_client.get(ASK, headers=THROUGH_PROXY | {"host": "care.example"})

        assert response.status_code == 403


class TestHost:
    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "care.example.evil.example",
            "care.example:8443",
            "127.0.0.1",
            "localhost",
            "care.example/evil",
            "u@care.example",
            "",
        ],
    )
    def test_is_the_public_name(self, public, host):
        response = public().get("/mirror", headers={"host": host})

        assert response.status_code == 403
        assert "evil" not in response.text

    @pytest.mark.parametrize("host", ["127.0.0.1:8000/x", "a@127.0.0.1", "127.0.0.1:999999", "127.0.0.1\tx"])
    def test_is_a_name_and_nothing_else_on_loopback(self, sqlite_client, host):
        assert sqlite_client.get(ASK, headers={"host": host}).status_code == 403

    def test_is_given_once(self, sqlite_client):
        headers = [("host", "127.0.0.1"), ("host", "evil.example")]

        assert sqlite_client.get(ASK, headers=headers).status_code == 403

    def test_does_not_matter_to_watchers(self, public):
        client = public("10.9.9.9", "http://10.0.0.2:8000")
        client.headers.clear()

        assert client.get("/health/ready").status_code == 200
        assert client.get("/healthy").status_code == 403


class TestPageOfAnotherSite:
    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.example"},
            {"origin": "http://care.example"},
            {"origin": "https://care.example.evil.example"},
            {"origin": "http://127.0.0.1:8000"},
            {"origin": "null"},
            {"origin": "null", "sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        ],
    )
    @pytest.mark.parametrize("path", [ASK, "/fhir/metadata"])
    def test_reads_nothing(self, public, headers, path):
        response = public().get(path, headers=headers)

        assert response.status_code == 403
        assert "evil" not in response.text

    def test_sends_nothing(self, public):
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}

        assert public().get(ASK, headers=headers).status_code == 200  # somebody followed a link
        assert public().post("/api/patients", headers=headers).status_code == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": PUBLIC, "sec-fetch-site": "same-origin"},
            {"origin": "https://CARE.example:443"},
            {"origin": "null", "sec-fetch-site": "same-origin"},  # a form of a page without referrer
            {"sec-fetch-site": "none"},
        ],
    )
    def test_is_not_our_own(self, public, headers):
        assert public().get(ASK, headers=headers).status_code == 200


class TestRate:
    def test_of_an_address_has_a_limit(self, public):
        client = public(requests_per_address=10)
        there = {"x-forwarded-for": "203.0.113.10"}

        assert [client.get(ASK).status_code for _ in range(10)] == [200] * 10
        refused = client.get(ASK)

        assert refused.status_code == 429
        assert refused.json()["type"] == "urn:careapp:problem:too-many-requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert client.get("/fhir/metadata").json()["issue"][0]["code"] == "throttled"
        assert client.get(ASK, headers=there).status_code == 200
        assert client.get("/health/live").status_code == 200

    def test_of_a_network_of_ipv6_is_that_of_one_address(self, public):
        client = public(requests_per_address=10)
        codes = [
            client.get(ASK, headers={"x-forwarded-for": f"2001:db8:0:{number // 20}::{number:x}"}).status_code
            for number in range(40)
        ]

        # Two networks of 64 bits with 20 addresses each.
        assert codes == ([200] * 10 + [429] * 10) * 2

    def test_of_a_viewer_has_a_limit_wherever_the_requests_come_from(self, public):
        client = public(requests_per_viewer=10)

        codes = [
            client.get(
                "/me", headers={"x-test-name": "a", "x-forwarded-for": f"203.0.113.{number}"}
            ).status_code
            for number in range(12)
        ]

        assert codes == [200] * 10 + [429] * 2
        assert client.get("/me", headers={"x-test-name": "b"}).status_code == 200

    def test_is_free_on_this_machine(self, sqlite_client):
        assert {sqlite_client.get(ASK).status_code for _ in range(30)} == {200}


class TestHeaders:
    def test_tell_browsers_to_stay_with_tls(self, public, sqlite_client):
        assert public().get(ASK).headers["strict-transport-security"].startswith("max-age=63072000")
        assert "strict-transport-security" not in sqlite_client.get(ASK).headers

    def test_stand_on_refusals_too(self, public):
        refused = public("203.0.113.9").get(ASK)

        assert refused.headers["content-security-policy"].startswith("default-src 'none'")
        assert refused.headers["cache-control"] == "no-store"
        assert len(refused.headers["x-request-id"]) == 32

    def test_are_logged_as_nothing_but_a_template(self, public, caplog):
        caplog.set_level("INFO")

        public().get("/api/about?name=Mueller", headers={"user-agent": "Mueller"})

        (line,) = [each for each in caplog.messages if each.startswith("request ")]
        assert "GET /api/about: 200" in line
        assert "Mueller" not in caplog.text


class TestSignIn:
    def test_is_not_left_out_where_the_service_is_public(self, public):
        assert public().get("/me").status_code == 401
