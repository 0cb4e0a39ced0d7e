"""Who asks: each way of signing in is tried in turn, the first that knows the asker tells."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from api.hour import Now
from careapp.access import Viewer, ViewerRole
from careapp.errors import Forbidden

Way = Callable[[Request], Awaitable[Viewer | None]]
"""Tells who asks; None if the request does not try to sign in this way.

Raises:
    NotSignedIn: It tries, and is refused.
"""


class NotSignedIn(Forbidden):
    """Nobody is signed in, or what was shown as proof does not hold."""


class TokenRefused(NotSignedIn):
    """A bearer token does not hold."""


async def signed_in(request: Request, now: Now) -> Viewer:
    """Return who asks, and at which second of the region's wall clock.

    Raises:
        NotSignedIn: Nobody, or what was shown as proof does not hold.
        TooManyRequests: The viewer asks too often.
    """
    ways: tuple[Way, ...] = request.app.state.ways
    for way in ways:
        viewer = await way(request)
        if viewer is not None:
            request.app.state.rates.of_viewer(viewer)
            if viewer.role is not ViewerRole.SYSTEM:
                # Whole seconds: within one, a search that was understood need not be read again.
                zone = request.app.state.settings.zone_info
                viewer = replace(viewer, asked_at=now.astimezone(zone).replace(microsecond=0))
            request.scope["careapp.viewer"] = viewer  # for `api.later`, which asks in somebody's stead
            return viewer
    raise NotSignedIn("sign in first: send `Authorization: Bearer …`, or open /sign-in in a browser")


SignedIn = Annotated[Viewer, Depends(signed_in)]
