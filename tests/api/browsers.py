"""Browsers as tests drive them: they keep cookies, and take those of HTTPS."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.careapp.identity.people import CHEAP, PASSWORD

SECURE = "https://127.0.0.1"
"""`__Host-` cookies need it; a real browser takes them on loopback without."""
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@contextmanager
def browsing(app: FastAPI, address: str = SECURE) -> Iterator[TestClient]:
    """Start the application with quick passwords, and open a browser that follows no redirection."""
    with TestClient(app, base_url=address, follow_redirects=False) as client:
        app.state.sign_in.passwords = CHEAP
        yield client


def token_of(page: Response) -> str:
    """Return the token in the form of a page."""
    found = TOKEN.search(page.text)
    assert found is not None, page.text
    return found[1]


def sign_in(
    client: TestClient, login: str = "erika", password: str = PASSWORD, next_address: str = ""
) -> Response:
    """Open the page and send its form, as a person does."""
    token = token_of(client.get("/sign-in"))
    form = {"login": login, "password": password, "csrf_token": token, "next": next_address}
    return client.post("/sign-in", data=form)


def csrf_of(client: TestClient) -> dict[str, str]:
    """Return the header that goes with a write."""
    return {"X-CSRF-Token": client.get("/api/me").json()["csrf_token"]}
