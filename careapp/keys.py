"""The key ring: every secret of an installation, in one file outside the database.

Two sorts of keys come from it by HKDF-SHA256 (RFC 5869). A *data key* is of one tenant and one *main key*
of the ring: it seals with AES-256-GCM under a random nonce, and finds by HMAC-SHA256. Main keys rotate: the
newest seals, each of them opens. A *purpose* key (the audit's chain, signing keys, cookies) comes from the
ring's own secret, which stays when main keys go.

A sealed value is: a byte 1, four bytes of the main key's id, 12 of nonce, the ciphertext, 16 of tag.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from hmac import digest
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from careapp import key_files
from careapp.config import Settings
from careapp.errors import Conflict, Unavailable
from careapp.key_files import KEY_BYTES, KeyFile, MainKey

BLIND_BYTES = 16
LOOK_S = 1.0
"""How long a process may go on sealing with the key before the newest."""

_NONCE_BYTES = 12
_MARK_BYTES = 1 + key_files.ID_BYTES
_HEAD_BYTES = _MARK_BYTES + _NONCE_BYTES


class KeyMissing(Unavailable):
    """Something was sealed with a main key that the key ring does not hold."""


class SealBroken(Unavailable):
    """A sealed value was changed, or stands where another one was."""


class LastKey(Conflict):
    """The newest main key cannot be given up."""


class _Sealer:
    """What one main key is for one tenant."""

    def __init__(self, key: MainKey, tenant: bytes) -> None:
        self.mark = _mark(key.id)
        self.cipher = AESGCM(_derived(key.secret, b"careapp data key|" + tenant))
        self.finder = _derived(key.secret, b"careapp blind index|" + tenant)


class DataKey:
    """A tenant's key; ask `Keyring.tenant` for it each time, since keys rotate.

    Attributes:
        id: Of the main key that seals.
    """

    def __init__(self, ring: "Keyring", organisation_id: UUID | None) -> None:
        """Derive it from each main key of the ring."""
        self._ring = ring
        self._organisation_id = organisation_id
        self._tenant = b"" if organisation_id is None else organisation_id.hex.encode()
        self._sealers = tuple(_Sealer(key, self._tenant) for key in ring.main_keys)
        self._by_mark = {sealer.mark: sealer for sealer in self._sealers}
        self.id = ring.main_keys[-1].id

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Encrypt a value.

        Args:
            plain: The value.
            about: Where it stands, such as `patient|<id>|identity`: it opens nowhere else, and for no other
                tenant.
        """
        sealer, nonce = self._sealers[-1], os.urandom(_NONCE_BYTES)
        return sealer.mark + nonce + sealer.cipher.encrypt(nonce, plain, self._tenant + b"|" + about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Decrypt a value.

        Raises:
            KeyMissing: The ring does not hold the main key that sealed it.
            SealBroken: It was changed, or belongs elsewhere.
        """
        sealer = self._by_mark.get(sealed[:_MARK_BYTES])
        if sealer is None:
            return self._ring.with_key(sealed).tenant(self._organisation_id).open(sealed, about)
        try:
            return sealer.cipher.decrypt(
                sealed[_MARK_BYTES:_HEAD_BYTES], sealed[_HEAD_BYTES:], self._tenant + b"|" + about
            )
        except (InvalidTag, ValueError) as broken:  # ValueError: it was cut off
            raise SealBroken(
                "a sealed value was changed by somebody else: restore the database from its backup"
            ) from broken

    def blind(self, value: str, field: str) -> bytes:
        """Return 16 bytes that find a value and do not tell it: the same for the same tenant and field."""
        return _blind(self._sealers[-1], value, field)

    def blinds(self, value: str, field: str) -> list[bytes]:
        """Return `blind` under each main key, newest first: a rotation may be under way."""
        return [_blind(sealer, value, field) for sealer in reversed(self._sealers)]


class Keyring:
    """The keys of an installation."""

    def __init__(self, content: KeyFile, path: Path | None = None) -> None:
        """Use `open` or `in_memory`.

        Args:
            content: The keys.
            path: Where they are kept; None: nowhere.
        """
        self._content = content
        self._path = path
        self._tenants: dict[UUID | None, DataKey] = {}
        self._lock = Lock()
        self._look_at = 0.0
        self._written_at = 0

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Read the key file; the first who asks makes it.

        Raises:
            KeysUnusable: It cannot be read, made or understood, or other accounts of the machine may read it.
        """
        path = settings.keys_path
        return cls(key_files.read_or_make(path), path)

    @classmethod
    def in_memory(cls) -> Self:
        """Make new keys that end with the process, for tests and trials."""
        return cls(key_files.new())

    @property
    def main_keys(self) -> tuple[MainKey, ...]:
        """Oldest first; the last one seals."""
        return self._content.keys

    def purpose(self, name: str) -> bytes:
        """Return the 32 bytes for a purpose, such as `audit-chain`; the same for ever."""
        return _derived(self._content.secret, b"careapp purpose|" + name.encode())

    def tenant(self, organisation_id: UUID | None) -> DataKey:
        """Return a tenant's data key; None: of what belongs to nobody.

        A key that another process has added seals here within `LOOK_S` seconds.
        """
        if self._path is not None and monotonic() > self._look_at:
            self._look(self._path)
        found = self._tenants.get(organisation_id)
        if found is None:
            # Two threads may make it at once: both make the same.
            found = self._tenants[organisation_id] = DataKey(self, organisation_id)
        return found

    def with_key(self, sealed: bytes) -> Self:
        """Return the ring with the main key that a sealed value names; another process may have added it.

        Raises:
            KeyMissing: It is not in the file either.
        """
        if not self._has(sealed):
            self.reload()
        if not self._has(sealed):
            raise KeyMissing(
                "the database is sealed with a key that is not in the key file: put that file "
                "in its place (CAREAPP_KEYS_FILE), or restore it from its backup"
            )
        return self

    def reload(self) -> None:
        """Read the file again.

        Raises:
            KeysUnusable: See `open`.
        """
        if self._path is not None:
            self._use(key_files.read(self._path))

    def add_main_key(self, now: datetime) -> MainKey:
        """Add a main key, which seals from now on.

        Raises:
            KeysUnusable: The file cannot be written.
        """
        with self._changing():
            key = key_files.new_key(self._content, now)
            self._write(KeyFile(self._content.secret, (*self._content.keys, key)))
            return key

    def drop_main_key(self, key_id: str) -> None:
        """Give up a main key; what it sealed cannot be opened any more, so reseal everything first.

        Raises:
            LastKey: It is the newest.
            KeysUnusable: The file cannot be written.
        """
        with self._changing():
            if self._content.keys[-1].id == key_id:
                raise LastKey(f"key {key_id} seals now: add a new one before it goes")
            self._write(
                KeyFile(self._content.secret, tuple(key for key in self._content.keys if key.id != key_id))
            )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let nobody else change the file between reading and writing."""
        with self._lock, key_files.held(self._path) if self._path else nullcontext():
            self.reload()
            yield

    def _look(self, path: Path) -> None:
        self._look_at = monotonic() + LOOK_S
        with suppress(OSError):  # a file that is away for a moment changes nothing
            written_at = path.stat().st_mtime_ns
            if written_at != self._written_at:
                self._written_at = written_at
                self.reload()

    def _has(self, sealed: bytes) -> bool:
        return any(_mark(key.id) == sealed[:_MARK_BYTES] for key in self._content.keys)

    def _write(self, content: KeyFile) -> None:
        if self._path is not None:
            key_files.write(self._path, content)
        self._use(content)

    def _use(self, content: KeyFile) -> None:
        self._content = content
        self._tenants = {}


def key_id_of(sealed: bytes) -> str:
    """Return the id of the main key that sealed a value."""
    return sealed[1:_MARK_BYTES].hex()


def _mark(key_id: str) -> bytes:
    return b"\x01" + bytes.fromhex(key_id)


def _derived(secret: bytes, about: bytes) -> bytes:
    # The secrets are random and whole, so HKDF needs no salt.
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=about).derive(secret)


def _blind(sealer: _Sealer, value: str, field: str) -> bytes:
    return digest(sealer.finder, f"{field}|{value}".encode(), "sha256")[:BLIND_BYTES]
