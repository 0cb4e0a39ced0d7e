"""What patients of the demo region need: kinds of care, and who needs which together.

The durations, times of day and qualifications follow what is usual in German home care: medical care (SGB V)
by registered nurses or by assistants trained for it, basic care (SGB XI) by all; a visit lasts 10 to 45
minutes, most are wanted in the morning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from careapp.orders.models import OnHolidays

SKILLS: Mapping[str, tuple[str, str]] = {
    "basic-care": ("Grundpflege", "Basic care"),
    "catheter": ("Katheterversorgung", "Catheter care"),
    "compression": ("Kompressionstherapie", "Compression therapy"),
    "counselling": ("Beratung nach § 37 Abs. 3 SGB XI", "Care counselling"),
    "infusion": ("Port- und Infusionstherapie", "Port and infusion therapy"),
    "injection": ("Injektion", "Injection"),
    "medication": ("Medikamente stellen und geben", "Medication"),
    "palliative": ("Palliativpflege", "Palliative care"),
    "wound-care": ("Wundversorgung", "Wound care"),
}
"""Code of each skill to its German and English name."""

EVERY_DAY = "FREQ=DAILY"
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# Turns that begin on each day alike: so no weekday has more of them than another.
_THRICE_A_WEEK = tuple(
    f"FREQ=WEEKLY;BYDAY={day},{_DAYS[(number + 2) % 7]},{_DAYS[(number + 4) % 7]}"
    for number, day in enumerate(_DAYS)
)
_TWICE_A_WEEK = tuple(
    f"FREQ=WEEKLY;BYDAY={day},{_DAYS[(number + 3) % 7]}" for number, day in enumerate(_DAYS)
)
_ONCE_A_WEEK = tuple(f"FREQ=WEEKLY;BYDAY={day}" for day in _DAYS[:6])

NOBODYS_GRADE = 4
"""A grade of `infusion` that no nurse of the region holds."""


@dataclass(frozen=True)
class Time:
    """When a visit of a kind of care is wanted.

    Attributes:
        earliest: Least and greatest minute after midnight for the begin of the window, drawn in half hours.
        width: Minutes from the begin of the window to its end.
    """

    earliest: tuple[int, int]
    width: int


def _at(first: float, last: float, hours: float) -> Time:
    return Time((round(60 * first), round(60 * last)), round(60 * hours))


@dataclass(frozen=True)
class Kind:
    """A kind of care order.

    Attributes:
        title: What is done.
        minutes: Least and greatest care time, drawn in steps of five.
        times: One for each visit of a day.
        skills: One for each nurse.
        recurrences: One of them is drawn.
        priority: From 1 (may wait) to 4 (must never be left out).
        on_holidays: What becomes of it on a public holiday.
        min_gap_minutes: Least time between the visits of a day.
    """

    title: str
    minutes: tuple[int, int]
    times: tuple[Time, ...]
    skills: tuple[Mapping[str, int], ...]
    recurrences: tuple[str, ...] = (EVERY_DAY,)
    priority: int = 2
    on_holidays: OnHolidays = OnHolidays.AS_USUAL
    min_gap_minutes: int | None = None


@dataclass(frozen=True, eq=False)
class Profile:
    """What a patient needs.

    Attributes:
        share: Part of all visits of a day that fall to patients of this profile.
        kinds: Orders of such a patient.
        needs_late: Some visit lies beyond the early shift.
        needs_pair: Two nurses of the early shift are needed at once.
    """

    share: float
    kinds: tuple[Kind, ...] = field(repr=False)
    needs_late: bool = False
    needs_pair: bool = False


_INSULIN = Kind(
    "Blutzucker und Insulin",
    (10, 15),
    (_at(6.5, 7.5, 1.5), _at(16.5, 18, 1.5)),
    ({"injection": 2},),
    priority=4,
    min_gap_minutes=480,
)
_STOCKINGS = Kind(
    "Kompressionsstrümpfe an und aus",
    (10, 15),
    (_at(6.5, 8, 2), _at(17.5, 19, 2)),
    ({"compression": 1},),
    min_gap_minutes=540,
)
_WASH = Kind("Körperpflege am Morgen", (20, 35), (_at(6.5, 9.5, 2.5),), ({"basic-care": 2},))
_WASH_BY_TWO = Kind(
    "Körperpflege und Lagerung zu zweit",
    (35, 45),
    (_at(7.5, 9.5, 2),),
    ({"basic-care": 3}, {"basic-care": 2}),
    priority=3,
)
_TO_BED = Kind("Zubettgehen", (20, 30), (_at(18, 19, 2),), ({"basic-care": 2},))
_EVENING = Kind("Medikamente am Abend", (10, 20), (_at(17, 19, 2),), ({"medication": 1},), priority=3)
_WOUND_EARLY = Kind(
    "Wundversorgung",
    (20, 35),
    (_at(8.5, 10, 3),),
    ({"wound-care": 2},),
    recurrences=_THRICE_A_WEEK,
    priority=3,
)
_WOUND_LATE = Kind(
    "Wundversorgung",
    (20, 35),
    (_at(13.5, 14.5, 3),),
    ({"wound-care": 2},),
    recurrences=_THRICE_A_WEEK,
    priority=3,
)
_SHOWER = Kind(
    "Duschen oder Baden",
    (30, 40),
    (_at(13.5, 14.5, 3.5),),
    ({"basic-care": 2},),
    recurrences=_TWICE_A_WEEK,
    priority=1,
    on_holidays=OnHolidays.SKIP,
)
_MEDICATION_BOX = Kind(
    "Wochendosette stellen",
    (15, 20),
    (_at(9.5, 11, 5),),
    ({"medication": 3},),
    recurrences=_ONCE_A_WEEK,
    on_holidays=OnHolidays.SKIP,
)
_PALLIATIVE = Kind("Palliative Versorgung", (30, 45), (_at(9.5, 10.5, 3),), ({"palliative": 3},), priority=4)
_NOON = Kind("Hilfe beim Essen am Mittag", (15, 25), (_at(11, 11.5, 1.5),), ({"basic-care": 1},))
_AFTERNOON = Kind("Mobilisation am Nachmittag", (20, 35), (_at(14, 15, 2.5),), ({"basic-care": 2},))

CATHETER = Kind(
    "Dauerkatheter wechseln",
    (25, 30),
    (_at(9, 10, 4),),
    ({"catheter": 3},),
    recurrences=tuple(f"FREQ=MONTHLY;BYDAY={number}{day}" for number in (1, 2, 3, 4) for day in ("TU", "TH")),
    priority=3,
    on_holidays=OnHolidays.SKIP,
)
COUNSELLING = Kind(
    "Beratungseinsatz",
    (30, 45),
    (_at(9.5, 11, 5),),
    ({"counselling": 2},),
    recurrences=tuple(f"FREQ=MONTHLY;INTERVAL=6;BYDAY={number}WE" for number in (1, 2, 3, 4)),
    priority=1,
    on_holidays=OnHolidays.SKIP,
)

PROFILES = (
    Profile(0.22, (_INSULIN,), needs_late=True),
    Profile(0.18, (_STOCKINGS,), needs_late=True),
    Profile(0.13, (_WASH,)),
    Profile(0.04, (_WASH_BY_TWO, _TO_BED), needs_late=True, needs_pair=True),
    Profile(0.09, (_WOUND_EARLY,)),
    Profile(0.06, (_WOUND_LATE,), needs_late=True),
    Profile(0.04, (_SHOWER,), needs_late=True),
    Profile(0.05, (_MEDICATION_BOX,)),
    Profile(0.02, (_PALLIATIVE,)),
    Profile(0.05, (_NOON,)),
    Profile(0.07, (_EVENING,), needs_late=True),
    Profile(0.05, (_AFTERNOON,), needs_late=True),
)
"""Who needs what; the shares add up to one."""

UNSKILLED = Kind(
    "Parenterale Ernährung über Port",
    (30, 30),
    (_at(9, 9, 3),),
    ({"infusion": NOBODYS_GRADE},),
    priority=3,
)
AT_NIGHT = Kind("Kontrolle in der Nacht", (15, 15), (_at(23, 23, 0.5),), ({"basic-care": 2},))
FORBIDDEN = Kind("Vakuumtherapie einer Wunde", (30, 30), (_at(9, 9, 3),), ({"wound-care": 4},), priority=3)
HARD_KINDS = (UNSKILLED, AT_NIGHT, FORBIDDEN)
"""Care that nobody can give, so that a plan has something true to say about what it left out.

Nobody holds the grade; nobody is on duty at night; the nurses who hold the grade may not come.
"""
