"""Let patients wait for a time; keep what became of bookings, series, and further participants.

Deploy: new tables only; the previous release does not look at them.
"""

import sqlalchemy as sa
from alembic import op

revision = "91c4e7d2ab36"
down_revision = "5c1d92e7ab04"
branch_labels = None
depends_on = None

DEEDS = (
    "booked", "moved", "cancelled", "confirmed", "withdrawn", "arrived", "checked-in", "fulfilled", "noshow",
    "joined", "left",
)  # fmt: skip
PARTS = (
    "doctor", "nurse", "relative", "guardian", "interpreter", "therapist", "pharmacist", "social-worker",
    "other",
)  # fmt: skip


def upgrade() -> None:
    _make_history()
    _make_groups()
    _make_series()
    _make_list()


def _make_history() -> None:
    op.create_table(
        "booking_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _moment("at"),
        sa.Column("deed", _one_of("bookingdeed", *DEEDS), nullable=False),
        sa.Column("viewer", sa.String(length=100), nullable=False),
        *(
            _moment(name, nullable=True)
            for name in ("before_starts_at", "before_ends_at", "starts_at", "ends_at")
        ),
        sa.Column("because", sa.String(length=20), nullable=True),
        _key("booking_event", "booking_id", "booking"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_event")),
    )
    op.create_index(
        "ix_booking_event_booking_id_number", "booking_event", ["booking_id", "number"], unique=True
    )


def _make_groups() -> None:
    op.create_table(
        "booking_participant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("part", _one_of("part", *PARTS), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        _moment("added_at"),
        sa.CheckConstraint(
            "(practitioner_id IS NOT NULL) = (part IN ('doctor', 'nurse'))",
            name=op.f("ck_booking_participant_person"),
        ),
        _key("booking_participant", "booking_id", "booking"),
        _key("booking_participant", "practitioner_id", "practitioner"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_participant")),
        sa.UniqueConstraint(
            "booking_id",
            "practitioner_id",
            name=op.f("uq_booking_participant_booking_id_practitioner_id"),
        ),
    )
    op.create_index(
        op.f("ix_booking_participant_practitioner_id"), "booking_participant", ["practitioner_id"]
    )


def _make_series() -> None:
    op.create_table(
        "booking_series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("every_weeks", sa.Integer(), nullable=False),
        _moment("made_at"),
        _key("booking_series", "organisation_id", "organisation"),
        _key("booking_series", "schedule_id", "schedule"),
        _key_of_same_tenant("booking_series", "patient_id", "patient"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_series")),
    )
    op.create_index(op.f("ix_booking_series_patient_id"), "booking_series", ["patient_id"])
    op.create_index(
        "uq_booking_series_organisation_id_id", "booking_series", ["organisation_id", "id"], unique=True
    )
    op.create_table(
        "series_part",
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        _key("series_part", "series_id", "booking_series"),
        _key("series_part", "booking_id", "booking"),
        sa.PrimaryKeyConstraint("series_id", "number", name=op.f("pk_series_part")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_series_part_booking_id")),
    )


def _make_list() -> None:
    op.create_table(
        "waiting_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", sa.Uuid(), nullable=True),
        sa.Column("specialty", sa.String(length=20), nullable=True),
        sa.Column("need", sa.Integer(), nullable=False),
        _moment("earliest"),
        _moment("latest"),
        _moment("since"),
        sa.Column(
            "status", _one_of("waitingstatus", "waiting", "served", "withdrawn", "expired"), nullable=False
        ),
        _moment("ended_at", nullable=True),
        sa.CheckConstraint("earliest < latest", name=op.f("ck_waiting_entry_order")),
        sa.CheckConstraint("need BETWEEN 1 AND 4", name=op.f("ck_waiting_entry_need")),
        sa.CheckConstraint("(doctor_id IS NULL) <> (specialty IS NULL)", name=op.f("ck_waiting_entry_whom")),
        _key("waiting_entry", "organisation_id", "organisation"),
        _key("waiting_entry", "doctor_id", "role"),
        _key_of_same_tenant("waiting_entry", "patient_id", "patient"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_entry")),
    )
    op.create_index(op.f("ix_waiting_entry_patient_id"), "waiting_entry", ["patient_id"])
    op.create_index(
        "uq_waiting_entry_organisation_id_id", "waiting_entry", ["organisation_id", "id"], unique=True
    )
    op.create_index("ix_waiting_entry_status_need_since", "waiting_entry", ["status", "need", "since"])
    op.create_table(
        "chance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        _moment("starts_at"),
        _moment("ends_at"),
        _moment("offered_at"),
        _moment("until"),
        sa.Column(
            "status",
            _one_of("chancestatus", "offered", "accepted", "declined", "expired", "withdrawn"),
            nullable=False,
        ),
        _moment("answered_at", nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_chance_order")),
        _key("chance", "organisation_id", "organisation"),
        _key("chance", "schedule_id", "schedule"),
        _key("chance", "booking_id", "booking"),
        _key_of_same_tenant("chance", "entry_id", "waiting_entry"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chance")),
    )
    offered = sa.text("status = 'offered'")
    op.create_index(
        "uq_chance_open",
        "chance",
        ["entry_id"],
        unique=True,
        sqlite_where=offered,
        postgresql_where=offered,
    )
    op.create_index("ix_chance_status_until", "chance", ["status", "until"])
    op.create_index("ix_chance_entry_id_offered_at", "chance", ["entry_id", "offered_at"])


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=op.f(f"fk_{table}_{column}"))


def _key_of_same_tenant(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column],
        [f"{parent}.organisation_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_organisation_id_{column}"),
    )


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
