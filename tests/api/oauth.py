"""A client of our authorization server, as tests play it."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi.testclient import TestClient
from httpx2 import Response
from joserfc import jwt
from joserfc.jwk import Key

from tests.api.browsers import token_of

BACK = "https://app.example/back"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ADDRESS = "https://127.0.0.1"


@dataclass
class App:
    """An application that a person uses with a browser.

    Attributes:
        browser: The person's, signed in or not.
        id: Of the client.
        scope: What it asks for.
    """

    browser: TestClient
    id: str = "app"
    scope: str = "openid fhirUser offline_access api.read user/*.rs"
    verifier: str = field(default_factory=lambda: token_urlsafe(48))

    def request(self, **changes: str | None) -> dict[str, str]:
        """Return the parameters with which it sends the browser to us; None leaves one out."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": BACK,
            "scope": self.scope,
            "state": "abc",
            "nonce": "n-1",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (asked | changes).items() if value is not None}

    def ask(self, **changes: str | None) -> Response:
        """Send the browser to us."""
        return self.browser.get("/oauth/authorize", params=self.request(**changes))

    def agree(self, page: Response, **form: str) -> Response:
        """Press the page's button as the person does."""
        sent = {"csrf_token": token_of(page), "decision": "allow"} | form
        return self.browser.post(f"{page.url.path}?{page.url.query.decode()}", data=sent)

    def code(self, **changes: str | None) -> str:
        """Have the person agree, and return the code."""
        answer = self.ask(**changes)
        if answer.status_code == 200:
            answer = self.agree(answer)
        return sent_back(answer)["code"]

    def redeem(self, code: str, **changes: str | None) -> Response:
        """Ask for tokens."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "client_id": self.id,
            "code_verifier": self.verifier,
        }
        return self.send("/oauth/token", **(form | changes))

    def refresh(self, token: str, **changes: str | None) -> Response:
        """Ask for new tokens."""
        form: dict[str, str | None] = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": self.id,
        }
        return self.send("/oauth/token", **(form | changes))

    def end(self, token: str) -> Response:
        """End a token."""
        return self.send("/oauth/revoke", token=token, client_id=self.id)

    def send(self, to: str, /, **form: str | None) -> Response:
        """Send a form, as a program does: without cookies."""
        sent = {name: value for name, value in form.items() if value is not None}
        return self.browser.post(to, data=sent, headers={"Cookie": ""})

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        """Have the person agree, and return the tokens."""
        answer = self.redeem(self.code(**changes))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def who(self, token: str) -> Response:
        """Ask with a token who one is."""
        return self.browser.get("/api/me", headers={"Authorization": f"Bearer {token}", "Cookie": ""})


def challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def sent_back(answer: Response) -> dict[str, str]:
    """Return the parameters with which the browser is sent back to the application."""
    assert answer.status_code == 302, (answer.status_code, answer.text)
    address = answer.headers["location"]
    assert address.startswith(BACK), address
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def assertion(
    key: Key, client_id: str, now: datetime, *, algorithm: str = "ES384", **changes: Any
) -> dict[str, str]:
    """Return what a client with a key proves itself with."""
    moment = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{ADDRESS}/oauth/token",
        "iat": moment,
        "exp": moment + 240,
        "jti": token_urlsafe(8),
    }
    said = {name: value for name, value in (claims | changes).items() if value is not None}
    header = {"alg": algorithm, "typ": "JWT", "kid": str(key.kid)}
    return {
        "client_assertion_type": ASSERTION,
        "client_assertion": jwt.encode(header, said, key, algorithms=[algorithm]),
    }
