"""Sign in through an external OpenID provider: code, PKCE (S256), state and nonce by Authlib's client.

The provider is the issuer of `CAREAPP_ISSUERS` that has a `sign_in`. The server is the confidential client:
it keeps the provider's tokens sealed, the browser gets our cookie alone. Between leaving and coming back,
state, nonce and verifier wait in the database, bound to the browser's cookie and taken once.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from authlib.integrations.base_client.errors import OAuthError
from fastapi import Request
from httpx2 import HTTPError
from joserfc.errors import JoseError
from starlette.concurrency import run_in_threadpool

from api.auth.issuers import at, read_issuers
from api.auth.provider import Provider, provider_of
from api.auth.signing_in import Answer, Asker, SignIn
from api.auth.viewers import TokenRefused
from careapp.config import Settings
from careapp.errors import Forbidden, Unavailable
from careapp.identity.models import Proof, StepPurpose
from careapp.identity.sealing import Seal
from careapp.identity.web_sessions import Stranger, begin_step, open_web_session, take_step
from careapp.keys import Keyring, SealBroken
from careapp.outbound import NotAllowed

PURPOSE = "provider-tokens"
KEPT_TOKENS = ("id_token", "access_token", "refresh_token")
CALLBACK = "/sign-in/external/callback"
_MOST_TOKENS = 100_000


class ProviderAway(Unavailable):
    """The provider does not answer, or not as it should."""


class ProviderRefused(Forbidden):
    """The provider has not signed the person in, or its answer does not hold."""


class NoRightHere(Forbidden):
    """The provider knows the person, but names no role or organisation of ours, or too weak a sign-in."""


class External:
    """Signs people in through one provider."""

    def __init__(self, provider: Provider, desk: SignIn, keyring: Keyring) -> None:
        """Get ready.

        Args:
            provider: Where they sign in.
            desk: Keeps web sessions and steps.
            keyring: Holds the key that seals the provider's tokens.
        """
        self.provider = provider
        self._desk = desk
        self._seal = Seal(keyring, PURPOSE)

    async def begin(self, request: Request, asker: Asker, *, origin: str, now: datetime) -> str:
        """Return the provider's address to which the browser goes.

        Raises:
            ProviderAway: It does not answer.
        """
        request.scope["session"] = {}  # where Authlib puts state, nonce and verifier
        wanted = {"acr_values": self.provider.sign_in.acr} if self.provider.sign_in.acr else {}
        try:
            response = await self.provider.authorize_redirect(request, f"{origin}{CALLBACK}", **wanted)
        except (HTTPError, NotAllowed, ValueError, RuntimeError) as away:
            raise ProviderAway("the sign-in provider does not answer: try again later") from away
        content = {"session": request.scope["session"], "next": asker.next_address}
        await run_in_threadpool(partial(self._remember, asker.step, content, now))
        address: str = response.headers["location"]
        return address

    async def finish(self, request: Request, asker: Asker, *, now: datetime) -> Answer:
        """Sign the browser in that comes back.

        Raises:
            ProviderRefused: It did not leave from here, or what it brings does not hold.
            NoRightHere: No role or organisation of ours, or too weak a sign-in.
            ProviderAway: The provider does not answer.
        """
        content = await run_in_threadpool(partial(self._recall, asker.step, now))
        request.scope["session"] = content["session"]
        try:
            tokens: dict[str, Any] = await self.provider.authorize_access_token(request)
            claims = await self._claims(tokens)
        except (OAuthError, JoseError) as refused:
            raise ProviderRefused("the sign-in provider has not signed you in: begin again") from refused
        except (HTTPError, NotAllowed, ValueError, RuntimeError) as away:
            raise ProviderAway("the sign-in provider does not answer: try again later") from away
        stranger = self._stranger(claims, tokens)
        asker = replace(asker, next_address=content["next"])
        return await run_in_threadpool(partial(self._open, stranger, asker, now))

    async def sign_out_address(self, tokens_sealed: bytes, name: str, *, origin: str) -> str | None:
        """Return the provider's address that signs the person out there too; None if it offers none."""
        try:
            tokens = json.loads(self._seal.open(tokens_sealed, self._about(name)))
            found = await self.provider.create_logout_url(
                post_logout_redirect_uri=f"{origin}/signed-out",
                id_token_hint=tokens.get("id_token"),
                client_id=self.provider.client_id,
            )
        except (HTTPError, NotAllowed, SealBroken, ValueError, RuntimeError, Unavailable):
            return None  # it is away or says nothing of signing out: with us the person is signed out
        address: str = found["url"]
        return address

    async def _claims(self, tokens: dict[str, Any]) -> Mapping[str, Any]:
        """Return what the ID token says, and where it names no role, what the provider's userinfo adds."""
        claims: dict[str, Any] = dict(tokens.get("userinfo") or {})
        if not claims.get("sub"):
            raise ProviderRefused("the sign-in provider sent no ID token: begin again")
        if at(claims, self.provider.issuer.role_path) is None:
            more = dict(await self.provider.userinfo(token=tokens))
            if more.get("sub") != claims["sub"]:  # OpenID Connect Core, 5.3.2
                raise ProviderRefused("the sign-in provider speaks of two people: begin again")
            claims = more | claims
        return claims

    def _stranger(self, claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> Stranger:
        wanted = self.provider.sign_in.acr
        if wanted and claims.get("acr") != wanted:
            raise NoRightHere("the sign-in provider did not ask for enough proof: use a second factor there")
        try:
            viewer = self.provider.issuer.viewer_of(claims)
        except TokenRefused as refused:
            raise NoRightHere("the sign-in provider names no role or organisation of ours") from refused
        kept = json.dumps({name: tokens[name] for name in KEPT_TOKENS if name in tokens}).encode()
        if len(kept) > _MOST_TOKENS:
            raise ProviderRefused("the sign-in provider's tokens are too long")
        return Stranger(
            issuer=self.provider.issuer.issuer,
            subject=viewer.name,
            role=viewer.role,
            organisation_id=viewer.organisation_id,
            practitioner_id=viewer.practitioner_id,
            tokens_sealed=self._seal.seal(kept, self._about(viewer.name)),
        )

    def _about(self, name: str) -> str:
        return f"{self.provider.issuer.issuer}|{name}"

    def _remember(self, step: str, content: dict[str, Any], now: datetime) -> None:
        with self._desk.sessions.begin() as session:
            begin_step(session, StepPurpose.PROVIDER, step, content, now=now)

    def _recall(self, step: str, now: datetime) -> dict[str, Any]:
        with self._desk.sessions.begin() as session:
            taken = take_step(session, StepPurpose.PROVIDER, step, now=now)
        if taken is None:
            raise ProviderRefused("signing in took too long, or was begun in another browser: begin again")
        return taken[1]

    def _open(self, stranger: Stranger, asker: Asker, now: datetime) -> Answer:
        with self._desk.sessions.begin() as session:
            cookie = open_web_session(
                session,
                stranger,
                proof=Proof.PROVIDER,
                language=asker.language,
                lifetimes=self._desk.lifetimes,
                now=now,
                instead_of=asker.cookie,
            )
        return Answer(cookie, asker.language, stranger.role, asker.next_address)


def external_of(settings: Settings, desk: SignIn, keyring: Keyring) -> External | None:
    """Return the way in through the provider that the settings name, if they name one.

    Raises:
        UnsafeSettings: They name several, or the client's secret cannot be read.
    """
    provider = provider_of(read_issuers(settings.issuers), settings)
    return None if provider is None else External(provider, desk, keyring)
