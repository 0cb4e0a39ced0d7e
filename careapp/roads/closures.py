"""Closed roads: written down by a coordinator, honoured by the next travel times.

A closure is a place with a radius or a drawn area; every piece of road that touches it is closed both ways.
It is honoured from the start of the local day before it begins, because that is when its first day is
planned, and until it ends.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.errors import Conflict, NotFound
from careapp.records import audit
from careapp.roads.areas import Area, BadArea
from careapp.roads.models import Closure
from routing.travel.source import Profile

__all__ = [
    "ClosureNotFound",
    "ClosuresNotApplied",
    "add_closure",
    "due_closures",
    "lift_closure",
    "list_closures",
]


class ClosureNotFound(NotFound):
    """No closure has this id, or it was lifted."""


class ClosuresNotApplied(Conflict):
    """The travel times do not come from road data of our own."""


def add_closure(
    session: Session,
    *,
    area: Area,
    starts_at: datetime,
    ends_at: datetime | None,
    reason: str,
    profiles: Sequence[Profile],
    settings: Settings,
    viewer: Viewer,
    now: datetime,
) -> Closure:
    """Close the roads of an area for every service; a running server honours it within a minute.

    A closed road is a fact for all, so whoever plans may say it; the record tells who did.

    Raises:
        BadArea: The area, or the time, is none.
        ClosuresNotApplied: The settings name a server of somebody else, or the estimate.
    """
    if settings.roads != "osrm":
        source = "an estimate without roads" if settings.roads == "estimate" else "a server that is not ours"
        raise ClosuresNotApplied(
            f"travel times come from {source} (CAREAPP_ROADS={settings.roads}), which knows no closures: "
            "tell its operator, or build road data of your own and set CAREAPP_ROADS to osrm"
        )
    area.check()
    if ends_at is not None and ends_at <= max(starts_at, now):
        raise BadArea("the closure would be over before it begins, or is over already: give a later end")
    longitude, latitude = area.middle or (None, None)
    closure = Closure(
        id=uuid4(),
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
        latitude=latitude,
        longitude=longitude,
        radius_m=area.radius_m,
        polygon=[list(corner) for corner in area.polygon] or None,
        profiles=[profile.value for profile in profiles],
        added_by=viewer.name,
        added_at=now,
        lifted_at=None,
    )
    session.add(closure)
    audit.record(session, viewer=viewer, now=now, action="add_closure", subject=closure)
    return closure


def lift_closure(session: Session, *, closure_id: UUID, viewer: Viewer, now: datetime) -> Closure:
    """Open the roads again; travel times follow within a minute of a running server.

    Raises:
        ClosureNotFound: There is none with this id, or it was lifted.
    """
    closure = session.get(Closure, closure_id)
    if closure is None or closure.lifted_at is not None:
        raise ClosureNotFound(f"there is no closure {closure_id}, or it was lifted already")
    closure.lifted_at = now
    audit.record(session, viewer=viewer, now=now, action="lift_closure", subject=closure)
    return closure


def list_closures(session: Session, *, viewer: Viewer, now: datetime) -> list[Closure]:
    """Return the closures that hold now or will, the first to begin first."""
    statement = (
        select(Closure)
        .where(Closure.lifted_at.is_(None), or_(Closure.ends_at.is_(None), Closure.ends_at > now))
        .order_by(Closure.starts_at, Closure.id)
    )
    return list(session.scalars(visible(statement, viewer, Closure)))


def due_closures(session: Session, *, viewer: Viewer, calendar: Calendar, now: datetime) -> list[Closure]:
    """Return the closures that travel times must honour now: of today and of tomorrow, local days."""
    _, after_tomorrow = calendar.day(calendar.local_date(now) + timedelta(days=1))
    return [
        closure
        for closure in list_closures(session, viewer=viewer, now=now)
        if closure.starts_at < after_tomorrow
    ]
