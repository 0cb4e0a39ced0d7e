"""The external OpenID provider as Authlib's client sees it, through our own way out."""

from collections.abc import Sequence
from typing import Any

from authlib.integrations.starlette_client import StarletteOAuth2App
from authlib.integrations.starlette_client.integration import StarletteIntegration

from api.auth.issuers import Issuer, SignInClient
from careapp.config import Settings, UnsafeSettings
from careapp.errors import Unavailable
from careapp.origins import origin_of
from careapp.outbound import AsyncTransport, Reach

TIMEOUT_S = 5.0
_NAME = "provider"


class ProviderUnsound(Unavailable):
    """The provider's description of itself names another issuer, or no safe algorithm."""


class Provider(StarletteOAuth2App):  # type: ignore[misc]  # Authlib ships no types
    """The client of one provider.

    Attributes:
        issuer: How it says who somebody is.
        sign_in: As whom we ask it.
        origin: Where its pages are.
    """

    def __init__(self, issuer: Issuer, sign_in: SignInClient, settings: Settings) -> None:
        """Get ready; nothing is asked yet.

        Raises:
            UnsafeSettings: The file with the client's secret cannot be read.
        """
        self.issuer, self.sign_in = issuer, sign_in
        origins = {origin_of(issuer.issuer), origin_of(issuer.jwks_url)} - {None}
        self.origin = origin_of(issuer.issuer) or ""
        self._reach = Reach(frozenset(str(each) for each in origins), settings.outbound_networks)
        try:
            secret = sign_in.client_secret_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as unreadable:
            raise UnsafeSettings(
                "CAREAPP_ISSUERS: the file with the client's secret cannot be read"
            ) from unreadable
        super().__init__(
            StarletteIntegration(_NAME),
            name=_NAME,
            client_id=sign_in.client_id,
            client_secret=secret,
            client_kwargs={
                "scope": sign_in.scope,
                "code_challenge_method": "S256",
                "timeout": TIMEOUT_S,
                "trust_env": False,
                "follow_redirects": False,
            },
            server_metadata_url=f"{issuer.issuer.rstrip('/')}/.well-known/openid-configuration",
        )

    async def load_server_metadata(self) -> dict[str, Any]:
        """Return what the provider says of itself, as far as it is believed.

        Raises:
            ProviderUnsound: It calls itself another name, or signs with nothing that was allowed.
        """
        metadata: dict[str, Any] = await super().load_server_metadata()
        if metadata.get("issuer") != self.issuer.issuer:
            self.server_metadata.clear()
            raise ProviderUnsound("the sign-in provider calls itself by another name than in CAREAPP_ISSUERS")
        offered = metadata.get("id_token_signing_alg_values_supported", [])
        metadata["id_token_signing_alg_values_supported"] = [
            each for each in self.issuer.algorithms if each in offered
        ]
        if not metadata["id_token_signing_alg_values_supported"]:
            raise ProviderUnsound("the sign-in provider signs with none of the algorithms in CAREAPP_ISSUERS")
        metadata["jwks_uri"] = self.issuer.jwks_url
        return metadata

    def _get_oauth_client(self, **metadata: Any) -> Any:
        # Each client closes its transport, so each has its own.
        return super()._get_oauth_client(**metadata | {"transport": AsyncTransport(self._reach)})

    def _get_session(self) -> Any:
        session = self.client_cls(**self.client_kwargs | {"transport": AsyncTransport(self._reach)})
        session.headers["User-Agent"] = self._user_agent
        return session


def provider_of(issuers: Sequence[Issuer], settings: Settings) -> Provider | None:
    """Return the provider through which people sign in; None: with our own accounts only.

    Raises:
        UnsafeSettings: There are several, or its secret cannot be read.
    """
    found = [(each, each.sign_in) for each in issuers if each.sign_in is not None]
    if len(found) > 1:
        raise UnsafeSettings("CAREAPP_ISSUERS: people sign in through one provider, two have a sign_in")
    return Provider(*found[0], settings) if found else None
