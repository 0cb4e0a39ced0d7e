"""What an actor may want: each is what a request, a job's step or a look of the scheduler does."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from careapp.consultations import booking, groups, holds, progress, series
from careapp.consultations.booking import Wish
from careapp.consultations.further_models import Part
from careapp.consultations.groups import Joining
from careapp.consultations.series import Pattern
from careapp.tours import commands as tours
from careapp.visits import commands as visits
from careapp.waiting import commands as waiting
from careapp.waiting import line
from careapp.waiting.commands import Wanted
from careapp.waiting.models import Chance, ChanceStatus
from tests.careapp.worlds import moment
from tests.interleaving.explorer import Actor
from tests.interleaving.scene import Scene, propose, read_day

LASTS = timedelta(minutes=5)
Deed = Callable[[Actor, Scene], None]


def hold_then_book(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        hold = holds.hold_slots(
            session, slot_ids=scene.slot_ids[1:2], lasts=LASTS, viewer=scene.viewer, now=scene.now
        )
        hold_id = hold.id
    if actor.refusals:
        return
    with actor.attempt() as session:
        booking.book_slots(
            session,
            wish=Wish(scene.slot_ids[1:2], hold_id=hold_id),
            patient_id=scene.patient_ids[1],
            viewer=scene.viewer,
            now=scene.now,
        )


def hold_then_leave(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        hold = holds.hold_slots(
            session, slot_ids=scene.slot_ids[1:3], lasts=LASTS, viewer=scene.viewer, now=scene.now
        )
        hold_id = hold.id
    if not actor.refusals:
        with actor.attempt() as session:
            holds.release_hold(session, hold_id=hold_id, viewer=scene.viewer, now=scene.now)


def _book(actor: Actor, scene: Scene, *numbers: int, patient: int = 2, in_visit: bool = False) -> None:
    with actor.attempt() as session:
        booking.book_slots(
            session,
            wish=Wish(
                [scene.slot_ids[number] for number in numbers],
                visit_id=scene.visit_ids[patient] if in_visit else None,
            ),
            patient_id=scene.patient_ids[patient],
            viewer=scene.viewer,
            now=scene.now,
        )


def book_one(actor: Actor, scene: Scene) -> None:
    _book(actor, scene, 1)


def book_two(actor: Actor, scene: Scene) -> None:
    _book(actor, scene, 1, 2)


def book_in_the_other_schedule(actor: Actor, scene: Scene) -> None:
    _book(actor, scene, 3)


def book_in_a_visit(actor: Actor, scene: Scene) -> None:
    _book(actor, scene, 1, in_visit=True)


def let_time_pass(actor: Actor, scene: Scene) -> None:
    actor.stop()
    scene.minutes += 6  # holds last five
    with actor.attempt() as session:
        holds.tidy_slots(session, now=scene.now)


def cancel(actor: Actor, scene: Scene) -> None:
    with actor.attempt(lambda: scene.called_off.add(scene.booking_id)) as session:
        booking.cancel_booking(
            session, booking_id=scene.booking_id, because="pat", viewer=scene.viewer, now=scene.now
        )


def withdraw(actor: Actor, scene: Scene) -> None:
    with actor.attempt(lambda: scene.called_off.add(scene.booking_id)) as session:
        progress.withdraw_booking(session, booking_id=scene.booking_id, viewer=scene.viewer, now=scene.now)


def move(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        booking.move_booking(
            session,
            booking_id=scene.booking_id,
            wish=Wish(scene.slot_ids[1:3]),
            patient_id=scene.patient_ids[0],
            viewer=scene.viewer,
            now=scene.now,
        )


def move_to_the_other_schedule(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        booking.move_booking(
            session,
            booking_id=scene.booking_id,
            wish=Wish(scene.slot_ids[3:]),
            patient_id=scene.patient_ids[0],
            viewer=scene.viewer,
            now=scene.now,
        )


def book_anew(actor: Actor, scene: Scene) -> None:
    with actor.attempt(lambda: scene.called_off.add(scene.booking_id)) as session:
        booking.rebook(
            session,
            booking_id=scene.booking_id,
            wish=Wish(scene.slot_ids[2:3]),
            patient_id=scene.patient_ids[0],
            viewer=scene.viewer,
            now=scene.now,
        )


def bring_a_colleague(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        groups.add_participant(
            session,
            booking_id=scene.booking_id,
            joining=Joining(Part.DOCTOR, scene.colleague_id),
            viewer=scene.viewer,
            now=scene.now,
        )


def meet_in_a_group(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        groups.book_group(
            session,
            wish=Wish(scene.slot_ids[2:3]),
            patient_id=scene.patient_ids[1],
            joining=[Joining(Part.NURSE, scene.nurse_ids[1]), Joining(Part.DOCTOR, scene.colleague_id)],
            viewer=scene.viewer,
            now=scene.now,
        )


def book_a_series(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        series.book_series(
            session,
            schedule_id=scene.schedule_id,
            pattern=Pattern(moment(6, 10, day=scene.day), moment(6, 20, day=scene.day), count=2),
            patient_id=scene.patient_ids[1],
            calendar=scene.calendar,
            is_partial=True,
            viewer=scene.viewer,
            now=scene.now,
        )


def plan_again(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        day = read_day(session, scene)
    with actor.attempt() as session:
        propose(session, scene, day)


def publish(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        tours.publish_day(session, date=scene.day, viewer=scene.viewer, now=scene.now)


def _cancel_visit(actor: Actor, scene: Scene, number: int) -> None:
    visit_id = scene.visit_ids[number]
    with actor.attempt(lambda: scene.called_off.add(visit_id)) as session:
        visits.cancel_visit(session, visit_id=visit_id, because="pat", viewer=scene.viewer, now=scene.now)


def cancel_a_proposed_visit(actor: Actor, scene: Scene) -> None:
    _cancel_visit(actor, scene, 0)


def cancel_a_promised_visit(actor: Actor, scene: Scene) -> None:
    _cancel_visit(actor, scene, 2)


def wait(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        waiting.join_list(
            session,
            patient_id=scene.patient_ids[1],
            wanted=Wanted(scene.doctor_id, None, scene.now, moment(10, day=scene.day)),
            viewer=scene.viewer,
            now=scene.now,
        )
    _look(actor, scene)
    with actor.attempt() as session:
        offered = select(Chance.id).where(
            Chance.status == ChanceStatus.OFFERED, Chance.organisation_id == scene.organisation_id
        )
        for chance_id in session.scalars(offered).all():
            waiting.accept_chance(session, chance_id=chance_id, viewer=scene.viewer, now=scene.now)


def look_who_waits(actor: Actor, scene: Scene) -> None:
    _look(actor, scene)


def _look(actor: Actor, scene: Scene) -> None:
    with actor.attempt() as session:
        line.expire(session, now=scene.now)
        line.offer_chances(session, lasts=LASTS, now=scene.now)


DEEDS: tuple[Deed, ...] = (
    hold_then_book,
    hold_then_leave,
    book_one,
    book_two,
    book_in_the_other_schedule,
    book_in_a_visit,
    let_time_pass,
    cancel,
    withdraw,
    move,
    move_to_the_other_schedule,
    book_anew,
    bring_a_colleague,
    meet_in_a_group,
    book_a_series,
    plan_again,
    publish,
    cancel_a_proposed_visit,
    cancel_a_promised_visit,
    wait,
    look_who_waits,
)
