"""Name all patients of a look in one row of the record.

Deploy: the previous release goes on writing a row for each patient; it does not find the rows that name
several, and its `careapp audit verify` takes their marks for wrong.
"""

import sqlalchemy as sa
from alembic import op

revision = "e81c5a3f9b27"
down_revision = "91c4e7d2ab36"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_event", sa.Column("patients", sa.LargeBinary()))
    op.create_table(
        "audit_patient",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_patient"),
    )
    op.create_index("ix_audit_patient_event_id", "audit_patient", ["event_id"])
    op.create_index("ix_audit_patient_patient_id_event_id", "audit_patient", ["patient_id", "event_id"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
