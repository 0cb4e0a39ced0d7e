"""The embedded authorization server: Authlib's core over our database.

One object serves one request inside one transaction, in a thread: Authlib's server is synchronous, as our
domain is. What goes wrong inside is an answer, not an exception, so a used code or a revoked family is
committed with it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    UnsupportedGrantTypeError,
    UnsupportedResponseTypeError,
)
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from api.auth.server.assertion import LEEWAY_S, LONGEST_LIFE_S, METHOD, KeyAssertion
from api.auth.server.client_keys import ClientKeys
from api.auth.server.endpoints import Introspection, Revocation
from api.auth.server.grant_types import S256, CodeGrant, CredentialsGrant, IdToken, RefreshGrant
from api.auth.server.requests import Answer, FormRequest
from api.auth.server.served_client import ServedClient
from careapp.config import Settings
from careapp.identity.client_models import Client, Grant
from careapp.identity.clients import find_client
from careapp.identity.grants import Person, forget_expired, issue_refresh_token
from careapp.identity.tokens import TokenWish, issue_token
from careapp.keys import Keyring
from fhir.scopes import OFFLINE, ONLINE, split

logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it prints tokens

TOKEN = "/oauth/token"  # noqa: S105 -- an address


@dataclass(frozen=True)
class House:
    """What the server needs beside the request.

    Attributes:
        settings: Lifetimes, addresses.
        keyring: Opens the keys that sign.
        client_keys: Keys of clients that publish them.
        issuer: Our address.
        now: The hour.
    """

    settings: Settings
    keyring: Keyring
    client_keys: ClientKeys
    issuer: str
    now: datetime


class Server(AuthorizationServer):
    """Serves one request.

    Attributes:
        patient_id: The patient whom the person has chosen.
        auth_time: When the person signed in.
        has_revoked: Tokens were ended: this process shall hear of it at once.
    """

    def __init__(self, session: Session, house: House) -> None:
        super().__init__()
        self.session = session
        self.settings = house.settings
        self.keyring = house.keyring
        self.issuer = house.issuer
        self.now = house.now
        self.patient_id: UUID | None = None
        self.auth_time: datetime | None = None
        self.has_revoked = False
        self._client_keys = house.client_keys
        self.register_token_generator("default", self._make_tokens)
        self.register_client_auth_method(METHOD, KeyAssertion(self))
        self.register_grant(CodeGrant, [S256(required=True), IdToken(self)])
        self.register_grant(RefreshGrant)
        self.register_grant(CredentialsGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)

    @property
    def token_address(self) -> str:
        """Where tokens are asked for."""
        return f"{self.issuer}{TOKEN}"

    @property
    def refresh_life(self) -> timedelta:
        """How long a client may renew its tokens."""
        return timedelta(days=self.settings.refresh_days)

    @property
    def latest_expiry(self) -> datetime:
        """When no assertion that is good now is good any more."""
        return self.now + timedelta(seconds=LONGEST_LIFE_S + LEEWAY_S)

    def keys_of(self, client: Client) -> KeySet | None:
        """Return a client's public keys."""
        return self._client_keys.of(client)

    def query_client(self, client_id: str) -> ServedClient | None:
        """Return a client that may ask for tokens."""
        found = find_client(self.session, client_id)
        return None if found is None else ServedClient(found)

    def save_token(self, token: dict[str, Any], request: FormRequest) -> None:
        """Do nothing: making tokens has written what must be kept."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: nobody listens."""

    def create_oauth2_request(self, request: FormRequest) -> FormRequest:
        """Return the request, which is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Iterable[tuple[str, str]]) -> Answer:
        """Return the answer for the route to send."""
        return Answer(status, body if isinstance(body, dict) else {}, dict(headers))

    def handle_error_response(self, request: FormRequest, error: OAuth2Error) -> Answer:
        """Return an error as an answer; it repeats nothing of what came."""
        del request
        if isinstance(error, UnsupportedGrantTypeError | UnsupportedResponseTypeError):
            error.description = ""
        return self.handle_response(*error())

    def answer_token_request(self, request: FormRequest) -> Answer:
        """Answer at the token endpoint."""
        forget_expired(self.session, now=self.now)
        answer: Answer = self.create_token_response(request)
        return answer

    def answer_at(self, endpoint: str, request: FormRequest) -> Answer:
        """Answer at the endpoint `revocation` or `introspection`."""
        answer: Answer = self.create_endpoint_response(endpoint, request)
        return answer

    def _make_tokens(
        self,
        grant_type: str,
        client: ServedClient,
        user: Grant | None = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,  # noqa: FBT001, FBT002 -- Authlib calls it so
    ) -> dict[str, Any]:
        """Return the answer that carries tokens; scopes are narrowed to what the client may ask for."""
        del grant_type, expires_in
        life = timedelta(seconds=self.settings.access_token_s)
        row = client.row
        if user is None:
            person = Person(row.id, row.role, row.organisation_id, None)
            granted = client.get_own_scope(scope)
        else:
            person = Person(user.subject, user.role, user.organisation_id, user.practitioner_id)
            granted = client.get_allowed_scope(scope)
        wish = TokenWish(
            person,
            row.id,
            granted,
            None if user is None else user.patient_id,
            None if user is None else user.id,
            row.wants_opaque_tokens,
        )
        token = issue_token(self.session, self.keyring, wish, issuer=self.issuer, now=self.now, life=life)
        made: dict[str, Any] = {
            "token_type": "Bearer",
            "access_token": token,
            "expires_in": int(life.total_seconds()),
            "scope": granted,
        }
        if user is not None and user.patient_id is not None:
            made["patient"] = str(user.patient_id)
            made["need_patient_banner"] = True
        if user is not None and include_refresh_token and split(user.scope) & {OFFLINE, ONLINE}:
            made["refresh_token"] = issue_refresh_token(self.session, user)
        return made
