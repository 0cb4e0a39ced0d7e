"""Tell patients of their appointments, and doctors' calendars when they are taken.

Deploy: safe at any time; the previous release does not know the tables and tells nobody.
"""

import sqlalchemy as sa
from alembic import op

revision = "b3d90a6f47e1"
down_revision = "5e2a90c7b1f4"
branch_labels = None
depends_on = None

WAYS = "way IN ('none', 'email', 'sms')"
LANGUAGES = "language IN ('de', 'en')"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "contact_wish",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("way", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("hours_before", sa.JSON(), nullable=False),
        sa.Column("wants_invitations", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.CheckConstraint(WAYS, name=op.f("ck_contact_wish_way")),
        sa.CheckConstraint(LANGUAGES, name=op.f("ck_contact_wish_language")),
        *_keys("contact_wish", "patient_id", "patient"),
        sa.UniqueConstraint("patient_id", name=op.f("uq_contact_wish_patient_id")),
    )
    op.create_index(op.f("ix_contact_wish_organisation_id"), "contact_wish", ["organisation_id"])
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("hours_before", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("way", sa.String(length=20), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("why", sa.String(length=100), nullable=True),
        sa.CheckConstraint(
            "kind IN ('booked', 'moved', 'cancelled', 'reminder')", name=op.f("ck_notice_noticekind")
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'sent', 'dropped', 'failed')", name=op.f("ck_notice_noticestatus")
        ),
        sa.CheckConstraint(WAYS, name=op.f("ck_notice_way")),
        sa.CheckConstraint("(kind = 'reminder') = (hours_before > 0)", name=op.f("ck_notice_hours_before")),
        *_keys("notice", "patient_id", "patient"),
        sa.ForeignKeyConstraint(
            ["organisation_id", "appointment_id"],
            ["appointment.organisation_id", "appointment.id"],
            name=op.f("fk_notice_organisation_id_appointment_id"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "appointment_id",
            "kind",
            "starts_at",
            "hours_before",
            "number",
            name=op.f("uq_notice_appointment_id_kind_starts_at_hours_before_number"),
        ),
    )
    op.create_index(op.f("ix_notice_organisation_id"), "notice", ["organisation_id"])
    op.create_index(op.f("ix_notice_patient_id"), "notice", ["patient_id"])
    op.create_index("ix_notice_status_due_at", "notice", ["status", "due_at"])
    op.create_table(
        "heard_message",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["outbox_message.id"],
            name=op.f("fk_heard_message_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_heard_message")),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.CheckConstraint(LANGUAGES, name=op.f("ck_calendar_feed_language")),
        *_keys("calendar_feed", "practitioner_id", "practitioner"),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_calendar_feed_secret_hash")),
    )
    op.create_index(op.f("ix_calendar_feed_organisation_id"), "calendar_feed", ["organisation_id"])
    op.create_index(op.f("ix_calendar_feed_practitioner_id"), "calendar_feed", ["practitioner_id"])


def _keys(table: str, column: str, parent: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f(f"fk_{table}_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", column],
            [f"{parent}.organisation_id", f"{parent}.id"],
            name=op.f(f"fk_{table}_organisation_id_{column}"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
