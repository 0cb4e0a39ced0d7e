"""Asking a road engine's HTTP server: many requests, few at a time, again if it stumbles, never for ever."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from random import SystemRandom
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from routing.errors import InvalidTravel, TravelCancelled, TravelNonsense, TravelUnavailable

__all__ = ["PATIENT", "Answer", "Limits", "Request", "Server", "never"]

# A request's address holds the places of homes; these two would log it.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_JITTER = SystemRandom()
_LOOK_S = 0.1
"""Between two looks at whether anybody still wants the answer."""

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later."""


def never() -> bool:
    """Never cancel."""
    return False


@dataclass(frozen=True)
class Limits:
    """How patiently a server is asked.

    Attributes:
        timeout_s: For one request, from its first byte to the last of the answer.
        attempts: Of one request, the first included.
        backoff_s: Pause after the first failure; doubles with each, and is drawn from half of it up.
        longest_pause_s: Also if the server asks for more (`Retry-After`).
        concurrent: Requests at the same time.
        most_bytes: Of one answer.

    Raises:
        InvalidTravel: A value makes no sense.
    """

    timeout_s: float = 60.0
    attempts: int = 4
    backoff_s: float = 0.5
    longest_pause_s: float = 10.0
    concurrent: int = 4
    most_bytes: int = 128 * 2**20

    def __post_init__(self) -> None:
        if self.timeout_s <= 0 or self.attempts < 1 or self.concurrent < 1 or self.most_bytes < 1:
            raise InvalidTravel("road server: time-out, attempts, concurrency and size must be positive")
        if self.backoff_s < 0 or self.longest_pause_s < 0:
            raise InvalidTravel("road server: a pause cannot be negative")


PATIENT = Limits()
"""Four attempts of a minute each."""


@dataclass(frozen=True)
class Request:
    """One question to the server.

    Attributes:
        path: Behind the server's address, encoded.
        body: Sent as JSON by POST; None asks by GET.
    """

    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """What came back: the status (200, or one below 500 that will not change) and the JSON."""

    status: int
    json: Any


class _TryAgain(Exception):
    """The attempt failed in a way that may pass."""

    def __init__(self, sentence: str, pause_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.pause_s = pause_s


class Server:
    """A server that answers JSON. Safe to share between threads; used as a context it keeps connections.

    Args:
        base_url: `http://host:port/folder`, with or without a slash at its end.
        limits: How patiently it is asked.
        cancel: Asked every tenth of a second while waiting; true ends everything with `TravelCancelled`.

    Raises:
        InvalidTravel: The address is none.
    """

    def __init__(
        self, base_url: str, *, limits: Limits | None = None, cancel: Callable[[], bool] = never
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidTravel("road server: its address must look like http://host:port")
        self.label = f"the road server at {parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._base = base_url.rstrip("/")
        self._limits = limits or PATIENT
        self._cancel = cancel

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """Send the requests, a few at a time, and return their answers in the same order.

        The first that fails for good ends the others.

        Raises:
            TravelUnavailable: One got no answer, also when asked again.
            TravelNonsense: One got an answer that is no JSON, or too large.
            TravelCancelled: Nobody wants to know any more.
        """
        stop = threading.Event()
        with self._client() as client:
            if len(requests) == 1:
                return [self._ask(client, requests[0], stop)]
            with ThreadPoolExecutor(self._limits.concurrent) as pool:
                waiting = [pool.submit(self._ask, client, request, stop) for request in requests]
                try:
                    return [each.result() for each in waiting]
                finally:  # without effect if all went well
                    stop.set()
                    for each in waiting:
                        each.cancel()

    @contextmanager
    def _client(self) -> Iterator[httpx2.Client]:
        limits = self._limits
        with httpx2.Client(
            timeout=httpx2.Timeout(limits.timeout_s, connect=min(5.0, limits.timeout_s)),
            limits=httpx2.Limits(max_connections=limits.concurrent),
            trust_env=False,  # no proxy from the environment: the settings alone say where places go
            follow_redirects=False,
        ) as client:
            yield client

    def _ask(self, client: httpx2.Client, request: Request, stop: threading.Event) -> Answer:
        limits = self._limits
        for attempt in range(1, limits.attempts + 1):
            self._refuse_cancelled(stop)
            try:
                return self._attempt(client, request, stop)
            except _TryAgain as failed:
                if attempt == limits.attempts:
                    raise TravelUnavailable(
                        f"{self.label} {failed}, {attempt} times: see that it runs, or choose another source"
                    ) from failed
                longest = limits.backoff_s * 2 ** (attempt - 1)
                pause = max(failed.pause_s, _JITTER.uniform(longest / 2, longest))
                self._sleep(min(pause, limits.longest_pause_s), stop)
        raise AssertionError  # attempts are at least one

    def _attempt(self, client: httpx2.Client, request: Request, stop: threading.Event) -> Answer:
        deadline = time.monotonic() + self._limits.timeout_s
        content = None if request.body is None else orjson.dumps(request.body)
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if content else {})
        try:
            with client.stream(
                "GET" if content is None else "POST",
                self._base + request.path,
                content=content,
                headers=headers,
            ) as response:
                if response.status_code in BUSY:
                    raise _TryAgain(f"answers {response.status_code}", _retry_after(response))
                body = self._read(response, deadline, stop)
        except httpx2.TimeoutException as late:
            raise _TryAgain(f"took longer than {self._limits.timeout_s:g} s") from late
        except (httpx2.TransportError, httpx2.InvalidURL) as broken:
            raise _TryAgain(f"cannot be reached or broke off ({type(broken).__name__})") from broken
        except httpx2.DecodingError as broken:
            raise TravelNonsense(f"{self.label} sends a compressed answer that is damaged") from broken
        return Answer(response.status_code, self._parsed(body, response))

    def _read(self, response: httpx2.Response, deadline: float, stop: threading.Event) -> bytes:
        pieces, size = [], 0
        for piece in response.iter_bytes():
            self._refuse_cancelled(stop)
            size += len(piece)
            if size > self._limits.most_bytes:
                raise TravelNonsense(
                    f"{self.label} answers more than {self._limits.most_bytes // 2**20} MB: "
                    "is it a road server?"
                )
            if time.monotonic() > deadline:
                raise _TryAgain(f"took longer than {self._limits.timeout_s:g} s")
            pieces.append(piece)
        return b"".join(pieces)

    def _parsed(self, body: bytes, response: httpx2.Response) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as malformed:
            kind = response.headers.get("content-type", "").partition(";")[0] or "something unnamed"
            raise TravelNonsense(
                f"{self.label} answers {response.status_code} with {kind[:60]} that is no JSON: "
                "is its address right, with folder and port?"
            ) from malformed

    def _sleep(self, seconds: float, stop: threading.Event) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._refuse_cancelled(stop)
            stop.wait(min(_LOOK_S, left))
        self._refuse_cancelled(stop)

    def _refuse_cancelled(self, stop: threading.Event) -> None:
        if stop.is_set() or self._cancel():
            raise TravelCancelled("nobody waits for the travel times any more")


def _retry_after(response: httpx2.Response) -> float:
    """Return the seconds that the server asks us to wait; 0 if it names none or a date."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
