"""Know coverage, and keep why times were proposed in their order.

Deploy: safe at any time; the previous release does not know the tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "7a6e0d92c4f1"
down_revision = "0b7e54d19ac3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coverage_figure",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("operator", sa.String(length=40), nullable=False),
        sa.Column("cell_row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cell_column", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("down_mbit", sa.Double(), nullable=False),
        sa.Column("up_mbit", sa.Double(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.CheckConstraint("down_mbit >= 0 AND up_mbit >= 0", name=op.f("ck_coverage_figure_speed")),
        sa.PrimaryKeyConstraint(
            "source", "operator", "cell_row", "cell_column", name=op.f("pk_coverage_figure")
        ),
    )
    op.create_index("ix_coverage_figure_cell_row_cell_column", "coverage_figure", ["cell_row", "cell_column"])
    op.create_table(
        "coverage_measure",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("cell_row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cell_column", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("total_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "succeeded >= 0 AND failed >= 0 AND total_ms >= 0", name=op.f("ck_coverage_measure_counts")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_coverage_measure_organisation_id"),
        ),
        sa.PrimaryKeyConstraint(
            "organisation_id", "month", "cell_row", "cell_column", name=op.f("pk_coverage_measure")
        ),
    )
    op.create_index(
        "ix_coverage_measure_cell_row_cell_column", "coverage_measure", ["cell_row", "cell_column"]
    )
    op.create_table(
        "ranking_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("specialty", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("need", sa.Integer(), nullable=False),
        sa.Column("earliest", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latest", sa.DateTime(timezone=True), nullable=False),
        sa.Column("considered", sa.Integer(), nullable=False),
        sa.Column("link", _one_of("linkkind", "video", "audio", "none", "unknown"), nullable=False),
        sa.Column(
            "link_why",
            _one_of("linkwhy", "measured", "figures", "no-figure", "no-place", "nothing-imported"),
            nullable=False,
        ),
        sa.Column("link_since", sa.Date(), nullable=True),
        sa.Column("proposals", sa.JSON(), nullable=False),
        sa.CheckConstraint("earliest < latest", name=op.f("ck_ranking_decision_order")),
        sa.CheckConstraint("need BETWEEN 1 AND 4", name=op.f("ck_ranking_decision_need")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ranking_decision_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "patient_id"],
            ["patient.organisation_id", "patient.id"],
            name=op.f("fk_ranking_decision_organisation_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ranking_decision")),
    )
    op.create_index("ix_ranking_decision_at", "ranking_decision", ["at"])
    op.create_index("ix_ranking_decision_organisation_id_id", "ranking_decision", ["organisation_id", "id"])
    op.create_index(op.f("ix_ranking_decision_patient_id"), "ranking_decision", ["patient_id"])


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
