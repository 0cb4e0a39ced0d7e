"""After a rotation nothing needs the old key, and everything is found as before."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from careapp.db import make_sessions
from careapp.keys import Keyring
from careapp.people.models import Patient
from careapp.records.held import HeldTask
from careapp.records.models import Document, DocumentVersion, SentDocument
from careapp.records.search_values import SearchValue
from careapp.roads.models import TravelPlace
from careapp.sealing import rotation
from careapp.sealing.contents import opened, sealed
from careapp.sealing.guard import require_keys
from careapp.sealing.lookups import exactly
from careapp.sealing.ring import attach
from careapp.sealing.texts import place_of
from tests.careapp.worlds import a_patient

NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)


@pytest.fixture
def ring(engine: Engine) -> Keyring:
    ring = Keyring.in_memory()
    attach(engine, ring)
    return ring


@pytest.fixture
def own_sessions(engine: Engine, ring: Keyring) -> sessionmaker[Session]:
    del ring
    return make_sessions(engine)


@pytest.fixture
def patient(own_sessions: sessionmaker[Session], ring: Keyring) -> Patient:
    with own_sessions.begin() as session:
        patient = a_patient(session)
        owner, key = patient.organisation_id, patient.id
        content = sealed(session, "Patient", key, owner, b"{}")
        session.add_all(
            [
                Document(
                    kind="Patient", id=key, organisation_id=owner, version=1, updated_at=NOW, content=content
                ),
                DocumentVersion(
                    kind="Patient", id=key, organisation_id=owner, version=1, updated_at=NOW, content=content
                ),
                DocumentVersion(
                    kind="Patient",
                    id=uuid4(),
                    organisation_id=owner,
                    version=2,
                    updated_at=NOW,
                    content=b'{"deleted":true,"organisation":null}',
                ),
                SentDocument(
                    kind="Patient",
                    id=key,
                    organisation_id=owner,
                    content=sealed(session, "Patient", key, owner, b"sent", field="sent"),
                    shown=sealed(session, "Patient", key, owner, b"shown", field="shown"),
                ),
                HeldTask(id=uuid4(), organisation_id=owner, patient_id=key, content=b'{"a": "\xc3\xbc"}'),
            ]
        )
        value = {"kind": "Task", "resource_id": key, "parameter": "code", "number": 0}
        text = ring.tenant(owner).seal(b"Anruf", place_of(value))
        session.add(SearchValue(**value, organisation_id=owner, sealed_text=text))
    require_keys(own_sessions)
    return patient


class TestReseal:
    def test_leaves_nothing_that_needs_the_old_key(
        self, own_sessions: sessionmaker[Session], ring: Keyring, patient: Patient
    ) -> None:
        old, new = ring.main_keys[0].id, ring.add_main_key(NOW).id

        # Patient, home, task, document, version, two of what was sent, one text.
        assert rotation.reseal(own_sessions, lambda *_: None) == 8
        with own_sessions.begin() as session:
            assert rotation.keys_in_use(session) == {new: 8}
            rotation.forget_key(session, old)
        ring.drop_main_key(old)
        require_keys(own_sessions)

        with own_sessions() as session:
            found = session.get_one(Patient, patient.id)
            task = session.scalars(select(HeldTask)).one()
            document = session.get_one(Document, ("Patient", patient.id))
            sent = session.get_one(SentDocument, ("Patient", patient.id))
            assert (found.family_name, task.content) == ("Probst", b'{"a": "\xc3\xbc"}')
            assert opened(session, "Patient", patient.id, document.content) == b"{}"
            assert opened(session, "Patient", patient.id, sent.shown, field="shown") == b"shown"
            by_number = select(Patient.id).where(exactly(Patient, "insurance_number", ["X000000001"]))
            assert session.scalars(by_number).all() == [patient.id]
            assert session.scalar(select(func.count()).select_from(TravelPlace)) == 0

    def test_finds_and_opens_everything_while_it_is_under_way(
        self, own_sessions: sessionmaker[Session], ring: Keyring, patient: Patient
    ) -> None:
        ring.add_main_key(NOW)

        with own_sessions() as session:
            by_number = select(Patient).where(exactly(Patient, "insurance_number", ["X000000001"]))
            assert session.scalars(by_number).one().given_name == "Paula"
        assert patient.id is not None

    def test_has_nothing_to_do_twice(
        self, own_sessions: sessionmaker[Session], ring: Keyring, patient: Patient
    ) -> None:
        ring.add_main_key(NOW)
        told: list[tuple[str, int]] = []
        rotation.reseal(own_sessions, lambda table, count: told.append((table, count)))

        assert rotation.reseal(own_sessions, lambda *_: None) == 0
        assert ("patient", 1) in told
        assert patient.id is not None
