"""Where a browser lands once its person is signed in, and what is said of a wait."""

from datetime import timedelta
from math import ceil

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.auth import cookie as cookies
from api.auth import pages
from api.auth.signing_in import Answer
from api.auth.texts import Texts
from careapp.access import ViewerRole
from careapp.identity.models import Language

APPLICATIONS = "/oauth/"
"""Addresses whose answers may lead to other servers."""


def landing(answer: Answer) -> str:
    """Return where to go: as asked for, else a coordinator's map, else the own account."""
    return answer.next_address or ("/map" if answer.role is ViewerRole.COORDINATOR else "/account")


def signed_in(answer: Answer) -> Response:
    """Give the browser its cookie and let it go on."""
    assert answer.cookie is not None  # noqa: S101 -- asked before
    address = landing(answer)
    response: Response
    if address.startswith(APPLICATIONS):
        response = pages.go_on_page(pages.texts_of(answer.language or Language.GERMAN), address)
    else:
        response = RedirectResponse(address, 303)
    cookies.set_cookie(response, answer.cookie)
    cookies.drop_cookie(response, cookies.STEP_COOKIE)
    return response


def waiting(texts: Texts, wait: timedelta) -> str:
    """Say how long to wait."""
    return texts.wait.format(seconds=ceil(wait.total_seconds()))


def retry_after(response: Response, wait: timedelta) -> Response:
    """Say it to programs too."""
    response.headers["Retry-After"] = str(ceil(wait.total_seconds()))
    return response
