"""A consultation that is booked, in which a nurse helps: what tests of calls begin with."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer, ViewerRole
from careapp.appointments.occupancy import check_now, occupy
from careapp.calls.links import JoinLink, make_join_link, prepare_call, redeem_link
from careapp.calls.models import CallPart, ProviderKind
from careapp.calls.seats import Seat
from careapp.consultations.booking import Wish, book_slots
from careapp.tenancy import begin_as
from tests.careapp.worlds import World, a_slot, a_visit, a_world, moment
from tests.fhir.rows import a_tour

STARTS = moment(6, 10)
"""The booked slot: 15 minutes, inside a visit from 06:00 to 06:40."""
DURING = moment(6, 5)
EMBEDDED = ProviderKind.EMBEDDED


@dataclass(frozen=True)
class Consultation:
    """A booked slot of the practice's doctor, inside a promised visit of the care service's first nurse.

    Attributes:
        sessions: Of the whole region.
        doctor, nurse: Whose it is; each of their own tenant.
        stranger: A nurse of the same service whose visit it is not.
    """

    sessions: sessionmaker[Session]
    world: World
    booking_id: UUID
    doctor: Viewer
    nurse: Viewer
    stranger: Viewer

    @property
    def coordinator(self) -> Viewer:
        return self.world.viewer

    def prepare(self, now: datetime = DURING, *, provider: ProviderKind = EMBEDDED) -> UUID:
        with begin_as(self.sessions, self.coordinator, now) as session:
            return prepare_call(
                session, booking_id=self.booking_id, provider=provider, viewer=self.coordinator, now=now
            ).id

    def invite(
        self, call_id: UUID, part: CallPart = CallPart.PATIENT, *, now: datetime = DURING, **more: object
    ) -> JoinLink:
        with begin_as(self.sessions, self.coordinator, now) as session:
            return make_join_link(
                session,
                call_id=call_id,
                part=part,
                viewer=self.coordinator,
                now=now,
                **more,  # type: ignore[arg-type]  # a test's own words
            )

    def come_in(self, link: JoinLink, now: datetime = DURING) -> tuple[str, Seat]:
        with self.sessions.begin() as session:
            entry = redeem_link(session, token=link.token, now=now)
            return entry.cookie, entry.seat


def a_consultation(sessions: sessionmaker[Session], now: datetime) -> Consultation:
    """Book a consultation, committed."""
    with sessions.begin() as session:
        world = a_world(session)
        patient = world.patients[0]
        visit, nurse = a_visit(session, patient, minutes=40), world.nurses[0]
        a_tour(session, nurse, [visit], shift=world.shifts[0], is_published=True)
        occupy(
            session,
            organisation_id=nurse.organisation_id,
            practitioner_id=nurse.practitioner_id,
            appointment_id=visit.id,
            starts_at=STARTS - timedelta(minutes=10),
            ends_at=STARTS + timedelta(minutes=30),
        )
        check_now(session)
        slot = a_slot(session, world.schedule, starts_at=STARTS)
        booking = book_slots(
            session,
            wish=Wish(slot_ids=[slot.id], visit_id=visit.id),
            patient_id=patient.id,
            viewer=world.viewer,
            now=now,
        )
        at_work = Viewer(
            "nurse", ViewerRole.NURSE, world.organisation_id, nurse.practitioner_id, asked_at=DURING
        )
        doctor = Viewer(
            "doctor",
            ViewerRole.DOCTOR,
            world.practice.id,
            world.doctor.practitioner_id,
            asked_at=DURING,
        )
        stranger = replace(at_work, name="stranger", practitioner_id=world.nurses[1].practitioner_id)
        return Consultation(sessions, world, booking.id, doctor, at_work, stranger)
