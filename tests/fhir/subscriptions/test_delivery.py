"""From a change to its receiver: who hears of it, in which order, and what happens if nobody answers."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, sessionmaker

from careapp.config import Settings
from careapp.consultations.booking import Wish, book_slots, cancel_booking
from careapp.consultations.models import Slot
from careapp.people.models import Patient
from careapp.records.models import AuditEvent, OutboxMessage
from careapp.subscriptions.delivery import MOST_ATTEMPTS, Post
from careapp.subscriptions.models import (
    Channel,
    Content,
    Delivery,
    Subscription,
    SubscriptionEvent,
    SubscriptionStatus,
)
from fhir.subscriptions.notices import write_notice
from fhir.subscriptions.spreading import Spreader
from tests.careapp.worlds import EVERYONE, World, a_world
from tests.fhir.conftest import BASE, ZONE
from tests.fhir.rows import a_subscription
from tests.receivers import Receiver, receiving, value_of

TOPIC = "https://gematik.de/fhir/isik/SubscriptionTopic/"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def world(sessions: sessionmaker[Session]) -> World:
    with sessions.begin() as session:
        return a_world(session)


@pytest.fixture
def post(sessions, clock, receiver) -> Post:
    settings = Settings.read(subscription_hosts=receiver.origin)
    return Post(sessions, settings, clock, spread=Spreader(ZONE), write=write_notice)


@pytest.fixture
def deliver(post) -> Iterator[Callable[[], list[bool]]]:
    """Spread what waits and deliver what is due, once; tell what was taken."""
    with post.open_client() as client:

        def deliver() -> list[bool]:
            post.spread()
            return [post.deliver(client, key) for key in post.due()]

        yield deliver


@pytest.fixture
def subscribe(sessions, receiver):
    def subscribe(**more) -> UUID:
        with sessions.begin() as session:
            return a_subscription(session, endpoint=receiver.endpoint, **more).id

    return subscribe


@pytest.fixture
def look(sessions):
    """Look at a subscription and how far it was delivered."""

    def look(key: UUID) -> tuple[Subscription, Delivery]:
        with sessions() as session:
            return session.get_one(Subscription, key), session.get_one(Delivery, key)

    return look


@pytest.fixture
def book(sessions, world, now):
    """Book the free slot of the world; return the booking's id."""

    def book() -> UUID:
        with sessions.begin() as session:
            booking = book_slots(
                session,
                wish=Wish([world.slot.id]),
                patient_id=world.patients[0].id,
                viewer=EVERYONE,
                now=now,
            )
            return booking.id

    return book


@pytest.fixture
def cancel(sessions, now):
    def cancel(key: UUID) -> None:
        with sessions.begin() as session:
            cancel_booking(session, booking_id=key, because="pat", viewer=EVERYONE, now=now)

    return cancel


class TestSpreading:
    def test_tells_of_each_change_once_and_in_order(self, subscribe, book, cancel, deliver, receiver, look):
        key = subscribe(max_count=1)
        booking = book()
        cancel(booking)

        assert deliver() == [True]
        assert deliver() == [True]
        assert deliver() == []

        assert receiver.numbers() == [1, 2]
        assert [body["entry"][1]["request"]["method"] for body in receiver.bodies] == ["POST", "PUT"]
        assert value_of(receiver.bodies[0], "events-since-subscription-start") == "2"
        assert look(key)[1].acknowledged == 2

    def test_leaves_the_outbox_alone_while_nobody_listens(self, book, sessions):
        book()

        with sessions() as session:
            topics = set(session.scalars(select(OutboxMessage.topic)))
        assert "document.changed" not in topics

    @pytest.mark.parametrize(
        ("topic", "methods"),
        [
            ("Resource/Appointment", ["POST", "PUT"]),
            ("appointment-update", ["PUT"]),
            ("appointment-cancel", ["PUT"]),
            ("Resource/Slot", ["PUT", "PUT"]),
            ("Resource/Patient", []),
        ],
    )
    def test_hears_what_the_topic_says(self, subscribe, book, cancel, deliver, receiver, topic, methods):
        subscribe(topic=TOPIC + topic)
        cancel(book())

        deliver()

        entries = [entry for body in receiver.bodies for entry in body["entry"][1:]]
        assert [entry["request"]["method"] for entry in entries] == methods

    def test_of_cancellations_ignores_later_changes(
        self, subscribe, book, cancel, deliver, receiver, sessions, world
    ):
        subscribe(topic=f"{TOPIC}appointment-cancel")
        cancel(book())
        with sessions.begin() as session:
            session.get_one(Patient, world.patients[0].id).family_name = "Anders"

        deliver()

        assert receiver.numbers() == [1]

    @pytest.mark.parametrize(
        ("filters", "count"),
        [
            (["Appointment?patient={mine}"], 1),
            (["Appointment?patient={other}"], 0),
            (["Appointment?status=booked", "Appointment?patient={mine}"], 1),
            (["Appointment?status=cancelled", "Appointment?patient={mine}"], 0),
        ],
    )
    def test_hears_what_the_filters_let_through(
        self, subscribe, book, deliver, receiver, world, filters, count
    ):
        mine, other = (patient.id for patient in world.patients[:2])
        subscribe(filters=[each.format(mine=f"Patient/{mine}", other=f"Patient/{other}") for each in filters])
        book()

        deliver()

        assert len(receiver.numbers()) == count

    def test_hears_only_of_the_own_organisation(self, subscribe, book, deliver, receiver, world, look):
        theirs = subscribe(organisation_id=world.practice.id)
        ours = subscribe(organisation_id=world.organisation.id)
        book()

        deliver()

        assert (look(theirs)[1].events, look(ours)[1].events) == (0, 1)

    def test_hears_of_what_is_gone(self, subscribe, deliver, receiver, sessions, world):
        subscribe(topic=f"{TOPIC}Resource/Slot", content=Content.FULL_RESOURCE)
        with sessions.begin() as session:
            session.execute(delete(Slot).where(Slot.id == world.slot.id))

        deliver()

        (entry,) = receiver.bodies[0]["entry"][1:]
        assert entry["request"] == {"method": "DELETE", "url": f"Slot/{world.slot.id}"}
        assert "resource" not in entry

    def test_spreads_once_although_two_do_it(self, subscribe, book, post, look):
        key = subscribe()
        book()

        assert [post.spread(), post.spread()] == [1, 0]
        assert look(key)[1].events == 1


class TestNotice:
    @pytest.mark.parametrize(
        ("content", "focus", "resources"),
        [(Content.EMPTY, False, None), (Content.ID_ONLY, True, 0), (Content.FULL_RESOURCE, True, 1)],
    )
    def test_carries_as_much_as_is_wanted(
        self, subscribe, book, deliver, receiver, content, focus, resources
    ):
        key = subscribe(content=content)
        booking = book()

        deliver()

        (body,) = receiver.bodies
        assert (body["resourceType"], body["type"]) == ("Bundle", "history")
        state = body["entry"][0]
        assert state["request"]["url"] == f"{BASE}/Subscription/{key}/$status"
        assert value_of(body, "subscription") == {"reference": f"{BASE}/Subscription/{key}"}
        (event,) = [each for each in state["resource"]["parameter"] if each["name"] == "notification-event"]
        assert ("focus" in [part["name"] for part in event["part"]]) == focus
        entries = body["entry"][1:]
        assert len(entries) == (0 if resources is None else 1)
        if resources is not None:
            assert entries[0]["fullUrl"] == f"{BASE}/Appointment/{booking}"
            assert sum("resource" in entry for entry in entries) == resources

    def test_is_the_same_when_it_is_sent_again(self, subscribe, book, deliver, receiver, clock):
        subscribe()
        book()
        receiver.status = 503
        deliver()
        clock.advance(minutes=1)
        receiver.status = 200

        assert deliver() == [True]

        first, second = receiver.bodies
        assert first["id"] == second["id"]
        assert first["entry"] == second["entry"]

    def test_is_recorded_with_whom_it_tells_of(self, subscribe, book, deliver, sessions, world):
        key = subscribe(content=Content.FULL_RESOURCE)
        book()

        deliver()

        with sessions() as session:
            rows = session.scalars(select(AuditEvent).where(AuditEvent.action == "send_notice")).all()
        assert {(row.viewer, row.subject_id, row.patient_id) for row in rows} == {
            ("listener", key, world.patients[0].id)
        }

    def test_brings_the_subscribers_headers(self, subscribe, book, deliver, receiver):
        subscribe(headers=["Authorization: Bearer abc", "Host: elsewhere", "X-Own: 1"])
        book()

        deliver()

        (headers,) = receiver.headers
        assert (headers["authorization"], headers["x-own"]) == ("Bearer abc", "1")
        assert headers["host"] in receiver.origin
        assert headers["content-type"] == "application/fhir+json"

    def test_speaks_xml(self, subscribe, book, deliver, receiver):
        subscribe(payload_type="application/fhir+xml", content=Content.FULL_RESOURCE)
        book()

        assert deliver() == [True]

        assert b"<Bundle" in receiver.bodies[0]
        assert b"<Appointment>" in receiver.bodies[0]


class TestDelivery:
    def test_begins_with_a_handshake(self, subscribe, deliver, receiver, look):
        key = subscribe(status=SubscriptionStatus.REQUESTED)

        assert deliver() == [True]

        assert receiver.kinds == ["handshake"]
        assert value_of(receiver.bodies[0], "status") == "requested"
        assert look(key)[0].status is SubscriptionStatus.ACTIVE

    def test_tells_that_nothing_happened(self, subscribe, book, deliver, receiver, clock):
        subscribe(heartbeat_s=60)
        book()
        deliver()

        clock.advance(seconds=59)
        assert deliver() == []
        clock.advance(seconds=1)
        assert deliver() == [True]

        assert receiver.kinds == ["event-notification", "heartbeat"]
        assert value_of(receiver.bodies[1], "events-since-subscription-start") == "1"

    def test_tries_again_ever_later(self, subscribe, book, deliver, receiver, clock, look):
        key = subscribe()
        book()
        receiver.status = 500

        # 5 s after the first failure, 10 s after the second.
        looks = []
        for seconds in (0, 4, 1, 9, 1):
            clock.advance(seconds=seconds)
            looks.append(len(deliver()))

        assert looks == [1, 0, 1, 0, 1]
        assert look(key)[0].status is SubscriptionStatus.ACTIVE
        receiver.status = 204
        clock.advance(minutes=1)
        assert deliver() == [True]
        assert look(key)[1].attempts == 0

    def test_gives_up_and_keeps_the_events(
        self, subscribe, book, cancel, deliver, receiver, clock, look, sessions
    ):
        key = subscribe()
        booking = book()
        receiver.status = 500
        for _ in range(MOST_ATTEMPTS):
            deliver()
            clock.advance(hours=1)
        subscription, _ = look(key)
        assert subscription.status is SubscriptionStatus.ERROR
        assert subscription.error is not None
        assert "answered 500" in subscription.error
        assert deliver() == []

        cancel(booking)
        receiver.status, receiver.bodies = 200, []
        with sessions.begin() as session:
            session.execute(update(Subscription).values(status=SubscriptionStatus.REQUESTED))
            session.execute(update(Delivery).values(attempts=0, next_try_at=None))
        assert [deliver(), deliver()] == [[True], [True]]

        assert receiver.kinds == ["handshake", "event-notification"]
        assert receiver.numbers() == [1, 2]

    def test_goes_only_where_the_operator_allows(self, subscribe, book, deliver, sessions, look):
        key = subscribe()
        with sessions.begin() as session:
            session.execute(update(Subscription).values(endpoint="http://169.254.169.254/latest"))
        book()

        assert deliver() == [False]

        subscription, _ = look(key)
        assert subscription.status is SubscriptionStatus.ERROR
        assert "CAREAPP_SUBSCRIPTION_HOSTS" in str(subscription.error)

    def test_follows_no_redirect(self, subscribe, book, deliver, receiver):
        subscribe()
        book()
        receiver.status, receiver.location = 307, "http://127.0.0.1:1/elsewhere"

        assert deliver() == [False]
        assert len(receiver.bodies) == 1

    def test_of_one_failing_receiver_does_not_touch_others(
        self, subscribe, book, deliver, sessions, receiver
    ):
        subscribe()
        with sessions.begin() as session:
            session.execute(update(Subscription).values(endpoint=f"{receiver.origin}:1"))
        subscribe()
        book()

        assert sorted(deliver()) == [False, True]

    def test_is_one_processes_at_a_time(self, subscribe, book, post, receiver, sessions, clock):
        key = subscribe()
        book()
        post.spread()
        with sessions.begin() as session:
            session.execute(update(Delivery).values(lease_until=clock.now.replace(hour=18), token=7))

        assert post.due() == []
        clock.advance(hours=2)
        assert post.due() == [key]

    def test_ends_when_its_time_is_over(self, subscribe, book, deliver, receiver, clock, look):
        key = subscribe(ends_at=clock.now.replace(hour=18))
        clock.advance(hours=1)
        book()

        deliver()

        assert look(key)[0].status is SubscriptionStatus.OFF
        assert receiver.bodies == []

    def test_of_a_stream_is_not_ours(self, subscribe, book, deliver, sessions):
        with sessions.begin() as session:
            key = a_subscription(session, channel=Channel.EVENT_STREAM, endpoint=None).id
        book()

        assert deliver() == []
        with sessions() as session:
            assert len(session.scalars(select(SubscriptionEvent)).all()) == 1
            assert session.get_one(Delivery, key).events == 1
