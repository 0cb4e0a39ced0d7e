"""Keep travel times, and write down where those of a tour come from.

Deploy: safe at any time; the previous release does not know the tables, and its stops and tours take the
defaults: estimated, which they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "b7c1d0a95e42"
down_revision = "684c38e03ba3"
branch_labels = None
depends_on = None

ORIGIN = (
    ("travel_source", sa.String(length=40), "estimate"),
    ("travel_data", sa.String(length=64), "unknown"),
)


def upgrade() -> None:
    op.create_table(
        "travel_data",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("data", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=20), nullable=False),
        sa.Column("slice", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_travel_data"),
        sa.UniqueConstraint(
            "source", "data", "profile", "slice", name="uq_travel_data_source_data_profile_slice"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "travel_place",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("data_id", sa.Integer(), nullable=False),
        sa.Column("latitude_e5", sa.Integer(), nullable=False),
        sa.Column("longitude_e5", sa.Integer(), nullable=False),
        sa.Column("snap_m", sa.Integer(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["data_id"], ["travel_data.id"], name="fk_travel_place_data_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_travel_place"),
        sa.UniqueConstraint(
            "data_id",
            "latitude_e5",
            "longitude_e5",
            name="uq_travel_place_data_id_latitude_e5_longitude_e5",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_travel_place_used_on", "travel_place", ["used_on"])
    op.create_table(
        "travel_row",
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["place_id"], ["travel_place.id"], name="fk_travel_row_place_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("place_id", name="pk_travel_row"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Packed numbers hardly shrink; not trying to saves half of the time to read them.
        op.execute("ALTER TABLE travel_row ALTER COLUMN content SET STORAGE EXTERNAL")
    for table, snapped in (("stop", "snap_m"), ("tour", "end_snap_m")):
        for name, kind, default in ORIGIN:
            op.add_column(table, sa.Column(name, kind, nullable=False, server_default=default))
        op.add_column(
            table, sa.Column("is_estimated", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        op.add_column(table, sa.Column(snapped, sa.Integer(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
