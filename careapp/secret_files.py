"""Secrets that an operator shares with another program: read from a file, never from the environment."""

import os
import stat
from pathlib import Path

from careapp.config import UnsafeSettings


def read_secret(path: Path, setting: str, *, least_bytes: int) -> bytes:
    """Return what a file holds, without white space around it.

    Args:
        path: The file.
        setting: Which setting names it, for the message.
        least_bytes: Fewer are refused.

    Raises:
        UnsafeSettings: The file cannot be read, others may read it, or it holds too little.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read().strip()
    except OSError as refused:
        raise UnsafeSettings(f"{setting} cannot be read ({refused.strerror})") from refused
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise UnsafeSettings(f"other accounts may read the file of {setting}: `chmod 600` it")
    if len(secret) < least_bytes:
        raise UnsafeSettings(f"{setting} holds fewer than {least_bytes} bytes: agree on a longer secret")
    return secret
