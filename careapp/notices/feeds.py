"""Doctors' calendars for programs of their own: when a doctor is taken, and nothing else.

A calendar program cannot sign in, so the address itself is the secret: 32 random bytes, of which only a hash
is kept. Whoever loses it revokes it.
"""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.appointments.models import Occupancy
from careapp.errors import Conflict, Forbidden, NotFound
from careapp.notices.entries import Event, busy_calendar
from careapp.notices.models import CalendarFeed, Language
from careapp.notices.texts import BUSY
from careapp.people.models import Practitioner
from careapp.records import audit

BEFORE, AFTERWARDS = timedelta(days=7), timedelta(days=180)
"""What part of the calendar is shown."""
MOST_FEEDS = 5
_SECRET_BYTES = 32


class FeedNotFound(NotFound):
    """No calendar has this address or id; perhaps it was revoked."""


class NoOwnCalendar(Forbidden):
    """The viewer is nobody whose time is kept here."""


class TooManyFeeds(Conflict):
    """So many addresses at once are more likely forgotten than used."""


def make_feed(
    session: Session, *, language: Language, viewer: Viewer, now: datetime
) -> tuple[CalendarFeed, str]:
    """Make an address for the viewer's own calendar.

    Returns:
        The feed and its secret, which nobody can read again.

    Raises:
        NoOwnCalendar: The viewer is no practitioner.
        TooManyFeeds: There are `MOST_FEEDS` already.
    """
    if viewer.practitioner_id is None or viewer.organisation_id is None:
        raise NoOwnCalendar("only who has appointments has a calendar: sign in as a doctor")
    # The practitioner's row is the lock: two at once cannot make one too many.
    session.execute(
        select(Practitioner.id)
        .where(Practitioner.id == viewer.practitioner_id)
        .with_for_update(key_share=True)
    ).all()
    if len(list_feeds(session, viewer=viewer)) >= MOST_FEEDS:
        raise TooManyFeeds(f"there are {MOST_FEEDS} addresses of this calendar: revoke one first")
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    feed = CalendarFeed(
        id=uuid4(),
        organisation_id=viewer.organisation_id,
        practitioner_id=viewer.practitioner_id,
        secret_hash=_hash(secret),
        language=language,
        made_at=now,
        revoked_at=None,
    )
    session.add(feed)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="make_feed", subject=feed)
    return feed, secret


def list_feeds(session: Session, *, viewer: Viewer) -> list[CalendarFeed]:
    """Return the viewer's addresses that work, the oldest first."""
    statement = select(CalendarFeed).where(
        CalendarFeed.practitioner_id == viewer.practitioner_id, CalendarFeed.revoked_at.is_(None)
    )
    ordered = statement.order_by(CalendarFeed.made_at, CalendarFeed.id)
    return list(session.scalars(visible(ordered, viewer, CalendarFeed)))


def revoke_feed(session: Session, *, feed_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Let an address of the viewer's own calendar lead nowhere; to do so again changes nothing.

    Raises:
        FeedNotFound: The viewer has none of this id.
    """
    statement = select(CalendarFeed).where(
        CalendarFeed.id == feed_id, CalendarFeed.practitioner_id == viewer.practitioner_id
    )
    feed = session.scalars(visible(statement, viewer, CalendarFeed)).one_or_none()
    if feed is None:
        raise FeedNotFound(f"there is no calendar {feed_id}")
    if feed.revoked_at is None:
        feed.revoked_at = now
        session.flush()
    audit.record(session, viewer=viewer, now=now, action="revoke_feed", subject=feed)


def read_feed(session: Session, *, secret: str, now: datetime) -> bytes:
    """Return when a doctor is taken, as iCalendar.

    Appointments that follow each other are one entry: how many there are is nobody's business.

    Args:
        session: A transaction that sees every tenant; whoever has the secret may read.
        secret: Out of the address.
        now: This moment.

    Raises:
        FeedNotFound: The secret is none, or was revoked.
    """
    feed = session.scalars(
        select(CalendarFeed)
        .join(Practitioner, Practitioner.id == CalendarFeed.practitioner_id)
        .where(
            CalendarFeed.secret_hash == _hash(secret),
            CalendarFeed.revoked_at.is_(None),
            Practitioner.is_active.is_(True),
        )
    ).one_or_none()
    if feed is None:
        raise FeedNotFound("there is no calendar at this address: make a new one")
    taken = session.execute(
        select(Occupancy.starts_at, Occupancy.ends_at)
        .where(
            Occupancy.practitioner_id == feed.practitioner_id,
            Occupancy.ends_at > now - BEFORE,
            Occupancy.starts_at < now + AFTERWARDS,
        )
        .order_by(Occupancy.starts_at)
    ).all()
    spans: list[tuple[datetime, datetime]] = []
    for starts_at, ends_at in taken:
        if spans and starts_at <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], ends_at)
        else:
            spans.append((starts_at, ends_at))
    name = BUSY[feed.language]
    events = [Event(_uid(feed.id, *span), *span, summary=name) for span in spans]
    return busy_calendar(events, name=name, now=now)


def _uid(feed_id: UUID, starts_at: datetime, ends_at: datetime) -> str:
    name = f"{feed_id}|{starts_at.isoformat()}|{ends_at.isoformat()}"
    return f"{sha256(name.encode()).hexdigest()[:32]}@careapp"


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
