"""Assisted consultations by `$find`, `$hold` and `$book`: a doctor's minutes inside a nurse's visit.

What is proposed is stored nowhere; its id says all that is needed to try it anew. FHIR allows 64 characters
of 64 kinds: 48 bytes.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import visible
from careapp.assisted.choices import Choice
from careapp.assisted.commands import book_assisted
from careapp.assisted.needs import LONGEST_PERIOD, AssistedOffer, Need
from careapp.assisted.search import find_assisted
from careapp.config import Settings
from careapp.consultations.holds import Hold, get_hold, hold_slots
from careapp.consultations.models import Booking, ConsultationCode, Schedule
from careapp.consultations.times_booking import Time, hold_time
from careapp.errors import Conflict, NotFound
from careapp.people.models import Role
from careapp.visits.models import Visit
from fhir.asking import Asking
from fhir.issues import Issue, Rejected
from fhir.mapping import codes, consultation
from fhir.mapping.elements import Json, concept, extension, instant, period, reference, without_none

KIND = "Appointment"
_OFFERED, _HELD = "A", "B"
_CODE = struct.Struct(">16s16sIHB8s")
_OURS, _NO_VISIT = b"-.", bytes(8)
_MOST_OFFERS = 200


class AssistedGone(Conflict):
    """Doctor and nurse cannot both be there any more."""


@dataclass(frozen=True)
class Proposal:
    """What the id of a proposed or held assisted consultation says.

    Attributes:
        key: Id of the schedule; of a held one, of the hold.
        patient_id: For whom.
        moment: When the video begins; of a held one, when it ends.
        offset_s: From the beginning of the visit until then.
        minutes: How long a visit lasts that is made for it.
        visit: The first bytes of the id of the patient's own visit; zeros: one is made.
        is_held: A hold keeps the doctor's time.
    """

    key: UUID
    patient_id: UUID
    moment: datetime
    offset_s: int
    minutes: int
    visit: bytes
    is_held: bool = False

    @property
    def id(self) -> str:
        """As it is written."""
        packed = _CODE.pack(
            self.key.bytes,
            self.patient_id.bytes,
            int(self.moment.timestamp()),
            self.offset_s,
            self.minutes,
            self.visit,
        )
        return (_HELD if self.is_held else _OFFERED) + b64encode(packed, _OURS).decode().rstrip("=")


def read_proposal(written: Any, asking: Asking) -> Proposal | None:
    """Read an id, or a reference to an Appointment with such an id; None if it is none of these."""
    if isinstance(written, dict):
        written = written.get("reference")
    if not isinstance(written, str):
        return None
    name = written.removeprefix(f"{asking.base_url}/").removeprefix(f"{KIND}/").partition("/_history/")[0]
    if name[:1] not in (_OFFERED, _HELD) or not name.isascii() or len(name) != 1 + 4 * _CODE.size // 3 + 1:
        return None
    try:
        key, patient, moment, offset_s, minutes, visit = _CODE.unpack(
            b64decode(f"{name[1:]}=", _OURS, validate=True)
        )
    except (ValueError, struct.error):  # no base64, or of another length
        return None
    starts_at = datetime.fromtimestamp(moment, UTC)
    return Proposal(
        UUID(bytes=key), UUID(bytes=patient), starts_at, offset_s, minutes, visit, name[0] == _HELD
    )


def find_offers(
    session: Session,
    *,
    patient_id: UUID,
    times: tuple[datetime, datetime],
    schedules: Sequence[UUID],
    most: int,
    asking: Asking,
) -> list[Json]:
    """Propose assisted consultations, the best first.

    Args:
        session: A reading transaction.
        patient_id: Who is to be seen.
        times: First moment of the period, and the moment after its last; it is cut after four weeks.
        schedules: Whose times.
        most: How many at most.
        asking: Who asks, and when.
    """
    starts, ends = times
    if not schedules or most == 0:
        return []
    need = Need(
        patient_id,
        starts,
        min(ends, starts + LONGEST_PERIOD),
        schedule_ids=tuple(schedules),
        most=min(most, _MOST_OFFERS),
    )
    offers = [each for each in _search(session, need, asking) if each.ends_at <= ends]
    shown = _Shown(session, offers)
    return [shown.of(each, _proposal(each, need), status="proposed") for each in offers]


def hold_offer(session: Session, proposal: Proposal, asking: Asking, *, lasts: timedelta) -> Json:
    """Keep the doctor's time of a proposal for whoever asks; the nurse's is tried again when it is booked.

    Raises:
        Conflict, NotFound: It is not to be had any more.
    """
    offer = _again(session, proposal, asking)
    viewer, now = asking.viewer, asking.now
    if offer.slot_id is not None:
        held = hold_slots(session, slot_ids=[offer.slot_id], lasts=lasts, viewer=viewer, now=now)
    else:
        if offer.kind_id is None:
            raise AssistedGone("the doctor does not offer this time any more: search again")
        time = Time(offer.schedule_id, offer.kind_id, offer.starts_at)
        held = hold_time(session, time=time, lasts=lasts, calendar=asking.calendar, viewer=viewer, now=now)
    kept = Proposal(
        held.id,
        proposal.patient_id,
        offer.ends_at,
        proposal.offset_s,
        proposal.minutes,
        proposal.visit,
        is_held=True,
    )
    return _Shown(session, [offer]).of(offer, kept, status="pending", held=held)


def book_offer(session: Session, proposal: Proposal, asking: Asking) -> Booking:
    """Book what was proposed or is held: the doctor's time, the nurse's and the visit, or nothing.

    Raises:
        Conflict, NotFound: It is not to be had any more.
    """
    if proposal.is_held:
        held = get_hold(session, hold_id=proposal.key, viewer=asking.viewer, now=asking.now)
        slot = held.slots[0]
        choice = Choice(
            proposal.patient_id,
            slot.schedule_id,
            slot.starts_at,
            proposal.moment,
            slot.starts_at - timedelta(seconds=proposal.offset_s),
            slot_id=slot.id,
            visit_id=_visit_of(session, proposal, asking),
            visit_minutes=proposal.minutes,
            hold_id=held.id,
        )
    else:
        offer = _again(session, proposal, asking)
        choice = Choice(
            proposal.patient_id,
            offer.schedule_id,
            offer.starts_at,
            offer.ends_at,
            offer.visit_starts_at,
            slot_id=offer.slot_id,
            kind_id=offer.kind_id,
            visit_id=offer.visit_id,
            shift_ids=offer.shift_ids,
            visit_minutes=proposal.minutes,
        )
    return book_assisted(
        session,
        choice=choice,
        viewer=asking.viewer,
        now=asking.now,
        calendar=asking.calendar,
        settings=_settings(asking),
    )


def _again(session: Session, proposal: Proposal, asking: Asking) -> AssistedOffer:
    """Return the offer that a proposal was, if it still stands."""
    need = Need(
        proposal.patient_id,
        proposal.moment,
        proposal.moment + timedelta(minutes=1),
        schedule_ids=(proposal.key,),
        visit_minutes=proposal.minutes,
        most=_MOST_OFFERS,
    )
    for offer in _search(session, need, asking):
        if _proposal(offer, need) == proposal:
            return offer
    raise AssistedGone("doctor and nurse cannot both be there then any more: search again")


def _search(session: Session, need: Need, asking: Asking) -> list[AssistedOffer]:
    return find_assisted(
        session,
        need=need,
        viewer=asking.viewer,
        now=asking.now,
        calendar=asking.calendar,
        settings=_settings(asking),
    )


def _settings(asking: Asking) -> Settings:
    if asking.settings is None:
        sentence = "assisted consultations are found and booked by their own operations only"
        raise Rejected([Issue("not-supported", sentence, KIND)])
    return asking.settings


def _proposal(offer: AssistedOffer, need: Need) -> Proposal:
    return Proposal(
        offer.schedule_id,
        need.patient_id,
        offer.starts_at.replace(microsecond=0).astimezone(UTC),
        round((offer.starts_at - offer.visit_starts_at).total_seconds()),
        need.visit_minutes,
        _NO_VISIT if offer.visit_id is None else offer.visit_id.bytes[:8],
    )


def _visit_of(session: Session, proposal: Proposal, asking: Asking) -> UUID | None:
    if proposal.visit == _NO_VISIT:
        return None
    theirs = visible(select(Visit.id).where(Visit.patient_id == proposal.patient_id), asking.viewer, Visit)
    for key in session.scalars(theirs):
        if key.bytes[:8] == proposal.visit:
            return key
    raise AssistedGone("the visit that was to carry the consultation is gone: search again")


class _Shown:
    """Offers as Appointments that do not exist yet."""

    def __init__(self, session: Session, offers: Sequence[AssistedOffer]) -> None:
        keys = {each.schedule_id for each in offers}
        rows = session.scalars(select(Schedule).where(Schedule.id.in_(keys)))
        self._schedules = {row.id: row for row in rows}
        roles = select(Role.id, Role.practitioner_id).where(
            Role.id.in_({key for each in offers for key in each.nurse_ids})
        )
        self._nurses = {row.id: row.practitioner_id for row in session.execute(roles)}

    def of(self, offer: AssistedOffer, proposal: Proposal, *, status: str, held: Hold | None = None) -> Json:
        """Show one: who would come when, and what the nurse's visit would be."""
        schedule = self._schedules[offer.schedule_id]
        actors = [
            reference("Patient", proposal.patient_id),
            reference("Practitioner", schedule.practitioner_id),
            *(reference("Practitioner", self._nurses[key]) for key in offer.nurse_ids if key in self._nurses),
        ]
        slot_id = held.slots[0].id if held else offer.slot_id
        return without_none(
            {
                "resourceType": KIND,
                "id": proposal.id,
                "extension": [
                    {
                        "url": f"{codes.FROM_R5}Appointment.class",
                        "valueCodeableConcept": concept(codes.ACT_CODE, "VR"),
                    },
                    consultation.virtual_service(None),
                    extension("visit-period", valuePeriod=period(offer.visit_starts_at, offer.visit_ends_at)),
                    extension("visit-basis", valueCode=offer.basis.value),
                    *([extension("held-until", valueInstant=instant(held.until))] if held else []),
                ],
                "status": status,
                "serviceType": consultation.service_types(ConsultationCode.ASSISTED),
                "specialty": [concept(codes.SPECIALTY, schedule.specialty)],
                "description": schedule.title,
                "supportingInformation": [reference(KIND, offer.visit_id)] if offer.visit_id else None,
                "start": instant(offer.starts_at),
                "end": instant(offer.ends_at),
                "slot": [reference("Slot", slot_id)] if slot_id else None,
                "participant": [
                    {"actor": actor, "required": "required", "status": "needs-action"} for actor in actors
                ],
            }
        )


GONE = (Conflict, NotFound)
"""What a proposal that is not to be had any more is refused with."""
