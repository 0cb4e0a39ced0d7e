"""Look for a consultation with any doctor, and see why times were proposed in their order."""

import csv
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.auth.policy import PRACTISING, may
from api.dependencies import Cal, Now, ReadSession, SettingsDep, SignedIn, Transact
from api.openapi import problems
from api.routers.coverage import LINK_EXAMPLE, LinkOut
from api.shapes import (
    After,
    Example,
    In,
    Limit,
    Line,
    Moment,
    NamedOut,
    Out,
    PageOut,
    SkillNeed,
    needs_of,
    next_address,
    nurse_or_doctor,
    shown_as,
)
from careapp.access import ViewerRole
from careapp.assisted.needs import AssistedOffer, Basis
from careapp.coverage.judging import LinkKind, LinkWhy
from careapp.errors import Invalid
from careapp.fairness import decisions
from careapp.fairness.commands import keep_decision
from careapp.fairness.models import RankingDecision
from careapp.fairness.ranking import Need, Reason
from careapp.fairness.search import Proposal, Sort, Wanted, search_consultations
from careapp.records.audit import new_id

search = APIRouter(prefix="/api/consultations", tags=["consultations"])
router = APIRouter(prefix="/api/ranking-decisions", tags=["consultations"])

OVERSEERS = (ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR)
LONGEST_EXPORT = timedelta(days=92)
CSV_TYPE = "text/csv"
CSV_HEAD = (
    "decision",
    "at",
    "specialty",
    "need",
    "considered",
    "position",
    "schedule",
    "starts_at",
    "sort",
    "reasons",
)

SEARCH_EXAMPLE: Example = {
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
    "specialty": "ALLG",
    "from": "2026-03-03T00:00:00+01:00",
    "to": "2026-03-10T00:00:00+01:00",
    "need": 2,
}
VISIT_EXAMPLE: Example = {
    "visit_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d07",
    "starts_at": "2026-03-03T07:50:00Z",
    "ends_at": "2026-03-03T08:30:00Z",
    "basis": "published",
    "extra_s": 0,
    "extra_m": 0,
    "others_moved": 0,
    "known_visits": 7,
}
PROPOSAL_EXAMPLE: Example = {
    "sort": "on-visit",
    "schedule_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d08",
    "doctor": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d02", "name": "Dr. Jonas Beispiel"},
    "practice": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d05", "name": "Praxis Beispiel"},
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T08:12:00Z",
    "kind_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d09",
    "slot_id": None,
    "visit": VISIT_EXAMPLE,
    "reasons": ["in-time", "practice-within-10-km", "no-extra-way", "nurse-is-there-anyway"],
}
FOUND_EXAMPLE: Example = {
    "decision_id": "0195567e-58a5-7f6e-8a44-6f2f4f3b1d0a",
    "proposals": [PROPOSAL_EXAMPLE],
    "follow_up": PROPOSAL_EXAMPLE,
    "considered": 214,
    "link": LINK_EXAMPLE,
    "nurses_unknown": False,
}
RANKED_EXAMPLE: Example = {
    "schedule": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d08",
    "starts_at": "2026-03-03T08:00:00Z",
    "sort": "on-visit",
    "reasons": ["in-time", "practice-within-10-km", "no-extra-way", "nurse-is-there-anyway"],
}
DECISION_EXAMPLE: Example = {
    "id": "0195567e-58a5-7f6e-8a44-6f2f4f3b1d0a",
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
    "at": "2026-03-02T17:00:00Z",
    "asked_by": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d0b",
    "specialty": "ALLG",
    "doctor_id": None,
    "need": 2,
    "earliest": "2026-03-02T23:00:00Z",
    "latest": "2026-03-09T23:00:00Z",
    "considered": 214,
    "link": "video",
    "link_why": "measured",
    "link_since": "2026-02-01",
    "proposals": [RANKED_EXAMPLE],
}


class SearchIn(In):
    """For whom a consultation is looked for, with whom, when; `need` from 1 (can wait) to 4 (must not)."""

    model_config = shown_as(SEARCH_EXAMPLE)

    patient_id: UUID
    specialty: Annotated[Line, Field(max_length=20)] | None = None
    doctor_id: UUID | None = None
    starts: Moment = Field(alias="from")
    ends: Moment = Field(alias="to")
    need: Literal[1, 2, 3, 4] = 1
    sorts: list[Sort] = Field(default_factory=lambda: list(Sort), min_length=1, max_length=3)
    skills: list[SkillNeed] = Field(default_factory=list, max_length=20)
    most: int = Field(default=20, ge=1, le=100)

    def wanted(self) -> Wanted:
        """Return it as it is looked for."""
        return Wanted(
            patient_id=self.patient_id,
            starts=self.starts,
            ends=self.ends,
            specialty=self.specialty,
            doctor_id=self.doctor_id,
            need=Need(self.need),
            sorts=frozenset(self.sorts),
            skills=needs_of(self.skills),
            most=self.most,
        )


class NurseVisitOut(Out):
    """The visit during which a consultation takes place; without `visit_id` one that would be made for it."""

    model_config = shown_as(VISIT_EXAMPLE)

    visit_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    basis: Basis
    extra_s: int | None
    extra_m: int | None
    others_moved: int
    known_visits: int | None

    @classmethod
    def of(cls, offer: AssistedOffer) -> Self:
        """Show what nurse and visit are like."""
        return cls(
            visit_id=offer.visit_id,
            starts_at=offer.visit_starts_at,
            ends_at=offer.visit_ends_at,
            basis=offer.basis,
            extra_s=offer.extra_s,
            extra_m=offer.extra_m,
            others_moved=len(offer.moved),
            known_visits=offer.known_visits,
        )


class ProposalOut(Out):
    """A proposed time, and why it stands there; book it by `slot_id`, or by schedule, kind and start."""

    model_config = shown_as(PROPOSAL_EXAMPLE)

    sort: Sort
    schedule_id: UUID
    doctor: NamedOut
    practice: NamedOut
    starts_at: datetime
    ends_at: datetime
    kind_id: UUID | None
    slot_id: UUID | None
    visit: NurseVisitOut | None
    reasons: list[Reason]

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        """Show a proposal."""
        return cls(
            sort=proposal.sort,
            schedule_id=proposal.schedule.id,
            doctor=nurse_or_doctor(proposal.schedule.role),
            practice=NamedOut.model_validate(proposal.schedule.organisation),
            starts_at=proposal.starts_at,
            ends_at=proposal.ends_at,
            kind_id=proposal.kind_id,
            slot_id=proposal.slot_id,
            visit=None if proposal.assisted is None else NurseVisitOut.of(proposal.assisted),
            reasons=list(proposal.reasons),
        )


class FoundOut(Out):
    """Proposals in a fair order.

    `follow_up` is the first during a nurse's visit. With `nurses_unknown` nobody could say where nurses can
    come, as the source of travel times does not answer.
    """

    model_config = shown_as(FOUND_EXAMPLE)

    decision_id: UUID
    proposals: list[ProposalOut]
    follow_up: ProposalOut | None
    considered: int
    link: LinkOut
    nurses_unknown: bool


class RankedOut(Out):
    """One proposal of a decision."""

    model_config = shown_as(RANKED_EXAMPLE)

    schedule: UUID
    starts_at: datetime
    sort: Sort
    reasons: list[Reason]


class DecisionOut(Out):
    """What was proposed to whom, in which order and why; equals were drawn from the decision's id."""

    model_config = shown_as(DECISION_EXAMPLE)

    id: UUID
    patient_id: UUID
    at: datetime
    asked_by: str
    specialty: str | None
    doctor_id: UUID | None
    need: int
    earliest: datetime
    latest: datetime
    considered: int
    link: LinkKind
    link_why: LinkWhy
    link_since: date | None
    proposals: list[RankedOut]


class DecisionPage(PageOut[DecisionOut]):
    """Some decisions."""

    model_config = shown_as({"items": [DECISION_EXAMPLE], "next": None})


class PeriodTooLong(Invalid):
    """An export is asked for of more than is written at once."""


@search.post("/search", responses=problems(400, 404), dependencies=[may(*PRACTISING)])
def search_times(
    body: SearchIn,
    session: ReadSession,
    transact: Transact,
    calendar: Cal,
    settings: SettingsDep,
    viewer: SignedIn,
    now: Now,
) -> FoundOut:
    """Propose times of all doctors of a specialty, near practices first, and keep why.

    Neither who pays nor how long a consultation lasts has any part in the order.
    """
    wanted, decision_id = body.wanted(), new_id(now)
    found = search_consultations(
        session,
        wanted=wanted,
        lot=str(decision_id),
        viewer=viewer,
        now=now,
        calendar=calendar,
        settings=settings,
    )
    transact(
        lambda writing: keep_decision(
            writing, decision_id=decision_id, wanted=wanted, found=found, viewer=viewer, now=now
        )
    )
    return FoundOut(
        decision_id=decision_id,
        proposals=[ProposalOut.of(each) for each in found.proposals],
        follow_up=None if found.follow_up is None else ProposalOut.of(found.follow_up),
        considered=found.considered,
        link=LinkOut.of(found.link),
        nurses_unknown=found.nurses_unknown,
    )


@router.get("", dependencies=[may(*OVERSEERS)])
def list_decisions(
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    starts: Annotated[Moment | None, Query(alias="from", description="Made at this moment or later.")] = None,
    ends: Annotated[Moment | None, Query(alias="to", description="And before this one.")] = None,
    patient: UUID | None = None,
    limit: Limit = 50,
    after: After = None,
) -> DecisionPage:
    """List in which order times were proposed, and why, in the order in which they were looked for."""
    page = decisions.list_decisions(
        session, viewer=viewer, starts=starts, ends=ends, patient_id=patient, limit=limit, after=after
    )
    return DecisionPage(
        items=[DecisionOut.model_validate(row) for row in page.items], next=next_address(request, page)
    )


@router.get(
    "/export",
    response_class=Response,
    responses={
        200: {
            "description": "A line for each proposal, with a head line",
            "content": {CSV_TYPE: {"schema": {"type": "string", "examples": [",".join(CSV_HEAD)]}}},
        },
        **problems(400),
    },
    dependencies=[may(*OVERSEERS)],
)
def export_decisions(
    session: ReadSession,
    viewer: SignedIn,
    starts: Annotated[Moment, Query(alias="from", description="Made at this moment or later.")],
    ends: Annotated[Moment, Query(alias="to", description="And before this one; 92 days at most.")],
) -> Response:
    """Write what was proposed and why as CSV (RFC 4180), for whoever has to judge it; it names no person."""
    if not timedelta() < ends - starts <= LONGEST_EXPORT:
        raise PeriodTooLong(f"give a period that ends after its start, of {LONGEST_EXPORT.days} days at most")
    file = StringIO()
    writer = csv.writer(file)
    writer.writerow(CSV_HEAD)
    for row in decisions.decisions_between(session, viewer=viewer, starts=starts, ends=ends):
        writer.writerows(_lines(row))
    headers = {"Content-Disposition": 'attachment; filename="ranking-decisions.csv"'}
    return Response(file.getvalue(), media_type=CSV_TYPE, headers=headers)


@router.get("/{decision_id}", responses=problems(404), dependencies=[may(*OVERSEERS)])
def get_decision(decision_id: UUID, session: ReadSession, viewer: SignedIn) -> DecisionOut:
    """Show what was proposed in one search, and why."""
    return DecisionOut.model_validate(decisions.get_decision(session, decision_id=decision_id, viewer=viewer))


def _lines(row: RankingDecision) -> Iterable[tuple[Any, ...]]:
    for position, each in enumerate(row.proposals, start=1):
        yield (
            row.id,
            row.at.isoformat(),
            row.specialty or "",
            row.need,
            row.considered,
            position,
            each["schedule"],
            each["starts_at"],
            each["sort"],
            " ".join(each["reasons"]),
        )
