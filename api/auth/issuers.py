"""Who issues the tokens that we take, and how each of them says who somebody is.

Ourselves, and those of the file `CAREAPP_ISSUERS`: JSON such as

    {"issuers": [{
      "issuer": "https://id.example/realms/care", "jwks_url": "https://id.example/realms/care/certs",
      "audiences": ["careapp"], "typ": "JWT", "client_claim": "azp",
      "role_path": "realm_access.roles", "roles": {"pflege-koordination": "coordinator"},
      "tenant_path": "organisation", "tenants": {"dienst-7": "6f0c…"}
    }]}

Keycloak writes `typ: JWT` and `azp` where RFC 9068 wants `at+jwt` and `client_id`: both are taken, as
configured.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from api.auth.viewers import TokenRefused
from careapp.access import Viewer, ViewerRole, ViewerWithoutOrganisation
from careapp.config import UnsafeSettings
from careapp.identity.tokens import role_of
from careapp.origins import origin_of

SAFE_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signed with a private key: with a shared secret, whoever can check a token can make one."""
OURSELVES = "careapp"
"""Stands for our own address, which may change."""
MOST_NAME = 100
"""Characters of a viewer's name."""

Path_ = str | tuple[str, ...]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]


class SignInClient(BaseModel):
    """As whom we ask an issuer to sign people in.

    Attributes:
        client_id: Its name for us.
        client_secret_file: Holds our secret; nobody else may read it.
        scope: What we ask for.
        acr: How people must have signed in there, such as with a second factor; none: as it likes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = Field(min_length=1)
    client_secret_file: Path
    scope: str = Field(default="openid", pattern=r"(^|\s)openid($|\s)")
    acr: str | None = None


class Issuer(BaseModel):
    """One issuer of access tokens.

    Attributes:
        issuer: `iss` of its tokens, to the letter.
        jwks_url: Where its public keys are; no token can name another place.
        audiences: `aud` must hold one of them.
        algorithms: With which it signs.
        typ: `at+jwt` (RFC 9068), or `JWT` (Keycloak's default), where the payload must say `"typ": "Bearer"`
            so that no ID token passes for an access token.
        client_claim: Which claim names the client.
        scope_claim: Which claim holds the scopes.
        role_path: Where the roles are: claims with dots between, or a list if a name has a dot.
        roles: Which of ours a role of theirs is; none: they are named alike.
        tenant_path: Where the organisation is.
        tenants: Which organisation of ours a value is; none: it is our organisation's id.
        practitioner_path: Where our practitioner's id is.
        patient_path: Where our patient's id is, for `patient/…` scopes.
        sign_in: People sign in through it (`api/auth/external.py`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(min_length=1)
    jwks_url: str
    audiences: tuple[str, ...] = Field(min_length=1)
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256")
    typ: Literal["at+jwt", "JWT"] = "at+jwt"
    client_claim: str = "client_id"
    scope_claim: str = "scope"
    role_path: Path_ = "role"
    roles: Mapping[str, ViewerRole] = Field(default_factory=dict)
    tenant_path: Path_ = "organisation"
    tenants: Mapping[str, UUID] = Field(default_factory=dict)
    practitioner_path: Path_ = "practitioner"
    patient_path: Path_ = "patient"
    sign_in: SignInClient | None = None

    @field_validator("jwks_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if origin_of(value) is None:
            raise ValueError("name the address of the keys, like https://id.example/certs")
        return value

    @field_validator("roles")
    @classmethod
    def _is_no_system(cls, value: Mapping[str, ViewerRole]) -> Mapping[str, ViewerRole]:
        if ViewerRole.SYSTEM in value.values():
            raise ValueError("nobody signs in as the system itself")
        return value

    def viewer_of(self, claims: Mapping[str, Any]) -> Viewer:
        """Return whom a token's claims stand for.

        Raises:
            TokenRefused: They name nobody, no role or several, or no organisation.
        """
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise TokenRefused("the token names nobody (sub)")
        try:
            return Viewer(
                self._name(subject),
                self._role(claims),
                self._tenant(claims),
                _uuid(at(claims, self.practitioner_path)),
                scopes=frozenset(_words(claims.get(self.scope_claim))),
                patient_id=_uuid(at(claims, self.patient_path)),
            )
        except ViewerWithoutOrganisation as unknown:
            raise TokenRefused("the token names no organisation of ours") from unknown

    def _name(self, subject: str) -> str:
        """Return a name that no other issuer can give."""
        name = subject if self.issuer == OURSELVES else f"{subject}@{urlsplit(self.issuer).hostname}"
        return name if len(name) <= MOST_NAME else sha256(name.encode()).hexdigest()

    def _role(self, claims: Mapping[str, Any]) -> ViewerRole:
        named = _words(at(claims, self.role_path))
        found = {role for each in named if (role := self.roles.get(each) if self.roles else role_of(each))}
        if len(found) != 1:
            raise TokenRefused("the token must name exactly one role of ours")
        return found.pop()

    def _tenant(self, claims: Mapping[str, Any]) -> UUID | None:
        value = at(claims, self.tenant_path)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not self.tenants:
            return _uuid(value)
        return self.tenants.get(value) if isinstance(value, str) else None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    issuers: tuple[Issuer, ...]


def read_issuers(path: Path | None) -> Sequence[Issuer]:
    """Read the file of issuers; None: there is none.

    Raises:
        UnsafeSettings: It cannot be read, is no such file, or names an issuer twice.
    """
    if path is None:
        return ()
    try:
        found = _File.model_validate_json(path.read_bytes()).issuers
    except OSError as unreadable:
        raise UnsafeSettings(f"CAREAPP_ISSUERS: the file cannot be read ({unreadable.strerror})") from None
    except ValidationError as wrong:
        sentences = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors())
        raise UnsafeSettings(f"CAREAPP_ISSUERS: {sentences}") from wrong
    if len({each.issuer for each in found}) < len(found):
        raise UnsafeSettings("CAREAPP_ISSUERS: an issuer is named twice")
    return found


def at(claims: Mapping[str, Any], path: Path_) -> Any:
    """Return what stands at a path of claims; None if nothing does."""
    found: Any = claims
    for step in path.split(".") if isinstance(path, str) else path:
        if not isinstance(found, Mapping):
            return None
        found = cast("Mapping[str, Any]", found).get(step)
    return found


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
