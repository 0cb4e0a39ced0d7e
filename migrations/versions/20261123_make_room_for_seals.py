"""Make room for what is sealed.

Deploy: stop the previous release first; it would go on writing names. After this step `careapp migrate` seals
every row and document that is there, and the next step takes the readable columns away. Kept travel times are
forgotten, because they tell where people live; they are asked for anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "e7b3d1a64c08"
down_revision = "8f3b6d1a7c52"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patient", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.add_column("patient", sa.Column("phone_blind", sa.String(32), nullable=True))
    op.add_column("patient", sa.Column("insurance_number_blind", sa.String(32), nullable=True))
    op.add_column("place", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.add_column("search_value", sa.Column("sealed_text", sa.LargeBinary(), nullable=True))
    op.create_table(
        "sealing_key",
        sa.Column("id", sa.String(8), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sealing_key"),
    )
    op.execute("DELETE FROM travel_row")
    op.execute("DELETE FROM travel_place")
    with op.batch_alter_table("travel_place") as travel_place:
        travel_place.drop_constraint("uq_travel_place_data_id_latitude_e5_longitude_e5", type_="unique")
        travel_place.drop_column("latitude_e5")
        travel_place.drop_column("longitude_e5")
        travel_place.add_column(sa.Column("point", sa.String(32), nullable=False))
        travel_place.create_unique_constraint("uq_travel_place_data_id_point", ["data_id", "point"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
