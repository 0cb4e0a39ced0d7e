"""Let rows refer to rows of their own tenant only, and open the records of those who are booked.

Deploy: safe at any time. On PostgreSQL each key is checked once against all rows, which holds up whoever
writes them for some seconds in a million; on SQLite at the end of the migration. It stops if a row refers to
another tenant's: such a row was never meant.
"""

import sqlalchemy as sa
from alembic import op

revision = "8f3b6d1a7c52"
down_revision = "a7d3f0c2b861"
branch_labels = None
depends_on = None

PARENTS = ("place", "practitioner", "patient", "role", "shift", "care_plan", "schedule", "appointment")

KEYS = (
    ("patient", "home_id", "place"),
    ("role", "base_id", "place"),
    ("role", "practitioner_id", "practitioner"),
    ("preference", "patient_id", "patient"),
    ("preference", "role_id", "role"),
    ("absence", "patient_id", "patient"),
    ("absence", "practitioner_id", "practitioner"),
    ("appointment", "patient_id", "patient"),
    ("occupancy", "practitioner_id", "practitioner"),
    ("care_plan", "patient_id", "patient"),
    ("care_order", "care_plan_id", "care_plan"),
    ("care_order", "patient_id", "patient"),
    ("schedule", "role_id", "role"),
    ("schedule", "practitioner_id", "practitioner"),
    ("slot", "schedule_id", "schedule"),
    ("shift_pattern", "role_id", "role"),
    ("shift", "role_id", "role"),
    ("shift", "start_place_id", "place"),
    ("shift", "end_place_id", "place"),
    ("tour", "shift_id", "shift"),
    ("tour", "role_id", "role"),
    ("tour", "practitioner_id", "practitioner"),
    ("held_resource", "patient_id", "patient"),
    ("opening", "patient_id", "patient"),
    ("opening", "appointment_id", "appointment"),
    ("opening", "to_practitioner_id", "practitioner"),
)
"""Table, column, and whose row of the same tenant it names."""

BOOKED = {
    "sqlite": ("lower(hex(randomblob(16)))", "datetime(appointment.ends_at, '+30 days') || '.000000'"),
    "postgresql": ("gen_random_uuid()", "appointment.ends_at + interval '30 days'"),
}
"""A new id, and how long a practice sees whom it has seen."""


def upgrade() -> None:
    for table in PARENTS:
        op.create_index(f"uq_{table}_organisation_id_id", table, ["organisation_id", "id"], unique=True)
        op.drop_index(f"ix_{table}_organisation_id", table)
    if op.get_bind().dialect.name == "sqlite":
        _widen_keys_of_sqlite()
    else:
        for table, column, parent in KEYS:
            old, new, constraint = _names(table, column, parent)
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {old}")
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {new} {constraint}")
    _open_records_of_the_booked()


def _names(table: str, column: str, parent: str) -> tuple[str, str, str]:
    """Return the old key's name, the new one's, and what this says."""
    tenant = "to_organisation_id" if column == "to_practitioner_id" else "organisation_id"
    return (
        f"fk_{table}_{column}",
        f"fk_{table}_{tenant}_{column}",
        f"FOREIGN KEY({tenant}, {column}) REFERENCES {parent} (organisation_id, id)",
    )


def _widen_keys_of_sqlite() -> None:
    """Change keys in place, as https://sqlite.org/lang_altertable.html (section 7) describes.

    Making the tables anew would repeat every column, check and trigger; `careapp.migrate` checks all keys at
    the end.
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for table, column, parent in KEYS:
        old, new, constraint = _names(table, column, parent)
        was = f"CONSTRAINT {old} FOREIGN KEY({column}) REFERENCES {parent} (id)"
        changed = connection.exec_driver_sql(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) "
            "WHERE type = 'table' AND name = ? AND instr(sql, ?) > 0",
            (was, f"CONSTRAINT {new} {constraint}", table, was),
        )
        if changed.rowcount != 1:
            raise RuntimeError(f"the key {old} is missing: restore a backup")
    # Every connection, this one too, reads the schema again.
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def _open_records_of_the_booked() -> None:
    key, until = BOOKED[op.get_bind().dialect.name]
    op.execute(
        sa.text(
            f"""
            INSERT INTO opening (
                id, organisation_id, patient_id, to_organisation_id, to_practitioner_id, appointment_id,
                kind, reason, starts_at, ends_at, granted_by, created_at
            )
            SELECT {key}, appointment.organisation_id, appointment.patient_id, slot.organisation_id,
                schedule.practitioner_id, appointment.id, 'booking', 'a video consultation is booked',
                appointment.starts_at, {until}, 'migration', appointment.starts_at
            FROM booking
            JOIN appointment ON appointment.id = booking.id
            JOIN slot ON slot.id = booking.slot_id
            JOIN schedule ON schedule.id = slot.schedule_id
            WHERE slot.organisation_id <> appointment.organisation_id
            AND appointment.status IN ('pending', 'booked', 'arrived', 'checked-in', 'fulfilled')
            """  # noqa: S608 -- words of ours
        )
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
