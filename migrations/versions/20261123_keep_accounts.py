"""Keep accounts.

Deploy: safe at any time; the previous release does not know the tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "6686373567e0"
down_revision = "d17a5c2e9b40"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_failure",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waits_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("subject", name="pk_sign_in_failure"),
    )
    op.create_index("ix_sign_in_failure_last_at", "sign_in_failure", ["last_at"])

    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "coordinator",
                "nurse",
                "doctor",
                "administrator",
                "analyst",
                "auditor",
                "support",
                "client",
                "system",
                name="viewerrole",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column(
            "language",
            sa.Enum("de", "en", name="language", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("password_set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("organisation_id IS NOT NULL OR role = 'analyst'", name="organisation"),
        sa.CheckConstraint(
            "practitioner_id IS NOT NULL OR role NOT IN ('nurse', 'doctor')", name="practitioner"
        ),
        sa.CheckConstraint("role NOT IN ('system', 'client')", name="person"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_account_organisation_id"),
        sa.ForeignKeyConstraint(["practitioner_id"], ["practitioner.id"], name="fk_account_practitioner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("login", name="uq_account_login"),
    )
    op.create_index("ix_account_organisation_id", "account", ["organisation_id"])
    op.create_index("ix_account_practitioner_id", "account", ["practitioner_id"])

    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_passkey_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_passkey"),
        sa.UniqueConstraint("credential_id", name="uq_passkey_credential_id"),
    )
    op.create_index("ix_passkey_account_id", "passkey", ["account_id"])

    op.create_table(
        "sign_in_step",
        sa.Column("cookie_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "code",
                "passkey",
                "new-passkey",
                "provider",
                name="steppurpose",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_sign_in_step_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cookie_hash", name="pk_sign_in_step"),
    )
    op.create_index("ix_sign_in_step_account_id", "sign_in_step", ["account_id"])
    op.create_index("ix_sign_in_step_ends_at", "sign_in_step", ["ends_at"])

    op.create_table(
        "web_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cookie_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("issuer", sa.String(length=255), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "coordinator",
                "nurse",
                "doctor",
                "administrator",
                "analyst",
                "auditor",
                "support",
                "client",
                "system",
                name="viewerrole",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column(
            "language",
            sa.Enum("de", "en", name="language", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column(
            "proof",
            sa.Enum(
                "password",
                "code",
                "passkey",
                "provider",
                name="proof",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tokens_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(account_id IS NULL) <> (subject IS NULL)", name="somebody"),
        sa.CheckConstraint("(subject IS NULL) = (issuer IS NULL)", name="issuer"),
        sa.CheckConstraint("(subject IS NULL) = (role IS NULL)", name="role"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_web_session_account_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_web_session_organisation_id"
        ),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name="fk_web_session_practitioner_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_web_session"),
        sa.UniqueConstraint("cookie_hash", name="uq_web_session_cookie_hash"),
    )
    op.create_index("ix_web_session_account_id", "web_session", ["account_id"])
    op.create_index("ix_web_session_idle_until", "web_session", ["idle_until"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
