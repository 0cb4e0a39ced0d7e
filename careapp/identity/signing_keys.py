"""Keys that sign tokens: made when first needed, replaced when old, sealed in the database.

Whoever verifies asks for a key that it does not know (`/oauth/jwks`), so a new one may sign at once. An old
one stays readable as long as a token that it signed can live.
"""

import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from careapp.errors import Unavailable
from careapp.identity.client_models import SigningKey
from careapp.identity.revocations import LONGEST_LIFE
from careapp.keys import Keyring

ACCESS = "ES256"
"""Signs access tokens: small, and made in no time."""
IDENTITY = "RS256"
"""Signs ID tokens: what every OpenID client understands."""
ALGORITHMS = (ACCESS, IDENTITY)

REPLACED_AFTER = timedelta(days=90)
KEPT_AFTER = 2 * LONGEST_LIFE
PURPOSE = "signing-keys"
_NONCE_BYTES = 12
_RSA_BITS = 2048

PrivateKey = ECKey | RSAKey


class SigningKeyUnreadable(Unavailable):
    """A signing key was sealed with another key ring."""


def signing_key(session: Session, keyring: Keyring, algorithm: str, *, now: datetime) -> PrivateKey:
    """Return the key that signs now; the first who asks makes it.

    Raises:
        SigningKeyUnreadable: It was sealed with another key ring.
    """
    found = session.scalar(
        select(SigningKey)
        .where(SigningKey.algorithm == algorithm, SigningKey.created_at > now - REPLACED_AFTER)
        .order_by(SigningKey.created_at.desc(), SigningKey.kid)
        .limit(1)
    )
    return _opened(keyring, found or make_key(session, keyring, algorithm, now=now))


def make_key(session: Session, keyring: Keyring, algorithm: str, *, now: datetime) -> SigningKey:
    """Make a new key, which signs from now on, and forget those that nobody can need."""
    kid = token_urlsafe(12)
    parameters: KeyParameters = {"kid": kid, "alg": algorithm, "use": "sig"}
    key: PrivateKey
    if algorithm == IDENTITY:
        key = RSAKey.generate_key(_RSA_BITS, parameters)
    else:
        key = ECKey.generate_key("P-256", parameters)
    nonce = os.urandom(_NONCE_BYTES)
    secret = json.dumps(key.as_dict(private=True)).encode()
    row = SigningKey(
        kid=kid,
        algorithm=algorithm,
        sealed=nonce + _sealer(keyring).encrypt(nonce, secret, kid.encode()),
        public=key.as_dict(private=False),
        created_at=now,
    )
    session.add(row)
    session.execute(
        delete(SigningKey)
        .where(SigningKey.created_at < now - REPLACED_AFTER - KEPT_AFTER)
        .execution_options(synchronize_session=False)
    )
    session.flush()
    return row


def rotate_keys(session: Session, keyring: Keyring, *, now: datetime) -> int:
    """Replace every key that signs; return how many."""
    algorithms: Sequence[str] = session.scalars(select(SigningKey.algorithm).distinct()).all()
    for algorithm in algorithms:
        make_key(session, keyring, algorithm, now=now)
    return len(algorithms)


def forget_keys(session: Session) -> None:
    """Forget every key: what they signed is refused, within a minute also by processes that know them."""
    session.execute(delete(SigningKey).execution_options(synchronize_session=False))


def public_keys(session: Session) -> list[dict[str, Any]]:
    """Return the public JWKs of all keys, newest first: a token of each may still be about."""
    return list(session.scalars(select(SigningKey.public).order_by(SigningKey.created_at.desc())))


def public_key_set(session: Session) -> KeySet:
    """Return the same as joserfc reads it."""
    return KeySet.import_key_set({"keys": [dict(key) for key in public_keys(session)]})


def _opened(keyring: Keyring, row: SigningKey) -> PrivateKey:
    try:
        secret = _sealer(keyring).decrypt(
            row.sealed[:_NONCE_BYTES], row.sealed[_NONCE_BYTES:], row.kid.encode()
        )
    except (InvalidTag, ValueError) as foreign:
        raise SigningKeyUnreadable(
            "the keys that sign tokens were sealed with another key file: restore CAREAPP_KEYS_FILE from the "
            "backup that belongs to this database"
        ) from foreign
    content = json.loads(secret)
    return RSAKey.import_key(content) if row.algorithm == IDENTITY else ECKey.import_key(content)


def _sealer(keyring: Keyring) -> AESGCM:
    return AESGCM(keyring.purpose(PURPOSE))
