"""Read receipts of erasures."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.paging import Page, read_page
from careapp.privacy.models import Erasure


def list_erasures(
    session: Session, *, viewer: Viewer, limit: int, after: UUID | None = None
) -> Page[Erasure]:
    """Return a page of receipts, by id.

    Args:
        session: An open transaction.
        viewer: Who looks.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    statement = visible(select(Erasure), viewer, Erasure)
    return read_page(session, statement, key=Erasure.id, limit=limit, after=after)
