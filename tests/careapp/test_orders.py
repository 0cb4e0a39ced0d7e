from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.orders import commands, queries
from careapp.orders.commands import NewOrder, StartWindow
from careapp.orders.models import CarePlan
from careapp.organisations.commands import EmptyName
from careapp.people.queries import PatientNotFound
from careapp.people.skills import ImpossibleGrade, UnknownSkill
from careapp.records.models import AuditEvent
from careapp.recurrence import InvalidRecurrence
from tests.careapp.worlds import a_patient, a_skill, an_order, an_organisation, coordinator_of

MORNING = StartWindow(0, time(7), time(9))
EVENING = StartWindow(1, time(17), time(19))
INSULIN = NewOrder(
    title="Insulin",
    recurrence="FREQ=DAILY",
    first_date=date(2026, 3, 1),
    minutes=15,
    windows=(MORNING, EVENING),
    skills=({"injection": 2},),
    min_gap_minutes=480,
)


class TestAddOrder:
    def test_writes_the_order_with_windows_and_skills(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        patient = a_patient(session)
        a_skill(session, "injection")

        made = commands.add_order(session, patient_id=patient.id, order=INSULIN, viewer=viewer, now=now)
        session.flush()
        session.expunge_all()

        order = queries.get_order(session, order_id=made.id, viewer=viewer)
        assert [(window.occurrence, window.earliest, window.latest) for window in order.windows] == [
            (0, time(7), time(9)),
            (1, time(17), time(19)),
        ]
        assert [(skill.nurse_number, skill.skill_code, skill.grade) for skill in order.skills] == [
            (0, "injection", 2)
        ]
        assert order.organisation_id == patient.organisation_id
        assert session.scalars(select(AuditEvent.action)).all() == ["add_order"]

    def test_opens_one_care_plan_for_all_orders(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        patient = a_patient(session)
        a_skill(session, "injection")

        orders = [
            commands.add_order(session, patient_id=patient.id, order=INSULIN, viewer=viewer, now=now)
            for _ in range(2)
        ]

        assert {order.care_plan_id for order in orders} == {session.scalars(select(CarePlan.id)).one()}

    def test_opens_a_new_care_plan_after_the_old_one_ended(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        old = an_order(session, last_date=date(2026, 2, 1))
        a_skill(session, "injection")

        new = commands.add_order(session, patient_id=old.patient_id, order=INSULIN, viewer=viewer, now=now)

        assert new.care_plan_id != old.care_plan_id

    @pytest.mark.parametrize(
        ("change", "error", "sentence"),
        [
            ({"title": " "}, EmptyName, "needs a name"),
            ({"recurrence": "daily"}, InvalidRecurrence, "write for example"),
            ({"minutes": 0}, commands.ImpossibleCare, "from 1 to 480"),
            ({"minutes": 481}, commands.ImpossibleCare, "from 1 to 480"),
            ({"nurses": 5}, commands.ImpossibleCare, "from 1 to 4"),
            ({"priority": 0}, commands.ImpossibleCare, "from 1 to 4"),
            ({"skills": ({}, {})}, commands.ImpossibleCare, "add nurses"),
            ({"last_date": date(2026, 2, 28)}, commands.ImpossibleCare, "give a later one"),
            ({"skills": ({"injection": 9},)}, ImpossibleGrade, "write 1"),
            ({"skills": ({"magic": 1},)}, UnknownSkill, "there is no skill 'magic'"),
        ],
    )
    def test_says_what_is_wrong(
        self,
        session: Session,
        viewer: Viewer,
        now: datetime,
        change: dict[str, object],
        error: type[Exception],
        sentence: str,
    ) -> None:
        patient = a_patient(session)
        a_skill(session, "injection")

        with pytest.raises(error, match=sentence):
            commands.add_order(
                session,
                patient_id=patient.id,
                order=replace(INSULIN, **change),  # type: ignore[arg-type]  # the table's values differ in type
                viewer=viewer,
                now=now,
            )

    @pytest.mark.parametrize(
        ("windows", "sentence"),
        [
            ((), "give each visit"),
            ((EVENING,), "number the visits 0, 1"),
            ((StartWindow(0, time(9), time(7)), EVENING), "09:00-07:00 ends before it begins"),
            ((StartWindow(0, time(22), time(2)), EVENING), "enter a second order"),
            ((StartWindow(0, time(7, tzinfo=UTC), time(9)), EVENING), "leave the offset out"),
            ((MORNING, StartWindow(0, time(9), time(10)), EVENING), "overlap"),
        ],
    )
    def test_refuses_windows_in_which_no_visit_can_start(
        self,
        session: Session,
        viewer: Viewer,
        now: datetime,
        windows: Sequence[StartWindow],
        sentence: str,
    ) -> None:
        patient = a_patient(session)

        with pytest.raises(commands.ImpossibleWindow, match=sentence):
            commands.add_order(
                session,
                patient_id=patient.id,
                order=replace(INSULIN, windows=windows),
                viewer=viewer,
                now=now,
            )

    @pytest.mark.parametrize(
        ("least", "most", "windows", "is_possible"),
        [
            # From 07:00 to 19:00 are 720 minutes, from 09:00 to 17:00 are 480.
            (720, None, (MORNING, EVENING), True),
            (721, None, (MORNING, EVENING), False),
            (None, 480, (MORNING, EVENING), True),
            (None, 479, (MORNING, EVENING), False),
            (60, 30, (MORNING, EVENING), False),
            (-1, None, (MORNING, EVENING), False),
            (0, None, (MORNING, EVENING), True),
            (60, None, (MORNING,), False),
            (None, None, (MORNING,), True),
        ],
    )
    def test_refuses_a_gap_that_the_windows_exclude(
        self,
        session: Session,
        viewer: Viewer,
        now: datetime,
        least: int | None,
        most: int | None,
        windows: Sequence[StartWindow],
        is_possible: bool,
    ) -> None:
        patient = a_patient(session)
        a_skill(session, "injection")
        order = replace(INSULIN, windows=windows, min_gap_minutes=least, max_gap_minutes=most)

        if is_possible:
            commands.add_order(session, patient_id=patient.id, order=order, viewer=viewer, now=now)
        else:
            with pytest.raises(commands.ImpossibleGap):
                commands.add_order(session, patient_id=patient.id, order=order, viewer=viewer, now=now)

    def test_needs_a_patient_in_care_of_the_viewer(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        gone = a_patient(session, is_active=False)

        with pytest.raises(commands.PatientLeft):
            commands.add_order(session, patient_id=gone.id, order=INSULIN, viewer=viewer, now=now)
        with pytest.raises(PatientNotFound):
            commands.add_order(
                session,
                patient_id=gone.id,
                order=INSULIN,
                viewer=coordinator_of(an_organisation(session)),
                now=now,
            )


class TestListOrders:
    def test_gives_one_patients_orders_of_the_viewer(self, session: Session, viewer: Viewer) -> None:
        patient = a_patient(session)
        made = {an_order(session, patient).id for _ in range(3)}
        an_order(session)

        page = queries.list_orders(session, viewer=viewer, patient_id=patient.id, limit=2)
        rest = queries.list_orders(
            session, viewer=viewer, patient_id=patient.id, limit=2, after=page.next_after
        )
        own = queries.list_orders(session, viewer=coordinator_of(patient.organisation), limit=9)

        assert [order.id for order in page.items + rest.items] == sorted(made)
        assert {order.id for order in own.items} == made


class TestEndOrder:
    def test_lets_it_end_with_a_day(self, session: Session, viewer: Viewer, now: datetime) -> None:
        order = an_order(session)

        ended = commands.end_order(
            session, order_id=order.id, last_date=date(2026, 3, 5), viewer=viewer, now=now
        )

        assert (ended.last_date, ended.is_active) == (date(2026, 3, 5), True)
        with pytest.raises(commands.OrderEnded):
            commands.end_order(session, order_id=order.id, last_date=date(2026, 3, 6), viewer=viewer, now=now)

    def test_before_its_first_day_makes_it_inactive(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        order = an_order(session, first_date=date(2026, 3, 5))

        commands.end_order(session, order_id=order.id, last_date=date(2026, 3, 4), viewer=viewer, now=now)

        assert not order.is_active
        with pytest.raises(commands.OrderEnded):
            commands.end_order(session, order_id=order.id, last_date=date(2026, 3, 4), viewer=viewer, now=now)

    def test_of_another_tenant_is_not_found(self, session: Session, now: datetime) -> None:
        order = an_order(session)

        with pytest.raises(queries.OrderNotFound):
            commands.end_order(
                session,
                order_id=order.id,
                last_date=date(2026, 3, 5),
                viewer=coordinator_of(an_organisation(session)),
                now=now,
            )
