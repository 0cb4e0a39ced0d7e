"""Let services ask others for a nurse.

Deploy: new tables only; the previous release does not look at them.
"""

import sqlalchemy as sa
from alembic import op

revision = "4b8e61f0a7d3"
down_revision = "6686373567e0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_requests()
    _make_offers()


def _make_requests() -> None:
    op.create_table(
        "help_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("status", _one_of("helpstatus", "open", "agreed", "withdrawn"), nullable=False),
        sa.Column("cell", sa.String(length=20), nullable=False),
        sa.Column("earliest", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latest", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("earliest <= latest", name=op.f("ck_help_request_order")),
        sa.CheckConstraint("duration_s > 0", name=op.f("ck_help_request_duration")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_help_request_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_request")),
    )
    op.create_index(op.f("ix_help_request_organisation_id"), "help_request", ["organisation_id"])
    op.create_index("ix_help_request_status_expires_at", "help_request", ["status", "expires_at"])
    op.create_table(
        "help_visit",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["help_request.id"], name=op.f("fk_help_visit_request_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_help_visit_organisation_id")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_help_visit_visit_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_help_visit")),
    )
    for column in ("organisation_id", "visit_id"):
        op.create_index(op.f(f"ix_help_visit_{column}"), "help_visit", [column])


def _make_offers() -> None:
    op.create_table(
        "help_offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("to_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("nurse_name", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            _one_of("offerstatus", "offered", "accepted", "declined", "withdrawn"),
            nullable=False,
        ),
        sa.Column("opening_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_help_offer_{column}"))
            for column, table in (
                ("organisation_id", "organisation"),
                ("to_organisation_id", "organisation"),
                ("request_id", "help_request"),
                ("role_id", "role"),
                ("practitioner_id", "practitioner"),
                ("opening_id", "opening"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_offer")),
    )
    for column in ("organisation_id", "to_organisation_id", "request_id"):
        op.create_index(op.f(f"ix_help_offer_{column}"), "help_offer", [column])
    standing = sa.text("status IN ('offered', 'accepted')")
    op.create_index(
        "uq_help_offer_standing",
        "help_offer",
        ["request_id", "organisation_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
