"""The offer that somebody chose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from careapp.assisted.needs import Need
from careapp.db import refuse_naive
from careapp.errors import Conflict, Invalid
from careapp.tours.pins import starts_left


class OfferGone(Conflict):
    """No nurse can be there at that time, or not any more."""


class NotAssisted(Invalid):
    """The booking takes place without a nurse."""


@dataclass(frozen=True)
class Choice:
    """One of the offers of `careapp.assisted.search.find_assisted`.

    Attributes:
        patient_id: Who is to be seen.
        schedule_id: Whose time.
        starts_at: When the video begins.
        ends_at: When it ends; of a computed time the kind of consultation says it.
        visit_starts_at: When the nurse begins.
        slot_id: The stored slot, if the time is one.
        kind_id: The kind of consultation, if the time is computed.
        visit_id: The patient's own visit that is used; None: a new one is made.
        shift_ids: Only the nurses of these shifts; empty: any.
        most_moved_s: So many seconds may others be moved together; None: any.
        visit_minutes: How long a new visit lasts.
        tolerance_minutes: How far the visit's start may later be from the one agreed.
        skills: What the nurse of a new visit needs.
        hold_id: The hold that keeps the doctor's time, if one does.
        title: What it is about.
    """

    patient_id: UUID
    schedule_id: UUID
    starts_at: datetime
    ends_at: datetime
    visit_starts_at: datetime
    slot_id: UUID | None = None
    kind_id: UUID | None = None
    visit_id: UUID | None = None
    shift_ids: tuple[UUID, ...] = ()
    most_moved_s: int | None = None
    visit_minutes: int = 40
    tolerance_minutes: int = 5
    skills: Mapping[str, int] = field(default_factory=dict)
    hold_id: UUID | None = None
    title: str | None = None

    def need(self) -> Need:
        """Return what it answers.

        Raises:
            NaiveDatetime: A time has no zone.
            ImpossibleNeed: The times contradict each other.
        """
        for moment in (self.starts_at, self.ends_at, self.visit_starts_at):
            refuse_naive(moment)
        minute = timedelta(minutes=1)
        return Need(
            self.patient_id,
            self.starts_at,
            self.starts_at + minute,
            visit_minutes=self.visit_minutes,
            video_minutes=-((self.starts_at - self.ends_at) // minute),
            offset_minutes=(self.starts_at - self.visit_starts_at) // minute,
            tolerance_minutes=self.tolerance_minutes,
            skills=self.skills,
            visit_id=self.visit_id,
        )

    def window(self) -> tuple[datetime, datetime]:
        """Return the first and the last start that is left to a visit made for it."""
        offset = self.starts_at - self.visit_starts_at
        return starts_left(
            (self.starts_at, self.ends_at),
            60 * self.visit_minutes,
            round(offset.total_seconds()),
            60 * self.tolerance_minutes,
        )
