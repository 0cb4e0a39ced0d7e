"""Take readable names, addresses and numbers of patients away.

Deploy: see the step before. PostgreSQL keeps old pages until they are reused: `VACUUM FULL patient, place,
document, document_version, sent_document, held_resource, search_value` clears them. Let older backups expire.
"""

import sqlalchemy as sa
from alembic import op

revision = "f2c86e0b9d15"
down_revision = "e7b3d1a64c08"
branch_labels = None
depends_on = None

PLAIN = ("name", "street", "house_number", "postal_code", "city", "district", "latitude", "longitude")


def upgrade() -> None:
    op.drop_index("ix_patient_family_name", "patient")
    op.drop_index("ix_patient_insurance_number", "patient")
    with op.batch_alter_table("patient") as patient:
        for column in ("family_name", "given_name", "phone", "insurance_number"):
            patient.drop_column(column)
        patient.alter_column("sealed", existing_type=sa.LargeBinary(), nullable=False)
    op.create_index("ix_patient_phone_blind", "patient", ["phone_blind"])
    op.create_index("ix_patient_insurance_number_blind", "patient", ["insurance_number_blind"])
    with op.batch_alter_table("place") as place:
        place.alter_column("latitude", existing_type=sa.Float(), nullable=True)
        place.alter_column("longitude", existing_type=sa.Float(), nullable=True)
    op.execute(f"UPDATE place SET {', '.join(f'{name} = NULL' for name in PLAIN)} WHERE kind = 'home'")  # noqa: S608 -- columns
    with op.batch_alter_table("place") as place:
        place.create_check_constraint("sealed", "(kind = 'home') = (sealed IS NOT NULL)")
        place.create_check_constraint(
            "plain",
            "(sealed IS NULL AND latitude IS NOT NULL AND longitude IS NOT NULL) OR (sealed IS NOT NULL "
            "AND COALESCE(name, street, house_number, postal_code, city, district) IS NULL "
            "AND latitude IS NULL AND longitude IS NULL)",
        )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
