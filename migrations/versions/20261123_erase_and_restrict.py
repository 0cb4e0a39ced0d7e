"""Erase and restrict patients' data.

Deploy: safe at any time; the previous release shows restricted patients as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0b7e54d19ac3"
down_revision = "f2c86e0b9d15"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patient", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "erasure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("asked_by", sa.String(100), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("documents", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_erasure_organisation_id"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_erasure_patient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_erasure"),
    )
    op.create_index("ix_erasure_organisation_id", "erasure", ["organisation_id"])
    op.create_index("ix_erasure_patient_id", "erasure", ["patient_id"])
    op.create_index("ix_erasure_finished_at", "erasure", ["finished_at"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
