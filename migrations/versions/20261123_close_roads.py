"""Close roads.

Deploy: safe at any time; the previous release does not know the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "3f1c84d6a2e9"
down_revision = "b7d2e4f19c36"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "road_closure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("radius_m", sa.Integer(), nullable=True),
        sa.Column("polygon", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("profiles", sa.JSON(), nullable=False),
        sa.Column("added_by", sa.String(length=100), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(polygon IS NULL) <> (radius_m IS NULL)", name=op.f("ck_road_closure_area")),
        sa.CheckConstraint("(latitude IS NULL) = (radius_m IS NULL)", name=op.f("ck_road_closure_latitude")),
        sa.CheckConstraint(
            "(longitude IS NULL) = (radius_m IS NULL)", name=op.f("ck_road_closure_longitude")
        ),
        sa.CheckConstraint("ends_at IS NULL OR starts_at < ends_at", name=op.f("ck_road_closure_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_road_closure")),
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
