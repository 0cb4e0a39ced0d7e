"""Say how precise a place is.

Deploy: safe at any time; the previous release neither reads nor writes the two columns, and they take NULL.
"""

from alembic import op

revision = "b7d2e4f19c36"
down_revision = "b7c1d0a95e42"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Written as SQL: SQLite adds a column with its check in place, without making the table anew.
    op.execute(
        "ALTER TABLE place ADD COLUMN precision VARCHAR(20) CONSTRAINT ck_place_precision "
        "CHECK (precision IN ('pin', 'house', 'street', 'village', 'municipality', 'postal-code'))"
    )
    op.execute(
        "ALTER TABLE place ADD COLUMN placed_by VARCHAR(20) CONSTRAINT ck_place_placedby "
        "CHECK (placed_by IN ('person', 'gazetteer', 'nominatim', 'photon', 'demo'))"
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
