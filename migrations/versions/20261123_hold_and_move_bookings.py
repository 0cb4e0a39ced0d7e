"""Hold slots, confirm and move bookings.

Deploy: safe at any time; the previous release neither reads nor writes what is new, and would fail only on a
booking with a new status.
"""

import sqlalchemy as sa
from alembic import op

revision = "c4e81f7a2b90"
down_revision = "c41f7e2a90d8"
branch_labels = None
depends_on = None

OLD = "'proposed', 'booked', 'fulfilled', 'noshow', 'cancelled'"
NEW = (
    "'proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled', 'noshow', 'cancelled', "
    "'entered-in-error'"
)

COLUMNS = (
    "ALTER TABLE schedule ADD COLUMN needs_confirmation BOOLEAN DEFAULT {false} NOT NULL",
    "ALTER TABLE slot ADD COLUMN hold_id {uuid}",
    # SQLite takes a check only with its column; it may name any other.
    """
    ALTER TABLE slot ADD COLUMN held_until {moment}
    CONSTRAINT ck_slot_hold CHECK ((hold_id IS NULL) = (held_until IS NULL))
    """,
    "ALTER TABLE slot ADD COLUMN is_shadowed BOOLEAN DEFAULT {false} NOT NULL",
    "CREATE INDEX ix_slot_open ON slot (status, starts_at) WHERE status <> 'busy'",
    """
    CREATE TABLE further_slot (
        booking_id {uuid} NOT NULL,
        position INTEGER NOT NULL,
        slot_id {uuid} NOT NULL,
        CONSTRAINT pk_further_slot PRIMARY KEY (booking_id, position),
        CONSTRAINT fk_further_slot_booking_id FOREIGN KEY(booking_id) REFERENCES booking (id),
        CONSTRAINT fk_further_slot_slot_id FOREIGN KEY(slot_id) REFERENCES slot (id)
    )
    """,
    "CREATE INDEX ix_further_slot_slot_id ON further_slot (slot_id)",
)

POSTGRESQL = (
    "ALTER TABLE appointment DROP CONSTRAINT ck_appointment_appointmentstatus",
    f"ALTER TABLE appointment ADD CONSTRAINT ck_appointment_appointmentstatus CHECK (status IN ({NEW}))",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        types = {"uuid": "CHAR(32)", "moment": "DATETIME", "false": "0"}
        _widen_check_of_sqlite()
    else:
        types = {"uuid": "UUID", "moment": "TIMESTAMP WITH TIME ZONE", "false": "false"}
        for statement in POSTGRESQL:
            op.execute(statement)
    for statement in COLUMNS:
        op.execute(statement.format(**types))
    with op.batch_alter_table("booking") as booking:
        booking.add_column(sa.Column("replaces_id", sa.Uuid(), nullable=True))
        booking.create_foreign_key("fk_booking_replaces_id", "booking", ["replaces_id"], ["id"])


def _widen_check_of_sqlite() -> None:
    """Change a check in place, as https://sqlite.org/lang_altertable.html (section 7) describes.

    Making the table anew would repeat every column, check and index of it, for a check that no row can break.
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'appointment'",
        (f"status IN ({OLD})", f"status IN ({NEW})"),
    )
    if changed.rowcount != 1:
        raise RuntimeError("the table appointment is missing: restore a backup")
    # Every connection, this one too, reads the schema again.
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
