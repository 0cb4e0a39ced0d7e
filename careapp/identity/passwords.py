"""Passwords: which are taken, how they are kept (argon2id) and compared.

A comparison costs a processor tens of milliseconds and 64 MiB on purpose (RFC 9106, second recommended
choice: 3 passes, 64 MiB, 4 lanes). Whoever calls this from a server does so in a thread, few at a time.
"""

import secrets
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from careapp.errors import Invalid

LEAST_LENGTH, MOST_LENGTH = 12, 128
"""Characters. Length is what counts; nobody is asked for signs and digits (NIST SP 800-63B, 3.1.1.2)."""

_LEAST_DIFFERENT = 5
_WITHOUT_LOOK_ALIKES = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _IN_GROUP = 5, 4
_NOBODY = "no password is this one, since none is as long as it and as well known"


class WeakPassword(Invalid):
    """A password is too short, too long or too easily guessed."""


@dataclass(frozen=True)
class Comparison:
    """What a comparison says.

    Attributes:
        is_right: It is the password.
        new_hash: What to keep from now on, if the kept one was made with other parameters.
    """

    is_right: bool
    new_hash: str | None = None


class Passwords:
    """Makes and compares hashes; may be used by several threads.

    Attributes:
        hasher: With the parameters of new hashes; a kept hash says its own.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Take a hasher; by default RFC 9106's second recommended choice."""
        self.hasher = hasher or PasswordHasher()
        self._of_nobody = _hash_of_nobody(
            self.hasher.time_cost, self.hasher.memory_cost, self.hasher.parallelism
        )

    def hash(self, password: str) -> str:
        """Return the hash of a password with a salt of its own."""
        return self.hasher.hash(password)

    def compare(self, password: str, kept: str | None) -> Comparison:
        """Compare what was typed with the hash that is kept.

        Without a hash (nobody has this login, or no password works) it takes as long, and the answer is no.
        """
        if len(password) > MOST_LENGTH or not _is_text(password):
            return Comparison(is_right=False)
        try:
            self.hasher.verify(kept or self._of_nobody, password)
        except (VerificationError, InvalidHashError):
            return Comparison(is_right=False)
        if kept is None:
            return Comparison(is_right=False)
        is_old = self.hasher.check_needs_rehash(kept)
        return Comparison(is_right=True, new_hash=self.hash(password) if is_old else None)


@cache
def _hash_of_nobody(time_cost: int, memory_cost: int, parallelism: int) -> str:
    """Return what a password is compared with where none is kept; costs as much as a sign-in, once."""
    return PasswordHasher(time_cost, memory_cost, parallelism).hash(_NOBODY)


def refuse_weak(password: str, *, login: str) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        WeakPassword: Says what to choose instead; never repeats the password.
    """
    if not LEAST_LENGTH <= len(password) <= MOST_LENGTH:
        raise WeakPassword(f"choose a password of {LEAST_LENGTH} to {MOST_LENGTH} characters")
    lowered = password.lower()
    if not _is_text(password):
        raise WeakPassword("choose a password of whole characters")
    if (
        len(set(lowered)) < _LEAST_DIFFERENT
        or lowered in "0123456789012345678901234567890abcdefghijklmnopqrstuvwxyz"
    ):
        raise WeakPassword("choose a password that is no row of the same or neighbouring characters")
    if login.lower() in lowered or "careapp" in lowered:
        raise WeakPassword("choose a password that holds neither your user name nor the name of the service")


def _is_text(value: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in value)  # halves of characters, from JSON


def invent_password() -> str:
    """Return a random password of 99 bits that can be read out: five groups of four characters."""
    return "-".join(
        "".join(secrets.choice(_WITHOUT_LOOK_ALIKES) for _ in range(_IN_GROUP)) for _ in range(_GROUPS)
    )
