"""What a transaction of one tenant sees of the others: nothing, whatever it asks."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from careapp import row_security
from careapp.access import SCHEDULER, Viewer, ViewerRole
from careapp.appointments.models import Appointment, Occupancy
from careapp.consultations.booking import Wish, book_slots, cancel_booking
from careapp.consultations.models import Slot, SlotStatus
from careapp.db import EVERY_TENANT, NO_TENANT, TENANTS, make_sessions
from careapp.migrate import DatabaseTooOld, require_current, upgrade
from careapp.models import METADATA
from careapp.openings.commands import ToWhom, open_record
from careapp.openings.models import OpeningKind
from careapp.organisations.models import Place
from careapp.people.models import Patient, Practitioner
from careapp.records.models import AuditEvent
from careapp.tenancy import across_tenants, acting_as, begin_as, tenants_of
from careapp.visits.models import Service, Visit
from tests.careapp.worlds import a_world, coordinator_of

ANALYST = Viewer("analyst", ViewerRole.ANALYST)


@pytest.fixture
def sessions(postgresql_engine):
    return make_sessions(postgresql_engine)


@pytest.fixture
def worlds(sessions):
    """Two care services with a practice each."""
    with sessions.begin() as session:
        return [a_world(session) for _ in range(2)]


def count(session: Session, model: Any) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


class TestTenantsOf:
    def test_are_the_organisation_or_all_for_ourselves_or_nobody(self):
        organisation = uuid4()

        assert tenants_of(SCHEDULER) == EVERY_TENANT
        assert tenants_of(ANALYST) == NO_TENANT
        for role in ViewerRole:
            assert tenants_of(Viewer("name", role, organisation)) == f"{{{organisation}}}"


class TestBeginAs:
    @pytest.mark.parametrize("model", [Patient, Visit, Service, Appointment])
    def test_shows_a_tenant_its_own_rows_only(self, sessions, worlds, model):
        with begin_as(sessions, worlds[0].viewer) as session:
            own = count(session, model)
        with begin_as(sessions, SCHEDULER) as session:
            every = count(session, model)

        assert (own, every) == (3, 6)

    def test_shows_nothing_to_whoever_is_nobody(self, sessions, worlds, postgresql_engine):
        with begin_as(sessions, ANALYST) as session:
            assert count(session, Patient) == 0
        with Session(postgresql_engine) as session:
            assert count(session, Patient) == 0

    def test_forgets_who_it_was_with_the_transaction(self, sessions, worlds):
        with begin_as(sessions, worlds[0].viewer) as session:
            connection = session.connection()
            assert connection.scalar(text("SELECT current_setting('app.tenants')")) != ""
            process = connection.scalar(text("SELECT pg_backend_pid()"))
        with sessions.kw["bind"].connect() as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) == process
            assert connection.scalar(text("SELECT current_setting('app.tenants', true)")) == ""
            assert connection.scalar(text("SELECT count(*) FROM patient")) == 0

    def test_lets_nobody_write_into_another_tenant(self, sessions, worlds):
        mine, other = worlds
        with begin_as(sessions, mine.viewer) as session:
            changed = session.scalars(
                update(Patient)
                .where(Patient.id == other.patients[0].id)
                .values(phone_blind="1")
                .returning(Patient.id)
            )
            gone = session.scalars(
                delete(Service).where(Service.id == other.visits[0].services[0].id).returning(Service.id)
            )
            assert (changed.all(), gone.all()) == ([], [])
        row = {"id": uuid4(), "organisation_id": other.organisation_id, "practitioner_id": None}
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            begin_as(sessions, mine.viewer) as session,
        ):
            session.execute(
                text(
                    "INSERT INTO absence (id, organisation_id, patient_id, starts_at, ends_at) "
                    "VALUES (:id, :organisation_id, :patient, now(), now() + interval '1 day')"
                ),
                {**row, "patient": other.patients[0].id},
            )

    def test_lets_nobody_give_a_row_away(self, sessions, worlds):
        mine, other = worlds
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            begin_as(sessions, mine.viewer) as session,
        ):
            session.execute(update(Place).values(organisation_id=other.organisation_id))

    def test_shows_offers_and_doctors_to_all(self, sessions, worlds):
        mine, other = worlds
        with begin_as(sessions, mine.viewer) as session:
            doctors = set(session.scalars(select(Practitioner.id)))
            assert count(session, Slot) == 2
            practices = set(session.scalars(select(Place.id).where(Place.kind == "practice")))

        assert other.doctor.practitioner_id in doctors
        assert other.nurses[0].practitioner_id not in doctors
        assert other.doctor.base_id in practices

    def test_writes_the_record_for_whomever_it_concerns_and_shows_only_its_own(self, sessions, worlds, now):
        mine, other = worlds
        with begin_as(sessions, mine.viewer) as session:
            for world in worlds:
                session.execute(
                    insert(AuditEvent).values(
                        id=uuid4(), at=now, viewer="x", organisation_id=world.organisation_id,
                        action="look", subject_kind="patient", subject_id=None, detail={},
                    )
                )  # fmt: skip
        with begin_as(sessions, other.viewer) as session:
            assert set(session.scalars(select(AuditEvent.organisation_id))) == {other.organisation_id}


class TestOpenings:
    @pytest.fixture
    def opened(self, sessions, worlds, now):
        owner, helper = worlds
        nurse = helper.nurses[0]
        with sessions.begin() as session:
            return open_record(
                session,
                organisation_id=owner.organisation_id,
                patient_id=owner.patients[0].id,
                to=ToWhom(nurse.organisation_id, nurse.practitioner_id),
                kind=OpeningKind.HELP,
                reason="help",
                starts_at=now,
                ends_at=now + timedelta(hours=2),
                viewer=owner.viewer,
                now=now,
                appointment_id=owner.visits[0].id,
            )

    def test_show_one_patient_her_home_and_the_visit_while_they_last(self, sessions, worlds, opened, now):
        owner, helper = worlds

        def seen(hours):
            with begin_as(sessions, helper.viewer, now + timedelta(hours=hours)) as session:
                return [
                    owner.patients[0].id in set(session.scalars(select(Patient.id))),
                    owner.patients[1].id in set(session.scalars(select(Patient.id))),
                    owner.patients[0].home_id in set(session.scalars(select(Place.id))),
                    owner.visits[0].id in set(session.scalars(select(Visit.id))),
                    owner.visits[0].services[0].id in set(session.scalars(select(Service.id))),
                    owner.visits[1].id in set(session.scalars(select(Visit.id))),
                ]

        assert seen(-1) == [False] * 6
        assert seen(1) == [True, False, True, True, True, False]
        assert seen(2) == [False] * 6

    def test_let_the_helper_tell_how_the_visit_went_and_nothing_of_the_patient(
        self, sessions, worlds, opened, now
    ):
        owner, helper = worlds
        visit, patient = owner.visits[0].id, owner.patients[0].id
        with begin_as(sessions, helper.viewer, now) as session:
            told = session.scalars(
                update(Appointment)
                .where(Appointment.id == visit)
                .values(title="Besuch")
                .returning(Appointment.id)
            )
            changed = session.scalars(
                update(Patient).where(Patient.id == patient).values(phone_blind="1").returning(Patient.id)
            )

            assert (told.all(), changed.all()) == ([visit], [])

    def test_show_the_owner_who_comes(self, sessions, worlds, opened, now):
        owner, helper = worlds
        with begin_as(sessions, owner.viewer, now) as session:
            known = set(session.scalars(select(Practitioner.id)))

        assert helper.nurses[0].practitioner_id in known
        assert helper.nurses[1].practitioner_id not in known


class TestAcrossTenants:
    def test_lets_a_service_take_a_practices_slot_and_give_it_back(self, sessions, worlds, now):
        mine, _ = worlds
        wish = Wish(slot_ids=[mine.slot.id])
        with begin_as(sessions, mine.viewer, now) as session:
            booking = book_slots(
                session, wish=wish, patient_id=mine.patients[0].id, viewer=mine.viewer, now=now
            )
            assert session.info[TENANTS] == tenants_of(mine.viewer)
            assert count(session, Occupancy) == 0
            assert count(session, Patient) == 3
        with begin_as(sessions, coordinator_of(mine.practice), now) as session:
            assert session.get_one(Slot, mine.slot.id).status is SlotStatus.BUSY
            assert count(session, Occupancy) == 1
        with begin_as(sessions, mine.viewer, now) as session:
            cancel_booking(session, booking_id=booking.id, because="pat", viewer=mine.viewer, now=now)
        with sessions.begin() as session:
            assert session.get_one(Slot, mine.slot.id).status is SlotStatus.FREE
            assert count(session, Occupancy) == 0

    @pytest.mark.parametrize(
        ("statement", "ending"), [("SELECT 1", RuntimeError), ("SELECT 1 / 0", DBAPIError)]
    )
    def test_ends_with_the_block_whatever_happens(self, sessions, worlds, statement, ending):
        def fail(session):
            with session.begin_nested(), across_tenants(session):
                assert count(session, Patient) == 6
                session.execute(text(statement))
                raise RuntimeError

        with begin_as(sessions, worlds[0].viewer) as session:
            with pytest.raises(ending):
                fail(session)

            assert count(session, Patient) == 3

    def test_may_be_nested(self, sessions, worlds):
        with begin_as(sessions, worlds[0].viewer) as session:
            with across_tenants(session):
                with across_tenants(session):
                    assert count(session, Patient) == 6
                assert count(session, Patient) == 6
            assert count(session, Patient) == 3


class TestActingAs:
    def test_gives_a_factory_of_one_viewers_transactions(self, sessions, worlds):
        acting = acting_as(sessions, worlds[0].viewer)

        with acting.begin() as session:
            assert count(session, Patient) == 3
        with sessions.begin() as session:
            assert count(session, Patient) == 6


class TestFence:
    def test_says_of_every_table_whose_its_rows_are(self):
        # A table that is missing would be ours alone, so nobody else could work with it.
        assert set(METADATA.tables) <= set(row_security.RULES)

    def test_stands_round_every_table_that_holds_something_of_a_tenant(self, postgresql_engine):
        with postgresql_engine.connect() as connection:
            fenced = {
                name
                for name, enabled, forced in connection.execute(
                    text(
                        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class "
                        "WHERE relkind = 'r'"
                    )
                )
                if enabled and forced
            }
            policies = set(connection.execute(text("SELECT tablename FROM pg_policies")).scalars())

        open_to_all = {name for name, rule in row_security.RULES.items() if rule is None}
        assert fenced == policies == set(METADATA.tables) - open_to_all
        for name in open_to_all & set(METADATA.tables):
            assert "organisation_id" not in METADATA.tables[name].columns
            assert "patient_id" not in METADATA.tables[name].columns

    def test_is_made_anew_when_it_has_changed(self, postgresql_owner):
        with postgresql_owner.begin() as connection:
            connection.execute(text("COMMENT ON FUNCTION careapp_tenants() IS 'older'"))
        with pytest.raises(DatabaseTooOld, match="careapp migrate"):
            require_current(postgresql_owner)

        upgrade(postgresql_owner)

        require_current(postgresql_owner)

    def test_is_no_fence_for_its_owner(self, postgresql_owner, postgresql_engine):
        row_security.require_fenced(postgresql_engine)
        assert row_security.role_faults(postgresql_owner) == [
            "is a superuser",
            "may bypass row security",
            "owns tables",
        ]
        with pytest.raises(row_security.RolesMix, match="CAREAPP_DATABASE_ROLE"):
            row_security.require_fenced(postgresql_owner)

    def test_is_not_there_on_sqlite(self, sqlite_engine):
        row_security.require_fenced(sqlite_engine)

        with sqlite_engine.begin() as connection:
            assert row_security.is_current(connection)

    def test_knows_the_role_that_it_lets_in(self, postgresql_owner):
        with pytest.raises(row_security.RoleUnknown, match="CREATE ROLE nobody_here"):
            upgrade(postgresql_owner, role="nobody_here")

    def test_is_a_fence_for_an_owner_who_is_no_superuser(self, postgresql_owner, worlds):
        with postgresql_owner.begin() as connection:
            connection.execute(text("CREATE ROLE careapp_test_owner NOLOGIN"))
            connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO careapp_test_owner"))
            connection.execute(text("ALTER TABLE patient OWNER TO careapp_test_owner"))
            connection.execute(text("SET LOCAL ROLE careapp_test_owner"))
            assert connection.scalar(text("SELECT count(*) FROM patient")) == 0
            connection.rollback()
