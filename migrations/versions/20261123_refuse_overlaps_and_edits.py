"""Let the database itself refuse a practitioner in two places and a changed audit.

Deploy: nothing runs yet.
"""

from alembic import op

revision = "5d1b7a90c3e2"
down_revision = "90e6fb21c4d7"
branch_labels = None
depends_on = None

POSTGRESQL = (
    # An exclusion constraint compares the practitioner by =, which a GiST index learns from btree_gist.
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    # Deferred: one transaction may let two visits change places.
    """
    ALTER TABLE occupancy ADD CONSTRAINT ex_occupancy_overlap
    EXCLUDE USING gist (practitioner_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&)
    DEFERRABLE INITIALLY DEFERRED
    """,
    """
    CREATE FUNCTION refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'append-only' USING ERRCODE = 'integrity_constraint_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_edit()
    """,
)

SQLITE = (
    """
    CREATE TRIGGER occupancy_overlap_insert BEFORE INSERT ON occupancy
    WHEN EXISTS (
        SELECT 1 FROM occupancy AS other
        WHERE other.practitioner_id = NEW.practitioner_id
        AND other.starts_at < NEW.ends_at AND NEW.starts_at < other.ends_at
    )
    BEGIN SELECT RAISE(ABORT, 'overlap'); END
    """,
    """
    CREATE TRIGGER occupancy_overlap_update BEFORE UPDATE ON occupancy
    WHEN EXISTS (
        SELECT 1 FROM occupancy AS other
        WHERE other.practitioner_id = NEW.practitioner_id AND other.id <> OLD.id
        AND other.starts_at < NEW.ends_at AND NEW.starts_at < other.ends_at
    )
    BEGIN SELECT RAISE(ABORT, 'overlap'); END
    """,
    """
    CREATE TRIGGER audit_event_append_only_update BEFORE UPDATE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'append-only'); END
    """,
    """
    CREATE TRIGGER audit_event_append_only_delete BEFORE DELETE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'append-only'); END
    """,
)


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
