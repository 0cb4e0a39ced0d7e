"""Hold resources of others, and index what documents are searched by.

Deploy: safe at any time; the previous release does not know the tables. The index holds up writers of the
audit for the moment that it takes to build.
"""

import sqlalchemy as sa
from alembic import op

revision = "c4a91e7d05b2"
down_revision = "c4e81f7a2b90"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_resource",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("answer", sa.String(length=20), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint("began_at <= ended_at", name=op.f("ck_held_resource_order")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_held_resource_organisation_id")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_held_resource_patient_id")),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_held_resource_appointment_id")
        ),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_held_resource_practitioner_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_held_resource_place_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_held_resource_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_resource")),
    )
    for column in ("organisation_id", "patient_id", "appointment_id", "plan_id"):
        op.create_index(op.f(f"ix_held_resource_{column}"), "held_resource", [column])
    op.create_index("ix_held_resource_kind_id", "held_resource", ["kind", "id"])
    op.create_table(
        "search_value",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("parameter", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("system", sa.String(), nullable=True),
        sa.Column("code", sa.String(length=200), nullable=True),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_local", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "resource_id", "parameter", "number", name=op.f("pk_search_value")),
    )
    for column in ("code", "target_id", "starts_at"):
        op.create_index(
            f"ix_search_value_kind_parameter_{column}", "search_value", ["kind", "parameter", column]
        )
    op.create_index("ix_audit_event_at_id", "audit_event", ["at", "id"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
