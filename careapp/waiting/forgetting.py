"""Forget who has waited."""

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from careapp.waiting.models import Chance, WaitingEntry

AT_ONCE = 200


def forget_waiting(session: Session, whose: ColumnElement[bool]) -> int:
    """Remove entries with their chances, at most `AT_ONCE`; a booking that came of one stays.

    Args:
        session: An open transaction.
        whose: Which entries, as a condition on `WaitingEntry`.

    Returns:
        How many were removed.
    """
    found = session.scalars(select(WaitingEntry.id).where(whose).limit(AT_ONCE)).all()
    quiet = {"synchronize_session": False}
    session.execute(delete(Chance).where(Chance.entry_id.in_(found)), execution_options=quiet)
    session.execute(delete(WaitingEntry).where(WaitingEntry.id.in_(found)), execution_options=quiet)
    return len(found)
