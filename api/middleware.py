"""What surrounds every request: its id, its log line, safe headers, and the answer to the unexpected."""

import logging
from time import perf_counter
from uuid import uuid4

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer_unexpected, is_fhir_path

LOG = logging.getLogger("careapp.api")

SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ALWAYS_ENCRYPTED = {"Strict-Transport-Security": "max-age=63072000"}
"""Browsers that came once by TLS never come without it again, for two years."""


class Surroundings:
    """Give a request an id, log it by route template (never its address), and catch what nobody foresaw.

    Args:
        app: What is behind it.
        is_public: Whether browsers come through a reverse proxy with TLS.
    """

    def __init__(self, app: ASGIApp, *, is_public: bool = False) -> None:
        self.app = app
        self._headers = SAFE_HEADERS | (ALWAYS_ENCRYPTED if is_public else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer for it if it breaks."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid4().hex
        scope["careapp.request_id"] = request_id
        began = perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 -- the last place that can keep values out of the log
            response = answer_unexpected(Request(scope, receive), error, request_id)
            if status == 0:  # else half an answer has gone: the server closes the connection
                await response(scope, receive, send_with_headers)
        LOG.info(
            "request %s %s %s: %d in %.0f ms",
            request_id,
            scope["method"],
            _template(scope),
            status,
            1000 * (perf_counter() - began),
        )


class BodyLimit:
    """Refuse a body that is too large, as soon as that shows."""

    def __init__(self, app: ASGIApp, most_bytes: int, most_fhir_bytes: int | None = None) -> None:
        self.app = app
        self.most_bytes = most_bytes
        self.most_fhir_bytes = most_fhir_bytes or most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; whoever reads more of its body than is allowed gets a 413 raised."""
        taken = 0
        of_fhir = scope["type"] == "http" and is_fhir_path(scope["path"])
        most_bytes = self.most_fhir_bytes if of_fhir else self.most_bytes

        async def receive_some() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > most_bytes:
                    raise HTTPException(413)
            return message

        await self.app(scope, receive_some, send)


def _template(scope: Scope) -> str:
    context = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(context, "path_format", "(no route)")
