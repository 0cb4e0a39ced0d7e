"""A client as Authlib asks it."""

from collections.abc import Iterable

from authlib.oauth2.rfc6749 import ClientMixin, InvalidScopeError

from careapp.identity.client_models import Client
from careapp.identity.clients import CODE, redirect_fits
from fhir.scopes import (
    API_READ,
    API_WRITE,
    BadScope,
    Context,
    Scopes,
    narrowed,
    split,
)

ALONE = frozenset({API_READ, API_WRITE})
"""Scopes without a resource that a client may have without a person."""


class ServedClient(ClientMixin):
    """A client that may ask for tokens."""

    def __init__(self, row: Client) -> None:
        self.row = row

    @property
    def client_id(self) -> str:
        """How it calls itself."""
        return self.row.id

    def get_client_id(self) -> str:
        """Return how it calls itself."""
        return self.row.id

    def get_default_redirect_uri(self) -> None:
        """Return nothing: every request names its address."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return what of some scopes it may ask a person for.

        Raises:
            InvalidScopeError: Nothing.
        """
        kept = self._narrowed(scope)
        return _joined(each for each in kept if not each.startswith(f"{Context.SYSTEM.value}/"))

    def get_own_scope(self, scope: str | None) -> str:
        """Return what of some scopes it may have without a person.

        Raises:
            InvalidScopeError: Nothing.
        """
        kept = self._narrowed(scope)
        return _joined(each for each in kept if each in ALONE or each.startswith(f"{Context.SYSTEM.value}/"))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Tell whether a code may be sent there."""
        return redirect_fits(self.row.redirect_uris, redirect_uri)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Tell whether it proves itself in this way."""
        del endpoint
        return method == self.row.kind.value

    def check_response_type(self, response_type: str) -> bool:
        """Tell whether it may get a code."""
        return response_type == "code" and CODE in self.row.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Tell whether it may get tokens in this way."""
        return grant_type in self.row.grant_types

    def _narrowed(self, scope: str | None) -> frozenset[str]:
        try:
            return narrowed(split(scope), split(self.row.scope))
        except BadScope as flood:
            raise InvalidScopeError(str(flood)) from flood


def speaks_of_a_patient(scope: str) -> bool:
    """Tell whether a patient is to be chosen."""
    scopes = Scopes.of(split(scope))
    return "launch/patient" in scopes.plain or any(
        each.context is Context.PATIENT for each in scopes.clinical
    )


def lies_within(scope: str, granted: str) -> bool:
    """Tell whether each scope was granted, as it is or within a wider one."""
    allowed = split(granted)
    return all(each in allowed or each in narrowed([each], allowed) for each in split(scope))


def _joined(scopes: Iterable[str]) -> str:
    joined = " ".join(sorted(scopes))
    if not joined:
        raise InvalidScopeError("none of these scopes may be had in this way")
    return joined
