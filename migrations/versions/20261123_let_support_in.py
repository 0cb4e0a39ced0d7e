"""Let support in for a time.

Deploy: nothing; the previous release knows no such table.
"""

import sqlalchemy as sa
from alembic import op

revision = "7f3ad20c91e6"
down_revision = "d2b7f0a61c35"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "support_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("viewer_name", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at <= ends_at", name=op.f("ck_support_grant_order")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_support_grant_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_grant")),
    )
    op.create_index(op.f("ix_support_grant_organisation_id"), "support_grant", ["organisation_id"])
    op.create_index("ix_support_grant_viewer_name_ends_at", "support_grant", ["viewer_name", "ends_at"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
