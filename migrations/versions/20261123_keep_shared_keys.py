"""Keep shared keys.

Deploy: safe at any time; the previous release does not know the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "684c38e03ba3"
down_revision = "5d1b7a90c3e2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shared_key",
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name="pk_shared_key"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
