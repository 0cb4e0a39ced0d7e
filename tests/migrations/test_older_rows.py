"""What migrations make of rows that are there."""

from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, text

from careapp import migrate

BEFORE = "e5a09d3c7b14"
"""The last migration before documents told whose they are."""
AFTER = "8f3b6d1a7c52"
"""The migration after which rows refer to their own tenant's only."""
MOMENT = "2026-03-02 17:00:00.000000"


def upgrade_to(engine: Engine, revision: str) -> None:
    config = migrate._config()
    with migrate._locked(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def add(connection: Connection, table: str, **values: Any) -> str:
    key: str = values.setdefault("id", uuid4().hex)
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)  # noqa: S608 -- ours
    return key


def add_organisation(connection: Connection, kind: str) -> str:
    return add(connection, "organisation", kind=kind, name="N", is_active=True, is_synthetic=True)


@pytest.fixture
def old(new_engine: Engine) -> Engine:
    upgrade_to(new_engine, BEFORE)
    return new_engine


def owner_of(connection: Connection, kind: str, key: str, version: int) -> str | None:
    found = connection.scalar(
        text(
            "SELECT organisation_id FROM document_version WHERE kind = :kind AND id = :key AND version = :v"
        ),
        {"kind": kind, "key": key, "v": version},
    )
    return None if found is None else str(found).replace("-", "")


class TestDocuments:
    def test_get_the_owner_of_their_row_or_of_their_tombstone(self, old):
        gone = uuid4()
        with old.begin() as connection:
            organisation = add_organisation(connection, "care-service")
            place = add(
                connection, "place", organisation_id=organisation, kind="home", latitude=51, longitude=8
            )
            rows = [
                ("Location", place, 1, b'{"resourceType":"Location"}'),
                ("Location", gone.hex, 1, b'{"resourceType":"Location"}'),
                ("Location", gone.hex, 2, f'{{"deleted":true,"organisation":"{organisation}"}}'.encode()),
                ("Organization", organisation, 1, b'{"resourceType":"Organization"}'),
            ]
            for kind, key, version, content in rows:
                add(
                    connection, "document_version", kind=kind, id=key, version=version,
                    updated_at=MOMENT, content=content,
                )  # fmt: skip

        upgrade_to(old, AFTER)

        with old.begin() as connection:
            assert owner_of(connection, "Location", place, 1) == organisation
            assert owner_of(connection, "Location", gone.hex, 1) == organisation
            assert owner_of(connection, "Location", gone.hex, 2) == organisation
            assert owner_of(connection, "Organization", organisation, 1) is None


class TestBookings:
    def add_booking(self, connection: Connection, status: str) -> tuple[str, str, str]:
        service = add_organisation(connection, "care-service")
        practice = add_organisation(connection, "practice")
        base = add(connection, "place", organisation_id=practice, kind="practice", latitude=51, longitude=8)
        person = {"family_name": "F", "given_name": "G", "gender": "female", "is_active": True}
        doctor = add(connection, "practitioner", organisation_id=practice, is_synthetic=True, **person)
        role = add(
            connection, "role", organisation_id=practice, practitioner_id=doctor, kind="doctor",
            base_id=base, is_active=True,
        )  # fmt: skip
        schedule = add(
            connection, "schedule", organisation_id=practice, role_id=role, practitioner_id=doctor,
            title="T", specialty="ALLG", is_active=True,
        )  # fmt: skip
        times = {"starts_at": "2026-03-03 07:00:00.000000", "ends_at": "2026-03-03 07:15:00.000000"}
        slot = add(connection, "slot", organisation_id=practice, schedule_id=schedule, status="busy", **times)
        patient = add(connection, "patient", organisation_id=service, is_synthetic=True, **person)
        booking = add(
            connection, "appointment", kind="booking", organisation_id=service, patient_id=patient,
            status=status, title="T", **times,
        )  # fmt: skip
        add(connection, "booking", id=booking, slot_id=slot)
        return booking, practice, patient

    def test_open_the_record_to_the_practice(self, old):
        with old.begin() as connection:
            booking, practice, patient = self.add_booking(connection, "booked")
            self.add_booking(connection, "cancelled")

        upgrade_to(old, AFTER)

        with old.begin() as connection:
            found = connection.execute(
                text("SELECT appointment_id, to_organisation_id, patient_id, kind, ends_at FROM opening")
            ).one()
        assert [str(each).replace("-", "") for each in found[:3]] == [booking, practice, patient]
        # 30 days after 3 March are 2 April.
        assert (found.kind, str(found.ends_at)[:19]) == ("booking", "2026-04-02 07:15:00")
