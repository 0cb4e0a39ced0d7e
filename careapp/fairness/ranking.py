"""Put times in order, and those who wait in line: by need and nearness, by nothing else (Anlage 31c BMV-Ä).

What may not count cannot: neither a payer nor how long a consultation lasts is an argument of anything here.
Nearness goes by bands, of which a judgement called 25 kilometres still reasonable (BSG, B 6 KA 2/20 R);
within a band it costs nobody a place to live a village farther away. What is equal is drawn by lot, and
whoever has the lot can draw it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from hashlib import sha256

from routing.travel import Coordinates
from routing.travel.distance import air_kilometres

NEAR_KM, REASONABLE_KM, REGIONAL_KM = 10.0, 25.0, 50.0
SMALL_WAY_S, LARGER_WAY_S = 300, 900


class Need(IntEnum):
    """How much somebody needs a consultation, as a person has judged it."""

    ROUTINE = 1
    SOON = 2
    PRESSING = 3
    URGENT = 4


WITHIN = {
    Need.SOON: timedelta(days=14),
    Need.PRESSING: timedelta(days=3),
    Need.URGENT: timedelta(days=1),
}
"""By when the need asks for it; what can wait has no end."""


class Reason(StrEnum):
    """Why something stands where it stands; a code that names nobody."""

    IN_TIME = "in-time"
    LATER_THAN_NEEDED = "later-than-needed"
    NEAR = "practice-within-10-km"
    REASONABLE = "practice-within-25-km"
    REGIONAL = "practice-within-50-km"
    FAR = "practice-farther"
    DISTANCE_UNKNOWN = "distance-unknown"
    NO_WAY = "no-extra-way"
    SMALL_WAY = "extra-way-up-to-5-min"
    LARGER_WAY = "extra-way-up-to-15-min"
    LONG_WAY = "extra-way-longer"
    NURSE_IS_THERE = "nurse-is-there-anyway"
    NURSE_COMES = "nurse-comes"
    KNOWN_DOCTOR = "known-doctor"
    MORE_NEED = "more-need"
    WAITS_LONGER = "waits-longer"


_BANDS = (
    (NEAR_KM, Reason.NEAR),
    (REASONABLE_KM, Reason.REASONABLE),
    (REGIONAL_KM, Reason.REGIONAL),
)


@dataclass(frozen=True)
class Candidate:
    """A time that could be offered.

    Attributes:
        key: Stands for it in the lot; of no meaning.
        starts_at: When.
        practice: Where the doctor practises; None: not known.
        extra_s: By how many seconds the nurses' tours grow.
        is_there_anyway: A nurse is at the home at that time, whether or not the consultation takes place.
        nurse_comes: A nurse would come for it.
        is_known: The patient has been this doctor's.
    """

    key: str
    starts_at: datetime
    practice: Coordinates | None
    extra_s: int = 0
    is_there_anyway: bool = False
    nurse_comes: bool = False
    is_known: bool = False


@dataclass(frozen=True)
class Ranked:
    """A place in the order.

    Attributes:
        number: Of the candidate, as it was given.
        reasons: Why it stands there, by weight.
    """

    number: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Waiting:
    """Somebody who waits.

    Attributes:
        key: Stands for them in the lot; of no meaning.
        need: As a person has judged it.
        since: Since when.
        home: Where they live; None: not known.
    """

    key: str
    need: Need
    since: datetime
    home: Coordinates | None


def rank(
    candidates: Sequence[Candidate], *, home: Coordinates | None, need: Need, now: datetime, lot: str
) -> list[Ranked]:
    """Put times in order for one patient.

    First what comes in time for the need, then practices by nearness, then what costs the nurses least, then
    a doctor who knows the patient, then the earlier; where it presses, the earlier day before the cost.

    Args:
        candidates: In any order, which does not count.
        home: Where the patient lives; None: not known, then nearness does not count.
        need: As a person has judged it.
        now: This moment.
        lot: From which equals are drawn, e.g. the decision's id.
    """
    bands = _bands(home, [each.practice for each in candidates])
    limit = WITHIN.get(need)
    is_pressing = need >= Need.PRESSING

    def place(number: int) -> tuple[object, ...]:
        each, way = candidates[number], _way(candidates[number])
        return (
            limit is not None and each.starts_at > now + limit,
            _NEARNESS.index(bands[number]) if home is not None else 0,
            each.starts_at.date() if is_pressing else now.date(),
            _WAYS.index(way),
            not each.is_known,
            each.starts_at,
            _draw(lot, each.key),
        )

    order = sorted(range(len(candidates)), key=place)
    return [Ranked(number, _reasons(candidates[number], bands[number], limit, now)) for number in order]


def first_in_line(waiting: Sequence[Waiting], *, practice: Coordinates | None, lot: str) -> list[Ranked]:
    """Put those who wait for one time in line: by need, then nearness, then how long they wait.

    Args:
        waiting: In any order, which does not count.
        practice: Where the doctor practises; None: not known, then nearness does not count.
        lot: From which equals are drawn.
    """
    bands = _bands(practice, [each.home for each in waiting])

    def place(number: int) -> tuple[object, ...]:
        each = waiting[number]
        return (
            -each.need,
            _NEARNESS.index(bands[number]) if practice is not None else 0,
            each.since,
            _draw(lot, each.key),
        )

    order = sorted(range(len(waiting)), key=place)
    return [Ranked(number, (Reason.MORE_NEED, bands[number], Reason.WAITS_LONGER)) for number in order]


def _reasons(
    candidate: Candidate, band: Reason, limit: timedelta | None, now: datetime
) -> tuple[Reason, ...]:
    found = []
    if limit is not None:
        is_late = candidate.starts_at > now + limit
        found.append(Reason.LATER_THAN_NEEDED if is_late else Reason.IN_TIME)
    found += [band, _way(candidate)]
    if candidate.is_there_anyway:
        found.append(Reason.NURSE_IS_THERE)
    elif candidate.nurse_comes:
        found.append(Reason.NURSE_COMES)
    if candidate.is_known:
        found.append(Reason.KNOWN_DOCTOR)
    return tuple(found)


def _bands(one: Coordinates | None, others: Sequence[Coordinates | None]) -> list[Reason]:
    known = list(dict.fromkeys(other for other in others if other is not None))
    if one is None or not known:
        return [Reason.DISTANCE_UNKNOWN] * len(others)
    distances = air_kilometres([(each.latitude, each.longitude) for each in (one, *known)])[0, 1:]
    found = {
        place: next((reason for most, reason in _BANDS if kilometres <= most), Reason.FAR)
        for place, kilometres in zip(known, distances.tolist(), strict=True)
    }
    return [Reason.DISTANCE_UNKNOWN if other is None else found[other] for other in others]


_NEARNESS = (Reason.NEAR, Reason.REASONABLE, Reason.REGIONAL, Reason.FAR, Reason.DISTANCE_UNKNOWN)
_WAYS = (Reason.NO_WAY, Reason.SMALL_WAY, Reason.LARGER_WAY, Reason.LONG_WAY)


def _way(candidate: Candidate) -> Reason:
    if candidate.extra_s <= 0:
        return Reason.NO_WAY
    if candidate.extra_s <= SMALL_WAY_S:
        return Reason.SMALL_WAY
    return Reason.LARGER_WAY if candidate.extra_s <= LARGER_WAY_S else Reason.LONG_WAY


def _draw(lot: str, key: str) -> bytes:
    return sha256(f"{lot} {key}".encode()).digest()
