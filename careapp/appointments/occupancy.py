"""Take and free a practitioner's time; the database refuses two at once."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from careapp.appointments.models import Occupancy
from careapp.errors import Conflict
from careapp.people.models import Practitioner
from careapp.tenancy import across_tenants

_CHUNK = 500
"""Fewer than any database's most parameters of a statement."""


class AlreadyOccupied(Conflict):
    """The practitioner is taken by another appointment at that time."""


def occupy(
    session: Session,
    *,
    organisation_id: UUID,
    practitioner_id: UUID,
    appointment_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    lane: int = 0,
) -> Occupancy:
    """Take a practitioner's time, half-open; of a nurse from when she leaves for the visit.

    Who takes several times in one transaction uses `occupy_all`. About lanes see `Occupancy.lane`.

    Raises:
        AlreadyOccupied: The practitioner is taken then (SQLite; see `occupy_all`).
    """
    row = Occupancy(
        id=uuid4(),
        organisation_id=organisation_id,
        practitioner_id=practitioner_id,
        appointment_id=appointment_id,
        starts_at=starts_at,
        ends_at=ends_at,
        lane=lane,
    )
    occupy_all(session, [row])
    return row


def occupy_all(session: Session, rows: Sequence[Occupancy]) -> None:
    """Take the time of one or many practitioners; the rows are written at once.

    SQLite refuses an overlap here, PostgreSQL in `check_now` or at the commit: so `release` all before you
    occupy any, and end with `check_now`.

    Raises:
        AlreadyOccupied: A practitioner is taken then (SQLite).
    """
    practitioners = sorted({row.practitioner_id for row in rows})
    with across_tenants(session), refusing_overlaps():  # the doctor's time is the practice's
        # Whoever takes time of the same practitioner waits here, and all wait in the same order: else two
        # transactions would deadlock, on the constraint or on each other.
        for start in range(0, len(practitioners), _CHUNK):
            session.execute(
                select(Practitioner.id)
                .where(Practitioner.id.in_(practitioners[start : start + _CHUNK]))
                .order_by(Practitioner.id)
                .with_for_update(key_share=True)
            ).all()
        session.add_all(rows)
        session.flush()


def lock_practitioner(session: Session, practitioner_id: UUID) -> None:
    """Let nobody else take this practitioner's time until the transaction ends.

    Whoever also locks slots or appointments does so before, see `occupy_all`.
    """
    with across_tenants(session):
        session.execute(
            select(Practitioner.id).where(Practitioner.id == practitioner_id).with_for_update(key_share=True)
        ).all()


def release(session: Session, *, appointment_id: UUID) -> None:
    """Free all time that an appointment takes, at once."""
    with across_tenants(session):
        session.execute(delete(Occupancy).where(Occupancy.appointment_id == appointment_id))


def check_now(session: Session) -> None:
    """Let the database check what was taken so far, not only at the commit.

    Raises:
        AlreadyOccupied: A practitioner is taken twice.
    """
    with refusing_overlaps():
        session.flush()
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET CONSTRAINTS ex_occupancy_overlap IMMEDIATE"))
            session.execute(text("SET CONSTRAINTS ex_occupancy_overlap DEFERRED"))


@contextmanager
def refusing_overlaps() -> Iterator[None]:
    """Turn the database's refusal of an overlap, on either database, into `AlreadyOccupied`."""
    try:
        yield
    except DBAPIError as error:
        if not _is_overlap(error.orig):
            raise
        raise AlreadyOccupied(
            "the practitioner has another appointment at that time: look again, then choose another"
        ) from error


def _is_overlap(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.IntegrityError):
        return str(error) == "overlap"
    return isinstance(error, psycopg.errors.ExclusionViolation)
