"""The commands `careapp keys …` and `careapp privacy …`, tried on one small world."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from uuid import UUID, uuid4

import pytest
from click import Group
from click.testing import CliRunner
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api import keys as keys_command
from api.database import chain_of, open_sessions, opened
from api.keys import keys
from api.privacy import privacy
from careapp.access import OPERATOR
from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.config import Settings
from careapp.keys import KeyMissing
from careapp.migrate import upgrade
from careapp.people.models import Patient
from careapp.people.queries import PatientNotFound
from careapp.records.models import AuditEvent
from careapp.sealing import rotation
from careapp.sealing.rotation import StillSealed
from tests.careapp.worlds import a_world

KEYS = "keys.json"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, UUID]:
    """A data folder, and a patient in it who has no visit before her."""
    folder = tmp_path_factory.mktemp("commands")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CAREAPP_KEYS_FILE", str(folder / KEYS))
        return folder, _fill(folder)


def _fill(folder: Path) -> UUID:
    with opened(Settings.read(data_dir=folder)) as engine:
        upgrade(engine)
        with open_sessions(engine).begin() as session:
            patient = a_world(session).patients[0]
            patient.family_name = "Geheimrat"
        with open_sessions(engine).begin() as session:
            session.execute(
                update(Appointment)
                .where(Appointment.patient_id == patient.id)
                .values(status=AppointmentStatus.CANCELLED)
            )
    return patient.id


@pytest.fixture
def data(world: tuple[Path, UUID], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, with keys that no other test uses."""
    data = copytree(world[0], tmp_path / "data")
    monkeypatch.setenv("CAREAPP_KEYS_FILE", str(data / KEYS))
    return data


@pytest.fixture
def patient(world: tuple[Path, UUID]) -> UUID:
    return world[1]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server runs that would need time to hear of a new key."""
    monkeypatch.setattr(keys_command, "LOOK_S", 0)


def run(group: Group, data: Path, *arguments: str, answer: str | None = None) -> str:
    """Run a command and return what it tells; raise what it raises."""
    told = CliRunner().invoke(group, [*arguments, "--data-dir", str(data)], input=answer)
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    return told.output


@contextmanager
def database(data: Path) -> Iterator[Session]:
    with opened(Settings.read(data_dir=data)) as engine:
        chain = chain_of(Settings.read(data_dir=data))
        with open_sessions(engine, chain).begin() as session:
            yield session


def name_of(data: Path, patient: UUID) -> str:
    with database(data) as session:
        return session.get_one(Patient, patient).family_name


def listed(told: str) -> list[tuple[str, str, int]]:
    """The keys that `status` tells of: id, what else, how many values."""
    rows = re.findall(r"^  ([0-9a-f]+)  (.*), ([0-9]+) values$", told, re.MULTILINE)
    return [(key, about, int(count)) for key, about, count in rows]


class TestStatus:
    def test_names_the_key_and_what_it_has_sealed(self, data: Path) -> None:
        ((_, about, count),) = listed(run(keys, data, "status"))

        assert about == "made with the file, seals now"
        assert count > 0

    def test_says_that_a_key_is_missing(self, data: Path, world: tuple[Path, UUID]) -> None:
        run(keys, data, "rotate")
        (data / KEYS).write_bytes((world[0] / KEYS).read_bytes())

        with pytest.raises(KeyMissing, match="restore the file"):
            run(keys, data, "status")


class TestRotate:
    def test_seals_everything_anew_and_gives_the_old_key_up(self, data: Path, patient: UUID) -> None:
        ((old, _, sealed),) = listed(run(keys, data, "status"))

        told = run(keys, data, "rotate")

        ((new, about, count),) = listed(run(keys, data, "status"))
        assert new != old
        assert re.fullmatch(r"made \d{4}-\d\d-\d\d, seals now", about)
        assert count == sealed
        assert "the old keys are gone" in told
        assert name_of(data, patient) == "Geheimrat"

    def test_keeps_the_old_key_for_older_backups(self, data: Path) -> None:
        ((old, _, sealed),) = listed(run(keys, data, "status"))

        run(keys, data, "rotate", "--keep-old")

        kept, new = listed(run(keys, data, "status"))
        assert (kept[0], kept[2]) == (old, 0)
        assert new[2] == sealed

    def test_gives_up_no_key_that_sealed_meanwhile(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rotation, "reseal", lambda _sessions, _tell: 0)

        with pytest.raises(StillSealed, match="once more"):
            run(keys, data, "rotate")

        assert len(listed(run(keys, data, "status"))) == 2


class TestErase:
    def test_forgets_who_it_was_and_names_the_receipt(self, data: Path, patient: UUID) -> None:
        told = run(privacy, data, "erase", str(patient), "--yes")

        assert re.search(r"the receipt is [0-9a-f-]{36}", told)
        assert name_of(data, patient) == "gelöscht"

    def test_asks_first(self, data: Path, patient: UUID) -> None:
        told = run(privacy, data, "erase", str(patient), answer="n\n")

        assert "for ever?" in told
        assert name_of(data, patient) == "Geheimrat"

    def test_says_that_there_is_no_such_patient(self, data: Path) -> None:
        with pytest.raises(PatientNotFound, match="there is no patient"):
            run(privacy, data, "erase", str(uuid4()), "--yes")


class TestRestrict:
    def test_hides_the_patient_and_shows_her_again(self, data: Path, patient: UUID) -> None:
        assert "only administrators" in run(privacy, data, "restrict", str(patient))
        with database(data) as session:
            assert session.get_one(Patient, patient).restricted_at is not None

        assert "everybody sees" in run(privacy, data, "restrict", str(patient), "--lift")
        with database(data) as session:
            assert session.get_one(Patient, patient).restricted_at is None

    def test_is_recorded_with_a_mark(self, data: Path, patient: UUID) -> None:
        run(privacy, data, "restrict", str(patient))

        with database(data) as session:
            row = session.scalars(
                select(AuditEvent).where(AuditEvent.patient_id == patient).order_by(AuditEvent.id.desc())
            ).first()
        assert row is not None
        assert (row.action, row.viewer) == ("restrict_patient", OPERATOR.name)
        assert row.mark is not None
