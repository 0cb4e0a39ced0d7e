"""Transactions in which the database itself shows only what belongs to a viewer's tenant.

PostgreSQL does by row security (`careapp.row_security`), once for every table and whatever the statement
says; SQLite has nothing like it, so there `careapp.access` alone narrows. Both databases refuse rows that
refer to another tenant's (composite keys).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import cast

import psycopg
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer, ViewerRole
from careapp.db import EVERY_TENANT, MOMENT, NO_TENANT, TENANTS, tell_tenants


def tenants_of(viewer: Viewer) -> str:
    """Return whose rows a viewer may see at all, as PostgreSQL's row security is told."""
    if viewer.organisation_id is not None:
        return f"{{{viewer.organisation_id}}}"
    return EVERY_TENANT if viewer.role is ViewerRole.SYSTEM else NO_TENANT


@contextmanager
def begin_as(
    sessions: sessionmaker[Session], viewer: Viewer, now: datetime | None = None
) -> Iterator[Session]:
    """Open one transaction of a viewer: committed at the block's end, or nothing at all.

    Args:
        sessions: Factory of writing or reading sessions.
        viewer: Whose rows it sees.
        now: This moment, by which openings end; None: when the viewer asked, else the database's own clock.
    """
    with (
        sessions(info={TENANTS: tenants_of(viewer), MOMENT: now or viewer.asked_at}) as session,
        session.begin(),
    ):
        yield session


def acting_as(
    sessions: sessionmaker[Session], viewer: Viewer, now: datetime | None = None
) -> sessionmaker[Session]:
    """Return a factory whose transactions are all a viewer's, as `begin_as` would open them."""
    acting = copy(sessions)  # of the same class, so that whoever listens to one hears of both
    info = {**sessions.kw.get("info", {}), TENANTS: tenants_of(viewer), MOMENT: now or viewer.asked_at}
    acting.kw = {**sessions.kw, "info": info}
    return acting


@contextmanager
def across_tenants(session: Session) -> Iterator[None]:
    """See the rows of every tenant within a transaction of one.

    For what touches two tenants by its nature: whoever books takes a practice's slot and its doctor's time,
    and a document shows whom else an appointment is with. Whoever uses it has checked what the viewer may.
    """
    before = session.info.get(TENANTS, NO_TENANT)
    if session.get_bind().dialect.name != "postgresql" or before == EVERY_TENANT:
        yield
        return
    _see(session, EVERY_TENANT)
    try:
        yield
        session.flush()
    finally:
        session.info[TENANTS] = before
        if not _has_failed(session):
            tell_tenants(session, session.connection(), before)


def _see(session: Session, tenants: str) -> None:
    session.flush()
    connection = session.connection()  # begins, and tells whose it is
    session.info[TENANTS] = tenants
    tell_tenants(session, connection, tenants)


def _has_failed(session: Session) -> bool:
    """Tell whether the transaction takes no more statements: then its end undoes the setting, too."""
    if not session.is_active:
        return True
    driver = cast("psycopg.Connection", session.connection().connection.driver_connection)
    return driver.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
