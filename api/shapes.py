"""What is common to everything that goes over the wire as JSON."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from starlette.datastructures import URL

from careapp.paging import Page
from careapp.people.models import Patient, Role

Item = TypeVar("Item")

FIRST_YEAR, LAST_YEAR = 1900, 2199


Example = dict[str, Any]


def shown_as(example: Example) -> ConfigDict:
    """Return the configuration of a model with an example for `/openapi.json`."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class In(BaseModel):
    """Base of what a client sends; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Out(BaseModel):
    """Base of what is answered; made from a row. No field has a default, so none can be forgotten."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class PageOut(Out, Generic[Item]):
    """Some items of a list; `next` is the address of the page after this one, null on the last."""

    items: list[Item]
    next: str | None


def next_address(request: Request, page: Page[Any]) -> str | None:
    """Return the address of the page after `page`, with the same filters."""
    if page.next_after is None:
        return None
    asked = URL(str(request.url)).include_query_params(after=str(page.next_after))
    return f"{asked.path}?{asked.query}"


def _is_moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("must be a date and time as in RFC 3339, e.g. 2026-03-03T08:00:00+01:00")
    if not _OFFSET.search(value):
        raise ValueError("has no time zone: add an offset such as +01:00 or Z")
    return value


def _to_utc(value: datetime) -> datetime:
    if not FIRST_YEAR < value.year < LAST_YEAR:
        raise ValueError(f"must lie between {FIRST_YEAR + 1} and {LAST_YEAR - 1}")
    return value.astimezone(UTC)


def _is_date(value: Any) -> Any:
    # Pydantic alone would take 20260303 for a number of seconds.
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("must be a date such as 2026-03-03")
    return value


def _is_near(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return value


def _is_clock_time(value: Any) -> Any:
    if isinstance(value, str) and not _CLOCK_TIME.fullmatch(value):
        raise ValueError("must be a time such as 07:30")
    return value


_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:00)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_OFFSET = re.compile(r"([Zz]|[+-]\d\d:\d\d)$", re.ASCII)

Moment = Annotated[datetime, BeforeValidator(_is_moment), AfterValidator(_to_utc)]
"""A date and time that came in, with its offset (RFC 3339); UTC from here on."""

LocalDate = Annotated[date, BeforeValidator(_is_date), AfterValidator(_is_near)]
"""A calendar day in the region."""

Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
"""A line of text without control characters."""

Limit = Annotated[int, Query(ge=1, le=200, description="Most items on a page.")]
ClockTime = Annotated[time, BeforeValidator(_is_clock_time)]
"""A time on the wall clock, to the minute."""

After = Annotated[UUID | None, Query(description="As in the `next` of the page before.")]


class NamedOut(Out):
    """Somebody or something with a name."""

    id: UUID
    name: str


class PlaceOut(Out):
    """An address with its point on the map."""

    street: str | None
    house_number: str | None
    postal_code: str | None
    city: str | None
    district: str | None
    latitude: float
    longitude: float


class IntervalOut(Out):
    """A stretch of time, half-open."""

    starts_at: datetime
    ends_at: datetime


def nurse_or_doctor(role: Role) -> NamedOut:
    """Show a role by its holder's name; needs `Role.practitioner` loaded."""
    who = role.practitioner
    return NamedOut(id=role.id, name=" ".join(filter(None, (who.title, who.given_name, who.family_name))))


def patient_of(patient: Patient) -> NamedOut:
    """Show a patient by name."""
    return NamedOut(id=patient.id, name=f"{patient.given_name} {patient.family_name}")


class SkillNeed(In):
    """A skill that a nurse needs for a visit, at this grade or higher."""

    code: Annotated[Line, Field(max_length=40)]
    grade: int = Field(ge=1, le=4)


class SkillNeedOut(Out):
    """A skill that a nurse needs for a visit, at this grade or higher."""

    code: str
    grade: int


def needs_of(skills: list[SkillNeed]) -> dict[str, int]:
    """Return each skill's code with its grade; of two grades the higher."""
    return {need.code: need.grade for need in sorted(skills, key=lambda need: need.grade)}


class Cancellation(In):
    """Why something is called off: `pat` the patient, `prov` we, `maint`, `meds-inc` or `other`."""

    model_config = shown_as({"because": "pat"})

    because: Literal["pat", "prov", "maint", "meds-inc", "other"]
