"""Listen on loopback and serve the application until somebody says stop."""

import errno
import logging
import socket
import sys
from collections.abc import Callable
from threading import Event
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.calls.messages import MOST_BYTES
from careapp.config import Settings
from careapp.errors import Conflict, Invalid, Unavailable

BACKLOG = 128
STOP_WITHIN_S = 5
"""How long open requests may go on after a signal; event streams end by themselves sooner."""

PING_S = 10.0
"""A socket whose browser does not answer for so long is closed, and its seat is free for another page."""


class PortInUse(Conflict):
    """Somebody else listens on the port."""


class PortRefused(Invalid):
    """The system does not let this user listen on the port or the address."""


class AddressUnusable(Unavailable):
    """This machine has no such address."""


def listen(settings: Settings) -> socket.socket:
    """Take the port now, so that nobody else can while work is done before serving.

    Raises:
        PortInUse: Somebody else listens there.
        PortRefused: The system refuses the port.
        AddressUnusable: This machine has no such address.
    """
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there it would let two processes share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, settings.port))
        listener.listen(BACKLOG)
    except OSError as refused:
        listener.close()
        raise _explain(refused, host, settings.port) from refused
    return listener


def _explain(refused: OSError, host: str, port: int) -> Conflict | Invalid | Unavailable:
    if refused.errno == errno.EADDRINUSE:
        return PortInUse(
            f"port {port} on {host} is in use: stop what listens there (perhaps an earlier careapp), "
            f"or choose another one with --port {port + 1 if port < 65535 else 8000}"
        )
    if refused.errno in (errno.EACCES, errno.EPERM):
        return PortRefused(f"this user may not listen on port {port}: choose one above 1023 with --port")
    return AddressUnusable(
        f"{host} cannot be listened on ({refused.strerror}): set CAREAPP_HOST to 127.0.0.1"
    )


def address_of(listener: socket.socket) -> str:
    """Return the URL under which the listener is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: FastAPI, listener: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, then let open requests end.

    Args:
        app: Made by `create_app`.
        listener: From `listen`.
        on_ready: Called once, when the application has started and answers.
    """
    # No access log: an address may name a patient. `api.middleware` logs by route template.
    server = _Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            server_header=False,
            proxy_headers=False,  # `api.edge.arrival` reads them, and only a named proxy's
            ws="auto",  # the package websockets; other processes of ours do without
            ws_max_size=MOST_BYTES,
            ws_max_queue=32,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            ws_per_message_deflate=False,  # a few short messages; nothing to attack by their lengths
        ),
        stopping=app.state.stopping,
        on_ready=on_ready,
    )
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """Uvicorn, which tells event streams to end, and ends itself with exit code 0."""

    def __init__(self, config: uvicorn.Config, *, stopping: Event, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # else uvicorn raises the signal again at its end


def set_up_logging(level: str) -> None:
    """Write log lines to standard error, with moment and level."""
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for chatty in ("uvicorn.error", "uvicorn", "apscheduler", "alembic", "numba"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
