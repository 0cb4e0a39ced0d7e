"""Road servers that misbehave: small local HTTP servers, since the world outside does what it wants."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any


@dataclass
class Asked:
    """One request as the server saw it.

    Attributes:
        number: Counted from 1.
        path: With its question.
        body: JSON that was posted.
    """

    number: int
    path: str
    body: Any = None

    @property
    def service(self) -> str:
        return self.path.split("/")[1].partition("?")[0]

    @property
    def coordinates(self) -> list[tuple[float, float]]:
        text = self.path.split("/")[4].partition("?")[0]
        return [tuple(map(float, pair.split(","))) for pair in text.split(";")]  # type: ignore[misc]  # pairs

    def numbers(self, name: str) -> list[int]:
        text = self.path.partition(f"{name}=")[2].partition("&")[0]
        return [int(number) for number in text.split(";")]


@dataclass
class Reply:
    """What to send; `pause_s` before each of the pieces, `cut` breaks off in the middle."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    pause_s: float = 0
    pieces: int = 1
    cut: bool = False


def osrm_reply(asked: Asked, *, move: float = 0.0, **changes: Any) -> Reply:
    """Answer like OSRM on roads that are everywhere, 1.4 times the straight line long, driven at 20 m/s.

    Args:
        asked: The request.
        move: Degrees by which each place is moved north.
        changes: Replace fields of the answer.
    """
    points = asked.coordinates
    waypoints = [{"location": [east, north + move], "distance": 0} for east, north in points]
    if asked.service == "nearest":
        return Reply(json.dumps({"code": "Ok", "waypoints": waypoints} | changes).encode())
    rows, columns = asked.numbers("sources"), asked.numbers("destinations")
    metres = [
        [
            1.4 * 111_195 * ((points[r][1] - points[c][1]) ** 2 + (points[r][0] - points[c][0]) ** 2) ** 0.5
            for c in columns
        ]
        for r in rows
    ]
    answer = {
        "code": "Ok",
        "distances": metres,
        "durations": [[each / 20 for each in row] for row in metres],
        "sources": [waypoints[row] for row in rows],
        "destinations": [waypoints[column] for column in columns],
    }
    return Reply(json.dumps(answer | changes).encode())


@dataclass
class FakeServer:
    """A running server.

    Attributes:
        url: Its address.
        asked: All requests so far.
        most_at_once: The largest number that were open together.
    """

    url: str
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0


@contextmanager
def fake_server(answer: Callable[[Asked], Reply]) -> Iterator[FakeServer]:
    """Serve what `answer` says, on loopback."""
    server = FakeServer("")
    lock = Lock()
    busy = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            nonlocal busy
            with lock:
                asked = Asked(len(server.asked) + 1, self.path, body)
                server.asked.append(asked)
                busy += 1
                server.most_at_once = max(server.most_at_once, busy)
            try:
                self._send(answer(asked))
            except OSError:
                self.close_connection = True  # the other side hung up
            finally:
                with lock:
                    busy -= 1

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            body = reply.body[: len(reply.body) // 2] if reply.cut else reply.body
            step = max(1, -(-len(body) // reply.pieces))
            for low in range(0, len(body), step):
                time.sleep(reply.pause_s)
                self.wfile.write(body[low : low + step])
                self.wfile.flush()
            if reply.cut:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()
