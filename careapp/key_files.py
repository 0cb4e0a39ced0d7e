"""The key ring's file: JSON that only its owner may read, replaced whole."""

import json
import os
import secrets
import stat
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from careapp.errors import Unavailable

KEY_BYTES = 32
ID_BYTES = 4
FORMAT = 1
_OWNER_ONLY = 0o600


class KeysUnusable(Unavailable):
    """The key file cannot be read, made or understood, or others may read it."""


@dataclass(frozen=True)
class MainKey:
    """A key from which tenants' data keys are derived.

    Attributes:
        id: Eight hexadecimal digits, in front of all that it sealed.
        made_at: When it was made; None: with the file.
        secret: 32 random bytes.
    """

    id: str
    made_at: datetime | None
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class KeyFile:
    """What the file holds.

    Attributes:
        secret: 32 random bytes that never change.
        keys: Oldest first; at least one.
    """

    secret: bytes = field(repr=False)
    keys: tuple[MainKey, ...]


def new() -> KeyFile:
    """Make keys for a new installation."""
    first = MainKey(secrets.token_hex(ID_BYTES), None, secrets.token_bytes(KEY_BYTES))
    return KeyFile(secrets.token_bytes(KEY_BYTES), (first,))


def new_key(content: KeyFile, now: datetime) -> MainKey:
    """Make a further main key, whose id is none of those there."""
    taken = {key.id for key in content.keys}
    while (key_id := secrets.token_hex(ID_BYTES)) in taken:
        pass
    return MainKey(key_id, now.astimezone(UTC), secrets.token_bytes(KEY_BYTES))


def read_or_make(path: Path) -> KeyFile:
    """Read the file; if there is none, make it, unless another process is faster.

    Raises:
        KeysUnusable: See `read`; or it cannot be made.
    """
    if not path.exists():
        _make(path)
    return read(path)


def read(path: Path) -> KeyFile:
    """Read the file.

    Raises:
        KeysUnusable: It is not there, not readable, readable for others, or damaged.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except OSError as refused:
        raise KeysUnusable(
            f"the key file {path} cannot be read ({refused.strerror}): restore it from its backup, "
            "or name another one with CAREAPP_KEYS_FILE"
        ) from refused
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise KeysUnusable(f"other accounts may read the key file {path}: `chmod 600 {path}`")
    try:
        return _parsed(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, NotBase64) as damaged:
        raise KeysUnusable(f"the key file {path} is damaged: restore it from its backup") from damaged


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait until no other process changes the file, and let none until the block ends.

    Raises:
        KeysUnusable: The file's folder cannot be opened.
    """
    if os.name != "posix":
        yield
        return
    import fcntl  # noqa: PLC0415 -- only there

    try:
        handle = os.open(path.parent, os.O_RDONLY)
    except OSError as refused:
        raise _unwritable(path, refused) from refused
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write(path: Path, content: KeyFile) -> None:
    """Replace the file at once and for good.

    Raises:
        KeysUnusable: It cannot be written.
    """
    draft = _draft(path, content)
    try:
        draft.replace(path)
        _settle(path.parent)
    except OSError as refused:
        raise _unwritable(path, refused) from refused
    finally:
        draft.unlink(missing_ok=True)


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as refused:
        raise _unwritable(path, refused) from refused
    draft = _draft(path, new())
    try:
        with suppress(FileExistsError):  # another process was first: its keys count
            os.link(draft, path)
        _settle(path.parent)
    except OSError as refused:
        raise _unwritable(path, refused) from refused
    finally:
        draft.unlink(missing_ok=True)


def _draft(path: Path, content: KeyFile) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
            file.write(json.dumps(_written(content), indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as refused:
        raise _unwritable(path, refused) from refused
    return draft


def _settle(folder: Path) -> None:
    if os.name != "posix":  # a folder cannot be opened elsewhere
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, refused: OSError) -> KeysUnusable:
    return KeysUnusable(
        f"the key file {path} cannot be written ({refused.strerror}): name one in a folder of yours with "
        "CAREAPP_KEYS_FILE"
    )


def _written(content: KeyFile) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "secret": b64encode(content.secret).decode(),
        "keys": [
            {
                "id": key.id,
                "made_at": key.made_at and key.made_at.isoformat(),
                "secret": b64encode(key.secret).decode(),
            }
            for key in content.keys
        ],
    }


def _parsed(found: Mapping[str, Any]) -> KeyFile:
    if found["format"] != FORMAT:
        raise ValueError("of another version")
    keys = tuple(
        MainKey(
            bytes.fromhex(key["id"]).hex(),
            key["made_at"] and datetime.fromisoformat(key["made_at"]),
            _secret(key["secret"]),
        )
        for key in found["keys"]
    )
    if (
        not keys
        or len({key.id for key in keys}) != len(keys)
        or any(len(key.id) != 2 * ID_BYTES for key in keys)
    ):
        raise ValueError("keys are missing")
    return KeyFile(_secret(found["secret"]), keys)


def _secret(text: str) -> bytes:
    found = b64decode(text, validate=True)
    if len(found) != KEY_BYTES:
        raise ValueError("a key is too short")
    return found
