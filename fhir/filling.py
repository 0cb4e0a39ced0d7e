"""Documents that a newer version shows and an older one did not keep: made after an upgrade."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Exists, exists, select
from sqlalchemy.orm import Session

from careapp.records.models import Document
from fhir.mapping.registry import RESOURCES
from fhir.mapping.resource import ServedResource
from fhir.projector import Progress, rebuild


def fill(session: Session, *, now: datetime, on_progress: Progress | None = None) -> int:
    """Rebuild each kind of which a row has no document; to ask costs a look at each row.

    Args:
        session: A writing transaction that sees every tenant.
        now: Becomes `meta.lastUpdated` of what is made.
        on_progress: As of `rebuild`.

    Returns:
        How many versions were written.
    """
    kinds = [resource.kind for resource in RESOURCES if resource.is_kept and _lacks(session, resource)]
    return rebuild(session, now=now, kinds=kinds, on_progress=on_progress) if kinds else 0


def _lacks(session: Session, resource: ServedResource) -> bool:
    return any(session.scalar(select(lacking)) is True for lacking in _lacking(resource))


def _lacking(resource: ServedResource) -> Iterator[Exists]:
    for part in resource.parts:
        kept = exists().where(Document.kind == resource.kind, Document.id == part.key).correlate(part.table)
        rows = select(part.key).where(~kept)
        yield (rows if part.only is None else rows.where(part.only)).exists()
