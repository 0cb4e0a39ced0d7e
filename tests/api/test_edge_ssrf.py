"""Addresses under somebody else's control that lead into our own network: nobody there is asked."""

import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth.server.client_keys import ClientKeys
from careapp.config import Settings
from tests.api.conftest import LOOPBACK

INNER = "127.0.0.1"


class Door:
    """A port of the inner network, and whether anybody knocked."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.port = listener.getsockname()[1]

    def was_knocked(self) -> bool:
        try:
            self._listener.accept()[0].close()
        except TimeoutError:
            return False
        return True


@pytest.fixture
def inner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """Lets every name lead to it, as a name server of the attacker's would."""
    look_up = socket.getaddrinfo

    def lead(host, port, *rest, **more):
        name = host.decode() if isinstance(host, bytes) else host
        return look_up(INNER if name.endswith(".example") else name, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lead)
    with socket.socket() as listener:
        listener.bind((INNER, 0))
        listener.listen()
        listener.settimeout(0.3)
        yield Door(listener)


def issued(kid: str) -> str:
    """A token that says to be of the issuer, with a key that nobody knows yet."""
    parts = ({"alg": "RS256", "kid": kid, "typ": "JWT"}, {"iss": "https://id.example", "sub": "a"})
    return ".".join([*(encoded(part) for part in parts), "c2lnbmF0dXJl"])


def encoded(part: dict[str, str]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


class TestKeysOfAnIssuer:
    @pytest.mark.parametrize(("networks", "knocked"), [("", False), ("127.0.0.0/8", True)])
    def test_are_not_fetched_from_inside_unless_the_operator_says_so(
        self, inner: Door, sqlite_engine, tmp_path, networks, knocked
    ):
        issuers = tmp_path / "issuers.json"
        issuers.write_text(
            json.dumps(
                {
                    "issuers": [
                        {
                            "issuer": "https://id.example",
                            "jwks_url": f"http://id.example:{inner.port}/certs",
                            "audiences": ["careapp"],
                        }
                    ]
                }
            )
        )
        settings = Settings.read(data_dir=tmp_path, issuers=issuers, private_networks=networks)
        app = create_app(settings, engine=sqlite_engine, runs_jobs=False)

        with TestClient(app, base_url=LOOPBACK) as client:
            answer = client.get("/api/patients", headers={"authorization": f"Bearer {issued(uuid4().hex)}"})

        assert answer.status_code == 401
        assert inner.was_knocked() is knocked


class TestKeysOfAClient:
    @pytest.mark.parametrize(("networks", "knocked"), [("", False), ("127.0.0.0/8", True)])
    def test_are_not_fetched_from_inside_unless_the_operator_says_so(
        self, inner: Door, tmp_path, networks, knocked
    ):
        settings = Settings.read(data_dir=tmp_path, private_networks=networks)

        ClientKeys(settings).fetch(f"http://clinic.example:{inner.port}/jwks")

        assert inner.was_knocked() is knocked
