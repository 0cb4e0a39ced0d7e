"""Signed in with a browser: a cookie names a web session in the database.

The name's prefix lets a browser take the cookie only with `Secure`, for this host and every path, so no other
host can plant one. Browsers treat loopback like HTTPS here (tried with Chromium; Safari does not).
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from sqlalchemy.orm import Session, sessionmaker

from api.auth.csrf import csrf_of, refuse_forged
from api.auth.viewers import NotSignedIn
from careapp.access import Viewer
from careapp.config import Settings
from careapp.identity.web_sessions import (
    Lifetimes,
    OpenSession,
    find_web_session,
    hash_of,
    is_due,
    prolong,
)

COOKIE = "__Host-careapp"
STEP_COOKIE = "__Host-careapp-step"
"""Of a browser that is about to sign in."""
STEP_LASTS_S = 3600
BELIEVED_S = 5.0
"""For how long a process takes a session for open without looking: a sign-out elsewhere counts after that."""
MOST_BELIEVED = 10_000
MOST_COOKIE = 100
AT_ONCE = 4
"""Looks into the database; they wait for each other, not for the threads of slow requests."""


async def cookie(request: Request) -> Viewer | None:
    """Tell who is signed in with this browser; None without our cookie.

    Raises:
        NotSignedIn: The session is over.
        ForgedRequest: A write without our page's token.
    """
    value = request.cookies.get(COOKIE)
    if value is None:
        return None
    sessions: WebSessions = request.app.state.web_sessions
    found = await sessions.find(value, now=request.app.state.clock())
    if found is None:
        raise NotSignedIn("your sign-in is over: open /sign-in in the browser")
    await refuse_forged(request, value)
    request.scope["careapp.web_session"] = found
    return found.viewer


def csrf_token(request: Request) -> str | None:
    """Return the token that a page's writes must carry; None without our cookie."""
    value = request.cookies.get(COOKIE)
    return None if value is None else csrf_of(value)


def web_session_of(request: Request) -> OpenSession | None:
    """Return the web session by which the request is signed in; None if it came another way."""
    found: OpenSession | None = request.scope.get("careapp.web_session")
    return found


class WebSessions:
    """The web sessions as this process knows them."""

    def __init__(self, settings: Settings) -> None:
        """Know none.

        Args:
            settings: `session_idle_min`, `session_h`.
        """
        self.lifetimes = Lifetimes(
            idle=timedelta(minutes=settings.session_idle_min), whole=timedelta(hours=settings.session_h)
        )
        self._believed: OrderedDict[bytes, tuple[float, OpenSession]] = OrderedDict()
        self._limiter = CapacityLimiter(AT_ONCE)
        self._reading: sessionmaker[Session] | None = None
        self._writing: sessionmaker[Session] | None = None

    def use(self, reading: sessionmaker[Session], writing: sessionmaker[Session]) -> None:
        """Say where the sessions are kept."""
        self._reading, self._writing = reading, writing

    async def find(self, value: str, *, now: datetime) -> OpenSession | None:
        """Return what a cookie stands for; None if it does not hold."""
        if len(value) > MOST_COOKIE:
            return None
        key = hash_of(value)
        believed = self._believed.get(key)
        if believed is not None and believed[0] > monotonic() and believed[1].idle_until > now:
            return believed[1]
        found = await to_thread.run_sync(partial(self._look, value, now), limiter=self._limiter)
        if found is None:
            self._believed.pop(key, None)
            return None
        self._believed[key] = (monotonic() + BELIEVED_S, found)
        self._believed.move_to_end(key)
        if len(self._believed) > MOST_BELIEVED:
            self._believed.popitem(last=False)
        return found

    def forget(self, value: str | None = None) -> None:
        """Look again at the next request: for one cookie, or for all."""
        if value is None:
            self._believed.clear()
        else:
            self._believed.pop(hash_of(value), None)

    def _look(self, value: str, now: datetime) -> OpenSession | None:
        assert self._reading is not None  # noqa: S101 -- `use` is called before the first request
        assert self._writing is not None  # noqa: S101
        with self._reading.begin() as session:
            found = find_web_session(session, value, now=now)
        if found is not None and is_due(found, lifetimes=self.lifetimes, now=now):
            with self._writing.begin() as session:
                prolong(session, found, lifetimes=self.lifetimes, now=now)
        return found


def set_cookie(response: Response, value: str) -> None:
    """Sign the browser in."""
    response.set_cookie(COOKIE, value, path="/", secure=True, httponly=True, samesite="lax")


def drop_cookie(response: Response, name: str = COOKIE) -> None:
    """Let the browser forget a cookie."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")


def set_step_cookie(response: Response, value: str) -> None:
    """Know the browser again while it signs in."""
    response.set_cookie(
        STEP_COOKIE, value, max_age=STEP_LASTS_S, path="/", secure=True, httponly=True, samesite="lax"
    )
