"""The web clients' pages and their files, as Vite built them into `api/static/`."""

from functools import cache
from pathlib import Path
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.auth.policy import EVERYBODY, anybody, may
from api.etag import is_known, strong_tag
from careapp.access import ViewerRole
from careapp.errors import NotFound

CALLING = (ViewerRole.DOCTOR, ViewerRole.NURSE)

router = APIRouter(tags=["pages"], include_in_schema=False)

STATIC = Path(__file__).parents[1] / "static"

# Everything comes from here: no script in the page, no foreign host. MapLibre draws with workers of our own
# files and makes its pictures in the browser (data:, blob:).
PAGE_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "private, no-cache",
}
CALL_HEADERS = PAGE_HEADERS | {
    "Permissions-Policy": "camera=(self), display-capture=(), geolocation=(), microphone=(self), payment=(), "
    "usb=()",
    "Cache-Control": "no-store",
}
ASSET_HEADERS = {
    # A worker goes by the policy of its own file, not by the page's.
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'",
    # The file's name holds its hash.
    "Cache-Control": "private, max-age=31536000, immutable",
}

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


class PageNotFound(NotFound):
    """No file of the web clients has this name."""


@router.get("/map", dependencies=[may(*EVERYBODY)])
def show_map(request: Request) -> Response:
    """Show the map of a day's tours."""
    return _answer(request, "map.html", PAGE_HEADERS)


@router.get("/calls/{call_id}", dependencies=[may(*CALLING)])
def show_call(call_id: UUID, request: Request) -> Response:
    """Show the page of a video call to its doctor or nurse; who may join it, its socket knows."""
    del call_id
    return _answer(request, "call.html", CALL_HEADERS)


@router.get("/join/call", dependencies=[anybody("the page is empty until its socket knows whose seat it is")])
def show_call_by_link(request: Request) -> Response:
    """Show the page of a video call to who came by a link."""
    return _answer(request, "call.html", CALL_HEADERS)


@router.get("/app/assets/{name}", dependencies=[anybody("scripts and styles are the same for everybody")])
def send_asset(name: str, request: Request) -> Response:
    """Send a script or a style sheet; its name changes with its content."""
    return _answer(request, f"assets/{name}", ASSET_HEADERS)


def _answer(request: Request, name: str, headers: dict[str, str]) -> Response:
    file = _files().get(name)
    if file is None:
        raise PageNotFound("there is no such page or file: the pages are listed at /api/about")
    content, tag, media_type = file
    headers = headers | {"ETag": tag}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Return content, tag and media type of each file by its name; only these can be asked for."""
    return {
        path.relative_to(STATIC).as_posix(): (
            content := path.read_bytes(),
            strong_tag(content),
            MEDIA_TYPES[path.suffix],
        )
        for path in sorted(STATIC.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }
