"""Tables of jobs, of claims and of answers that wait to be fetched."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base, text_enum


class JobState(StrEnum):
    """Life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class Job(Base):
    """A piece of long work that a child process does."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_state_created_at", "state", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    """Whose viewer asked; None: region-wide."""
    asked_by: Mapped[str] = mapped_column(String(100))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[JobState] = mapped_column(text_enum(JobState), default=JobState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    progress: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[str | None]
    is_cancel_asked: Mapped[bool] = mapped_column(default=False)
    token: Mapped[int] = mapped_column(default=0)
    """Fencing token: grows with each attempt; a worker with an old one may not write."""
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Claim(Base):
    """Which process does what is due once for a local date; a stale lease may be taken over."""

    __tablename__ = "claim"

    work: Mapped[str] = mapped_column(String(40), primary_key=True)
    local_date: Mapped[date] = mapped_column(primary_key=True)
    token: Mapped[int] = mapped_column(default=1)
    lease_until: Mapped[datetime]
    done_at: Mapped[datetime | None]


class LaterAnswer(Base):
    """An answer that its asker did not want to wait for."""

    __tablename__ = "later_answer"
    __table_args__ = (Index("ix_later_answer_asked_at", "asked_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    asked_by: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime]
    lost_at: Mapped[datetime]
    """If there is no answer by then, whoever worked on it is gone."""
    status: Mapped[int | None]
    """HTTP status; NULL: not yet."""
    headers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    content: Mapped[bytes | None]
