"""Clients: other programs that may ask for tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import BELONG_NOWHERE, ViewerRole
from careapp.errors import Conflict, Invalid, NotFound
from careapp.identity.client_models import Client, ClientKind
from careapp.identity.revocations import revoke_tokens_of_client
from careapp.organisations.models import Organisation
from careapp.origins import origin_of

CODE = "authorization_code"
REFRESH = "refresh_token"
CREDENTIALS = "client_credentials"
GRANT_TYPES = (CODE, REFRESH, CREDENTIALS)

MOST_URIS = 20
MOST_URI_CHARACTERS = 500


class ClientNotFound(NotFound):
    """No client has this id."""


class ClientExists(Conflict):
    """There is a client of this id."""


class ClientNotSound(Invalid):
    """A client as described could not be served, or not safely."""


@dataclass(frozen=True)
class NewClient:
    """A client as it is registered.

    Attributes:
        id: How it calls itself.
        name: As people read it.
        scope: All that it may ask for, with blanks between.
        organisation_id: Whose data it sees; needed where it acts without a person.
        role: What it is where it acts without a person.
        redirect_uris: Where codes may be sent, exactly; a loopback address may come with any port (RFC 8252).
        grant_types: How it gets tokens.
        jwks: Its public keys.
        jwks_url: Where they are.
        is_first_party: Ours: nobody is asked whether they agree.
        wants_opaque_tokens: Its tokens carry nothing.
    """

    id: str
    name: str
    scope: str
    organisation_id: UUID | None = None
    role: ViewerRole = ViewerRole.CLIENT
    redirect_uris: Sequence[str] = ()
    grant_types: Sequence[str] = field(default=(CODE, REFRESH))
    jwks: dict[str, Any] | None = None
    jwks_url: str | None = None
    is_first_party: bool = False
    wants_opaque_tokens: bool = False


def add_client(session: Session, new: NewClient, *, now: datetime) -> Client:
    """Register a client.

    Raises:
        ClientExists: There is one of this id.
        ClientNotSound: It could not be served, or not safely; the message says what to change.
    """
    _require_sound(session, new)
    if session.get(Client, new.id) is not None:
        raise ClientExists(f"there is a client {new.id}: disable it and take another id")
    has_key = new.jwks is not None or new.jwks_url is not None
    client = Client(
        id=new.id,
        name=new.name,
        kind=ClientKind.WITH_KEY if has_key else ClientKind.PUBLIC,
        role=new.role,
        organisation_id=new.organisation_id,
        grant_types=list(new.grant_types),
        redirect_uris=list(new.redirect_uris),
        scope=new.scope,
        jwks=new.jwks,
        jwks_url=new.jwks_url,
        is_first_party=new.is_first_party,
        wants_opaque_tokens=new.wants_opaque_tokens,
        is_active=True,
        created_at=now,
    )
    session.add(client)
    session.flush()
    return client


def find_client(session: Session, client_id: str) -> Client | None:
    """Return a client that may ask for tokens."""
    client = session.get(Client, client_id)
    return client if client is not None and client.is_active else None


def get_client(session: Session, client_id: str) -> Client:
    """Return a client that may ask for tokens.

    Raises:
        ClientNotFound: There is none of this id, or it is disabled.
    """
    client = find_client(session, client_id)
    if client is None:
        raise ClientNotFound("no client has this id, or it is disabled: `careapp client list` tells")
    return client


def list_clients(session: Session) -> Sequence[Client]:
    """Return all clients, by id."""
    return session.scalars(select(Client).order_by(Client.id)).all()


def disable_client(session: Session, client_id: str, *, now: datetime) -> None:
    """Let a client in no more: it gets no token, and those it has are refused.

    Raises:
        ClientNotFound: There is none of this id.
    """
    client = session.get(Client, client_id)
    if client is None:
        raise ClientNotFound("no client has this id: `careapp client list` tells")
    client.is_active = False
    revoke_tokens_of_client(session, client_id, now=now)


def redirect_fits(registered: Sequence[str], asked: str) -> bool:
    """Tell whether a code may be sent to an address: one that is registered, to the letter.

    The one freedom is the port of a loopback address in digits, which an app on a desktop cannot know before
    it runs (RFC 8252, 7.3).
    """
    if len(asked) > MOST_URI_CHARACTERS:
        return False
    if asked in registered:
        return True
    without_port = _without_port(asked)
    return without_port is not None and without_port in map(_without_port, registered)


def _without_port(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
        is_loopback = parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return None
    if (
        not is_loopback
        or "@" in parts.netloc
        or parts.fragment
        or any(ord(each) <= ord(" ") for each in address)
    ):
        return None
    return f"{parts.hostname}{parts.path}?{parts.query}"


def _require_sound(session: Session, new: NewClient) -> None:
    has_key = new.jwks is not None or new.jwks_url is not None
    if not new.id.isascii() or not new.id.isprintable() or not 1 <= len(new.id) <= 60 or " " in new.id:
        raise ClientNotSound("a client's id has 1 to 60 letters, digits and signs, without blanks")
    unknown = sorted(set(new.grant_types) - set(GRANT_TYPES))
    if unknown or not new.grant_types:
        raise ClientNotSound(f"a client gets tokens by {', '.join(GRANT_TYPES)}")
    if CODE in new.grant_types and not new.redirect_uris:
        raise ClientNotSound("where shall codes be sent? Name a redirect address")
    if CREDENTIALS in new.grant_types and not has_key:
        raise ClientNotSound("a client that acts without a person proves itself with a key: name its JWKS")
    if CREDENTIALS in new.grant_types and new.organisation_id is None and new.role not in BELONG_NOWHERE:
        raise ClientNotSound("a client that acts without a person sees one organisation's data: name it")
    if new.role is ViewerRole.SYSTEM:
        raise ClientNotSound("nobody signs in as the system itself: take another role")
    if new.organisation_id is not None and session.get(Organisation, new.organisation_id) is None:
        raise ClientNotSound("no organisation has this id")
    if len(new.redirect_uris) > MOST_URIS:
        raise ClientNotSound(f"name at most {MOST_URIS} redirect addresses")
    for each in new.redirect_uris:
        _require_sound_redirect(each)
    if new.jwks is not None:
        _require_public_keys(new.jwks)
    if new.jwks_url is not None and origin_of(new.jwks_url) is None:
        raise ClientNotSound("the client's keys are fetched from an address like https://clinic.example/jwks")


def _require_sound_redirect(address: str) -> None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise ClientNotSound("a redirect address cannot be read") from None
    if (
        len(address) > MOST_URI_CHARACTERS
        or not address.isascii()
        or any(ord(each) <= ord(" ") for each in address)
        or parts.fragment
        or "@" in parts.netloc
        or not _leads_safely(parts)
    ):
        raise ClientNotSound(
            "a redirect address is https://…, http://127.0.0.1…, or an app's own scheme with a dot in it "
            "(org.example.app:/…), without fragment"
        )


def _leads_safely(parts: SplitResult) -> bool:
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return parts.hostname in {"127.0.0.1", "::1", "localhost"}
    return "." in parts.scheme  # RFC 8252, 7.1; javascript:, data: and file: have none


def _require_public_keys(jwks: dict[str, Any]) -> None:
    try:
        keys = KeySet.import_key_set(jwks).keys  # type: ignore[arg-type]  # a JWKS as JSON; what is wrong raises
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise ClientNotSound("the client's keys are no JSON Web Key Set (RFC 7517)") from wrong
    if not keys or any(key.is_private or key.key_type not in {"RSA", "EC"} for key in keys):
        raise ClientNotSound("a client's key set holds public RSA or EC keys only, at least one")
