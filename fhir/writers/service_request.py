"""Care orders from other systems: what recurs, from when to when, with which skills."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.orders import changes, commands
from careapp.orders.commands import NewOrder, StartWindow
from careapp.orders.models import CareOrder, OnHolidays, RequestStatus
from careapp.orders.queries import get_order
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.mapping.rhythm import USUAL_MIN, Rhythm, Window, from_timing, window_from
from fhir.mapping.timing import PRIORITIES
from fhir.writers.findings import Findings
from fhir.writers.parts import codings, extensions, key_of, read_key, refuse_change, value_of

USUAL_TITLE = "Pflege"
LEAST_GRADE = 1
MOST_NURSES = 4
URGENCY = {"routine": 2, "urgent": 3, "asap": 4, "stat": 4}


class ServiceRequestWriter:
    """Takes orders of home care; a request without any time is refused, since nobody could plan it."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("ServiceRequest")
        patient_id = read_key(document.get("subject"), "Patient", "subject", asking, findings)
        order = _read(document, None, asking, findings)
        assert patient_id is not None  # noqa: S101 -- or it was refused
        row = commands.add_order(
            session,
            patient_id=patient_id,
            order=order,
            care_plan_id=_care_plan(document, asking),
            viewer=asking.viewer,
            now=asking.now,
        )
        status = RequestStatus(document["status"])
        if status != RequestStatus.ACTIVE:
            changes.set_order_status(
                session, order_id=row.id, status=status, viewer=asking.viewer, now=asking.now
            )
        return row.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`."""
        row = get_order(session, order_id=key, viewer=asking.viewer)
        findings = Findings("ServiceRequest")
        refuse_change(document, "subject", "Patient", row.patient_id, asking, findings)
        changes.update_order(
            session,
            order_id=key,
            order=_read(document, row, asking, findings),
            status=RequestStatus(document["status"]),
            care_plan_id=_care_plan(document, asking),
            viewer=asking.viewer,
            now=asking.now,
        )

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        changes.remove_order(session, order_id=key, viewer=asking.viewer, now=asking.now)


@dataclass(frozen=True)
class _Occurrence:
    rhythm: Rhythm
    windows: Sequence[StartWindow]


def _read(document: Json, row: CareOrder | None, asking: Asking, findings: Findings) -> NewOrder:
    """Read what an order asks for; what FHIR has no element for stays as the row has it."""
    rhythm = _rhythm(document, row, asking, findings)
    skills = _skills(document, findings)
    findings.refuse()
    assert rhythm is not None  # noqa: S101 -- or it was refused
    priority = document.get("priority")
    known = None if row is None else row.priority
    return NewOrder(
        title=_title(document),
        recurrence=rhythm.rhythm.recurrence,
        first_date=rhythm.rhythm.first,
        last_date=rhythm.rhythm.last,
        minutes=rhythm.rhythm.minutes,
        windows=rhythm.windows,
        skills=skills,
        nurses=max(value_of(document, codes.EXTENSION + "crew-size") or 1, len(skills)),
        priority=known if known and PRIORITIES.get(known) == priority else URGENCY.get(priority or "", 2),
        on_holidays=OnHolidays.AS_USUAL if row is None else row.on_holidays,
        min_gap_minutes=None if row is None else row.min_gap_minutes,
        max_gap_minutes=None if row is None else row.max_gap_minutes,
    )


def _title(document: Json) -> str:
    code = document.get("code", {})
    names = (code.get("text"), *(coding.get("display") for coding in code.get("coding", ())))
    return next((name.strip() for name in names if name and name.strip()), USUAL_TITLE)


def _care_plan(document: Json, asking: Asking) -> UUID | None:
    found = (key_of(each, "CarePlan", asking) for each in document.get("basedOn", ()))
    return next((key for key in found if key is not None), None)


def _rhythm(document: Json, row: CareOrder | None, asking: Asking, findings: Findings) -> _Occurrence | None:
    if document.get("asNeededBoolean") or "asNeededCodeableConcept" in document:
        findings.add("asNeeded", "care that is only needed sometimes is not planned: order it when it is")
    today = asking.calendar.local_date(asking.now) if row is None else row.first_date
    timing = document.get("occurrenceTiming")
    if timing is None:
        return _once(document, asking, findings)
    read = from_timing(timing, today=today, zone=asking.zone)
    if not isinstance(read, Rhythm):
        for element, sentence in read:
            findings.add(f"occurrenceTiming.{element}", sentence)
        return None
    return _Occurrence(read, _windows(document, timing, read.windows))


def _once(document: Json, asking: Asking, findings: Findings) -> _Occurrence | None:
    """A single time, or a single stretch of time of one day, in which the visit begins."""
    begins, ends = document.get("occurrenceDateTime"), None
    if begins is None:
        period = document.get("occurrencePeriod", {})
        begins, ends = period.get("start"), period.get("end")
    if begins is None or "T" not in begins or (ends is not None and "T" not in ends):
        findings.add("occurrence", "say when: send occurrenceTiming, or one time with its hour", "required")
        return None
    first = _local(begins, asking)
    window = window_from(first.time().replace(microsecond=0))
    if ends is not None:
        last = _local(ends, asking)
        if last.date() != first.date():
            findings.add("occurrencePeriod", "several days are a rhythm: send occurrenceTiming")
        window = window[0], max(window[0], last.time().replace(microsecond=0))
    rhythm = Rhythm("FREQ=DAILY;COUNT=1", first.date(), first.date(), USUAL_MIN, [window])
    return _Occurrence(rhythm, [StartWindow(0, *window)])


def _local(written: str, asking: Asking) -> datetime:
    return datetime.fromisoformat(written).astimezone(asking.zone)


def _windows(document: Json, timing: Json, read: Sequence[Window]) -> list[StartWindow]:
    """Our own extensions say more than times of day, as long as the times have not been changed."""
    own = []
    for extension in extensions(document, codes.EXTENSION + "start-window"):
        occurrence, earliest, latest = (
            value_of(extension, name) for name in ("occurrence", "earliest", "latest")
        )
        if occurrence and earliest and latest:
            own.append(StartWindow(occurrence - 1, time.fromisoformat(earliest), time.fromisoformat(latest)))
    if own and _refines(sorted(own), timing.get("repeat", {}), read):
        return own
    return [StartWindow(number, *window) for number, window in enumerate(read)]


def _refines(own: Sequence[StartWindow], repeat: Json, read: Sequence[Window]) -> bool:
    """Tell whether windows say the same as a Timing, only more exactly."""
    if not repeat.keys() & {"frequency", "period", "dayOfWeek", "timeOfDay", "when"}:
        return True
    starts: dict[int, StartWindow] = {}
    for window in own:
        starts.setdefault(window.occurrence, window)
    firsts = sorted(starts.values(), key=lambda window: window.earliest)
    if len(firsts) != len(read):
        return False
    if "timeOfDay" in repeat:
        return all(one.earliest == other[0] for one, other in zip(firsts, read, strict=True))
    if "when" in repeat:
        return all(
            other[0] <= one.earliest and one.latest <= other[1]
            for one, other in zip(firsts, read, strict=True)
        )
    return True


def _skills(document: Json, findings: Findings) -> list[dict[str, int]]:
    """Skills of each nurse: with grades in our own extension, else the first one's by performerType."""
    needed: dict[int, dict[str, int]] = {}
    for extension in extensions(document, codes.EXTENSION + "required-skill"):
        nurse, skill, grade = (value_of(extension, name) for name in ("nurse", "skill", "grade"))
        if not isinstance(skill, Mapping) or not skill.get("code"):
            findings.add("extension", "a required skill has no code")
            continue
        needed.setdefault((nurse or 1) - 1, {})[skill["code"]] = grade or LEAST_GRADE
    graded = {code for skills in needed.values() for code in skills}
    for _, code in codings(document.get("performerType"), codes.SKILL):
        if code not in graded:
            needed.setdefault(0, {})[code] = LEAST_GRADE
    most = max(needed, default=-1)
    if most >= MOST_NURSES:
        findings.add("extension", f"at most {MOST_NURSES} nurses come at once")
        return []
    return [needed.get(number, {}) for number in range(most + 1)]


SERVICE_REQUEST_WRITER = ServiceRequestWriter()
