"""What the authorization server says of itself: OpenID Connect Discovery, RFC 8414 and SMART on FHIR."""

from typing import Any

from api.auth.server.assertion import ALGORITHMS
from api.auth.server.core import TOKEN
from api.auth.server.grant_types import PROVES
from careapp.identity.clients import GRANT_TYPES
from careapp.identity.signing_keys import IDENTITY
from fhir.scopes import FHIR_USER, LAUNCH_PATIENT, OFFLINE, ONLINE, OPENID

AUTHORIZE = "/oauth/authorize"
INTROSPECT = "/oauth/introspect"
JWKS = "/oauth/jwks"
REVOKE = "/oauth/revoke"
USER_INFO = "/oauth/userinfo"

SCOPES = (
    OPENID,
    FHIR_USER,
    LAUNCH_PATIENT,
    OFFLINE,
    ONLINE,
    "patient/*.rs",
    "user/*.cruds",
    "system/*.cruds",
)
"""Examples: scopes of one kind of resource and with search parameters are understood as well."""

CAPABILITIES = (
    "launch-standalone",
    "client-public",
    "client-confidential-asymmetric",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "sso-openid-connect",
)


def metadata(issuer: str) -> dict[str, Any]:
    """Return what clients need to know, for both of the usual addresses.

    Args:
        issuer: Our address.
    """
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}{AUTHORIZE}",
        "token_endpoint": f"{issuer}{TOKEN}",
        "revocation_endpoint": f"{issuer}{REVOKE}",
        "introspection_endpoint": f"{issuer}{INTROSPECT}",
        "userinfo_endpoint": f"{issuer}{USER_INFO}",
        "jwks_uri": f"{issuer}{JWKS}",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(PROVES),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(PROVES),
        "introspection_endpoint_auth_methods_supported": [PROVES[1]],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [IDENTITY],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", FHIR_USER],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": ["de", "en"],
    }


def smart_configuration(issuer: str) -> dict[str, Any]:
    """Return the same in SMART's words (SMART App Launch 2.2, conformance)."""
    return metadata(issuer) | {"capabilities": list(CAPABILITIES)}


def oauth_uris(issuer: str) -> dict[str, str]:
    """Return the addresses as a CapabilityStatement names them."""
    paths = {"authorize": AUTHORIZE, "token": TOKEN, "revoke": REVOKE, "introspect": INTROSPECT}
    return {name: f"{issuer}{path}" for name, path in paths.items()}
