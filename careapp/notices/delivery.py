"""Send messages to patients: at least once, patiently, and never when they are no longer true.

    look ─▶ listen (outbox → notices) ─▶ due ─▶ claim ─▶ write ─▶ carry ─▶ settle

A claim is a lease with a token: of several processes one sends at a time. No transaction is open while a mail
server is waited for. What a message says is written when it leaves, from the row as it is then.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import httpx2
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import SCHEDULER
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.consultations.models import Booking
from careapp.db import make_reading_sessions
from careapp.notices.carriers import (
    TIMEOUT_S,
    USUAL_SENDER,
    Carrier,
    Letter,
    NotTaken,
    carriers_of,
    open_gateway_client,
)
from careapp.notices.entries import Event, Invitation, Method, invitation
from careapp.notices.models import ContactWish, Notice, NoticeKind, NoticeStatus, Way
from careapp.notices.planning import CALLED_OFF, NO_LONGER, STANDS, listen
from careapp.notices.texts import APPOINTMENT, words
from careapp.people.models import Patient
from careapp.records import audit

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 30
LONGEST_PAUSE_S = 3600
MOST_ATTEMPTS = 12
"""30 s, one minute, … one hour: about six hours in all."""
AT_ONCE = 100
LEASE = timedelta(seconds=3 * TIMEOUT_S)


class NoticePost:
    """Sends what is due; a `careapp.subscriptions.postman.Postman` looks after it.

    Args:
        sessions: Factory of writing sessions.
        settings: Where messages go.
        now: Tells this moment.
        carriers: Who takes them away; None: as the settings say.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        settings: Settings,
        now: Callable[[], datetime],
        *,
        carriers: Mapping[Way, Carrier] | None = None,
    ) -> None:
        self._sessions = sessions
        self._reading = make_reading_sessions(sessions.kw["bind"])
        self._settings = settings
        self._calendar = Calendar.of(settings)
        self._now = now
        self._carriers = carriers

    def open_client(self) -> httpx2.Client:
        """Open what reaches the SMS gateway."""
        return open_gateway_client(self._settings)

    def spread(self) -> int:
        """Turn every change that waits into messages; return how many changes there were."""
        count = 0
        while True:
            with self._sessions.begin() as session:
                heard = listen(session, now=self._now(), calendar=self._calendar)
            count += heard
            if heard == 0:
                return count

    def due(self) -> list[UUID]:
        """Return the messages that are to leave now."""
        now = self._now()
        with self._reading() as session:
            return list(
                session.scalars(
                    select(Notice.id)
                    .where(
                        Notice.status == NoticeStatus.WAITING,
                        Notice.due_at <= now,
                        or_(Notice.next_try_at.is_(None), Notice.next_try_at <= now),
                        or_(Notice.lease_until.is_(None), Notice.lease_until <= now),
                    )
                    .order_by(Notice.due_at, Notice.id)
                    .limit(AT_ONCE)
                )
            )

    def deliver(self, client: httpx2.Client, notice_id: UUID) -> bool:
        """Send one message, if it is due and no other process sends it; tell whether it was taken."""
        with self._sessions.begin() as session:
            packed = self._pack(session, notice_id)
        if packed is None:
            return False
        token, letter = packed
        carriers = carriers_of(self._settings, client) if self._carriers is None else self._carriers
        failure: NotTaken | None = None
        try:
            carriers[letter.way].carry(letter)
        except NotTaken as refused:
            failure = refused
        with self._sessions.begin() as session:
            self._settle(session, letter, token, failure)
        return failure is None

    def _pack(self, session: Session, notice_id: UUID) -> tuple[int, Letter] | None:
        now = self._now()
        notice = session.scalars(select(Notice).where(Notice.id == notice_id).with_for_update()).one_or_none()
        if notice is None or notice.status is not NoticeStatus.WAITING or not _is_due(notice, now):
            return None
        booking = session.scalars(select(Booking).where(Booking.id == notice.appointment_id)).one_or_none()
        wish = session.scalars(
            select(ContactWish)
            .join(Patient, Patient.id == ContactWish.patient_id)
            .where(ContactWish.patient_id == notice.patient_id, Patient.restricted_at.is_(None))
        ).one_or_none()
        if booking is None or wish is None or wish.way is Way.NONE or not _is_true(notice, booking, now):
            notice.status, notice.ended_at, notice.why = NoticeStatus.DROPPED, now, NO_LONGER
            return None
        notice.token += 1
        notice.lease_until = now + LEASE
        return notice.token, self._write(notice, booking, wish, now)

    def _write(self, notice: Notice, booking: Booking, wish: ContactWish, now: datetime) -> Letter:
        said = words(
            notice.kind, wish.language, starts_at=notice.starts_at, zone=self._calendar.zone, now=now
        )
        is_mail = wish.way is Way.EMAIL
        invited = is_mail and wish.wants_invitations and notice.kind is not NoticeKind.REMINDER
        return Letter(
            notice_id=notice.id,
            way=wish.way,
            to=(wish.email if is_mail else wish.phone) or "",
            language=wish.language,
            subject=said.subject,
            text=said.text if is_mail else said.sentence,
            written_at=now,
            calendar=self._invitation(notice, booking, wish, now) if invited else None,
        )

    def _invitation(
        self, notice: Notice, booking: Booking, wish: ContactWish, now: datetime
    ) -> tuple[Method, bytes]:
        method = Method.CANCEL if notice.kind is NoticeKind.CANCELLED else Method.REQUEST
        length = (
            (booking.ends_at - booking.starts_at) if booking.starts_at and booking.ends_at else timedelta()
        )
        # Neither the appointment's own id: whoever has the e-mail shall not find it elsewhere by that.
        uid = sha256(f"invitation|{notice.appointment_id}".encode()).hexdigest()[:32]
        sender = self._settings.mail_from or USUAL_SENDER
        event = Event(
            uid=f"{uid}@{sender.rpartition('@')[2]}",
            starts_at=notice.starts_at,
            ends_at=notice.starts_at + length,
            summary=APPOINTMENT[wish.language],
            sequence=notice.number,
        )
        return method, invitation(Invitation(event, method, sender, wish.email or ""), now=now)

    def _settle(self, session: Session, letter: Letter, token: int, failure: NotTaken | None) -> None:
        now = self._now()
        notice = session.scalars(
            select(Notice).where(Notice.id == letter.notice_id, Notice.token == token).with_for_update()
        ).one_or_none()
        if notice is None:
            return  # erased meanwhile, or another process took over: it sends once more
        notice.lease_until = None
        if failure is None:
            notice.status, notice.ended_at, notice.way, notice.why = NoticeStatus.SENT, now, letter.way, None
            audit.record(
                session,
                viewer=SCHEDULER,
                now=now,
                action="send_notice",
                subject=notice,
                kind=notice.kind.value,
                way=letter.way.value,
            )
            return
        notice.attempts += 1
        notice.why = str(failure)[:100]
        pause_s = min(FIRST_PAUSE_S * 2 ** (notice.attempts - 1), LONGEST_PAUSE_S)
        notice.next_try_at = now + timedelta(seconds=pause_s)
        if failure.is_final or notice.attempts >= MOST_ATTEMPTS or notice.next_try_at >= notice.starts_at:
            notice.status, notice.ended_at = NoticeStatus.FAILED, now
            logger.warning("message %s was not sent: %s", notice.id, failure)


def _is_due(notice: Notice, now: datetime) -> bool:
    is_leased = notice.lease_until is not None and notice.lease_until > now
    waits = notice.next_try_at is not None and notice.next_try_at > now
    return notice.due_at <= now and not is_leased and not waits


def _is_true(notice: Notice, booking: Booking, now: datetime) -> bool:
    """Tell whether what a message says is so, and of use."""
    if notice.starts_at <= now:
        return False
    if notice.kind is NoticeKind.CANCELLED:
        return booking.status in CALLED_OFF
    return booking.status in STANDS and booking.starts_at == notice.starts_at
