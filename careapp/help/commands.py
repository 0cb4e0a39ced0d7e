"""Ask for help, and offer it. Each function is one use case; none commits.

request ──▶ offers ──▶ acceptance: the visit is promised, the nurse's time taken, the record opened to her
   │           │            │
   └─ withdrawal ◀──────────┘  by either side until the visit begins: all of it undone (`agreeing`)
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import Occupancy
from careapp.appointments.occupancy import AlreadyOccupied
from careapp.db import refuse_naive
from careapp.errors import Conflict, Invalid
from careapp.help.cells import cell_of
from careapp.help.models import HelpOffer, HelpRequest, HelpStatus, HelpVisit, OfferStatus
from careapp.help.queries import HelpRequestNotFound
from careapp.help.standing import (
    HelpNotPossible,
    OfferNoLongerStands,
    lock_visit,
    require_open,
    require_unplanned,
)
from careapp.people.models import Role
from careapp.people.queries import get_nurse
from careapp.records import audit, outbox
from careapp.visits.models import Visit
from careapp.visits.queries import get_visit


class HelpAskedAlready(Conflict):
    """Help was asked for before, for this visit."""


class HelpOverBefore(Invalid):
    """The time for which help is asked, or until which it is awaited, is over or not the visit's."""


class NurseCannotHelp(Conflict):
    """The nurse who is offered cannot make the visit."""


class OwnNurse(Invalid):
    """A service offers a nurse to itself."""


def request_help(
    session: Session,
    *,
    visit_id: UUID,
    earliest: datetime | None = None,
    latest: datetime | None = None,
    expires_at: datetime | None = None,
    viewer: Viewer,
    now: datetime,
) -> HelpRequest:
    """Tell other services that a nurse is wanted: where about, when, with which skills, for how long.

    Args:
        session: An open transaction.
        visit_id: For which visit; nobody else learns it.
        earliest: First start, within one of the visit's windows; None: of the window that is not over.
        latest: Last start.
        expires_at: Until when an answer is awaited; None: until the last start.
        viewer: Who asks.
        now: This moment.

    Raises:
        VisitNotFound: No visit has this id, or not for this viewer.
        HelpNotPossible: It is promised or planned, needs several nurses, or is over.
        HelpAskedAlready: There is a request that still stands.
        HelpOverBefore: The times are not within a window of the visit, or over.
        NaiveDatetime: A time has no zone.
    """
    visit = get_visit(session, visit_id=visit_id, viewer=viewer)
    lock_visit(session, visit_id)
    if len(visit.services) != 1:
        raise HelpNotPossible(f"visit {visit_id} needs several nurses at once: make it one visit for each")
    require_unplanned(session, visit)
    asked = session.scalars(
        select(HelpRequest.id)
        .join(HelpVisit, HelpVisit.request_id == HelpRequest.id)
        .where(HelpVisit.visit_id == visit_id, HelpRequest.status != HelpStatus.WITHDRAWN)
        .where((HelpRequest.status == HelpStatus.AGREED) | (HelpRequest.expires_at > now))
    ).first()
    if asked is not None:
        raise HelpAskedAlready(f"help for visit {visit_id} is asked for already, in request {asked}")
    first, last = _window_of(visit, earliest, latest, now)
    until = min(expires_at or last, last)
    refuse_naive(until)
    if until <= now:
        raise HelpOverBefore("the request would be over before anybody reads it: give a later end")
    home = visit.patient.known_home
    request = HelpRequest(
        id=uuid4(),
        organisation_id=visit.organisation_id,
        status=HelpStatus.OPEN,
        cell=cell_of(latitude=home.latitude, longitude=home.longitude),
        earliest=first,
        latest=last,
        duration_s=visit.duration_s,
        skills={need.skill_code: need.grade for need in visit.services[0].skills},
        expires_at=until,
        created_at=now,
    )
    session.add(request)
    session.flush()
    asked_for = HelpVisit(
        request_id=request.id,
        organisation_id=visit.organisation_id,
        visit_id=visit_id,
        asked_by=viewer.name,
    )
    session.add(asked_for)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="request_help",
        subject=request,
        visit=visit_id,
        cell=request.cell,
    )
    outbox.send(session, topic="help.requested", payload={"request": str(request.id)}, now=now)
    return request


def offer_help(
    session: Session,
    *,
    request_id: UUID,
    role_id: UUID,
    starts_at: datetime,
    viewer: Viewer,
    now: datetime,
) -> HelpOffer:
    """Offer a nurse for a time. Her time is not taken before the other side agrees.

    Raises:
        HelpRequestNotFound: No request has this id.
        HelpNoLongerWanted: It was answered, withdrawn, or its time is over.
        NurseNotFound: No nurse has this id, or not for this viewer.
        OwnNurse: She belongs to the service that asks.
        NurseCannotHelp: She lacks a skill, would come at another time, or has no time then.
        OfferNoLongerStands: The service has offered somebody already.
        NaiveDatetime: The time has no zone.
    """
    refuse_naive(starts_at)
    request = session.get(HelpRequest, request_id)
    if request is None:
        raise HelpRequestNotFound(f"there is no request for help {request_id}")
    require_open(request, now)
    role = get_nurse(session, role_id=role_id, viewer=viewer)
    if role.organisation_id == request.organisation_id:
        raise OwnNurse("this nurse is your own: plan the visit into her tour")
    _require_fit(session, request, role, starts_at)
    offer = HelpOffer(
        id=uuid4(),
        organisation_id=role.organisation_id,
        to_organisation_id=request.organisation_id,
        request_id=request_id,
        role_id=role_id,
        practitioner_id=role.practitioner_id,
        nurse_name=f"{role.practitioner.given_name} {role.practitioner.family_name}".strip(),
        starts_at=starts_at,
        status=OfferStatus.OFFERED,
        opening_id=None,
        created_at=now,
    )
    standing = select(HelpOffer.id).where(
        HelpOffer.request_id == request_id,
        HelpOffer.organisation_id == role.organisation_id,
        HelpOffer.status.in_((OfferStatus.OFFERED, OfferStatus.ACCEPTED)),
    )
    taken = "your service has offered a nurse already: withdraw that offer first"
    if session.scalars(standing).first() is not None:
        raise OfferNoLongerStands(taken)
    session.add(offer)
    try:
        session.flush()
    except IntegrityError as twice:  # two of the service's coordinators at once
        raise OfferNoLongerStands(taken) from twice
    audit.record(session, viewer=viewer, now=now, action="offer_help", subject=offer, request=request_id)
    outbox.send(session, topic="help.offered", payload={"offer": str(offer.id)}, now=now)
    return offer


def _window_of(
    visit: Visit, earliest: datetime | None, latest: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    for moment in (earliest, latest):
        if moment is not None:
            refuse_naive(moment)
    for window in visit.windows:
        first, last = max(earliest or window.earliest, now), latest or window.latest
        if window.earliest <= first <= last <= window.latest:
            return first, last
    raise HelpOverBefore(
        f"no window of visit {visit.id} holds these times, or all are over: look at the visit"
    )


def _require_fit(session: Session, request: HelpRequest, role: Role, starts_at: datetime) -> None:
    if not role.is_active:
        raise NurseCannotHelp(f"nurse {role.id} no longer works: offer another")
    held = {skill.skill_code: skill.grade for skill in role.skills}
    lacking = sorted(code for code, grade in request.skills.items() if held.get(code, 0) < grade)
    if lacking:
        raise NurseCannotHelp(f"nurse {role.id} lacks {', '.join(lacking)}: offer one who holds it")
    if not request.earliest <= starts_at <= request.latest:
        raise NurseCannotHelp("the visit must begin within the window that the request names")
    ends_at = starts_at + timedelta(seconds=request.duration_s)
    taken = select(Occupancy.id).where(
        Occupancy.practitioner_id == role.practitioner_id,
        Occupancy.starts_at < ends_at,
        Occupancy.ends_at > starts_at,
    )
    if session.scalars(taken).first() is not None:
        raise AlreadyOccupied(f"nurse {role.id} has another appointment at that time: offer another time")
