"""Seal what proves who somebody is: secrets of authenticator apps, tokens of sign-in providers.

The key is one of the key ring's purposes, which outlives the tenants' keys: these values belong to accounts,
and an analyst's account belongs to no tenant.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from careapp.keys import Keyring, SealBroken

_NONCE_BYTES = 12


class Seal:
    """Seals and opens values for one purpose with AES-256-GCM."""

    def __init__(self, keyring: Keyring, purpose: str) -> None:
        """Take the purpose's key from the ring."""
        self._cipher = AESGCM(keyring.purpose(purpose))

    def seal(self, plain: bytes, about: str) -> bytes:
        """Encrypt a value; it opens only as what it is about, such as `account|<id>`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Decrypt a value.

        Raises:
            SealBroken: It was changed, stands where another one was, or another key ring sealed it.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError) as broken:  # ValueError: it was cut off
            raise SealBroken(
                "a secret of signing in cannot be opened: restore the key file, or set it up anew"
            ) from broken
