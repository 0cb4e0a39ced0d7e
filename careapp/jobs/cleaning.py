"""Forget what nobody will ask for any more: ended jobs, old messages and answers, files of exports."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from careapp.config import Settings
from careapp.jobs.models import ENDED, Job, JobState, LaterAnswer
from careapp.privacy.retention import keep_rules
from careapp.records.models import OutboxMessage
from careapp.subscriptions.models import SubscriptionEvent

AT_ONCE = 2000
"""Rows of a table in one look, so that nobody waits long for the locks."""


def forget_old(session: Session, *, now: datetime, settings: Settings) -> int:
    """Delete what is older than the settings allow, some of it at each look.

    Args:
        session: A writing transaction.
        now: This moment.
        settings: `answers_keep_h`, `outbox_keep_days`, `jobs_keep_days`, `exports_dir`, and those of
            `careapp.privacy.retention`.

    Returns:
        How many rows were deleted.
    """
    fetched = now - timedelta(hours=settings.answers_keep_h)
    sent = now - timedelta(days=settings.outbox_keep_days)
    ended = now - timedelta(days=settings.jobs_keep_days)
    jobs = select(Job.id).where(Job.state.in_(ENDED), Job.ended_at < ended).limit(AT_ONCE)
    is_old = or_(
        OutboxMessage.delivered_at < sent,
        and_(OutboxMessage.delivered_at.is_(None), OutboxMessage.created_at < sent),
    )
    messages = select(OutboxMessage.id).where(is_old).limit(AT_ONCE)
    answers = select(LaterAnswer.id).where(LaterAnswer.asked_at < fetched).limit(AT_ONCE)
    deleted = 0
    for model, old in ((Job, jobs), (OutboxMessage, messages), (LaterAnswer, answers)):
        keys = session.scalars(old).all()
        if keys:
            session.execute(delete(model).where(model.id.in_(keys)))
            deleted += len(keys)
    deleted += keep_rules(session, now=now, settings=settings)
    deleted += _forget_events(session, sent)
    _forget_files(session, settings.exports_dir, fetched)
    return deleted


def _forget_events(session: Session, before: datetime) -> int:
    found = session.execute(
        select(SubscriptionEvent.subscription_id, SubscriptionEvent.number)
        .where(SubscriptionEvent.at < before)
        .order_by(SubscriptionEvent.at)
        .limit(AT_ONCE)
    ).all()
    last: dict[UUID, int] = {}
    for subscription_id, number in found:
        last[subscription_id] = max(number, last.get(subscription_id, 0))
    for subscription_id, number in last.items():
        session.execute(
            delete(SubscriptionEvent).where(
                SubscriptionEvent.subscription_id == subscription_id,
                SubscriptionEvent.number <= number,
                SubscriptionEvent.at < before,
            )
        )
    return len(found)


def _forget_files(session: Session, folder: Path, before: datetime) -> None:
    """Delete folders of exports that ended long ago, or without a result; `<job>.<token>` is their name."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if not _is_needed(session, path.name, before):
            shutil.rmtree(path, ignore_errors=True)  # what is still there, the next look deletes


def _is_needed(session: Session, name: str, before: datetime) -> bool:
    key, _, token = name.partition(".")
    try:
        job = session.get(Job, UUID(key))
    except ValueError:
        return True  # none of ours
    if job is None or str(job.token) != token:
        return False
    if job.state is JobState.DONE:
        return job.ended_at is not None and job.ended_at >= before
    return job.state not in ENDED
