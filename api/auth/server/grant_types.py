"""How clients get tokens: by a code, by a refresh token, or by themselves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from sqlalchemy.orm import Session

from api.auth.server.assertion import METHOD
from api.auth.server.requests import FormRequest
from api.auth.server.served_client import ServedClient, lies_within
from careapp.identity.client_models import Code, Grant
from careapp.identity.grants import (
    Person,
    Wish,
    find_grant_of,
    grant,
    redeem_code,
    use_refresh_token,
)
from careapp.identity.models import Account
from careapp.identity.signing_keys import IDENTITY, PrivateKey, signing_key
from fhir.scopes import FHIR_USER, split

if TYPE_CHECKING:
    from api.auth.server.core import Server

PROVES = ("none", METHOD)
ID_TOKEN_LIFE_S = 300


class Redeemed:
    """A code that was just used up, as Authlib asks it."""

    code_challenge_method = "S256"

    def __init__(self, code: Code, granted: Grant) -> None:
        self.code = code
        self.granted = granted
        self.code_challenge = code.challenge

    def get_redirect_uri(self) -> str:
        """Return where it was sent."""
        return self.code.redirect_uri

    def get_scope(self) -> str:
        """Return what was granted."""
        return self.granted.scope

    def get_nonce(self) -> str | None:
        """Return what comes back in the ID token."""
        return self.code.nonce

    def get_auth_time(self) -> int | None:
        """Return when the person signed in."""
        return None if self.code.auth_time is None else int(self.code.auth_time.timestamp())

    def get_acr(self) -> None:
        """Return nothing: how somebody signed in is told nobody."""

    def get_amr(self) -> None:
        """Return nothing."""


class Refreshing:
    """A refresh token that was just used up, as Authlib asks it."""

    def __init__(self, granted: Grant) -> None:
        self.granted = granted

    def check_client(self, client: ServedClient) -> bool:
        """Tell whether it is this client's."""
        return self.granted.client_id == client.client_id

    def get_scope(self) -> str:
        """Return what was granted."""
        return self.granted.scope


class CodeGrant(grants.AuthorizationCodeGrant):
    """A person allows a client something; the client gets a code, and for it tokens."""

    TOKEN_ENDPOINT_AUTH_METHODS = PROVES
    server: "Server"
    request: FormRequest

    def save_authorization_code(self, code: str, request: FormRequest) -> None:
        """Write down what a person allowed."""
        asked: Mapping[str, str] = request.payload.data
        person: Person = request.user
        wish = Wish(
            request.client.client_id,
            asked["redirect_uri"],
            request.scope,
            asked["code_challenge"],
            asked.get("nonce"),
            self.server.patient_id,
            self.server.auth_time,
        )
        grant(
            self.server.session,
            code,
            wish=wish,
            person=person,
            now=self.server.now,
            life=self.server.refresh_life,
        )

    def query_authorization_code(self, code: str, client: ServedClient) -> Redeemed | None:
        """Use a code up."""
        found = redeem_code(self.server.session, code, client_id=client.client_id, now=self.server.now)
        return None if found is None else Redeemed(*found)

    def delete_authorization_code(self, authorization_code: Redeemed) -> None:
        """Do nothing: it is gone already."""

    def authenticate_user(self, authorization_code: Redeemed) -> Grant | None:
        """Return what was allowed, if the person is still welcome."""
        granted = authorization_code.granted
        return granted if is_welcome(self.server.session, granted) else None


class RefreshGrant(grants.RefreshTokenGrant):
    """A client renews its tokens; the old refresh token is used up."""

    TOKEN_ENDPOINT_AUTH_METHODS = PROVES
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: "Server"
    request: FormRequest

    def authenticate_refresh_token(self, refresh_token: str) -> Refreshing | None:
        """Use a refresh token up.

        Raises:
            InvalidScopeError: More is asked for than was granted; the token stays good.
        """
        scope = self.request.payload.scope
        found = find_grant_of(self.server.session, refresh_token) if scope else None
        if found is not None and not lies_within(scope, found.scope):
            raise InvalidScopeError("more is asked for than was granted")
        granted = use_refresh_token(
            self.server.session,
            refresh_token,
            client_id=self.request.client.client_id,
            now=self.server.now,
        )
        return None if granted is None else Refreshing(granted)

    def _validate_token_scope(self, token: Refreshing) -> None:
        """Do nothing: that was done before the token was used up."""

    def authenticate_user(self, refresh_token: Refreshing) -> Grant | None:
        """Return what was allowed, if the person is still welcome."""
        granted = refresh_token.granted
        return granted if is_welcome(self.server.session, granted) else None

    def revoke_old_credential(self, refresh_token: Refreshing) -> None:
        """Do nothing: it is used up already."""


class CredentialsGrant(grants.ClientCredentialsGrant):
    """A client gets a token for itself (SMART Backend Services)."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)


class S256(CodeChallenge):
    """PKCE, of everyone, and never `plain`."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        """Refuse a request without a challenge.

        Raises:
            InvalidRequestError: It has none, or another method.
        """
        asked: Mapping[str, str] = grant.request.payload.data
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: code_challenge, and S256 as code_challenge_method")
        super().validate_code_challenge(grant, redirect_uri)


class IdToken(OpenIDCode):
    """Says to the client who signed in."""

    def __init__(self, server: "Server") -> None:
        super().__init__(require_nonce=False)
        self.server = server

    def exists_nonce(self, nonce: str, request: FormRequest) -> bool:
        """Return no: a nonce is the client's to check."""
        del nonce, request
        return False

    def get_client_algorithm(self, client: ServedClient) -> str:
        """Return how ID tokens are signed."""
        del client
        return IDENTITY

    def resolve_client_private_key(self, client: ServedClient) -> PrivateKey:
        """Return the key that signs them."""
        del client
        return signing_key(self.server.session, self.server.keyring, IDENTITY, now=self.server.now)

    def get_encode_header(self, client: ServedClient) -> dict[str, str]:
        """Return the header of an ID token."""
        return {"alg": IDENTITY, "kid": str(self.resolve_client_private_key(client).kid)}

    def get_compatible_claims(self, request: FormRequest) -> dict[str, Any]:
        """Return what every ID token says."""
        moment = int(self.server.now.timestamp())
        return {
            "iss": self.server.issuer,
            "aud": request.client.client_id,
            "iat": moment,
            "exp": moment + ID_TOKEN_LIFE_S,
        }

    def generate_user_info(self, user: Grant, scope: str) -> dict[str, Any]:
        """Return who signed in."""
        return identity_of(user.subject, user.practitioner_id, scope, self.server.issuer)


def identity_of(subject: str, practitioner_id: UUID | None, scope: str, issuer: str) -> dict[str, Any]:
    """Return who somebody is, as far as the scopes allow to say."""
    found = {"sub": subject}
    if FHIR_USER in split(scope) and practitioner_id is not None:
        found["fhirUser"] = f"{issuer}/fhir/Practitioner/{practitioner_id}"
    return found


def is_welcome(session: Session, granted: Grant) -> bool:
    """Tell whether a person may still be what they were when they allowed it."""
    try:
        account = session.get(Account, UUID(granted.subject))
    except ValueError:  # somebody whom an external provider knows
        return True
    return (
        account is not None
        and account.is_active
        and account.role is granted.role
        and account.organisation_id == granted.organisation_id
        and account.practitioner_id == granted.practitioner_id
    )
