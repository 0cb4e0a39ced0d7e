"""Keep subscriptions.

Deploy: safe at any time; the previous release does not know the tables. The new index of the outbox holds up
whoever writes messages while it is made.
"""

import sqlalchemy as sa
from alembic import op

revision = "c41f7e2a90d8"
down_revision = "c4e19a7d5b20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("payload_type", sa.String(length=60), nullable=False),
        sa.Column("content", sa.String(length=20), nullable=False),
        sa.Column("heartbeat_s", sa.Integer(), nullable=True),
        sa.Column("timeout_s", sa.Integer(), nullable=True),
        sa.Column("max_count", sa.Integer(), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('requested', 'active', 'error', 'off')",
            name=op.f("ck_subscription_subscriptionstatus"),
        ),
        sa.CheckConstraint("channel IN ('rest-hook', 'sse')", name=op.f("ck_subscription_channel")),
        sa.CheckConstraint(
            "content IN ('empty', 'id-only', 'full-resource')", name=op.f("ck_subscription_content")
        ),
        sa.CheckConstraint(
            "channel <> 'rest-hook' OR endpoint IS NOT NULL", name=op.f("ck_subscription_endpoint")
        ),
        sa.CheckConstraint("max_count IS NULL OR max_count > 0", name=op.f("ck_subscription_max_count")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_subscription_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    op.create_index(op.f("ix_subscription_organisation_id"), "subscription", ["organisation_id"])
    op.create_index(op.f("ix_subscription_status"), "subscription", ["status"])
    op.create_table(
        "subscription_delivery",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("acknowledged", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_subscription_delivery_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_subscription_delivery")),
    )
    op.create_index(op.f("ix_subscription_delivery_next_try_at"), "subscription_delivery", ["next_try_at"])
    op.create_table(
        "subscription_event",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "change IN ('create', 'update', 'delete')", name=op.f("ck_subscription_event_change")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_subscription_event_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription_id", "number", name=op.f("pk_subscription_event")),
    )
    op.create_index("ix_subscription_event_at", "subscription_event", ["at"])
    op.create_index(
        "ix_outbox_message_topic_delivered_at_created_at",
        "outbox_message",
        ["topic", "delivered_at", "created_at"],
    )
    op.create_table(
        "later_answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_later_answer_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_later_answer")),
    )
    op.create_index("ix_later_answer_asked_at", "later_answer", ["asked_at"])
    op.create_index(op.f("ix_later_answer_organisation_id"), "later_answer", ["organisation_id"])


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
