"""Subscriptions as resources: taken, refused with every reason, shown without secrets."""

from copy import deepcopy
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy.orm import Session, sessionmaker

from careapp.subscriptions.commands import MOST_SUBSCRIPTIONS, TooManySubscriptions
from careapp.subscriptions.models import Delivery, Subscription, SubscriptionStatus
from fhir.interactions import writing
from fhir.issues import Rejected
from fhir.read import DocumentGone, read
from fhir.subscriptions.topics import CHANNEL_TYPE, CONTENT, FILTER, HEARTBEAT, TIMEOUT
from tests.careapp.worlds import EVERYONE
from tests.fhir.operations.asking import ASKING
from tests.fhir.rows import a_subscription

TOPIC = "https://gematik.de/fhir/isik/SubscriptionTopic/appointment-cancel"
SENT: dict[str, Any] = {
    "resourceType": "Subscription",
    "status": "requested",
    "reason": "to know",
    "contact": [{"system": "email", "value": "it@hospital.example"}],
    "criteria": TOPIC,
    "_criteria": {"extension": [{"url": FILTER, "valueString": "Appointment?status=cancelled"}]},
    "channel": {
        "extension": [{"url": HEARTBEAT, "valueUnsignedInt": 600}, {"url": TIMEOUT, "valueUnsignedInt": 20}],
        "type": "rest-hook",
        "endpoint": "https://hospital.example/notify",
        "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": CONTENT, "valueCode": "id-only"}]},
        "header": ["Authorization: Bearer secret"],
    },
}


def sent(**changes: Any) -> dict[str, Any]:
    """`SENT` with other elements; `channel` replaces parts of the channel."""
    document = deepcopy(SENT)
    document["channel"] |= changes.pop("channel", {})
    return {name: value for name, value in (document | changes).items() if value is not None}


@pytest.fixture
def create(sessions: sessionmaker[Session]):
    def create(document: dict[str, Any]) -> dict[str, Any]:
        with sessions.begin() as session:
            written = writing.create(session, kind="Subscription", document=deepcopy(document), asking=ASKING)
        found: dict[str, Any] = orjson.loads(written.content)
        return found

    return create


@pytest.fixture
def update(sessions: sessionmaker[Session]):
    def update(document: dict[str, Any]) -> dict[str, Any]:
        with sessions.begin() as session:
            written = writing.update(
                session,
                kind="Subscription",
                id=document["id"],
                document=deepcopy(document),
                asking=ASKING,
            )
        found: dict[str, Any] = orjson.loads(written.content)
        return found

    return update


@pytest.fixture
def row(sessions):
    def row(document: dict[str, Any]) -> Subscription:
        with sessions() as session:
            found: Subscription = session.get_one(Subscription, UUID(document["id"]))
            return found

    return row


class TestCreate:
    def test_takes_a_wish_and_hides_its_secrets(self, create, sessions):
        shown = create(SENT)

        assert shown["status"] == "requested"
        assert shown["channel"]["header"] == ["Authorization: ***"]
        assert shown["contact"] == SENT["contact"]
        assert shown["_criteria"] == SENT["_criteria"]
        assert {**shown["channel"], "header": None} == {**SENT["channel"], "header": None}
        with sessions() as session:
            found = session.get_one(Subscription, UUID(shown["id"]))
            assert found.headers == ["Authorization: Bearer secret"]
            assert (found.heartbeat_s, found.timeout_s) == (600, 20)
            assert session.get_one(Delivery, found.id).events == 0

    def test_takes_a_stream_which_works_at_once(self, create):
        channel = deepcopy(SENT["channel"]) | {
            "_type": {"extension": [{"url": CHANNEL_TYPE, "valueCoding": {"code": "sse"}}]}
        }
        del channel["endpoint"], channel["header"]

        shown = create(SENT | {"channel": channel})

        assert shown["status"] == "active"
        assert shown["channel"]["_type"]["extension"][0]["valueCoding"]["code"] == "sse"

    @pytest.mark.parametrize(
        ("changes", "place"),
        [
            ({"status": "active"}, "status"),
            ({"criteria": "Appointment?status=booked"}, "criteria"),
            ({"_criteria": {"extension": [{"url": FILTER, "valueString": "Slot?status=free"}]}}, "criteria"),
            ({"_criteria": {"extension": [{"url": FILTER, "valueString": "Appointment?x=y"}]}}, "criteria"),
            ({"_criteria": {"extension": [{"url": FILTER, "valueString": "Appointment?"}]}}, "criteria"),
            ({"end": "2026-03-02T16:59:59Z"}, "end"),
            ({"channel": {"type": "email"}}, "channel.type"),
            ({"channel": {"endpoint": "ftp://hospital.example"}}, "channel.endpoint"),
            ({"channel": {"endpoint": "https://user:secret@hospital.example"}}, "channel.endpoint"),
            ({"channel": {"header": ["Host: elsewhere"]}}, "channel.header[0]"),
            ({"channel": {"header": ["Good: 1", "no header"]}}, "channel.header[1]"),
            ({"channel": {"header": ["Authorization: ***"]}}, "channel.header[0]"),
            ({"channel": {"payload": "text/plain"}}, "channel.payload"),
            ({"channel": {"_payload": {"extension": [{"url": "x", "valueCode": "x"}]}}}, "channel.payload"),
            (
                {"channel": {"extension": [{"url": HEARTBEAT, "valueUnsignedInt": 1}]}},
                "channel.extension",
            ),
        ],
    )
    def test_names_the_place_of_what_is_wrong(self, create, changes, place):
        with pytest.raises(Rejected) as refused:
            create(sent(**changes))

        assert any(
            str(issue.expression).startswith(f"Subscription.{place}") for issue in refused.value.issues
        )
        assert "secret" not in str(refused.value)

    def test_names_everything_at_once(self, create):
        with pytest.raises(Rejected) as refused:
            create(sent(status="active", criteria="x", channel={"endpoint": "x"}))

        assert len(refused.value.issues) == 3

    def test_has_an_end(self, create, sessions):
        with sessions.begin() as session:
            for _ in range(MOST_SUBSCRIPTIONS):
                a_subscription(session)

        with pytest.raises(TooManySubscriptions):
            create(SENT)


class TestUpdate:
    @pytest.fixture
    def active(self, create, sessions):
        """A subscription that has become active."""
        shown = create(SENT)
        with sessions.begin() as session:
            session.get_one(Subscription, UUID(shown["id"])).status = SubscriptionStatus.ACTIVE
        return shown | {"status": "active"}

    def test_leaves_as_it_is_what_did_not_change(self, active, update, row):
        shown = update(active)

        assert shown["status"] == "active"
        assert row(shown).headers == ["Authorization: Bearer secret"]

    def test_begins_anew_with_what_did(self, active, update, row):
        active["channel"]["endpoint"] = "https://hospital.example/other"

        assert update(active)["status"] == "requested"

    def test_switches_off_and_on(self, active, update):
        assert update(active | {"status": "off"})["status"] == "off"
        assert update(active | {"status": "requested"})["status"] == "requested"

    def test_mends_one_in_error(self, active, update, sessions):
        with sessions.begin() as session:
            found = session.get_one(Subscription, UUID(active["id"]))
            found.status, found.error = SubscriptionStatus.ERROR, "the receiver answered 500"
            session.get_one(Delivery, found.id).attempts = 12

        shown = update(active | {"status": "requested"})

        assert shown["status"] == "requested"
        assert "error" not in shown
        with sessions() as session:
            assert session.get_one(Delivery, UUID(active["id"])).attempts == 0


class TestDelete:
    def test_forgets_everything(self, create, sessions):
        shown = create(SENT)

        with sessions.begin() as session:
            writing.delete(session, kind="Subscription", id=shown["id"], asking=ASKING)

        with sessions() as session:
            assert session.get(Delivery, UUID(shown["id"])) is None
            with pytest.raises(DocumentGone):
                read(session, kind="Subscription", id=shown["id"], viewer=EVERYONE)
