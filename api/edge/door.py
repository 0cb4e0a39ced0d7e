"""The door: did a request come the right way, and not too often? Nothing else looks at it before."""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.edge.arrival import HEALTH, arrive, require_named_page, require_own_page, require_small_head
from api.edge.rates import Rates
from api.errors import answer_care_error
from careapp.config import Settings
from careapp.errors import CareError

POLICY = 1008
"""RFC 6455: a message or a request violates the policy."""


class Door:
    """Lets requests in: of our own pages and of other systems, through the proxy, not too many.

    Args:
        app: What is behind it.
        settings: See `careapp.config`.
        rates: Counts them.
    """

    def __init__(self, app: ASGIApp, settings: Settings, rates: Rates) -> None:
        self.app = app
        self._settings = settings
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or say why not."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            require_small_head(scope)
            scope.update(arrive(scope, self._settings))
            require_own_page(scope, self._settings)
            if not scope["path"].startswith(HEALTH):
                self._rates.of_address((scope.get("client") or ("", 0))[0])
            if scope["type"] == "websocket":
                require_named_page(scope)
        except CareError as refused:
            if scope["type"] == "websocket":
                await receive()  # "websocket.connect"
                await send({"type": "websocket.close", "code": POLICY})  # before it is accepted: 403
                return
            await answer_care_error(Request(scope), refused)(scope, receive, send)
            return
        await self.app(scope, receive, send)
