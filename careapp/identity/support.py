"""Let support look into a tenant: for a time, for a reason. None of these commits."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.errors import Conflict, Invalid, NotFound
from careapp.identity.support_models import SupportGrant
from careapp.paging import Page, read_page
from careapp.records import audit

LONGEST = timedelta(days=7)


class SupportGrantNotFound(NotFound):
    """No grant has this id, or not for this viewer."""


class SupportGrantIsOver(Conflict):
    """The grant has ended already."""


class GrantTooLong(Invalid):
    """A grant would last longer than any fault should."""


class GrantOfNobody(Invalid):
    """A grant is of no one tenant."""


def grant_support(
    session: Session, *, viewer_name: str, reason: str, lasts: timedelta, viewer: Viewer, now: datetime
) -> SupportGrant:
    """Let one person of support read what the viewer's tenant has, from now on.

    Args:
        session: An open transaction.
        viewer_name: Whom: the id of their account.
        reason: In words, without a name or an address.
        lasts: For how long, at most `LONGEST`.
        viewer: Who grants it, for their own tenant.
        now: This moment.

    Raises:
        GrantTooLong: It would last longer than that.
        GrantOfNobody: The viewer stands for no one tenant.
    """
    if viewer.organisation_id is None:
        raise GrantOfNobody("support is let in by one tenant: ask its administrator")
    if not timedelta() < lasts <= LONGEST:
        raise GrantTooLong(f"support is let in for at most {LONGEST.days} days: grant it anew if need be")
    grant = SupportGrant(
        id=uuid4(),
        organisation_id=viewer.organisation_id,
        viewer_name=viewer_name,
        reason=reason,
        starts_at=now.replace(microsecond=0),
        ends_at=now + lasts,
        granted_by=viewer.name,
        created_at=now,
    )
    session.add(grant)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="grant_support", subject=grant, to=viewer_name)
    return grant


def end_support(session: Session, *, grant_id: UUID, viewer: Viewer, now: datetime) -> SupportGrant:
    """End a grant before its time.

    Raises:
        SupportGrantNotFound: No grant has this id, or not for this viewer.
        SupportGrantIsOver: It has ended already.
    """
    statement = select(SupportGrant).where(SupportGrant.id == grant_id).with_for_update()
    grant = session.scalars(visible(statement, viewer, SupportGrant, to_change=True)).one_or_none()
    if grant is None:
        raise SupportGrantNotFound(f"there is no grant {grant_id}")
    if grant.ends_at <= now:
        raise SupportGrantIsOver(f"grant {grant_id} is over: there is nothing to end")
    grant.ends_at = now
    grant.starts_at = min(grant.starts_at, now)
    audit.record(session, viewer=viewer, now=now, action="end_support", subject=grant)
    return grant


def list_grants(
    session: Session, *, viewer: Viewer, limit: int, after: UUID | None = None
) -> Page[SupportGrant]:
    """Return a page of the tenant's grants, those that are over too, by id."""
    statement = visible(select(SupportGrant), viewer, SupportGrant)
    return read_page(session, statement, key=SupportGrant.id, limit=limit, after=after)
