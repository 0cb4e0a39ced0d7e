"""Requests that leave: only to servers that are named, wherever an address, a redirect or a name leads."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address

import httpx2
import pytest

from careapp.origins import lies_in, read_networks
from careapp.outbound import NoAnswer, NotAllowed, Reach, get_json, is_outside, open_async_client, open_client
from tests.coroutines import finished
from tests.receivers import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What names lead to, as a name server under somebody else's control would say."""
    names: dict[str, str] = {}
    look_up = socket.getaddrinfo

    def lead(host, port, *args, **more):
        name = host.decode() if isinstance(host, bytes) else host  # anyio asks in bytes
        return look_up(names.get(name, name), port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lead)
    return names


def named(receiver: Receiver, name: str) -> str:
    return receiver.origin.replace("127.0.0.1", name)


class TestAddress:
    @pytest.mark.parametrize(
        ("address", "outside"),
        [
            ("93.184.216.34", True),
            ("2606:2800:220:1::1", True),
            ("127.0.0.1", False),
            ("10.1.2.3", False),
            ("172.16.0.1", False),
            ("192.168.1.1", False),
            ("169.254.169.254", False),  # where clouds answer with the machine's own keys
            ("100.64.0.1", False),
            ("0.0.0.0", False),  # noqa: S104
            ("224.0.0.1", False),
            ("::1", False),
            ("fe80::1", False),
            ("fd00::1", False),
            ("::ffff:10.0.0.1", False),
            ("::ffff:93.184.216.34", True),
            ("64:ff9b::a00:1", False),  # 10.0.0.1, translated
        ],
    )
    def test_is_of_the_internet_or_not(self, address, outside):
        assert is_outside(ip_address(address)) is outside

    def test_lies_in_a_network_however_it_is_written(self):
        (network,) = read_networks("10.1.0.0/16")

        assert lies_in(ip_address("::ffff:10.1.9.9"), network)
        assert not lies_in(ip_address("10.2.0.1"), network)
        assert not lies_in(ip_address("fd00::1"), network)


class TestClient:
    def test_asks_whom_the_operator_named(self, receiver):
        with open_client(Reach(frozenset({receiver.origin}))) as client:
            assert client.post(receiver.endpoint, json={"a": 1}).status_code == 200

        assert receiver.bodies == [b'{"a":1}']
        assert receiver.headers[0]["host"] == receiver.origin.removeprefix("http://")

    @pytest.mark.parametrize(
        "address",
        [
            "http://127.0.0.1:1/hook",
            "http://localhost/",
            "http://169.254.169.254/latest/meta-data/",
            "https://hospital.example@127.0.0.1/",
            "https://hospital.example:444/",
            "http://hospital.example/",
        ],
    )
    def test_asks_nobody_else(self, address):
        reach = Reach(frozenset({"https://hospital.example:443"}))

        with open_client(reach) as client, pytest.raises(NotAllowed):
            client.get(address)

    def test_is_not_led_on(self, receiver):
        with receiving() as inner:
            receiver.status, receiver.location = 307, inner.endpoint
            with open_client(Reach(frozenset({receiver.origin}))) as client:
                assert client.post(receiver.endpoint, json={}).status_code == 307
                with pytest.raises(NotAllowed):
                    client.post(receiver.endpoint, json={}, follow_redirects=True)

            assert inner.bodies == []

    def test_refuses_a_name_that_leads_inwards(self, receiver, names):
        names["hospital.example"] = "127.0.0.1"
        address = named(receiver, "hospital.example")

        with open_client(Reach(frozenset({address}))) as client, pytest.raises(NotAllowed, match="private"):
            client.post(f"{address}/hook", json={})

        assert receiver.bodies == []

    def test_goes_inwards_where_the_operator_says_so(self, receiver, names):
        names["hospital.example"] = "127.0.0.1"
        address = named(receiver, "hospital.example")

        with open_client(Reach(frozenset({address}), read_networks("127.0.0.0/8"))) as client:
            assert client.post(f"{address}/hook", json={}).status_code == 200

        assert receiver.headers[0]["host"] == address.removeprefix("http://")

    def test_goes_inwards_for_nobody_but_the_operator(self, receiver):
        reach = Reach(frozenset({receiver.origin}), by_operator=False)

        with open_client(reach) as client, pytest.raises(NotAllowed, match="private"):
            client.post(receiver.endpoint, json={})

    def test_takes_no_proxy_from_the_environment(self, receiver, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

        with open_client(Reach(frozenset({receiver.origin}))) as client:
            assert client.post(receiver.endpoint, json={}).status_code == 200

    def test_tells_that_a_name_is_unknown(self, monkeypatch):
        def fail(*_args, **_more):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        reach = Reach(frozenset({"https://nowhere.example:443"}))

        with open_client(reach) as client, pytest.raises(httpx2.ConnectError, match="unknown"):
            client.get("https://nowhere.example/")


class TestAsyncClient:
    def test_is_as_strict(self, receiver, names):
        names["hospital.example"] = "127.0.0.1"
        address = named(receiver, "hospital.example")

        async def ask(reach: Reach, url: str) -> int:
            async with open_async_client(reach) as client:
                return (await client.post(url, json={})).status_code

        assert finished(ask(Reach(frozenset({receiver.origin})), receiver.endpoint)) == 200
        for reach, url in (
            (Reach(frozenset()), receiver.endpoint),
            (Reach(frozenset({address})), f"{address}/hook"),
        ):
            with pytest.raises(NotAllowed):
                finished(ask(reach, url))


class TestGetJson:
    @pytest.mark.parametrize(
        ("status", "body", "word"),
        [
            (200, b"{", "no JSON"),
            (200, b"[" * 100_000, "no JSON"),
            (200, b'"' + b"a" * 2_000_000 + b'"', "more than"),
            (302, b"{}", "302"),
            (500, b"{}", "500"),
        ],
    )
    def test_refuses_what_is_no_small_document(self, status, body, word):
        def answer(_request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(status, content=body)

        transport = httpx2.MockTransport(answer)

        with httpx2.Client(transport=transport) as client, pytest.raises(NoAnswer, match=word):
            get_json(client, "https://issuer.example/keys")

    def test_returns_what_it_holds(self):
        def answer(_request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200, json={"keys": []})

        with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
            assert get_json(client, "https://issuer.example/keys") == {"keys": []}
