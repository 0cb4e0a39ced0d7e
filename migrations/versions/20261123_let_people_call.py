"""Let people into video calls.

Deploy: safe at any time; the previous release knows no calls, and removes a booking with its call.
"""

import sqlalchemy as sa
from alembic import op

revision = "5c1d92e7ab04"
down_revision = "7a6e0d92c4f1"
branch_labels = None
depends_on = None


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("provider", _words("providerkind", "embedded", "external"), nullable=False),
        sa.Column("medium", _words("callmedium", "video", "audio"), nullable=False),
        sa.Column("state", _words("callstate", "scheduled", "open", "ended"), nullable=False),
        sa.Column("room", sa.String(length=40), nullable=False),
        _moment("made_at", nullable=False),
        _moment("opened_at"),
        _moment("ended_at"),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_call_ended")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_call_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["appointment.organisation_id", "appointment.id"],
            name=op.f("fk_call_organisation_id_booking_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_call_booking_id")),
    )
    op.create_index("uq_call_organisation_id_id", "call", ["organisation_id", "id"], unique=True)
    op.create_table(
        "call_participant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("part", _words("callpart", "doctor", "nurse", "patient", "guest"), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _moment("invited_at", nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=True),
        _moment("link_expires_at"),
        _moment("used_at"),
        sa.Column("seat_hash", sa.LargeBinary(), nullable=True),
        _moment("seat_ends_at"),
        _moment("consent_at"),
        _moment("waiting_at"),
        _moment("admitted_at"),
        _moment("refused_at"),
        _moment("left_at"),
        sa.CheckConstraint(
            "(link_hash IS NULL) = (link_expires_at IS NULL)", name=op.f("ck_call_participant_link")
        ),
        sa.CheckConstraint(
            "(seat_hash IS NULL) = (seat_ends_at IS NULL)", name=op.f("ck_call_participant_seat")
        ),
        sa.CheckConstraint(
            "(practitioner_id IS NOT NULL) = (part IN ('doctor', 'nurse'))",
            name=op.f("ck_call_participant_practitioner"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_call_participant_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["call.organisation_id", "call.id"],
            name=op.f("fk_call_participant_organisation_id_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_call_participant_practitioner_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_participant")),
        sa.UniqueConstraint(
            "call_id", "practitioner_id", name=op.f("uq_call_participant_call_id_practitioner_id")
        ),
        sa.UniqueConstraint("link_hash", name=op.f("uq_call_participant_link_hash")),
        sa.UniqueConstraint("seat_hash", name=op.f("uq_call_participant_seat_hash")),
    )
    op.create_index("ix_call_participant_call_id", "call_participant", ["call_id"])
    op.create_table(
        "call_consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("part", _words("callpart", "doctor", "nurse", "patient", "guest"), nullable=False),
        _moment("given_at", nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("witness_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_call_consent_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["appointment.organisation_id", "appointment.id"],
            name=op.f("fk_call_consent_organisation_id_booking_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "patient_id"],
            ["patient.organisation_id", "patient.id"],
            name=op.f("fk_call_consent_organisation_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(["witness_id"], ["practitioner.id"], name=op.f("fk_call_consent_witness_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_consent")),
    )
    op.create_index("ix_call_consent_organisation_id", "call_consent", ["organisation_id"])
    op.create_index("ix_call_consent_booking_id", "call_consent", ["booking_id"])
    op.create_index("ix_call_consent_patient_id", "call_consent", ["patient_id"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
