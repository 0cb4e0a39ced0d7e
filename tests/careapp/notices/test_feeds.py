"""Doctors' calendars: when, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.consultations.booking import Wish, book_slots
from careapp.notices.feeds import (
    MOST_FEEDS,
    FeedNotFound,
    NoOwnCalendar,
    TooManyFeeds,
    list_feeds,
    make_feed,
    read_feed,
    revoke_feed,
)
from careapp.notices.models import Language
from careapp.people.models import Role
from tests.careapp.worlds import EVERYONE, a_doctor, a_patient, a_schedule, a_slot, moment


@pytest.fixture
def doctor(session: Session) -> Role:
    return a_doctor(session)


@pytest.fixture
def himself(doctor: Role) -> Viewer:
    return Viewer("doctor", ViewerRole.DOCTOR, doctor.organisation_id, doctor.practitioner_id)


def book(session: Session, doctor: Role, now, *minutes: int) -> None:
    """Book slots of 15 minutes, so many minutes after 08:00 UTC."""
    schedule = a_schedule(session, doctor)
    for minute in minutes:
        slot = a_slot(session, schedule, starts_at=moment(8) + timedelta(minutes=minute))
        patient = a_patient(session, family_name="Geheimrat")
        book_slots(session, wish=Wish([slot.id]), patient_id=patient.id, viewer=EVERYONE, now=now)


class TestReadFeed:
    def test_tells_when_a_doctor_is_taken_and_nothing_else(self, session, doctor, himself, now):
        _, secret = make_feed(session, language=Language.GERMAN, viewer=himself, now=now)
        book(session, doctor, now, 0, 60)

        lines = read_feed(session, secret=secret, now=now).decode().split("\r\n")

        assert [line for line in lines if line.startswith(("DTSTART", "DTEND"))] == [
            "DTSTART:20260303T080000Z",
            "DTEND:20260303T081500Z",
            "DTSTART:20260303T090000Z",
            "DTEND:20260303T091500Z",
        ]
        assert {line for line in lines if line.startswith(("SUMMARY", "DESCRIPTION", "ATTENDEE"))} == {
            "SUMMARY:Belegt"
        }
        assert "Geheimrat" not in "".join(lines)

    def test_does_not_tell_how_many_follow_each_other(self, session, doctor, himself, now):
        _, secret = make_feed(session, language=Language.ENGLISH, viewer=himself, now=now)
        book(session, doctor, now, 0, 15, 30)

        content = read_feed(session, secret=secret, now=now).decode()

        assert content.count("BEGIN:VEVENT") == 1
        assert "DTSTART:20260303T080000Z\r\nDTEND:20260303T084500Z" in content
        assert "SUMMARY:Busy" in content

    def test_is_another_doctors_secret(self, session, himself, now):
        other = a_doctor(session)
        book(session, other, now, 0)
        _, secret = make_feed(session, language=Language.GERMAN, viewer=himself, now=now)

        assert "BEGIN:VEVENT" not in read_feed(session, secret=secret, now=now).decode()

    def test_needs_the_secret(self, session, himself, now):
        feed, secret = make_feed(session, language=Language.GERMAN, viewer=himself, now=now)

        for guess in ("", "x", secret[:-1], str(feed.id), feed.secret_hash):
            with pytest.raises(FeedNotFound):
                read_feed(session, secret=guess, now=now)

    def test_ends_with_the_revocation_and_with_the_doctor(self, session, doctor, himself, now):
        revoked, first = make_feed(session, language=Language.GERMAN, viewer=himself, now=now)
        _, second = make_feed(session, language=Language.GERMAN, viewer=himself, now=now)
        revoke_feed(session, feed_id=revoked.id, viewer=himself, now=now)

        with pytest.raises(FeedNotFound):
            read_feed(session, secret=first, now=now)
        read_feed(session, secret=second, now=now)
        doctor.practitioner.is_active = False
        session.flush()
        with pytest.raises(FeedNotFound):
            read_feed(session, secret=second, now=now)


class TestMakeFeed:
    def test_keeps_no_secret(self, session, himself, now):
        feed, secret = make_feed(session, language=Language.GERMAN, viewer=himself, now=now)

        assert len(secret) >= 43  # 32 bytes in base64
        assert secret not in repr(vars(feed))

    def test_makes_a_few_only(self, session, himself, now):
        for _ in range(MOST_FEEDS):
            make_feed(session, language=Language.GERMAN, viewer=himself, now=now)

        with pytest.raises(TooManyFeeds):
            make_feed(session, language=Language.GERMAN, viewer=himself, now=now)
        revoke_feed(session, feed_id=list_feeds(session, viewer=himself)[0].id, viewer=himself, now=now)
        make_feed(session, language=Language.GERMAN, viewer=himself, now=now)

    def test_is_for_whoever_has_a_calendar(self, session, himself, now):
        with pytest.raises(NoOwnCalendar):
            make_feed(
                session, language=Language.GERMAN, viewer=replace(himself, practitioner_id=None), now=now
            )


class TestRevokeFeed:
    def test_is_the_owners_alone(self, session, doctor, himself, now):
        feed, secret = make_feed(session, language=Language.GERMAN, viewer=himself, now=now)
        colleague = replace(himself, practitioner_id=a_doctor(session, doctor.organisation).practitioner_id)

        assert list_feeds(session, viewer=colleague) == []
        with pytest.raises(FeedNotFound):
            revoke_feed(session, feed_id=feed.id, viewer=colleague, now=now)
        assert read_feed(session, secret=secret, now=now)

    def test_may_be_said_twice(self, session, himself, now):
        feed, _ = make_feed(session, language=Language.GERMAN, viewer=himself, now=now)

        for _ in range(2):
            revoke_feed(session, feed_id=feed.id, viewer=himself, now=now)

        assert feed.revoked_at == now
