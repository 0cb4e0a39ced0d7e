"""Let clients in.

Deploy: safe at any time; the previous release does not know the tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "d2b7f0a61c35"
down_revision = "4b8e61f0a7d3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "client_opaque_token",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_client_opaque_token")),
    )
    op.create_index(op.f("ix_client_opaque_token_expires_at"), "client_opaque_token", ["expires_at"])
    op.create_table(
        "client_used_assertion",
        sa.Column("client_id", sa.String(length=60), nullable=False),
        sa.Column("jti_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti_hash", name=op.f("pk_client_used_assertion")),
    )
    op.create_index(op.f("ix_client_used_assertion_expires_at"), "client_used_assertion", ["expires_at"])
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(length=60), nullable=False),
        sa.Column("algorithm", sa.String(length=10), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    op.create_index("ix_signing_key_algorithm_created_at", "signing_key", ["algorithm", "created_at"])
    op.create_table(
        "token_revocation",
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_token_revocation")),
    )
    op.create_index(op.f("ix_token_revocation_until"), "token_revocation", ["until"])
    op.create_table(
        "client",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("grant_types", sa.JSON(), nullable=False),
        sa.Column("redirect_uris", sa.JSON(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("jwks", sa.JSON(), nullable=True),
        sa.Column("jwks_url", sa.String(), nullable=True),
        sa.Column("is_first_party", sa.Boolean(), nullable=False),
        sa.Column("wants_opaque_tokens", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('none', 'private_key_jwt')", name=op.f("ck_client_clientkind")),
        sa.CheckConstraint(
            "role IN ('coordinator', 'nurse', 'doctor', 'administrator', 'analyst', 'auditor', 'support', "
            "'client', 'system')",
            name=op.f("ck_client_viewerrole"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_client_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_index(op.f("ix_client_organisation_id"), "client", ["organisation_id"])
    op.create_table(
        "client_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('coordinator', 'nurse', 'doctor', 'administrator', 'analyst', 'auditor', 'support', "
            "'client', 'system')",
            name=op.f("ck_client_grant_viewerrole"),
        ),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_client_grant_client_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_client_grant_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_grant")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_client_grant_code_hash")),
    )
    op.create_index(op.f("ix_client_grant_client_id"), "client_grant", ["client_id"])
    op.create_index(op.f("ix_client_grant_ends_at"), "client_grant", ["ends_at"])
    op.create_index(op.f("ix_client_grant_organisation_id"), "client_grant", ["organisation_id"])
    op.create_index(op.f("ix_client_grant_subject"), "client_grant", ["subject"])
    op.create_table(
        "client_code",
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=60), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("challenge", sa.String(length=128), nullable=False),
        sa.Column("nonce", sa.String(), nullable=True),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_client_code_client_id")),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["client_grant.id"], name=op.f("fk_client_code_grant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_client_code")),
    )
    op.create_index(op.f("ix_client_code_expires_at"), "client_code", ["expires_at"])
    op.create_index(op.f("ix_client_code_grant_id"), "client_code", ["grant_id"])
    op.create_table(
        "client_refresh_token",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["client_grant.id"],
            name=op.f("fk_client_refresh_token_grant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_client_refresh_token")),
    )
    op.create_index(op.f("ix_client_refresh_token_grant_id"), "client_refresh_token", ["grant_id"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
