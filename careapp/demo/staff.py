"""The demo region's nurses: posts of a service, and the two nurses who share each post."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import cycle, islice

from careapp.demo.geography import Area
from careapp.demo.maker import Maker
from careapp.organisations.models import Organisation, Place, PlaceKind
from careapp.people.models import Role, RoleKind, RoleSkill, VehicleKind
from careapp.tours.models import ShiftPattern

_SPECIALIST = {
    "basic-care": 4,
    "catheter": 4,
    "compression": 4,
    "counselling": 3,
    "infusion": 2,
    "injection": 4,
    "medication": 4,
    "palliative": 4,
    "wound-care": 4,
}
_REGISTERED = {
    "basic-care": 4,
    "catheter": 3,
    "compression": 3,
    "counselling": 2,
    "injection": 3,
    "medication": 3,
    "palliative": 2,
    "wound-care": 3,
}
_ASSISTANT = {"basic-care": 3, "compression": 2, "injection": 2, "medication": 1}
_HELPER = {"basic-care": 2, "compression": 1}

_EARLY = (
    (_SPECIALIST, time(6), time(14)),
    (_ASSISTANT, time(6), time(14)),
    (_REGISTERED, time(6, 30), time(14)),
    (_REGISTERED, time(6), time(12)),
    (_HELPER, time(7), time(14)),
)
_LATE = (
    (_REGISTERED, time(13, 30), time(21, 30)),
    (_ASSISTANT, time(14), time(21, 30)),
    (_REGISTERED, time(15), time(21)),
)
"""Qualification and shift of a service's first, second, ... post."""

_LATE_SHARE = 0.4
_CYCLING_TOWN = 60_000
_FROM_HOME = 3
"""Every so many nurses one leaves from her own home instead of the base."""

_TURNS = (
    (("MO,TU,FR,SA,SU", 0), ("WE,TH", 7)),
    (("WE,TH", 0), ("MO,TU,FR,SA,SU", 7)),
)
"""Of a post's first and second nurse: weekdays and the day on which this fortnightly turn begins.

Together they cover every day once; each has every other weekend off and never works more than three days
in a row.
"""


@dataclass(frozen=True)
class Post:
    """A place in a service's roster that is filled every day.

    Attributes:
        skills: What its nurses hold.
        starts: Begin of the shift, local.
        ends: Its end.
        vehicle: How they travel.
    """

    skills: Mapping[str, int]
    starts: time
    ends: time
    vehicle: VehicleKind

    @property
    def is_early(self) -> bool:
        """Whether the shift begins in the morning."""
        return self.starts < time(12)


@dataclass(frozen=True)
class Nurse:
    """A nurse's rows.

    Attributes:
        role: With practitioner, base and skills.
        post: What she fills.
        patterns: When she works.
    """

    role: Role
    post: Post
    patterns: list[ShiftPattern]


def posts(count: int, *, population: int) -> list[Post]:
    """Return the roster of a service with so many nurses on duty each day.

    Args:
        count: From 1; a single nurse works early.
        population: Of the service's town: in a large one an assistant goes by bicycle.
    """
    late = min(round(_LATE_SHARE * count), count - 1)
    found = []
    for number, (skills, starts, ends) in enumerate(islice(cycle(_EARLY), count - late)):
        is_cyclist = number == 1 and population > _CYCLING_TOWN
        found.append(Post(skills, starts, ends, VehicleKind.EBIKE if is_cyclist else VehicleKind.CAR))
    found += [
        Post(skills, starts, ends, VehicleKind.CAR) for skills, starts, ends in islice(cycle(_LATE), late)
    ]
    return found


def hire(
    maker: Maker, organisation: Organisation, base: Place, area: Area, roster: list[Post], *, first_date: date
) -> Iterator[Nurse]:
    """Make two nurses for each post; from some weeks before `first_date` one of them is there each day."""
    monday = first_date - timedelta(days=first_date.weekday(), weeks=8)
    for post in roster:
        for turns in _TURNS:
            start = base
            if maker.made[RoleKind.NURSE.value] % _FROM_HOME == _FROM_HOME - 1:
                start = maker.place(organisation, PlaceKind.HOME, area.a_home(maker.random))
            role = maker.role(organisation, RoleKind.NURSE, start)
            role.vehicle = post.vehicle
            role.skills = [
                RoleSkill(skill_code=code, grade=grade) for code, grade in sorted(post.skills.items())
            ]
            yield Nurse(
                role,
                post,
                [
                    ShiftPattern(
                        id=maker.id("shift-pattern"),
                        organisation_id=organisation.id,
                        role_id=role.id,
                        role=role,
                        recurrence=f"FREQ=WEEKLY;INTERVAL=2;BYDAY={days}",
                        first_date=monday + timedelta(days=begins),
                        starts=post.starts,
                        ends=post.ends,
                    )
                    for days, begins in turns
                ],
            )
