"""Record looks as well as deeds, and seal the record.

Deploy: the previous release writes rows without a mark; the first seal takes them as they are.
The new index on `audit_event` holds up whoever writes there, a second for some 100 000 rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "a7d3f0c2b861"
down_revision = "a3f61b0c9d27"
branch_labels = None
depends_on = None

POSTGRESQL = (
    """
    CREATE FUNCTION queue_for_seal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO audit_unsealed (event_id) VALUES (NEW.id);
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER audit_event_to_be_sealed AFTER INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION queue_for_seal()
    """,
    """
    CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_edit()
    """,
)

SQLITE = (
    """
    CREATE TRIGGER audit_event_to_be_sealed AFTER INSERT ON audit_event
    BEGIN INSERT INTO audit_unsealed (event_id) VALUES (NEW.id); END
    """,
    """
    CREATE TRIGGER audit_seal_append_only_update BEFORE UPDATE ON audit_seal
    BEGIN SELECT RAISE(ABORT, 'append-only'); END
    """,
    """
    CREATE TRIGGER audit_seal_append_only_delete BEFORE DELETE ON audit_seal
    BEGIN SELECT RAISE(ABORT, 'append-only'); END
    """,
)


def upgrade() -> None:
    for column in (
        sa.Column("role", sa.String(20)),
        sa.Column("interaction", sa.String(20)),
        sa.Column("outcome", sa.String(1), server_default="0", nullable=False),
        sa.Column("patient_id", sa.Uuid()),
        sa.Column("request_id", sa.String(32)),
        sa.Column("mark", sa.LargeBinary()),
    ):
        op.add_column("audit_event", column)
    op.create_index("ix_audit_event_patient_id_at", "audit_event", ["patient_id", "at"])
    op.create_table(
        "audit_unsealed",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_audit_unsealed"),
    )
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_seal"),
    )
    # Rows of the record are shown as they stand: no document is kept of them any more.
    for table in ("document", "document_version"):
        op.execute(f"DELETE FROM {table} WHERE kind = 'AuditEvent'")  # noqa: S608 -- the names stand above
    op.execute("INSERT INTO audit_unsealed (event_id) SELECT id FROM audit_event")
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
