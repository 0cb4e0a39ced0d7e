"""A database of the release before seals keeps all it holds, and tells nothing of it any more."""

from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from careapp import migrate
from careapp.organisations.models import Place
from careapp.people.models import Patient
from careapp.records.held import HeldTask
from careapp.sealing.contents import opened
from careapp.sealing.ring import ring_of
from careapp.sealing.texts import place_of

BEFORE = "8f3b6d1a7c52"
OWNER, PATIENT, HOME, BASE, TASK = (uuid4() for _ in range(5))
SECRETS = (
    "Geheimrat",
    "Zuzanna",
    "02931-774411",
    "K123456789",
    "Krähenwinkel",
    "51.234567",
    "Hausarzt anrufen",
)


@pytest.fixture
def old_engine(new_engine: Engine) -> Engine:
    """A database as the release before left it, with one patient of whom others have sent something."""
    with migrate._locked(new_engine) as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    sent = {"resourceType": "Task", "description": "Hausarzt anrufen"}
    shown = {"resourceType": "Patient", "id": str(PATIENT), "name": [{"family": "Geheimrat"}]}
    with new_engine.begin() as connection:

        def put(table: str, **values: object) -> None:
            if new_engine.dialect.name == "sqlite":
                values = {k: v.hex if isinstance(v, UUID) else v for k, v in values.items()}
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)  # noqa: S608 -- words of ours

        put("organisation", id=OWNER, kind="care-service", name="Pflege", is_active=True, is_synthetic=True)
        at = {"latitude": 51.234567, "longitude": 8.1}
        for key, kind in ((HOME, "home"), (BASE, "base")):
            put(
                "place",
                id=key,
                organisation_id=OWNER,
                kind=kind,
                street="Krähenwinkel",
                city="Arnsberg",
                **at,
            )
        put(
            "patient",
            id=PATIENT,
            organisation_id=OWNER,
            family_name="Geheimrat",
            given_name="Zuzanna",
            gender="female",
            phone="02931-774411",
            insurance_number="K123456789",
            home_id=HOME,
            is_active=True,
            is_synthetic=True,
        )
        put("held_resource", id=TASK, kind="Task", organisation_id=OWNER, content=orjson.dumps(sent))
        moment = "2026-03-02 17:00:00+00:00"
        document = {
            "kind": "Patient",
            "id": PATIENT,
            "organisation_id": OWNER,
            "content": orjson.dumps(shown),
        }
        put("document", version=1, updated_at=moment, **document)
        put("document_version", version=1, updated_at=moment, **document)
        put("sent_document", shown=orjson.dumps(shown), **document)
        value = {"kind": "Task", "resource_id": TASK, "number": 0, "organisation_id": OWNER}
        put("search_value", parameter="description", text="Hausarzt anrufen", **value)
        put("search_value", parameter="identifier", code="K123456789", **value)
        put("search_value", parameter="status", code="requested", **value)
    return new_engine


class TestUpgrade:
    def test_seals_what_was_readable_and_shows_it_as_before(self, old_engine: Engine) -> None:
        migrate.upgrade(old_engine)

        with Session(old_engine) as session:
            patient = session.get_one(Patient, PATIENT)
            home, base = session.get_one(Place, HOME), session.get_one(Place, BASE)
            assert (patient.family_name, patient.insurance_number) == ("Geheimrat", "K123456789")
            assert (home.street, home.city, home.latitude) == ("Krähenwinkel", "Arnsberg", 51.234567)
            assert (base.street, base.plain_street) == ("Krähenwinkel", "Krähenwinkel")
            assert b"Hausarzt" in (session.get_one(HeldTask, TASK).content or b"")
            key = ring_of(session).tenant(OWNER)
            for table in ("document", "document_version", "sent_document"):
                field = "sent" if table == "sent_document" else "document"
                content = session.scalar(text(f"SELECT content FROM {table}"))  # noqa: S608 -- of ours
                assert b"Geheimrat" in opened(session, "Patient", PATIENT, content, field=field)
            values = {row.parameter: row for row in session.execute(text("SELECT * FROM search_value"))}
            row = {**values["description"]._asdict(), "resource_id": TASK}
            assert key.open(bytes(row["sealed_text"]), place_of(row)) == b"Hausarzt anrufen"
            assert values["identifier"].code == key.blind("K123456789", "search_value").hex()
            assert values["status"].code == "requested"

    def test_leaves_nothing_readable_in_the_file(self, old_engine: Engine, tmp_path: Path) -> None:
        migrate.upgrade(old_engine)
        if old_engine.dialect.name == "postgresql":
            with old_engine.connect() as connection:
                rows = connection.execute(
                    text("SELECT patient.*, place.* FROM patient, place WHERE kind = 'home'")
                )
                found = repr(
                    [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in rows]
                )
            stored = found.encode()
        else:
            old_engine.dispose()
            stored = b"".join(path.read_bytes() for path in tmp_path.glob("new.sqlite*"))

        # The base is no patient's: its street stays.
        hidden = [each for each in SECRETS if each not in {"Krähenwinkel", "51.234567"}]
        assert [each for each in hidden if each.encode() in stored] == []
