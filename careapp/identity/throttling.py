"""How often somebody may try to sign in: counted for each account and each address, in the database.

A try is counted before the password is compared, so that many at once do not slip through, and taken back if
it was right. After some free tries each further one costs a wait that doubles. Nothing is locked for ever: an
attacker can delay an account's owner, never shut them out for longer than `LONGEST_WAIT`.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from careapp.identity.accounts import spelled
from careapp.identity.models import SignInFailure

FREE_OF_ACCOUNT = 5
FREE_OF_ADDRESS = 20
"""Many people may share one address: a care service's office."""
FIRST_WAIT = timedelta(seconds=4)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
"""Without a further failure, and counted from the end of the wait."""

_DOUBLINGS = 10
_IPV6_OF_ONE_HOME = 64


@dataclass(frozen=True)
class Subject:
    """Whose tries are counted together.

    Attributes:
        key: Keyed hash of a login or an address.
        free: Tries that cost no wait.
    """

    key: bytes
    free: int


def subjects_of(*, login: str | None, address: str, key: bytes) -> tuple[Subject, ...]:
    """Return whose tries a try counts for: the account first, then the address.

    Args:
        login: As typed, whether or not there is such an account; None: only the address is known.
        address: IP address of the asker; of IPv6 its network of 64 bits counts.
        key: Keeps the table from telling logins and addresses.
    """
    by_address = Subject(_hash(key, "address", _network(address)), FREE_OF_ADDRESS)
    if login is None:
        return (by_address,)
    return (Subject(_hash(key, "account", spelled(login)), FREE_OF_ACCOUNT), by_address)


def count_try(session: Session, subjects: tuple[Subject, ...], *, now: datetime) -> timedelta | None:
    """Count a try as failed in advance; the caller commits before it compares anything.

    Returns:
        None if the try may go on; else how long to wait, and nothing was counted.
    """
    rows = [_locked(session, each, now) for each in subjects]
    waits = [row.waits_until - now for row in rows if row.waits_until is not None and row.waits_until > now]
    if waits:
        return max(waits)
    for subject, row in zip(subjects, rows, strict=True):
        if (row.waits_until or row.last_at) + FORGOTTEN_AFTER <= now:
            row.failures = 0
        row.failures += 1
        row.last_at = now
        beyond = row.failures - subject.free
        row.waits_until = (
            None if beyond < 0 else now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(beyond, _DOUBLINGS))
        )
    return None


def take_back(session: Session, subjects: tuple[Subject, ...], *, tries: int = 1) -> None:
    """Take counted tries back, that were right: the account begins anew, the address by so many less."""
    for subject in subjects:
        row = select(SignInFailure).where(SignInFailure.subject == subject.key).with_for_update()
        found = session.scalar(row)
        if found is None:
            continue
        if subject.free == FREE_OF_ACCOUNT or found.failures <= tries:
            session.delete(found)
        else:
            found.failures -= tries
            found.waits_until = None


def forget_failures(session: Session, *, now: datetime) -> int:
    """Delete what no longer counts; returns how many rows."""
    old = delete(SignInFailure).where(
        SignInFailure.last_at < now - FORGOTTEN_AFTER - LONGEST_WAIT,
    )
    return len(session.scalars(old.returning(SignInFailure.subject)).all())


def _locked(session: Session, subject: Subject, now: datetime) -> SignInFailure:
    # The row is there before it is locked, so that two first tries do not both count one.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(SignInFailure)
        .values(subject=subject.key, failures=0, last_at=now, waits_until=None)
        .on_conflict_do_nothing()
    )
    return session.scalars(
        select(SignInFailure)
        .where(SignInFailure.subject == subject.key)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _hash(key: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(key, f"{kind}:{value}".encode(), sha256)


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:  # a test's client, a socket without an address
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, _IPV6_OF_ONE_HOME), strict=False))
    return str(parsed)
