"""What a database holds of a patient, and what happens if somebody tampers with it."""

from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, insert, inspect, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from careapp.keys import KeyMissing, Keyring, SealBroken
from careapp.organisations.models import Place, PlaceKind
from careapp.people.models import Gender, Patient
from careapp.sealing.fields import NotSealed, SealedInside
from careapp.sealing.guard import require_keys
from careapp.sealing.lookups import exactly
from careapp.sealing.ring import NoKeyring, attach, ring_of
from tests.careapp.worlds import a_patient, a_place, an_organisation
from tests.keys import KEYS

CANARIES = (
    "Geheimrat",
    "Zuzanna",
    "02931-774411",
    "K123456789",
    "Krähenwinkel",
    "17b",
    "51.234567",
    "8.123456",
)


@pytest.fixture
def patient(session: Session) -> Patient:
    patient = a_patient(session, family_name="Geheimrat")
    patient.given_name, patient.phone, patient.insurance_number = "Zuzanna", "02931-774411", "K123456789"
    home = patient.known_home
    home.street, home.house_number, home.latitude, home.longitude = "Krähenwinkel", "17b", 51.234567, 8.123456
    session.commit()
    return patient


def everything(engine: Engine) -> str:
    """All values of all tables, as a dump shows them."""
    with engine.connect() as connection:
        return "\n".join(
            repr(tuple(bytes(each) if isinstance(each, memoryview) else each for each in row))
            for table in inspect(engine).get_table_names()
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))  # noqa: S608 -- its own tables
        )


class TestDump:
    def test_tells_nothing_of_a_patient(self, engine: Engine, patient: Patient) -> None:
        dump = everything(engine)

        assert str(patient.organisation_id).replace("-", "") in dump.replace("-", "")
        assert [canary for canary in CANARIES if canary in dump] == []

    def test_of_the_file_tells_nothing_either(self, sqlite_engine: Engine, tmp_path: Path) -> None:
        with Session(sqlite_engine) as session, session.begin():
            a_patient(session, family_name="Geheimrat").phone = "02931-774411"
        sqlite_engine.dispose()

        stored = b"".join(path.read_bytes() for path in tmp_path.glob("careapp.sqlite*"))
        assert b"Geheimrat" not in stored
        assert b"02931-774411" not in stored


class TestRow:
    def test_shows_what_it_holds_in_another_session(
        self, sessions: sessionmaker[Session], patient: Patient
    ) -> None:
        with sessions() as session:
            found = session.get_one(Patient, patient.id)
            home = session.get_one(Place, patient.home_id)

        assert (found.family_name, found.given_name, found.insurance_number) == (
            "Geheimrat",
            "Zuzanna",
            "K123456789",
        )
        assert (home.street, home.latitude) == ("Krähenwinkel", 51.234567)

    def test_is_written_only_if_something_changes(self, session: Session, patient: Patient) -> None:
        before = patient.sealed

        patient.family_name = "Geheimrat"

        assert patient.sealed is before
        assert patient not in session.dirty

    def test_forgets_what_was_not_written(self, session: Session, patient: Patient) -> None:
        patient.family_name = "Anders"
        session.rollback()

        assert patient.family_name == "Geheimrat"

    def test_of_another_row_cannot_take_its_place(
        self, session: Session, sessions: sessionmaker[Session], patient: Patient
    ) -> None:
        other = a_patient(session)
        session.commit()
        with sessions.begin() as thief:
            thief.execute(update(Patient).where(Patient.id == other.id).values(sealed=patient.sealed))

        with sessions() as reader, pytest.raises(SealBroken):
            _ = reader.get_one(Patient, other.id).family_name

    def test_is_not_written_past_the_unit_of_work(self, session: Session, patient: Patient) -> None:
        del patient
        organisation = an_organisation(session)

        with pytest.raises(Exception, match="through the session") as refused:
            session.execute(
                insert(Patient),
                [{"id": uuid4(), "organisation_id": organisation.id, "gender": Gender.MALE, "sealed": {}}],
            )
        assert isinstance(refused.value.__cause__, NotSealed)

    def test_is_not_compared_in_sql(self) -> None:
        with pytest.raises(SealedInside, match="family_name"):
            select(Patient).where(Patient.family_name == "Geheimrat")  # type: ignore[arg-type]  # mypy sees it, too

    def test_moves_to_plain_columns_when_a_home_becomes_a_base(
        self, session: Session, patient: Patient
    ) -> None:
        home = patient.known_home
        home.kind = PlaceKind.BASE
        session.flush()

        assert (home.sealed, home.plain_street, home.latitude) == (None, "Krähenwinkel", 51.234567)

        home.kind = PlaceKind.HOME
        session.flush()
        assert (home.plain_street, home.plain_latitude) == (None, None)
        assert (home.street, home.latitude) == ("Krähenwinkel", 51.234567)

    def test_of_a_base_is_not_sealed(self, session: Session) -> None:
        base = a_place(session, an_organisation(session), kind=PlaceKind.BASE)

        assert (base.sealed, base.plain_city, base.city) == (None, "Arnsberg", "Arnsberg")


class TestExactly:
    @pytest.mark.parametrize(
        ("field", "value", "is_found"),
        [
            ("insurance_number", "K123456789", True),
            ("insurance_number", "K123456780", False),
            ("phone", "02931-774411", True),
            ("phone", "K123456789", False),
        ],
    )
    def test_finds_by_the_blind_index(
        self, session: Session, patient: Patient, field: str, value: str, is_found: bool
    ) -> None:
        found = session.scalars(select(Patient.id).where(exactly(Patient, field, [value]))).all()

        assert found == ([patient.id] if is_found else [])


class TestGuard:
    def test_takes_the_keys_that_sealed(self, sessions: sessionmaker[Session]) -> None:
        require_keys(sessions)
        require_keys(sessions)

        with sessions() as session:
            assert ring_of(session) is KEYS

    def test_refuses_other_keys(self, sqlite_engine: Engine) -> None:
        factory = sessionmaker(sqlite_engine)
        require_keys(factory)
        attach(sqlite_engine, Keyring.in_memory())

        with pytest.raises(KeyMissing, match="CAREAPP_KEYS_FILE"):
            require_keys(factory)

    def test_needs_keys(self, tmp_path: Path) -> None:
        from sqlalchemy import create_engine  # noqa: PLC0415 -- nobody of ours has opened it

        with pytest.raises(NoKeyring):
            ring_of(create_engine(f"sqlite:///{tmp_path / 'x.sqlite'}"))
