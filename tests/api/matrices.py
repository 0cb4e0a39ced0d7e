"""Two tenants and everybody who may ask: what the matrix of routes and roles is tried on.

A letter stands for each role: coordinator, administrator, nurse, doctor, analyst (y), auditor (u), support,
client (x). `c!` is a coordinator with a token for everything, `c-` one whose token speaks of nothing here,
`s?` support without a grant, `!` ourselves.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from api.app import create_app
from api.auth.viewers import signed_in
from api.database import open_sessions
from api.dependencies import read_now
from careapp.access import Viewer, ViewerRole
from careapp.calls.links import prepare_call
from careapp.calls.models import CallPart, CallParticipant, ProviderKind
from careapp.config import Settings
from careapp.identity.support_models import SupportGrant
from careapp.jobs import queue
from careapp.jobs.kinds import PLAN_DAY
from careapp.migrate import upgrade
from careapp.openings.commands import ToWhom, open_record
from careapp.openings.models import OpeningKind
from careapp.records.chain import unpacked
from careapp.records.held import (
    HeldAppointmentResponse,
    HeldCommunication,
    HeldEncounter,
    HeldResource,
    HeldTask,
)
from careapp.records.models import AuditEvent
from careapp.subscriptions.models import Subscription
from tests.careapp.worlds import EVERYONE, moment
from tests.fhir.rows import TEST_DATA, Served, a_held, a_served_world
from tests.keys import open_engine

LOOPBACK = "http://127.0.0.1"
WHO = "X-Test-Viewer"
"""Header that names one of `Matrix.viewers`."""

NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)

LETTERS = {
    "c": ViewerRole.COORDINATOR,
    "a": ViewerRole.ADMINISTRATOR,
    "n": ViewerRole.NURSE,
    "d": ViewerRole.DOCTOR,
    "y": ViewerRole.ANALYST,
    "u": ViewerRole.AUDITOR,
    "s": ViewerRole.SUPPORT,
    "x": ViewerRole.CLIENT,
}
WHOLE_TENANT = "cax"
EVERYTHING = frozenset({"user/*.cruds", "system/*.cruds", "api.read", "api.write"})
NOTHING_HERE = frozenset({"user/Basic.cruds", "system/Basic.cruds", "openid"})
"""A token that speaks of no kind that is served, and not of `/api`."""

SHOW_NOBODY = (
    "/api/about",
    "/api/doctors",
    "/api/jobs",
    "/api/map",
    "/api/me",
    "/api/organisations",
    "/api/places",
    "/api/roads",
    "/api/skills",
    "/fhir/.well-known",
    "/fhir/OperationDefinition",
    "/fhir/SearchParameter",
    "/fhir/metadata",
)
"""Addresses that show no patient, written by hand. They leave no row of the record."""


@dataclass
class Matrix:
    """What a test of the matrix asks with.

    Attributes:
        client: Asks as the viewer whom the header `WHO` names, or as nobody.
        own, foreign: The two tenants.
        viewers: By letter, all of the first tenant; the doctor and his practice beside it.
        jobs, grants, calls: A job of each tenant, a grant for support, the call of its booking.
        ids: Of each kind of resource one of the first tenant and one of the second.
        of_doctor: Instead of the former, what lies in the doctor's calendar and practice.
    """

    client: TestClient
    own: Served
    foreign: Served
    viewers: dict[str, Viewer]
    jobs: tuple[UUID, ...]
    grants: tuple[UUID, ...]
    calls: tuple[UUID, ...]
    ids: Mapping[str, tuple[UUID, UUID]]
    of_doctor: Mapping[str, UUID]

    def ask(self, who: str | None, method: str, address: str, **more: Any) -> Any:
        """Send a request as somebody; None as nobody."""
        headers = {**more.pop("headers", {})} | ({} if who is None else {WHO: who})
        answer = self.client.request(method, address, headers=headers, **more)
        self.require_recorded(who, method, address, answer)
        return answer

    def require_recorded(self, who: str | None, method: str, address: str, answer: Any) -> None:
        """Compare an answer with what the record holds of its request.

        Whatever names a patient leaves a row that names them too; so does whatever might have named one, and
        was refused or found nobody. What was asked by nobody, or shows nobody by its nature, leaves nothing.
        """
        path = address.partition("?")[0]
        if not path.startswith(("/api/", "/fhir")):
            return
        state: Any = self.client.app.state  # type: ignore[attr-defined]  # of FastAPI
        with state.reading_sessions.begin() as session:
            rows = session.execute(
                select(AuditEvent.patient_id, AuditEvent.patients, AuditEvent.mark).where(
                    AuditEvent.request_id == answer.headers["x-request-id"]
                )
            ).all()
        named = {str(key) for row in rows for key in unpacked(row.patients or b"")}
        named |= {str(row.patient_id) for row in rows}
        shown = {key for key in self.patients() if key in answer.text} if answer.status_code < 400 else set()
        if path.startswith("/fhir/AuditEvent"):  # reading the record must not make it grow by all in it
            shown = set()
        is_look = answer.status_code < 400 or answer.status_code in {403, 404, 410}
        shows_nobody = method == "GET" and path.startswith(SHOW_NOBODY) and not shown
        if who is None or answer.status_code == 401 or shows_nobody:
            assert rows == [], (who, address, "leaves a row, and shows nobody")
        elif is_look and not path.startswith(SHOW_NOBODY):
            assert rows, (who, address, answer.status_code, "leaves no row")
        assert shown <= named, (who, address, "shows patients whom the record does not name")
        assert all(row.mark for row in rows), (who, address, "leaves a row without a mark")

    def patients(self) -> set[str]:
        """Return the ids of all patients."""
        return {str(each.id) for served in (self.own, self.foreign) for each in served.world.patients}

    def own_id(self, letter: str, kind: str) -> UUID:
        """Return the id of a resource that is within a role's work."""
        return self.of_doctor.get(kind, self.ids[kind][0]) if letter == "d" else self.ids[kind][0]


@contextmanager
def a_matrix(settings: Settings, engine: Engine, now: datetime) -> Iterator[Matrix]:
    """Build two tenants and start the application over them."""
    with open_sessions(engine).begin() as session:
        own, foreign = (_a_tenant(session) for _ in range(2))
        viewers = _viewers(own)
        jobs = tuple(_a_job(session, served, now) for served in (own, foreign))
        ids = {kind: (_ids(session, own)[kind], key) for kind, key in _ids(session, foreign).items()}
        of_doctor = _of_doctor(session, own)
        for served in (own, foreign):
            _open_to_the_practice(session, served, now)
        calls = tuple(_a_call(session, served, now) for served in (own, foreign))
        grants = tuple(_grant(session, served, viewers["s"].name, now) for served in (own, foreign))
    app = create_app(settings, engine=engine, runs_jobs=False)
    app.dependency_overrides[read_now] = lambda: now
    viewers |= {f"{letter}!": _with(viewer, EVERYTHING) for letter, viewer in viewers.items()}
    viewers |= {
        f"{letter}-": _with(viewer, NOTHING_HERE) for letter, viewer in viewers.items() if len(letter) == 1
    }
    viewers["!"] = Viewer("ourselves", ViewerRole.SYSTEM)
    viewers["s?"] = replace(viewers["s"], name="without-a-grant")
    _ask_by_header(app, viewers)
    with TestClient(app, base_url=LOOPBACK, raise_server_exceptions=True) as client:
        yield Matrix(client, own, foreign, viewers, jobs, grants, calls, ids, of_doctor)


@contextmanager
def a_lasting_matrix(folder: Path) -> Iterator[Matrix]:
    """Build a matrix over an SQLite database of its own, at the hour of the fixture `now`."""
    engine = open_engine(f"sqlite:///{folder / 'careapp.sqlite'}")
    upgrade(engine)
    with a_matrix(Settings.read(data_dir=folder), engine, NOW) as matrix:
        yield matrix
    engine.dispose()


def _ask_by_header(app: FastAPI, viewers: Mapping[str, Viewer]) -> None:
    async def by_header(request: Request) -> Viewer | None:
        return viewers.get(request.headers.get(WHO, ""))

    app.dependency_overrides.pop(signed_in, None)
    app.state.ways = (by_header,)


def _with(viewer: Viewer, scopes: frozenset[str]) -> Viewer:
    return replace(viewer, scopes=scopes)


def _viewers(served: Served) -> dict[str, Viewer]:
    world = served.world
    home, practice = world.organisation.id, world.practice.id
    found = {
        letter: Viewer(str(uuid4()), role, home)
        for letter, role in LETTERS.items()
        if role is not ViewerRole.ANALYST
    }
    found["n"] = replace(found["n"], practitioner_id=world.nurses[0].practitioner_id)
    found["d"] = Viewer(str(uuid4()), ViewerRole.DOCTOR, practice, world.doctor.practitioner_id)
    found["y"] = Viewer(str(uuid4()), ViewerRole.ANALYST)
    found["x"] = replace(found["x"], scopes=EVERYTHING)
    return found


def _a_tenant(session: Session) -> Served:
    served = a_served_world(session)
    organisation = served.world.organisation_id
    session.execute(
        update(Subscription)
        .where(Subscription.organisation_id.is_(None))
        .values(organisation_id=organisation),
        execution_options={"synchronize_session": False},
    )
    return served


def _a_job(session: Session, served: Served, now: datetime) -> UUID:
    viewer = Viewer("viewer-c", ViewerRole.COORDINATOR, served.world.organisation_id)
    return queue.submit(
        session, kind=PLAN_DAY, arguments={"date": "2026-03-03"}, viewer=viewer, now=now, dedup=False
    ).id


def _a_call(session: Session, served: Served, now: datetime) -> UUID:
    """Make a call in which the first nurse and the doctor sit."""
    call = prepare_call(
        session, booking_id=served.booking.id, provider=ProviderKind.EMBEDDED, viewer=EVERYONE, now=now
    )
    parts = {CallPart.NURSE: served.world.nurses[0], CallPart.DOCTOR: served.world.doctor}
    session.add_all(
        CallParticipant(
            id=uuid4(),
            organisation_id=call.organisation_id,
            call_id=call.id,
            part=part,
            practitioner_id=who.practitioner_id,
            invited_at=now,
        )
        for part, who in parts.items()
    )
    return call.id


def _grant(session: Session, served: Served, name: str, now: datetime) -> UUID:
    grant = SupportGrant(
        id=uuid4(),
        organisation_id=served.world.organisation_id,
        viewer_name=name,
        reason="ein Fehler",
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        granted_by="administrator",
        created_at=now,
    )
    session.add(grant)
    return grant.id


def _open_to_the_practice(session: Session, served: Served, now: datetime) -> None:
    """Open what booking opens: the fixture's row was made past the command."""
    open_record(
        session,
        organisation_id=served.world.organisation_id,
        patient_id=served.booking.patient_id,
        to=ToWhom(served.world.practice.id, served.world.doctor.practitioner_id),
        kind=OpeningKind.BOOKING,
        reason="Videosprechstunde",
        starts_at=now,
        ends_at=now + timedelta(days=30),
        viewer=EVERYONE,
        now=now,
        appointment_id=served.booking.id,
    )


def _ids(session: Session, served: Served) -> dict[str, UUID]:
    world = served.world
    organisation = world.organisation_id
    held = {
        row.kind: row.id
        for row in session.scalars(select(HeldResource).where(HeldResource.organisation_id == organisation))
    }
    nurse = world.nurses[0]
    patient = world.patients[0]
    assert patient.home_id is not None
    return {
        **held,
        "Organization": organisation,
        "HealthcareService": organisation,
        "Location": patient.home_id,
        "Patient": patient.id,
        "Practitioner": nurse.practitioner_id,
        "PractitionerRole": nurse.id,
        "CarePlan": world.orders[0].care_plan_id,
        "ServiceRequest": world.orders[0].id,
        "Schedule": world.schedule.id,
        "Slot": served.free_slot.id,
        "Appointment": world.visits[0].id,
        "List": served.tours[0].id,
        "Subscription": session.scalars(
            select(Subscription.id).where(Subscription.organisation_id == organisation)
        ).one(),
        "AuditEvent": session.scalars(
            select(AuditEvent.id).where(
                AuditEvent.organisation_id == organisation, AuditEvent.action == "hold_resource"
            )
        ).one(),
    }


def _of_doctor(session: Session, served: Served) -> dict[str, UUID]:
    """Make what lies in the doctor's calendar and in his practice."""
    world, booking = served.world, served.booking
    patient = world.patients[1]
    doctor = {"reference": f"Practitioner/{world.doctor.practitioner_id}"}
    answer = a_held(
        session,
        HeldAppointmentResponse,
        patient,
        {
            "appointment": {"reference": f"Appointment/{booking.id}"},
            "actor": doctor,
            "participantStatus": "accepted",
        },
    )
    answer.appointment_id, answer.actor_id = booking.id, world.doctor.practitioner_id
    answer.answer, answer.answered_at = "accepted", moment(17)
    encounter = HeldEncounter(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        patient_id=patient.id,
        appointment_id=booking.id,
        practitioner_id=world.doctor.practitioner_id,
        began_at=moment(7),
        ended_at=moment(7, 15),
    )
    kept = [
        HeldTask(
            id=uuid4(),
            organisation_id=world.practice.id,
            content=_content(status="requested", intent="order", code={"text": "Probe"}, owner=doctor),
        ),
        HeldCommunication(
            id=uuid4(), organisation_id=world.practice.id, content=_content(status="completed", sender=doctor)
        ),
    ]
    session.add_all([encounter, *kept])
    session.flush()
    return {
        "Patient": patient.id,
        "Appointment": booking.id,
        "AppointmentResponse": answer.id,
        "Encounter": encounter.id,
        "Location": world.doctor.base_id,
        "Practitioner": world.doctor.practitioner_id,
        "PractitionerRole": world.doctor.id,
        "Task": kept[0].id,
        "Communication": kept[1].id,
    }


def _content(**elements: Any) -> bytes:
    return orjson.dumps({"meta": {"tag": [TEST_DATA]}, **elements})
