"""Forget messages that were sent long ago, and the files that were written for them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from careapp.config import Settings
from careapp.notices.models import Notice, NoticeStatus

AT_ONCE = 500
AN_HOUR = timedelta(hours=1)


def forget_notices(session: Session, *, now: datetime, settings: Settings) -> int:
    """Delete messages whose appointment is long over, and files of messages that are gone.

    Args:
        session: A writing transaction of the whole region.
        now: This moment.
        settings: `outbox_keep_days`, `data_dir`.

    Returns:
        How many rows and files went.
    """
    before = now - timedelta(days=settings.outbox_keep_days)
    old = (
        select(Notice.id)
        .where(Notice.status != NoticeStatus.WAITING, Notice.starts_at < before, Notice.due_at < before)
        .limit(AT_ONCE)
    )
    keys = session.scalars(old).all()
    if keys:
        session.execute(
            delete(Notice).where(Notice.id.in_(keys)), execution_options={"synchronize_session": False}
        )
    folders = [settings.data_dir / name for name in ("mail", "sms")]
    return len(keys) + sum(_forget_files(session, folder, now) for folder in folders)


def _forget_files(session: Session, folder: Path, now: datetime) -> int:
    if not folder.is_dir():
        return 0
    found: dict[UUID, Path] = {}
    gone: list[Path] = []
    for path in folder.iterdir():
        key = _key_of(path)
        if key is not None:
            found[key] = path
        elif path.name.startswith(".") and _age(path, now) > AN_HOUR:
            gone.append(path)  # a draft that was never finished; anything else is not ours
    keys = list(found)
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        known = set(session.scalars(select(Notice.id).where(Notice.id.in_(some))))
        gone += [found[key] for key in some if key not in known]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _key_of(path: Path) -> UUID | None:
    try:
        return UUID(path.stem)
    except ValueError:
        return None


def _age(path: Path, now: datetime) -> timedelta:
    try:
        return now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:  # it is finished by now
        return timedelta()
