"""Documents in step with rows, whatever way the rows are written."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import Engine, delete, event, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from careapp.consultations.models import Slot, SlotStatus
from careapp.db import make_sessions, record_change
from careapp.organisations.models import Organisation
from careapp.people.models import Patient, RoleSkill
from careapp.records.models import Document, DocumentVersion
from careapp.sealing.contents import opened
from careapp.tours.models import Stop
from careapp.visits.models import Visit, VisitLink
from fhir import projector
from fhir.changes import ChangeNotSeen
from fhir.mapping.registry import RESOURCES, UnknownKind
from fhir.validation.check import InvalidDocument
from tests.careapp.worlds import World, a_skill, a_world, moment
from tests.fhir.rows import Served, a_served_world

KINDS = [resource.kind for resource in RESOURCES]


@pytest.fixture
def world(sessions: sessionmaker[Session]) -> World:
    with sessions.begin() as session:
        return a_world(session)


@pytest.fixture
def stored(sessions: sessionmaker[Session]) -> Callable[[str, UUID], Document | None]:
    def stored(kind: str, key: UUID) -> Document | None:
        with sessions() as session:
            found = session.get(Document, (kind, key))
            if found is not None:
                session.expunge(found)
                found.content = opened(session, kind, key, found.content)
            return found

    return stored


@pytest.fixture
def versions(sessions: sessionmaker[Session]) -> Callable[[str, UUID], list[bytes]]:
    def versions(kind: str, key: UUID) -> list[bytes]:
        with sessions() as session:
            found = session.scalars(
                select(DocumentVersion.content)
                .where(DocumentVersion.kind == kind, DocumentVersion.id == key)
                .order_by(DocumentVersion.version)
            )
            return [opened(session, kind, key, content) for content in found]

    return versions


def slots(world: World, count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": uuid4(),
            "organisation_id": world.practice.id,
            "schedule_id": world.schedule.id,
            "starts_at": moment(10) + timedelta(minutes=15 * number),
            "ends_at": moment(10, 15) + timedelta(minutes=15 * number),
            "status": SlotStatus.FREE,
        }
        for number in range(count)
    ]


class TestVersions:
    def test_begin_with_one_and_tell_themselves(self, world, stored, clock):
        document = stored("Patient", world.patients[0].id)

        assert document.version == 1
        assert document.updated_at == clock.now
        meta = orjson.loads(document.content)["meta"]
        assert (meta["versionId"], meta["lastUpdated"]) == ("1", "2026-03-02T17:00:00Z")

    def test_count_up_when_the_content_changes_and_keep_what_was(
        self, sessions, world, stored, versions, clock
    ):
        key = world.patients[0].id
        clock.advance(minutes=5)
        with sessions.begin() as session:
            session.get_one(Patient, key).family_name = "Neumann"

        document = stored("Patient", key)
        assert document.version == 2
        assert document.updated_at == clock.now
        before, now = map(orjson.loads, versions("Patient", key))
        assert (before["name"][0]["family"], now["name"][0]["family"]) == ("Probst 1", "Neumann")
        assert orjson.loads(document.content) == now

    def test_stay_when_nothing_that_is_shown_changes(self, sessions, world, stored, clock):
        clock.advance(minutes=5)
        with sessions.begin() as session:
            session.get_one(Slot, world.slot.id).status = SlotStatus.FREE
            record_change(session, Slot, world.slot.id)

        assert stored("Slot", world.slot.id).version == 1

    def test_end_with_a_tombstone_and_go_on_if_the_row_comes_back(self, sessions, world, stored, versions):
        key = world.slot.id
        again = {column.key: getattr(world.slot, column.key) for column in Slot.__table__.c}
        with sessions.begin() as session:
            session.delete(session.get_one(Slot, key))

        assert stored("Slot", key) is None
        assert orjson.loads(versions("Slot", key)[-1]) == {
            "deleted": True,
            "organisation": str(world.practice.id),
        }

        with sessions.begin() as session:
            session.add(Slot(**again))

        assert stored("Slot", key).version == 3

    def test_keep_milliseconds_and_no_more(self, sessions, world, stored, clock):
        clock.advance(microseconds=123_456)
        with sessions.begin() as session:
            session.get_one(Slot, world.slot.id).status = SlotStatus.BLOCKED

        document = stored("Slot", world.slot.id)
        assert document.updated_at.microsecond == 123_000
        assert orjson.loads(document.content)["meta"]["lastUpdated"] == "2026-03-02T17:00:00.123000Z"


class TestTransaction:
    def test_takes_its_documents_with_it_when_it_fails(self, sessions, world, stored):
        with sessions() as session:
            session.get_one(Slot, world.slot.id).status = SlotStatus.BUSY
            projector.project(session, now=moment(6))
            session.rollback()

        assert stored("Slot", world.slot.id).version == 1

    def test_fails_when_a_document_is_not_allowed(self, sessions, world, stored):
        patient = world.patients[0]

        with sessions() as session:
            session.get_one(Patient, patient.id).insurance_number = "geheim"
            place = rf"Patient/{patient.id}: Patient\.identifier\[0\]\.value"
            with pytest.raises(InvalidDocument, match=place) as refused:
                session.commit()

        assert "geheim" not in str(refused.value)
        assert stored("Patient", patient.id).version == 1

    def test_forgets_what_was_rolled_back(self, sessions, world):
        with sessions() as session:
            session.get_one(Slot, world.slot.id).status = SlotStatus.BUSY
            session.flush()
            record_change(session, Slot, uuid4())
            session.rollback()

            assert projector.project(session, now=moment(6)) == 0

    def test_writes_once_however_many_savepoints_it_has(self, sessions, world, stored, versions):
        with sessions.begin() as session:
            with session.begin_nested():
                session.get_one(Slot, world.slot.id).status = SlotStatus.BUSY
            savepoint = session.begin_nested()
            session.get_one(Slot, world.slot.id).status = SlotStatus.BLOCKED
            session.flush()
            savepoint.rollback()

        assert len(versions("Slot", world.slot.id)) == 2
        assert b'"busy"' in stored("Slot", world.slot.id).content

    def test_sees_what_is_written_while_it_commits(self, sessions, world, stored):
        with sessions.begin() as session:
            session.get_one(Slot, world.slot.id).status = SlotStatus.BUSY
            assert projector.project(session, now=moment(6)) == 1
            session.get_one(Slot, world.slot.id).status = SlotStatus.FREE

        assert stored("Slot", world.slot.id).version == 3


class TestTwoTransactions:
    def test_that_change_the_same_document_both_stand_in_it(self, sessions, world, stored, versions):
        patient, visit = world.patients[0].id, world.visits[0].id
        start = Barrier(2)

        def rename(number: int) -> None:
            with sessions.begin() as session:
                session.get_one(Patient, patient).family_name = f"Name {number}"

        def retitle(number: int) -> None:
            with sessions.begin() as session:
                session.get_one(Visit, visit).title = f"Titel {number}"

        def repeat(change: Callable[[int], None]) -> None:
            start.wait()
            for number in range(5):
                change(number)

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(repeat, change) for change in (rename, retitle)]:
                done.result()

        content = orjson.loads(stored("Appointment", visit).content)
        assert content["description"] == "Titel 4"
        assert content["participant"][0]["actor"]["display"] == "Paula Name 4"
        # Each of the ten changes is a version of its own, after the first.
        assert len(versions("Appointment", visit)) == 11


class TestStatementsPastTheUnitOfWork:
    def test_inserted_in_bulk(self, sessions, world, stored):
        rows = slots(world, 3)
        with sessions.begin() as session:
            session.execute(insert(Slot), rows)

        assert [stored("Slot", row["id"]).version for row in rows] == [1, 1, 1]

    def test_inserted_with_values(self, sessions, world, stored):
        (row,) = slots(world, 1)
        with sessions.begin() as session:
            session.execute(insert(Slot).values(**row))

        assert stored("Slot", row["id"]).version == 1

    def test_inserted_rows_that_appear_in_others(self, sessions, world, stored):
        nurse = world.nurses[0]
        with sessions.begin() as session:
            a_skill(session, "wound-care")
            session.execute(
                insert(RoleSkill), [{"role_id": nurse.id, "skill_code": "wound-care", "grade": 2}]
            )

        assert b"wound-care" in stored("PractitionerRole", nurse.id).content

    def test_updated_by_condition(self, sessions, world, stored):
        with sessions.begin() as session:
            session.execute(update(Slot).where(Slot.status == SlotStatus.FREE).values(status=SlotStatus.BUSY))

        assert b'"busy"' in stored("Slot", world.slot.id).content

    def test_updated_without_condition(self, sessions, world, stored):
        with sessions.begin() as session:
            session.execute(update(Organisation).values(name="Umbenannt"))

        assert b"Umbenannt" in stored("Organization", world.practice.id).content
        assert b"Umbenannt" in stored("PractitionerRole", world.doctor.id).content

    def test_updated_by_id_in_bulk(self, sessions, world, stored):
        with sessions.begin() as session:
            session.execute(update(Slot), [{"id": world.slot.id, "status": SlotStatus.BLOCKED}])

        assert b'"busy-unavailable"' in stored("Slot", world.slot.id).content

    def test_deleted_by_condition(self, sessions, world, stored, versions):
        with sessions.begin() as session:
            session.execute(delete(Slot).where(Slot.id == world.slot.id))

        assert stored("Slot", world.slot.id) is None
        assert str(world.practice.id).encode() in versions("Slot", world.slot.id)[-1]

    def test_deleted_rows_that_appeared_in_others(self, sessions, stored):
        with sessions.begin() as session:
            served = a_served_world(session)
        assert b"Petra Abel" in stored("Appointment", served.double.id).content

        with sessions.begin() as session:
            session.execute(delete(Stop).where(Stop.tour_id == served.tours[0].id))

        assert b"Petra Abel" not in stored("Appointment", served.double.id).content
        assert b'"entry"' not in stored("List", served.tours[0].id).content

    def test_recorded_by_hand(self, sessions, world, stored):
        table: Any = Slot.__table__
        with sessions.begin() as session:
            session.execute(table.update().where(table.c.id == world.slot.id).values(status=SlotStatus.BUSY))
            record_change(session, Slot, world.slot.id)

        assert b'"busy"' in stored("Slot", world.slot.id).content

    def test_recorded_by_hand_of_a_row_that_appears_in_others(self, sessions, stored):
        with sessions.begin() as session:
            served = a_served_world(session)
        table: Any = Stop.__table__
        stop = served.tours[0].stops[1]
        with sessions.begin() as session:
            session.execute(table.update().where(table.c.id == stop.id).values(metres=77))
            record_change(session, Stop, stop.id)

        assert b'"valueUnsignedInt":77' in stored("List", served.tours[0].id).content

    def test_that_do_not_tell_which_rows_are_refused(self, sessions, world):
        rows = slots(world, 2)
        with sessions() as session, pytest.raises(ChangeNotSeen, match="does not tell its id"):
            session.execute(insert(Slot).values(rows))

    def test_of_tables_that_nobody_shows_are_left_alone(self, sessions, world):
        first, second = world.visits[:2]
        link = {
            "first_id": first.id,
            "second_id": second.id,
            "organisation_id": world.organisation_id,
            "min_gap_s": 60,
            "max_gap_s": None,
        }
        with sessions.begin() as session:
            session.execute(insert(VisitLink), [link])

            assert projector.project(session, now=moment(6)) == 0


class TestStaleDocuments:
    """Each change in a table that another resource shows reaches that resource's document."""

    @pytest.fixture
    def engine(self, sqlite_engine: Engine) -> Engine:
        """What follows from what is the same on every database."""
        return sqlite_engine

    @pytest.fixture
    def served(self, sessions) -> Served:
        with sessions.begin() as session:
            return a_served_world(session)

    @pytest.mark.parametrize(
        ("kind", "row_of", "change"),
        [
            ("Patient", lambda s: s.world.patients[0], lambda s: (s.world.patients[0].home, "street", "Neu")),
            ("Appointment", lambda s: s.double, lambda s: (s.world.patients[0], "family_name", "Neu")),
            ("Appointment", lambda s: s.double, lambda s: (s.world.patients[0].home, "street", "Neu")),
            (
                "Appointment",
                lambda s: s.double,
                lambda s: (s.world.nurses[1].practitioner, "given_name", "Neu"),
            ),
            ("Appointment", lambda s: s.double, lambda s: (s.double.windows[0], "latest", moment(9))),
            ("Appointment", lambda s: s.booking, lambda s: (s.world.doctor.practitioner, "title", None)),
            ("Appointment", lambda s: s.booking, lambda s: (s.world.schedule, "specialty", "INTM")),
            (
                "HealthcareService",
                lambda s: s.world.practice,
                lambda s: (s.world.schedule, "is_active", False),
            ),
            ("HealthcareService", lambda s: s.world.practice, lambda s: (s.world.doctor.base, "name", "Neu")),
            ("Organization", lambda s: s.world.practice, lambda s: (s.world.doctor.base, "city", "Neu")),
            ("PractitionerRole", lambda s: s.world.doctor, lambda s: (s.world.practice, "name", "Neu")),
            (
                "PractitionerRole",
                lambda s: s.world.doctor,
                lambda s: (s.world.doctor.practitioner, "title", None),
            ),
            ("Schedule", lambda s: s.world.schedule, lambda s: (s.world.doctor.practitioner, "title", None)),
            ("Slot", lambda s: s.free_slot, lambda s: (s.world.practice, "is_synthetic", False)),
            (
                "ServiceRequest",
                lambda s: s.world.orders[0],
                lambda s: (s.world.orders[0].windows[0], "latest", time(10)),
            ),
            (
                "ServiceRequest",
                lambda s: s.world.orders[0],
                lambda s: (s.world.orders[0].skills[0], "grade", 4),
            ),
            ("List", lambda s: s.tours[0], lambda s: (s.tours[0].stops[0], "metres", 7)),
            ("List", lambda s: s.tours[0], lambda s: (s.tours[0].breaks[0], "ends_at", moment(8, 45))),
            ("List", lambda s: s.tours[0], lambda s: (s.world.nurses[0].practitioner, "family_name", "Neu")),
            ("Location", lambda s: s.world.doctor.base, lambda s: (s.world.practice, "name", "Neu")),
        ],
    )
    def test_are_written_anew(self, sessions, served, stored, kind, row_of, change):
        with sessions.begin() as session:
            row, attribute, value = change(served)
            row = session.merge(row, load=False)
            setattr(row, attribute, value)

        assert stored(kind, row_of(served).id).version == 2

    def test_of_the_patients_old_and_new_plan_are_written_anew(self, sessions, served, stored):
        order = served.world.orders[0]
        other = served.world.orders[1].care_plan_id
        with sessions.begin() as session:
            session.merge(order, load=False).care_plan_id = other

        assert stored("CarePlan", order.care_plan_id).version == 2
        assert stored("CarePlan", other).version == 2

    def test_are_not_written_for_what_they_do_not_show(self, sessions, served, engine):
        statements: list[str] = []
        with sessions.begin() as session:
            event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
            session.merge(served.world.patients[0], load=False).phone = "02931 2"

        assert not [text for text in statements if "FROM appointment" in text]

    def test_know_every_table_that_they_show(self, sessions, served):
        unwatched = set()
        for resource in (part for each in RESOURCES if each.is_kept for part in each.parts):
            with sessions() as session:
                rows = session.scalars(select(resource.table).options(*resource.load)).all()
                beside = [row for each in resource.alongside for row in session.scalars(each.rows)]
                shown = {type(row) for row in session.identity_map.values()}
            assert rows
            assert beside or not resource.alongside
            known = (resource.table, *(dependency.model for dependency in resource.affected_by))
            unwatched |= {(resource.kind, table) for table in shown if not issubclass(table, known)}

        assert unwatched == set()


class TestRebuild:
    @pytest.fixture
    def unseen(self, engine: Engine) -> tuple[sessionmaker[Session], World]:
        """A world that nobody projected."""
        sessions = make_sessions(engine)
        with sessions.begin() as session:
            return sessions, a_world(session)

    def test_makes_what_is_missing_and_then_has_nothing_to_do(self, unseen, stored):
        sessions, world = unseen
        told: list[tuple[str, int]] = []
        with sessions.begin() as session:
            written = projector.rebuild(
                session, now=moment(6), on_progress=lambda kind, done: told.append((kind, done))
            )

        # 2 organisations and their services, 3 homes and 2 bases, 3 patients, 3 persons, 3 roles,
        # 3 plans, 3 orders, 1 schedule, 1 slot, 2 nurses' schedules, their 2 shifts, 3 visits.
        assert written == 2 + 2 + 5 + 3 + 3 + 3 + 3 + 3 + 1 + 1 + 2 + 2 + 3
        assert ("Patient", 3) in told
        assert stored("Slot", world.slot.id).version == 1
        with sessions.begin() as session:
            assert projector.rebuild(session, now=moment(7)) == 0

    def test_mends_what_is_stale_and_takes_away_what_is_gone(self, unseen, stored):
        sessions, world = unseen
        with sessions.begin() as session:
            projector.rebuild(session, now=moment(6))
        with sessions.begin() as session:
            session.get_one(Patient, world.patients[0].id).family_name = "Neumann"
            session.delete(session.get_one(Slot, world.slot.id))
        with sessions.begin() as session:
            assert projector.rebuild(session, now=moment(7), kinds=["Patient"]) == 1
            assert projector.rebuild(session, now=moment(7), kinds=["Slot"]) == 1

        assert b"Neumann" in stored("Patient", world.patients[0].id).content
        assert stored("Slot", world.slot.id) is None

    def test_refuses_a_kind_that_is_not_served(self, unseen):
        sessions, _ = unseen
        with sessions() as session, pytest.raises(UnknownKind):
            projector.rebuild(session, now=moment(6), kinds=["Observation"])


class TestManyRows:
    @pytest.mark.parametrize("count", [20, 200])
    def test_take_as_many_statements_as_few(self, sessions, engine, world, count):
        statements: list[str] = []
        with sessions.begin() as session:
            session.execute(insert(Slot), slots(world, count))
            event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
            assert projector.project(session, now=moment(6)) == count
            # Lock, rows, last versions; insert documents, insert versions (PostgreSQL may cut those in two).
            assert len(statements) <= 7

    def test_go_in_more_than_one_stretch(self, sessions, world, monkeypatch):
        monkeypatch.setattr(projector, "ROWS_AT_ONCE", 7)
        with sessions.begin() as session:
            session.execute(insert(Slot), slots(world, 20))
            assert projector.project(session, now=moment(6)) == 20
        with sessions.begin() as session:
            assert projector.rebuild(session, now=moment(6)) == 0
