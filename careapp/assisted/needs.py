"""What is asked for, and what is offered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from careapp.db import refuse_naive
from careapp.errors import Invalid

LONGEST_PERIOD = timedelta(days=28)
MOST_OFFERS = 200
_LONGEST_MINUTES = 240


class ImpossibleNeed(Invalid):
    """What is asked for contradicts itself."""


class Basis(StrEnum):
    """How sure it is that a nurse can be there."""

    PUBLISHED = "published"
    """The tours are promised: the place in one is exact."""
    PROPOSED = "proposed"
    """The tours are planned, not promised: they have room, and the next planning keeps the visit's start."""
    EXPECTED = "expected"
    """The day is not planned: so many nurses on duty with the skills have time in that hour."""


@dataclass(frozen=True)
class Need:
    """A consultation with a nurse beside the patient.

    Attributes:
        patient_id: Who is to be seen.
        starts: First moment of the period that is looked through.
        ends: The moment after its last.
        doctor_id: A doctor's role; None: any.
        schedule_ids: Only these schedules; None: all of the doctor's.
        specialty: Code of IHE-D's `AerztlicheFachrichtungen`; None: any.
        visit_minutes: How long a visit lasts that is made for it.
        video_minutes: How much of the doctor's time is taken.
        offset_minutes: From the visit's start until the video's.
        tolerance_minutes: How far the visit's start may be from that.
        skills: Skill's code to least grade, of the nurse of a visit that is made for it.
        level: How much it is needed, from 1 (can wait) to 4 (at once).
        waiting_since: Since when the patient waits; None: since today.
        visit_id: Only this visit of the patient's; None: the next that fits, else a new one.
        most: How many offers to return at most.

    Raises:
        NaiveDatetime: A time has no zone.
        ImpossibleNeed: The period or a number is out of range.
    """

    patient_id: UUID
    starts: datetime
    ends: datetime
    doctor_id: UUID | None = None
    schedule_ids: tuple[UUID, ...] | None = None
    specialty: str | None = None
    visit_minutes: int = 40
    video_minutes: int = 12
    offset_minutes: int = 10
    tolerance_minutes: int = 5
    skills: Mapping[str, int] = field(default_factory=dict)
    level: int = 2
    waiting_since: date | None = None
    visit_id: UUID | None = None
    most: int = 20

    def __post_init__(self) -> None:
        refuse_naive(self.starts)
        refuse_naive(self.ends)
        if not self.starts < self.ends <= self.starts + LONGEST_PERIOD:
            raise ImpossibleNeed("give a period that ends after its start, of four weeks at most")
        for name, value, least, most in (
            ("visit_minutes", self.visit_minutes, 5, _LONGEST_MINUTES),
            ("video_minutes", self.video_minutes, 1, self.visit_minutes),
            ("offset_minutes", self.offset_minutes, 0, self.visit_minutes - self.video_minutes),
            ("tolerance_minutes", self.tolerance_minutes, 0, 60),
            ("level", self.level, 1, 4),
            ("most", self.most, 1, MOST_OFFERS),
        ):
            if not least <= value <= most:
                raise ImpossibleNeed(f"{name} {value}: write a whole number from {least} to {most}")


@dataclass(frozen=True, order=True)
class Moved:
    """A promised visit of somebody else that would come at another time.

    Attributes:
        visit_id: Which one.
        seconds: How much later; negative for earlier.
    """

    visit_id: UUID
    seconds: int


@dataclass(frozen=True)
class AssistedOffer:
    """A doctor's time at which a nurse can be with the patient.

    Attributes:
        schedule_id: Whose time.
        slot_id: The stored slot, if the time is one.
        kind_id: The kind of consultation, if the time is computed.
        starts_at: When the video begins.
        ends_at: When it ends.
        visit_id: The patient's own visit that is used; None: a new one is made.
        visit_starts_at: When the nurse begins.
        visit_ends_at: When she leaves the patient.
        shift_ids: Of the nurses who would come, in the order of the visit's services; empty if expected only.
        nurse_ids: Their roles.
        basis: How sure it is.
        extra_s: Seconds of driving more than now; None if expected only.
        extra_m: Metres more; None likewise.
        moved: Who else would be visited at another time.
        known_visits: How often these nurses were with the patient in four weeks; None if expected only.
        points: What it counts in the order of offers, the fewer the better; see `reasons`.
        reasons: What the points are made of, by name.
    """

    schedule_id: UUID
    slot_id: UUID | None
    kind_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    visit_id: UUID | None
    visit_starts_at: datetime
    visit_ends_at: datetime
    shift_ids: tuple[UUID, ...]
    nurse_ids: tuple[UUID, ...]
    basis: Basis
    extra_s: int | None
    extra_m: int | None
    moved: tuple[Moved, ...]
    known_visits: int | None
    points: int
    reasons: Mapping[str, int]
