"""What is due once for a local date: every process asks, the database lets one do it."""

from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from careapp.errors import Conflict
from careapp.jobs.models import Claim


class ClaimLost(Conflict):
    """Another process has taken the work over, or it is done."""


def take(session: Session, *, work: str, local_date: date, now: datetime, lease: timedelta) -> int | None:
    """Claim a piece of work, or take it over from a holder whose lease has run out.

    Args:
        session: A writing transaction. If the work is done in the same one, a crash undoes the claim too.
        work: Name of the work, e.g. `plan-evening`.
        local_date: For which local day it is due.
        now: This moment.
        lease: How long nobody else may take it.

    Returns:
        The fencing token that `finish` wants back; None if another holds the work or it is done.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    claim = insert(Claim).values(
        work=work, local_date=local_date, token=1, lease_until=now + lease, done_at=None
    )
    return session.scalar(
        claim.on_conflict_do_update(
            index_elements=[Claim.work, Claim.local_date],
            set_={"token": Claim.token + 1, "lease_until": claim.excluded.lease_until},
            where=Claim.done_at.is_(None) & (Claim.lease_until <= now),
        ).returning(Claim.token)
    )


def finish(session: Session, *, work: str, local_date: date, token: int, now: datetime) -> None:
    """Say that the work is done, in the transaction of its effects.

    Raises:
        ClaimLost: The token is old: another holder took over. Roll back.
    """
    done = session.scalar(
        update(Claim)
        .where(
            Claim.work == work,
            Claim.local_date == local_date,
            Claim.token == token,
            Claim.done_at.is_(None),
        )
        .values(done_at=now)
        .returning(Claim.token)
    )
    if done is None:
        raise ClaimLost(f"{work} of {local_date} was taken over by another process: nothing was written")
