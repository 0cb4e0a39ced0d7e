"""Open records to others, and say whose each document is.

Deploy: the previous release writes documents without their owner, so stop it first; each document, version
and search value is looked at once, a minute for some millions of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "d17a5c2e9b40"
down_revision = "e5a09d3c7b14"
branch_labels = None
depends_on = None

TABLES = ("document", "document_version", "sent_document", "search_value")

OWNED = {
    "Patient": "patient",
    "Practitioner": "practitioner",
    "PractitionerRole": "role",
    "Location": "place",
    "CarePlan": "care_plan",
    "ServiceRequest": "care_order",
    "Appointment": "appointment",
    "List": "tour",
    "Subscription": "subscription",
    "AuditEvent": "audit_event",
    "RelatedPerson": "held_resource",
    "CareTeam": "held_resource",
    "Consent": "held_resource",
    "Communication": "held_resource",
    "Task": "held_resource",
    "AppointmentResponse": "held_resource",
    "Encounter": "held_resource",
    "Provenance": "held_resource",
}
"""Kinds that are not offered to all, and the table that says whose each of them is."""

DELETED = {
    "sqlite": "replace(json_extract(CAST(content AS TEXT), '$.organisation'), '-', '')",
    "postgresql": "CAST(convert_from(content, 'UTF8')::json ->> 'organisation' AS uuid)",
}
"""Whose a deleted document was, as its last version tells."""

TOMBSTONE = {
    "sqlite": "substr(content, 1, 10) = CAST('{\"deleted\"' AS BLOB)",
    "postgresql": "substr(content, 1, 10) = convert_to('{\"deleted\"', 'UTF8')",
}


def upgrade() -> None:
    _make_openings()
    for table in TABLES:
        op.add_column(table, sa.Column("organisation_id", sa.Uuid(), nullable=True))
    for kind, owner in OWNED.items():
        for table in TABLES:
            key = "resource_id" if table == "search_value" else "id"
            op.execute(
                f"""
                UPDATE {table} SET organisation_id =
                (SELECT {owner}.organisation_id FROM {owner} WHERE {owner}.id = {table}.{key})
                WHERE kind = '{kind}'
                """  # noqa: S608 -- words of ours
            )
    _say_whose_the_deleted_were(op.get_bind().dialect.name)
    op.create_index(
        "ix_document_version_organisation_id_updated_at_kind_id_version",
        "document_version",
        ["organisation_id", "updated_at", "kind", "id", "version"],
    )


def _make_openings() -> None:
    op.create_table(
        "opening",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("to_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("to_practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "help",
                "booking",
                "emergency",
                "support",
                name="openingkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at <= ends_at", name=op.f("ck_opening_order")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_opening_organisation_id")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_opening_patient_id")),
        sa.ForeignKeyConstraint(
            ["to_organisation_id"], ["organisation.id"], name=op.f("fk_opening_to_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["to_practitioner_id"], ["practitioner.id"], name=op.f("fk_opening_to_practitioner_id")
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_opening_appointment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening")),
    )
    for column in ("organisation_id", "patient_id", "appointment_id"):
        op.create_index(op.f(f"ix_opening_{column}"), "opening", [column])
    op.create_index("ix_opening_to_organisation_id_ends_at", "opening", ["to_organisation_id", "ends_at"])


def _say_whose_the_deleted_were(dialect: str) -> None:
    kinds = ", ".join(f"'{kind}'" for kind in OWNED)
    op.execute(
        f"""
        UPDATE document_version SET organisation_id = {DELETED[dialect]}
        WHERE kind IN ({kinds}) AND {TOMBSTONE[dialect]}
        """  # noqa: S608 -- as above
    )
    op.execute(
        f"""
        UPDATE document_version SET organisation_id = (
            SELECT last.organisation_id FROM document_version AS last
            WHERE last.kind = document_version.kind AND last.id = document_version.id
            AND last.organisation_id IS NOT NULL
            ORDER BY last.version DESC LIMIT 1
        )
        WHERE kind IN ({kinds}) AND organisation_id IS NULL
        """  # noqa: S608 -- as above
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
