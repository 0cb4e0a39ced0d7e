"""What became of bookings, series of them, and consultations of three or more."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from careapp.access import Viewer, ViewerRole
from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.appointments.occupancy import AlreadyOccupied
from careapp.consultations import booking, groups, progress, series
from careapp.consultations.booking import BookingEnded, Wish
from careapp.consultations.further_models import (
    BookingDeed,
    BookingEvent,
    BookingParticipant,
    Part,
    SeriesPart,
)
from careapp.consultations.groups import Joining
from careapp.consultations.history import list_events
from careapp.consultations.models import Booking, SlotStatus
from careapp.consultations.queries import BookingNotFound
from careapp.consultations.series import ImpossibleSeries, Pattern, SeriesTaken
from careapp.openings.models import Opening
from tests.careapp.worlds import (
    EVERYONE,
    a_doctor,
    a_nurse,
    a_patient,
    a_schedule,
    a_slot,
    an_organisation,
    coordinator_of,
    moment,
)

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = timedelta(weeks=1)


def book(session, now, patient, *slots, **more):
    wish = Wish([slot.id for slot in slots], **more)
    return booking.book_slots(session, wish=wish, patient_id=patient.id, viewer=EVERYONE, now=now)


@pytest.fixture
def slots(session):
    schedule = a_schedule(session)
    return [a_slot(session, schedule, starts_at=moment(8, 15 * number)) for number in range(3)]


def deeds(session, booking_id):
    return [event.deed for event in list_events(session, booking_id=booking_id, viewer=EVERYONE)]


class TestHistory:
    def test_tells_each_deed_with_its_times(self, session, now, slots):
        made = book(session, now, a_patient(session), slots[0])
        wish = Wish([slots[1].id])
        booking.move_booking(
            session, booking_id=made.id, wish=wish, patient_id=made.patient_id, viewer=EVERYONE, now=now
        )
        booking.cancel_booking(session, booking_id=made.id, because="pat", viewer=EVERYONE, now=now)

        events = list_events(session, booking_id=made.id, viewer=EVERYONE)

        assert [(event.number, event.deed, event.because) for event in events] == [
            (1, BookingDeed.BOOKED, None),
            (2, BookingDeed.MOVED, None),
            (3, BookingDeed.CANCELLED, "pat"),
        ]
        assert [event.before_starts_at for event in events] == [None, moment(8), moment(8, 15)]
        assert [event.starts_at for event in events] == [moment(8), moment(8, 15), None]
        assert {event.viewer for event in events} == {EVERYONE.name}

    def test_begins_with_the_booking_that_it_replaces(self, session, now, slots):
        made = book(session, now, a_patient(session), slots[0])
        wish = Wish([slots[2].id])
        new = booking.rebook(
            session, booking_id=made.id, wish=wish, patient_id=made.patient_id, viewer=EVERYONE, now=now
        )

        events = list_events(session, booking_id=new.id, viewer=EVERYONE)

        assert [(event.booking_id, event.deed) for event in events] == [
            (made.id, BookingDeed.BOOKED),
            (made.id, BookingDeed.CANCELLED),
            (new.id, BookingDeed.BOOKED),
        ]

    def test_follows_the_patient_to_the_end(self, session, now, slots):
        made = book(session, now, a_patient(session), slots[0])
        for status in (AppointmentStatus.ARRIVED, AppointmentStatus.NOSHOW):
            progress.record_progress(session, booking_id=made.id, status=status, viewer=EVERYONE, now=now)

        assert deeds(session, made.id) == [BookingDeed.BOOKED, BookingDeed.ARRIVED, BookingDeed.NOSHOW]

    def test_goes_with_the_booking(self, session, now, slots):
        made = book(session, now, a_patient(session), slots[0])
        progress.withdraw_booking(session, booking_id=made.id, viewer=EVERYONE, now=now)
        assert deeds(session, made.id)[-1] is BookingDeed.WITHDRAWN

        progress.remove_booking(session, booking_id=made.id, viewer=EVERYONE, now=now)

        assert session.scalars(select(BookingEvent)).all() == []

    def test_is_nobody_elses_to_read(self, session, now, slots):
        made = book(session, now, a_patient(session), slots[0])
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(BookingNotFound):
            list_events(session, booking_id=made.id, viewer=stranger)


class TestAGroup:
    @pytest.fixture
    def others(self, session):
        return [a_doctor(session, family_name="Kollege"), a_nurse(session)]

    @pytest.fixture
    def made(self, session, now, slots, others):
        doctor, nurse = others
        joining = [
            Joining(Part.DOCTOR, doctor.id),
            Joining(Part.NURSE, nurse.id),
            Joining(Part.INTERPRETER),
        ]
        return groups.book_group(
            session,
            wish=Wish([slots[0].id]),
            patient_id=a_patient(session).id,
            joining=joining,
            viewer=EVERYONE,
            now=now,
        )

    def taken(self, session):
        statement = select(Occupancy.practitioner_id, Occupancy.starts_at)
        return sorted(map(tuple, session.execute(statement)), key=str)

    def test_takes_everybodys_time(self, session, slots, others, made):
        people = [slots[0].schedule.practitioner_id, *(role.practitioner_id for role in others)]

        assert self.taken(session) == sorted(((person, moment(8)) for person in people), key=str)
        listed = groups.list_participants(session, booking_id=made.id, viewer=EVERYONE)
        assert {each.part for each in listed} == {Part.DOCTOR, Part.NURSE, Part.INTERPRETER}

    def test_is_booked_whole_or_not_at_all(self, session, sessions, now, slots, others, made):
        with pytest.raises(AlreadyOccupied):
            groups.book_group(
                session,
                wish=Wish([a_slot(session, a_schedule(session), starts_at=moment(8)).id]),
                patient_id=a_patient(session).id,
                joining=[Joining(Part.NURSE, others[1].id)],
                viewer=EVERYONE,
                now=now,
            )

    def test_moves_together(self, session, now, slots, made):
        wish = Wish([slots[2].id])
        booking.move_booking(
            session, booking_id=made.id, wish=wish, patient_id=made.patient_id, viewer=EVERYONE, now=now
        )

        assert [starts_at for _, starts_at in self.taken(session)] == [moment(8, 30)] * 3

    def test_ends_together(self, session, now, made):
        booking.cancel_booking(session, booking_id=made.id, because="prov", viewer=EVERYONE, now=now)

        assert self.taken(session) == []
        with pytest.raises(BookingEnded):
            groups.add_participant(
                session, booking_id=made.id, joining=Joining(Part.OTHER), viewer=EVERYONE, now=now
            )

    def test_lets_a_practice_see_as_long_as_it_takes_part(self, session, now, others, made):
        practice = others[0].organisation_id
        (opening,) = session.scalars(select(Opening).where(Opening.to_organisation_id == practice))
        assert (opening.patient_id, opening.starts_at) == (made.patient_id, now)
        row = session.scalars(
            select(BookingParticipant).where(BookingParticipant.practitioner_id == others[0].practitioner_id)
        ).one()

        groups.remove_participant(
            session, booking_id=made.id, participant_id=row.id, viewer=EVERYONE, now=now
        )

        assert opening.ends_at == now
        assert others[0].practitioner_id not in [person for person, _ in self.taken(session)]
        assert deeds(session, made.id) == [BookingDeed.BOOKED, BookingDeed.LEFT]
        with pytest.raises(groups.ParticipantNotFound):
            groups.remove_participant(
                session, booking_id=made.id, participant_id=row.id, viewer=EVERYONE, now=now
            )

    def test_is_shown_to_a_colleague(self, session, now, others, made):
        colleague = Viewer(
            "doctor", ViewerRole.DOCTOR, others[0].organisation_id, others[0].practitioner_id, asked_at=now
        )

        listed = groups.list_participants(session, booking_id=made.id, viewer=colleague)

        assert len(listed) == 3

    @pytest.mark.parametrize(
        ("part", "whose", "error"),
        [
            (Part.DOCTOR, None, groups.PartNeedsPerson),
            (Part.RELATIVE, 0, groups.PartNeedsPerson),
            (Part.NURSE, 0, groups.PartNeedsPerson),
            (Part.DOCTOR, 0, groups.TakesPartAlready),
        ],
    )
    def test_refuses_who_cannot_join(self, session, now, others, made, part, whose, error):
        joining = Joining(part, None if whose is None else others[whose].id)

        with pytest.raises(error):
            groups.add_participant(session, booking_id=made.id, joining=joining, viewer=EVERYONE, now=now)

    def test_refuses_the_doctor_himself_a_crowd_and_nobody(self, session, now, slots):
        def attempt(joining):
            groups.book_group(
                session,
                wish=Wish([slots[0].id]),
                patient_id=a_patient(session).id,
                joining=joining,
                viewer=EVERYONE,
                now=now,
            )

        with pytest.raises(groups.TakesPartAlready):
            attempt([Joining(Part.DOCTOR, slots[0].schedule.role_id)])
        with pytest.raises(groups.TooManyParticipants):
            attempt([Joining(Part.OTHER)] * 9)
        with pytest.raises(groups.NobodyJoins):
            attempt([])


class TestPattern:
    def test_keeps_the_hour_on_the_wall_across_the_clock_change(self):
        # 08:00 in Berlin is 07:00 UTC until 2026-03-29 and 06:00 UTC from then on.
        pattern = Pattern(moment(7, day=date(2026, 3, 24)), moment(7, 15, day=date(2026, 3, 24)), count=2)

        times = pattern.times(BERLIN)

        assert [starts_at for starts_at, _ in times] == [
            moment(7, day=date(2026, 3, 24)),
            moment(6, day=date(2026, 3, 31)),
        ]

    @settings(max_examples=50, deadline=None)
    @given(
        zone=st.sampled_from(["Europe/Berlin", "Europe/Lisbon", "UTC"]),
        starts_at=st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31)),  # noqa: DTZ001 -- of the zone below
        count=st.integers(2, 26),
        every_weeks=st.integers(1, 8),
    )
    def test_shows_the_same_hour_each_time_unless_the_clock_skips_it(
        self, zone, starts_at, count, every_weeks
    ):
        place = ZoneInfo(zone)
        first = starts_at.replace(microsecond=0, tzinfo=place).astimezone(ZoneInfo("UTC"))
        pattern = Pattern(first, first + timedelta(minutes=15), count, every_weeks)

        times = pattern.times(place)

        shown = first.astimezone(place)
        for number, (begins, ends) in enumerate(times):
            local = begins.astimezone(place)
            assert local.date() == shown.date() + number * every_weeks * WEEK
            skipped = local.time() != shown.time() and number > 0
            assert (
                not skipped
                or local.utcoffset() != (begins - timedelta(seconds=1)).astimezone(place).utcoffset()
            )
            assert ends - begins == timedelta(minutes=15)

    @pytest.mark.parametrize(
        ("minutes", "count", "every_weeks"), [(0, 3, 1), (15, 1, 1), (15, 27, 1), (15, 3, 9), (15, 3, 0)]
    )
    def test_refuses_what_is_no_series(self, minutes, count, every_weeks):
        with pytest.raises(ImpossibleSeries):
            Pattern(moment(8), moment(8) + timedelta(minutes=minutes), count, every_weeks)


class TestBookSeries:
    @pytest.fixture
    def weekly(self, session):
        schedule = a_schedule(session)
        return [a_slot(session, schedule, starts_at=moment(8) + number * WEEK) for number in range(3)]

    def make(self, session, now, weekly, count=3, **more):
        return series.book_series(
            session,
            schedule_id=weekly[0].schedule_id,
            pattern=Pattern(moment(8), moment(8, 15), count),
            patient_id=a_patient(session).id,
            zone=BERLIN,
            viewer=EVERYONE,
            now=now,
            **more,
        )

    def test_takes_all_of_them(self, session, now, weekly):
        made = self.make(session, now, weekly)

        assert [one.starts_at for one in made.bookings] == [slot.starts_at for slot in weekly]
        assert {slot.status for slot in weekly} == {SlotStatus.BUSY}
        found = series.get_series(session, series_id=made.series.id, viewer=EVERYONE)
        assert [part.booking_id for part in found.parts] == [one.id for one in made.bookings]

    def test_takes_none_if_one_is_taken(self, session, now, weekly):
        book(session, now, a_patient(session), weekly[1])

        with pytest.raises(SeriesTaken, match="2026-03-10"):
            self.make(session, now, weekly)

        assert len(session.scalars(select(Booking.id)).all()) == 1

    def test_names_what_cannot_be_had_if_part_is_enough(self, session, now, weekly):
        book(session, now, a_patient(session), weekly[1])

        made = self.make(session, now, weekly, count=4, is_partial=True)

        assert made.missing == [date(2026, 3, 10), date(2026, 3, 24)]
        assert [part.number for part in made.series.parts] == [1, 3]

    def test_refuses_a_part_of_nothing(self, session, now, weekly):
        for slot in weekly:
            book(session, now, a_patient(session), slot)

        with pytest.raises(SeriesTaken):
            self.make(session, now, weekly, is_partial=True)

    def test_leaves_out_when_the_doctor_is_elsewhere(self, session, now, weekly):
        role = weekly[0].schedule.role
        elsewhere = a_slot(session, a_schedule(session), starts_at=moment(8) + WEEK)
        groups.book_group(
            session,
            wish=Wish([elsewhere.id]),
            patient_id=a_patient(session).id,
            joining=[Joining(Part.DOCTOR, role.id)],
            viewer=EVERYONE,
            now=now,
        )

        made = self.make(session, now, weekly, is_partial=True)

        assert made.missing == [date(2026, 3, 10)]

    def test_is_nobody_elses_to_read(self, session, now, weekly):
        made = self.make(session, now, weekly)
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(series.SeriesNotFound):
            series.get_series(session, series_id=made.series.id, viewer=stranger)

    def test_forgets_a_booking_that_is_removed(self, session, now, weekly):
        made = self.make(session, now, weekly)
        gone = made.bookings[0].id
        booking.cancel_booking(session, booking_id=gone, because="pat", viewer=EVERYONE, now=now)

        progress.remove_booking(session, booking_id=gone, viewer=EVERYONE, now=now)

        assert gone not in session.scalars(select(SeriesPart.booking_id)).all()
