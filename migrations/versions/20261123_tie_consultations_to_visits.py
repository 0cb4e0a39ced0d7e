"""Tie consultations to visits, and keep receipts of changed tours.

Deploy: safe at any time; the previous release knows nothing of the new columns, which take NULL or have a
default.
"""

import sqlalchemy as sa
from alembic import op

revision = "5e2a90c7b1f4"
down_revision = "9c2f4b7e1d05"
branch_labels = None
depends_on = None

KINDS = ("added", "moved", "removed")


def upgrade() -> None:
    op.add_column("booking", sa.Column("visit_offset_s", sa.Integer(), nullable=True))
    op.add_column("booking", sa.Column("tolerance_s", sa.Integer(), nullable=True))
    op.add_column(
        "booking", sa.Column("brings_visit", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("booking", sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tour", sa.Column("delay_s", sa.Integer(), nullable=True))
    op.add_column("tour", sa.Column("delay_told_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "tour_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("tour_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="changekind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("because", sa.String(40), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("starts_after", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("starts_before IS NOT NULL OR starts_after IS NOT NULL", name="times"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_tour_change_organisation_id"
        ),
        sa.ForeignKeyConstraint(["tour_id"], ["tour.id"], name="fk_tour_change_tour_id"),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name="fk_tour_change_visit_id"),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name="fk_tour_change_booking_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tour_change"),
    )
    for column in ("organisation_id", "tour_id", "visit_id"):
        op.create_index(f"ix_tour_change_{column}", "tour_change", [column])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
