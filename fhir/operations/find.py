"""`Appointment/$find` (IHE ITI-115): which appointments could be had.

https://profiles.ihe.net/ITI/Scheduling/. What is proposed is not stored: its id says of which slot it is, and
for which patient, so `$hold` and `$book` know it again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from careapp.access import visible
from careapp.appointments.models import Occupancy
from careapp.consultations.models import Schedule, Slot
from careapp.consultations.taking import is_bookable
from careapp.errors import Invalid
from careapp.organisations.models import Place
from careapp.people.models import Role
from fhir.access import require, shown
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.mapping.slot import SLOT
from fhir.operations.answer import Answer, bundle_of
from fhir.operations.assisted import find_offers
from fhir.operations.parameters import Given, as_reference, read_parameters, wrong
from fhir.operations.proposals import Proposed, propose
from fhir.search.dates import read
from fhir.writers.parts import key_of

USUALLY = 50
MOST = 1000
LONGEST = 200


def find(session: Session, document: Json, asking: Asking) -> Answer:
    """Propose appointments.

    Args:
        session: A reading transaction.
        document: Parameters as IHE defines them: `start` and `end`; any of `specialty`, `visit-type`,
            `practitioner`, `organization`, `location-reference`, `location-string`, `patient-reference`;
            `_count`. Of several values of one name any may fit; all names must. What cannot narrow a video
            consultation (`reason`, `timing`, `insurance-reference` and the like) is passed over.
        asking: Who asks, and when.

    Returns:
        A searchset of Appointments with status `proposed`, in order of time; held slots are not among them.
        Of assisted consultations (a `visit-type`) the best come first, and a patient must be named.

    Raises:
        Malformed: A parameter is missing or cannot be read.
        KindNotForRole, KindNotInScopes: The viewer may not search slots.
    """
    require(asking.viewer, "Slot", "s")
    given = read_parameters(document)
    conditions = _conditions(given, asking)
    patient = _patient(given, asking)
    if _wants(given, codes.ASSISTED_CONSULTATION):
        return _find_assisted(session, given, patient, asking)
    total = session.scalar(shown(_slots(select(func.count(Slot.id)), conditions), asking.viewer, SLOT, "s"))
    slots = session.scalars(
        shown(
            _slots(select(Slot), conditions)
            .order_by(Slot.starts_at, Slot.id)
            .limit(_count(given))
            .options(joinedload(Slot.schedule).joinedload(Schedule.role).joinedload(Role.practitioner)),
            asking.viewer,
            SLOT,
            "s",
        )
    ).all()
    proposals = [propose([slot], Proposed(slot.id, patient), status="proposed") for slot in slots]
    return Answer(200, bundle_of(proposals, base_url=asking.base_url, total=total))


def _find_assisted(session: Session, given: Given, patient: UUID | None, asking: Asking) -> Answer:
    """Propose consultations at which a nurse can be with the patient, the best first."""
    if patient is None:
        raise wrong("patient-reference", "say for whom: a nurse is to be at the home", "required")
    require(asking.viewer, "Appointment", "c")
    starts, ends = max(_moment(given, "start", asking), asking.now), _moment(given, "end", asking)
    statement = (
        select(Schedule.id)
        .join(Role, Role.id == Schedule.role_id)
        .join(Place, Place.id == Role.base_id)
        .where(*_whose(given, asking))
    )
    schedules = session.scalars(visible(statement, asking.viewer, Schedule)).all()
    proposals: list[Json] = []
    if starts < ends:
        proposals = find_offers(
            session,
            patient_id=patient,
            times=(starts, ends),
            schedules=schedules,
            most=_count(given),
            asking=asking,
        )
    return Answer(200, bundle_of(proposals, base_url=asking.base_url, total=len(proposals)))


def _slots(statement: Any, conditions: Sequence[ColumnElement[bool]]) -> Any:
    return (
        statement.join(Schedule, Schedule.id == Slot.schedule_id)
        .join(Role, Role.id == Schedule.role_id)
        .join(Place, Place.id == Role.base_id)
        .where(*conditions)
    )


def _conditions(given: Given, asking: Asking) -> list[ColumnElement[bool]]:
    taken = select(Occupancy.id).where(
        Occupancy.practitioner_id == Schedule.practitioner_id,
        Occupancy.starts_at < Slot.ends_at,
        Occupancy.ends_at > Slot.starts_at,
    )
    found: list[ColumnElement[bool]] = [
        Slot.starts_at >= _moment(given, "start", asking),
        Slot.ends_at <= _moment(given, "end", asking),
        is_bookable(asking.now),
        ~taken.exists(),
        *_whose(given, asking),
    ]
    if given.all("visit-type"):
        found.append(Slot.id.is_not(None) if _wants(given, codes.VIDEO_CONSULTATION) else Slot.id.is_(None))
    return found


def _wants(given: Given, code: str) -> bool:
    """Tell whether this type of service is asked for."""
    wanted = [_token("visit-type", each) for each in given.all("visit-type")]
    return any(system in {None, codes.SERVICE_TYPE} and asked == code for system, asked in wanted)


def _whose(given: Given, asking: Asking) -> list[ColumnElement[bool]]:
    """Return the conditions on a schedule, its doctor and the practice."""
    found: list[ColumnElement[bool]] = [Schedule.is_active.is_(True)]
    for name, kind, column in (
        ("practitioner", "Practitioner", Schedule.practitioner_id),
        ("organization", "Organization", Schedule.organisation_id),
        ("location-reference", "Location", Role.base_id),
    ):
        keys = [_key(name, each, kind, asking) for each in given.all(name)]
        if keys:
            found.append(column.in_(keys))
    if given.all("specialty"):
        found.append(
            or_(*(_is_code(each, codes.SPECIALTY, Schedule.specialty) for each in given.all("specialty")))
        )
    parts = [_text(each) for each in given.all("location-string") if each != ""]
    if parts:
        found.append(
            or_(
                *(
                    column.icontains(part, autoescape=True)
                    for part in parts
                    for column in (
                        Place.plain_city,
                        Place.plain_postal_code,
                        Place.plain_street,
                        Place.plain_district,
                    )
                )
            )
        )
    return found


def _moment(given: Given, name: str, asking: Asking) -> datetime:
    written = given.one(name)
    if not isinstance(written, str) or not written:
        raise wrong(name, "say from when (start) until when (end), as dateTime", "required")
    try:
        prefix, interval = read(name, written, asking.zone)
    except Invalid:
        prefix, interval = "none", None
    if prefix != "eq" or interval is None:
        raise wrong(name, "write a dateTime such as 2026-03-02 or 2026-03-02T09:00:00+01:00")
    is_day = "T" not in written
    return interval.hi if name == "end" and is_day else interval.lo


def _key(name: str, value: Any, kind: str, asking: Asking) -> UUID:
    key = key_of(as_reference(name, value), kind, asking)
    if key is None:
        raise wrong(name, f"refer to a resource of this server: {kind}/<id>")
    return key


def _patient(given: Given, asking: Asking) -> UUID | None:
    found = given.all("patient-reference")
    if len(found) > 1:
        raise wrong("patient-reference", "a video consultation is for one patient: name only one")
    return _key("patient-reference", found[0], "Patient", asking) if found else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise wrong("location-string", f"write a part of an address, at most {LONGEST} letters")
    return value.strip()


def _token(name: str, value: Any) -> tuple[str | None, str]:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise wrong(name, "write a token: system|code")
    system, bar, code = value.rpartition("|")
    return (system if bar else None), code


def _is_code(value: Any, system: str, column: Any) -> ColumnElement[bool]:
    asked_system, code = _token("specialty", value)
    return and_(column == code, true() if asked_system in {None, system} else false())


def _count(given: Given) -> int:
    wanted = given.one("_count")
    if wanted is None or wanted == "":
        return USUALLY
    try:
        number = int(wanted)
    except (TypeError, ValueError, OverflowError):
        raise wrong("_count", "write a whole number") from None
    if number < 0:
        raise wrong("_count", "write a whole number from 0")
    return min(number, MOST)
