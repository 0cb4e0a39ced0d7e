"""Subscriptions through HTTP: made, asked for their state and events, followed as a stream."""

import json
from threading import Timer
from typing import Any

import pytest

from api.database import open_sessions
from careapp import clock
from fhir.subscriptions.spreading import Spreader
from tests.api.test_fhir import is_outcome
from tests.api.test_jobs import events
from tests.careapp.worlds import World, a_world
from tests.fhir.conftest import ZONE
from tests.fhir.subscriptions.test_writer import SENT, sent
from tests.receivers import numbers_of, value_of

SSE: dict[str, Any] = {
    "_type": {
        "extension": [
            {
                "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-channel-type",
                "valueCoding": {"code": "sse"},
            }
        ]
    },
    "type": "rest-hook",
}


@pytest.fixture
def world(engine) -> World:
    with open_sessions(engine).begin() as session:
        return a_world(session)


@pytest.fixture
def stream(client, world) -> str:
    """Address of a subscription to all changes of slots, to be followed as a stream."""
    document = sent(criteria="https://gematik.de/fhir/isik/SubscriptionTopic/Resource/Slot", _criteria=None)
    document["channel"] |= SSE
    del document["channel"]["endpoint"]
    response = client.post("/fhir/Subscription", json=document)
    assert response.status_code == 201
    return f"/fhir/Subscription/{response.json()['id']}"


@pytest.fixture
def happen(client, world, engine):
    """Book the world's slot, and cancel again; then its changes are events."""

    def happen() -> None:
        booked = client.post(
            f"/api/slots/{world.slot.id}/booking", json={"patient_id": str(world.patients[0].id)}
        ).json()
        client.post(f"/api/bookings/{booked['id']}/cancellation", json={"because": "pat"})
        with open_sessions(engine).begin() as session:
            Spreader(ZONE)(session, now=clock.now())

    return happen


class TestSubscription:
    def test_is_made_read_and_deleted(self, client, world):
        made = client.post("/fhir/Subscription", json=SENT)
        address = f"/fhir/Subscription/{made.json()['id']}"

        shown = client.get(address).json()

        assert (made.status_code, shown["status"]) == (201, "requested")
        assert "secret" not in made.text
        assert client.delete(address).status_code == 204
        assert is_outcome(client.get(address), 410, "deleted")

    def test_is_refused_with_every_reason(self, client, world):
        response = client.post("/fhir/Subscription", json=sent(status="active", criteria="x"))

        assert response.status_code == 422
        assert {issue["expression"][0] for issue in response.json()["issue"]} == {
            "Subscription.status",
            "Subscription.criteria",
        }


class TestStates:
    def test_are_told_for_one_and_for_several(self, client, stream, happen):
        other = client.post("/fhir/Subscription", json=SENT).json()
        happen()
        key = stream.rpartition("/")[2]
        body = {"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "requested"}]}

        one = client.get(f"{stream}/$status").json()
        everything = client.get("/fhir/Subscription/$status").json()
        by_id = client.get(f"/fhir/Subscription/$status?id={key}").json()
        by_status = client.post("/fhir/Subscription/$status", json=body).json()

        assert (one["type"], one["total"]) == ("searchset", 1)
        assert value_of(one, "type") == "query-status"
        assert value_of(one, "events-since-subscription-start") == "2"
        assert everything["total"] == 2
        assert value_of(by_id, "subscription")["reference"].endswith(key)
        assert value_of(by_status, "subscription")["reference"].endswith(other["id"])

    @pytest.mark.parametrize(
        ("path", "status"), [("x/$status", 404), ("$status?status=x", 400), ("x/$events", 404)]
    )
    def test_of_what_is_not_there_are_refused(self, client, path, status):
        assert is_outcome(client.get(f"/fhir/Subscription/{path}"), status)


class TestEvents:
    def test_are_told_again(self, client, stream, happen):
        happen()

        every = client.get(f"{stream}/$events").json()
        last = client.get(f"{stream}/$events?eventsSinceNumber=2&content=full-resource").json()
        first = client.get(f"{stream}/$events?eventsUntilNumber=1&content=empty").json()

        assert (numbers_of(every), value_of(every, "type")) == ([1, 2], "query-event")
        assert numbers_of(last) == [2]
        assert last["entry"][1]["resource"]["status"] == "free"
        assert (numbers_of(first), len(first["entry"])) == ([1], 1)

    def test_are_refused_for_malformed_numbers(self, client, stream):
        assert is_outcome(client.get(f"{stream}/$events?eventsSinceNumber=x"), 400)


class TestStream:
    def follow(
        self, client, address: str, *, seconds: float = 1.5, last: str | None = None
    ) -> list[dict[str, str]]:
        stop = Timer(seconds, client.app.state.stopping.set)
        stop.start()
        headers = {"accept": "text/event-stream"} | ({} if last is None else {"last-event-id": last})
        with client.stream("GET", f"{address}/$stream", headers=headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            heard = list(events(response.iter_lines()))
        stop.join()
        client.app.state.stopping.clear()
        return heard

    def test_tells_what_happens(self, client, stream, happen):
        later = Timer(0.5, happen)
        later.start()

        hello, *heard = self.follow(client, stream, seconds=6)

        later.join()
        assert hello["event"] == "handshake"
        assert {event["event"] for event in heard} == {"event-notification"}
        assert heard[-1]["id"] == "2"
        assert [number for event in heard for number in numbers_of(json.loads(event["data"]))] == [1, 2]

    def test_goes_on_where_the_client_was(self, client, stream, happen):
        happen()

        _, again = self.follow(client, stream, last="1")
        (hello,) = self.follow(client, stream)

        assert numbers_of(json.loads(again["data"])) == [2]
        assert hello["event"] == "handshake"

    def test_ends_with_the_subscription(self, client, stream):
        later = Timer(0.3, client.delete, (stream,))
        later.start()

        with client.stream("GET", f"{stream}/$stream") as response:
            heard = list(events(response.iter_lines()))

        later.join()
        assert len(heard) == 1

    def test_of_nothing_is_not_found(self, client):
        assert is_outcome(client.get("/fhir/Subscription/x/$stream"), 404, "not-found")
