"""Offer times by rules: kinds of consultation, exceptions, buffers, several at once.

Deploy: safe at any time; the previous release neither reads nor writes what is new, and keeps one slot per
time by itself. On PostgreSQL the constraint on occupied time is made anew, which holds up whoever books for
some seconds in a million rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "9c2f4b7e1d05"
down_revision = "e81c5a3f9b27"
branch_labels = None
depends_on = None

CODES = "'video', 'assisted', 'colleague'"
REASONS = "'holiday', 'illness', 'training', 'extra', 'other'"

COLUMNS = (
    "ALTER TABLE schedule ADD COLUMN zone VARCHAR(60)",
    "ALTER TABLE schedule ADD COLUMN copied_until {moment}",
    "ALTER TABLE consultation_hours ADD COLUMN place_id {uuid}",
    (
        "ALTER TABLE consultation_hours ADD COLUMN kind VARCHAR(20) "
        f"CONSTRAINT ck_consultation_hours_consultationcode CHECK (kind IN ({CODES}))"
    ),
    (
        "ALTER TABLE slot ADD COLUMN origin VARCHAR(20) DEFAULT 'sent' NOT NULL "
        "CONSTRAINT ck_slot_slotorigin CHECK (origin IN ('sent', 'cut', 'time'))"
    ),
    (
        "ALTER TABLE slot ADD COLUMN kind VARCHAR(20) "
        f"CONSTRAINT ck_slot_consultationcode CHECK (kind IN ({CODES}))"
    ),
    "ALTER TABLE slot ADD COLUMN place_id {uuid}",
    "ALTER TABLE slot ADD COLUMN busy_from {moment}",
    "ALTER TABLE slot ADD COLUMN busy_until {moment}",
    "ALTER TABLE slot ADD COLUMN lane INTEGER DEFAULT 0 NOT NULL",
    "ALTER TABLE slot ADD COLUMN closes_at {moment}",
    (
        "ALTER TABLE booking ADD COLUMN consultation VARCHAR(20) DEFAULT 'video' NOT NULL "
        f"CONSTRAINT ck_booking_consultationcode CHECK (consultation IN ({CODES}))"
    ),
    (
        "ALTER TABLE occupancy ADD COLUMN lane INTEGER DEFAULT 0 NOT NULL "
        "CONSTRAINT ck_occupancy_lane CHECK (lane >= 0)"
    ),
    "CREATE INDEX ix_consultation_hours_place_id ON consultation_hours (place_id)",
    "CREATE INDEX ix_slot_place_id ON slot (place_id)",
    "CREATE INDEX ix_slot_schedule_id_starts_at ON slot (schedule_id, starts_at)",
    "CREATE INDEX ix_slot_status_closes_at ON slot (status, closes_at)",
    "UPDATE booking SET consultation = 'assisted' WHERE visit_id IS NOT NULL",
)

ANEW = (
    ("slot", "uq_slot_schedule_id_starts_at", "UNIQUE (schedule_id, starts_at)"),
    ("consultation_hours", "ck_consultation_hours_order", "CHECK (starts < ends)"),
)
"""Tables with a place from now on, and the constraint that they lose."""
POSTGRESQL_LANES = (
    "ALTER TABLE occupancy DROP CONSTRAINT ex_occupancy_overlap",
    # Lane 0 stands for all lanes: it overlaps with every one.
    """
    ALTER TABLE occupancy ADD CONSTRAINT ex_occupancy_overlap
    EXCLUDE USING gist (
        practitioner_id WITH =,
        tstzrange(starts_at, ends_at, '[)') WITH &&,
        int4range(lane, CASE WHEN lane > 0 THEN lane + 1 END) WITH &&
    )
    DEFERRABLE INITIALLY DEFERRED
    """,
)
SQLITE_LANES = (
    "DROP TRIGGER occupancy_overlap_insert",
    "DROP TRIGGER occupancy_overlap_update",
    """
    CREATE TRIGGER occupancy_overlap_insert BEFORE INSERT ON occupancy
    WHEN EXISTS (
        SELECT 1 FROM occupancy AS other
        WHERE other.practitioner_id = NEW.practitioner_id
        AND other.starts_at < NEW.ends_at AND NEW.starts_at < other.ends_at
        AND (other.lane = NEW.lane OR other.lane = 0 OR NEW.lane = 0)
    )
    BEGIN SELECT RAISE(ABORT, 'overlap'); END
    """,
    """
    CREATE TRIGGER occupancy_overlap_update BEFORE UPDATE ON occupancy
    WHEN EXISTS (
        SELECT 1 FROM occupancy AS other
        WHERE other.practitioner_id = NEW.practitioner_id AND other.id <> OLD.id
        AND other.starts_at < NEW.ends_at AND NEW.starts_at < other.ends_at
        AND (other.lane = NEW.lane OR other.lane = 0 OR NEW.lane = 0)
    )
    BEGIN SELECT RAISE(ABORT, 'overlap'); END
    """,
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    types = {"uuid": "CHAR(32)" if is_sqlite else "UUID"}
    types["moment"] = "DATETIME" if is_sqlite else "TIMESTAMP WITH TIME ZONE"
    for statement in COLUMNS:
        op.execute(statement.format(**types))
    for table, constraint, words in ANEW:
        key = f"CONSTRAINT fk_{table}_place_id FOREIGN KEY(place_id) REFERENCES place (id)"
        if is_sqlite:
            _make_anew(table, without=f"CONSTRAINT {constraint} {words}", key=key)
        else:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
            op.execute(f"ALTER TABLE {table} ADD {key}")
    for statement in SQLITE_LANES if is_sqlite else POSTGRESQL_LANES:
        op.execute(statement)
    _make_tables()


def _make_tables() -> None:
    op.create_table(
        "consultation_kind",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("schedule_id", sa.Uuid(), nullable=False, index=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", _one_of("consultationcode", CODES), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_before_min", sa.Integer(), nullable=False),
        sa.Column("buffer_after_min", sa.Integer(), nullable=False),
        sa.Column("notice_min", sa.Integer(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("step_min", sa.Integer(), nullable=False),
        sa.Column("most_at_once", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "schedule_id"], ["schedule.organisation_id", "schedule.id"]
        ),
        sa.CheckConstraint("minutes BETWEEN 1 AND 480", name="minutes"),
        sa.CheckConstraint("buffer_before_min BETWEEN 0 AND 240", name="buffer_before"),
        sa.CheckConstraint("buffer_after_min BETWEEN 0 AND 240", name="buffer_after"),
        sa.CheckConstraint("notice_min >= 0", name="notice"),
        sa.CheckConstraint("horizon_days BETWEEN 0 AND 730", name="horizon"),
        sa.CheckConstraint("step_min BETWEEN 1 AND 480", name="step"),
        sa.CheckConstraint("most_at_once BETWEEN 1 AND 20", name="most_at_once"),
    )
    op.create_table(
        "hours_exception",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("schedule_id", sa.Uuid(), nullable=False, index=True),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=True),
        sa.Column("ends", sa.Time(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("reason", _one_of("exceptionreason", REASONS), nullable=False),
        sa.Column("place_id", sa.Uuid(), sa.ForeignKey("place.id"), nullable=True, index=True),
        sa.ForeignKeyConstraint(
            ["organisation_id", "schedule_id"], ["schedule.organisation_id", "schedule.id"]
        ),
        sa.CheckConstraint("first_date <= last_date", name="order"),
        sa.CheckConstraint("(starts IS NULL) = (ends IS NULL)", name="times"),
        sa.CheckConstraint("NOT is_open OR starts IS NOT NULL", name="open_has_times"),
    )


def _one_of(name: str, values: str) -> sa.Enum:
    names = [each.strip("' ") for each in values.split(",")]
    return sa.Enum(*names, name=name, native_enum=False, create_constraint=True, length=20)


def _make_anew(table: str, *, without: str, key: str) -> None:
    """Make a table of SQLite anew without one constraint and with a key; all else about it stays."""
    connection = op.get_bind()
    old = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
    ).scalar_one()
    beside = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_schema WHERE type <> 'table' AND tbl_name = ? AND sql IS NOT NULL", (table,)
    ).scalars()
    statements = list(beside)
    head, found, tail = old.partition(without)
    if not found:
        raise RuntimeError(f"a constraint of the table {table} is missing: restore a backup")
    body = f"{head.rstrip().removesuffix(',')}{tail}".rstrip().removesuffix(")")
    _, _, columns = body.partition("(")
    connection.exec_driver_sql(f"CREATE TABLE new_{table} ({columns}, {key})")
    connection.exec_driver_sql(f"INSERT INTO new_{table} SELECT * FROM {table}")  # noqa: S608 -- ours
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE new_{table} RENAME TO {table}")
    for statement in statements:
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
