"""A server that receives notifications."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass
class Receiver:
    """What came, and what is answered.

    Attributes:
        origin: Its address.
        status: Answered to each request.
        location: Where it redirects to, if the status says so.
        bodies: What came, parsed if it is JSON.
        headers: Of each request.
    """

    origin: str = ""
    status: int = 200
    location: str = ""
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"{self.origin}/hook"

    @property
    def kinds(self) -> list[str]:
        """The types of the notifications that came."""
        return [value_of(body, "type") for body in self.bodies]

    def numbers(self) -> list[int]:
        """Numbers of all events that came, in the order in which they came."""
        return [number for body in self.bodies for number in numbers_of(body)]


def value_of(notification: dict[str, Any], name: str) -> Any:
    """A value of the state, which is a notification's first entry."""
    (found,) = [each for each in notification["entry"][0]["resource"]["parameter"] if each["name"] == name]
    return next(value for key, value in found.items() if key.startswith("value"))


def numbers_of(notification: dict[str, Any]) -> list[int]:
    return [
        int(part["valueString"])
        for each in notification["entry"][0]["resource"]["parameter"]
        if each["name"] == "notification-event"
        for part in each["part"]
        if part["name"] == "event-number"
    ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive on a free port until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            is_json = self.headers["content-type"].startswith("application/fhir+json")
            receiver.bodies.append(orjson.loads(body) if is_json else body)
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    receiver.origin = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
