"""Make the tables of a day: appointments, visits, tours, slots.

Deploy: nothing runs yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "90e6fb21c4d7"
down_revision = "482640ff4bf0"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def one_of(name: str, *values: str) -> sa.Enum:
    """A text column that takes only these values, the same on both databases."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    op.create_table(
        "appointment",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("kind", one_of("appointmentkind", "visit", "booking"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("patient_id", sa.Uuid(), sa.ForeignKey("patient.id"), nullable=False, index=True),
        sa.Column(
            "status",
            one_of("appointmentstatus", "proposed", "booked", "fulfilled", "noshow", "cancelled"),
            nullable=False,
            index=True,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("cancelled_because", sa.String(20), nullable=True),
        sa.CheckConstraint("status <> 'booked' OR starts_at IS NOT NULL", name="booked_has_time"),
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.Index("ix_appointment_starts_at_id", "starts_at", "id"),
    )
    op.create_table(
        "care_plan",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("patient_id", sa.Uuid(), sa.ForeignKey("patient.id"), nullable=False, index=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "preference",
        sa.Column("patient_id", sa.Uuid(), sa.ForeignKey("patient.id"), primary_key=True),
        sa.Column("role_id", sa.Uuid(), sa.ForeignKey("role.id"), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False),
        sa.Column("kind", one_of("preferencekind", "preferred", "forbidden"), nullable=False),
    )
    op.create_table(
        "role_skill",
        sa.Column("role_id", sa.Uuid(), sa.ForeignKey("role.id"), primary_key=True),
        sa.Column("skill_code", sa.String(40), sa.ForeignKey("skill.code"), primary_key=True),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.CheckConstraint("grade BETWEEN 1 AND 4", name="grade"),
    )
    op.create_table(
        "schedule",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("role_id", sa.Uuid(), sa.ForeignKey("role.id"), nullable=False, index=True),
        sa.Column("practitioner_id", sa.Uuid(), sa.ForeignKey("practitioner.id"), nullable=False, index=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("specialty", sa.String(20), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "shift",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("role_id", sa.Uuid(), sa.ForeignKey("role.id"), nullable=False, index=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("start_place_id", sa.Uuid(), sa.ForeignKey("place.id"), nullable=False),
        sa.Column("end_place_id", sa.Uuid(), sa.ForeignKey("place.id"), nullable=False),
        sa.Column("vehicle", one_of("vehiclekind", "car", "ebike"), nullable=False),
        sa.Column("max_work_s", sa.Integer(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.UniqueConstraint("role_id", "starts_at"),
        sa.Index("ix_shift_date", "date"),
    )
    op.create_table(
        "shift_pattern",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("role_id", sa.Uuid(), sa.ForeignKey("role.id"), nullable=False, index=True),
        sa.Column("recurrence", sa.String(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.CheckConstraint("starts <> ends", name="length"),
    )
    op.create_table(
        "care_order",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("care_plan_id", sa.Uuid(), sa.ForeignKey("care_plan.id"), nullable=False, index=True),
        sa.Column("patient_id", sa.Uuid(), sa.ForeignKey("patient.id"), nullable=False, index=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("recurrence", sa.String(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("on_holidays", one_of("onholidays", "as-usual", "skip"), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("nurses", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("min_gap_minutes", sa.Integer(), nullable=True),
        sa.Column("max_gap_minutes", sa.Integer(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 1 AND 480", name="minutes"),
        sa.CheckConstraint("nurses BETWEEN 1 AND 4", name="nurses"),
        sa.CheckConstraint("last_date IS NULL OR first_date <= last_date", name="order_of_dates"),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name="priority"),
    )
    op.create_table(
        "consultation_hours",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("schedule_id", sa.Uuid(), sa.ForeignKey("schedule.id"), nullable=False, index=True),
        sa.Column("recurrence", sa.String(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("starts < ends", name="order"),
        sa.CheckConstraint("slot_minutes BETWEEN 5 AND 120", name="slot_minutes"),
    )
    op.create_table(
        "occupancy",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("practitioner_id", sa.Uuid(), sa.ForeignKey("practitioner.id"), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), sa.ForeignKey("appointment.id"), nullable=False, index=True),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.Index("ix_occupancy_practitioner_id_starts_at", "practitioner_id", "starts_at"),
    )
    op.create_table(
        "slot",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("schedule_id", sa.Uuid(), sa.ForeignKey("schedule.id"), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column(
            "status",
            one_of("slotstatus", "free", "busy", "busy-tentative", "busy-unavailable"),
            nullable=False,
        ),
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.UniqueConstraint("schedule_id", "starts_at"),
        sa.Index("ix_slot_starts_at_id", "starts_at", "id"),
    )
    op.create_table(
        "tour",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False, index=True),
        sa.Column("plan_id", sa.Uuid(), sa.ForeignKey("plan.id"), nullable=False, index=True),
        sa.Column("shift_id", sa.Uuid(), sa.ForeignKey("shift.id"), nullable=False),
        sa.Column("role_id", sa.Uuid(), sa.ForeignKey("role.id"), nullable=False, index=True),
        sa.Column("practitioner_id", sa.Uuid(), sa.ForeignKey("practitioner.id"), nullable=False, index=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("status", one_of("tourstatus", "proposed", "published"), nullable=False),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.Column("leaves_at", MOMENT, nullable=False),
        sa.Column("returns_at", MOMENT, nullable=False),
        sa.Column("travel_s", sa.Integer(), nullable=False),
        sa.Column("metres", sa.Integer(), nullable=False),
        sa.Column("waiting_s", sa.Integer(), nullable=False),
        sa.Column("last_leg_s", sa.Integer(), nullable=False),
        sa.CheckConstraint("(status = 'published') = (published_at IS NOT NULL)", name="published"),
        sa.UniqueConstraint("shift_id"),
        sa.Index("ix_tour_date", "date"),
    )
    op.create_table(
        "care_order_skill",
        sa.Column("care_order_id", sa.Uuid(), sa.ForeignKey("care_order.id"), primary_key=True),
        sa.Column("nurse_number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("skill_code", sa.String(40), sa.ForeignKey("skill.code"), primary_key=True),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.CheckConstraint("grade BETWEEN 1 AND 4", name="grade"),
    )
    op.create_table(
        "care_order_window",
        sa.Column("care_order_id", sa.Uuid(), sa.ForeignKey("care_order.id"), primary_key=True),
        sa.Column("occurrence", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("earliest", sa.Time(), primary_key=True),
        sa.Column("latest", sa.Time(), nullable=False),
        sa.CheckConstraint("earliest <= latest", name="order"),
    )
    op.create_table(
        "tour_break",
        sa.Column("tour_id", sa.Uuid(), sa.ForeignKey("tour.id"), primary_key=True),
        sa.Column("starts_at", MOMENT, primary_key=True),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="order"),
    )
    op.create_table(
        "visit",
        sa.Column("id", sa.Uuid(), sa.ForeignKey("appointment.id"), primary_key=True),
        sa.Column("care_order_id", sa.Uuid(), sa.ForeignKey("care_order.id"), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.CheckConstraint("duration_s > 0", name="duration"),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name="priority"),
        sa.UniqueConstraint("care_order_id", "date", "occurrence"),
        sa.Index("ix_visit_date", "date"),
    )
    op.create_table(
        "booking",
        sa.Column("id", sa.Uuid(), sa.ForeignKey("appointment.id"), primary_key=True),
        sa.Column("slot_id", sa.Uuid(), sa.ForeignKey("slot.id"), nullable=False),
        sa.Column("visit_id", sa.Uuid(), sa.ForeignKey("visit.id"), nullable=True, index=True),
        sa.Index("ix_booking_slot_id", "slot_id"),
    )
    op.create_table(
        "service",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("visit_id", sa.Uuid(), sa.ForeignKey("visit.id"), nullable=False, index=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.UniqueConstraint("visit_id", "number"),
    )
    op.create_table(
        "unassigned_visit",
        sa.Column("plan_id", sa.Uuid(), sa.ForeignKey("plan.id"), primary_key=True),
        sa.Column("visit_id", sa.Uuid(), sa.ForeignKey("visit.id"), primary_key=True),
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_table(
        "visit_link",
        sa.Column("first_id", sa.Uuid(), sa.ForeignKey("visit.id"), primary_key=True),
        sa.Column("second_id", sa.Uuid(), sa.ForeignKey("visit.id"), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisation.id"), nullable=False),
        sa.Column("min_gap_s", sa.Integer(), nullable=False),
        sa.Column("max_gap_s", sa.Integer(), nullable=True),
        sa.CheckConstraint("max_gap_s IS NULL OR min_gap_s <= max_gap_s", name="order"),
        sa.CheckConstraint("first_id <> second_id", name="two_visits"),
    )
    op.create_table(
        "visit_window",
        sa.Column("visit_id", sa.Uuid(), sa.ForeignKey("visit.id"), primary_key=True),
        sa.Column("earliest", MOMENT, primary_key=True),
        sa.Column("latest", MOMENT, nullable=False),
        sa.CheckConstraint("earliest <= latest", name="order"),
    )
    op.create_table(
        "service_skill",
        sa.Column("service_id", sa.Uuid(), sa.ForeignKey("service.id"), primary_key=True),
        sa.Column("skill_code", sa.String(40), sa.ForeignKey("skill.code"), primary_key=True),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.CheckConstraint("grade BETWEEN 1 AND 4", name="grade"),
    )
    op.create_table(
        "stop",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("tour_id", sa.Uuid(), sa.ForeignKey("tour.id"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Uuid(), sa.ForeignKey("service.id"), nullable=False),
        sa.Column("visit_id", sa.Uuid(), sa.ForeignKey("visit.id"), nullable=False, index=True),
        sa.Column("arrives_at", MOMENT, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("travel_s", sa.Integer(), nullable=False),
        sa.Column("metres", sa.Integer(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.UniqueConstraint("service_id"),
        sa.UniqueConstraint("tour_id", "position"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back: restore the backup from before the upgrade")
