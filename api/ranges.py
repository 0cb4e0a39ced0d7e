"""Parts of a file (RFC 9110, section 14): what a map asks for of its tiles."""

import re
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from api.etag import is_known

_RANGES = re.compile(r"bytes=\s*(\d+-\d*|-\d+)(\s*,\s*(\d+-\d*|-\d+))*\s*", re.ASCII)


def ranged(request: Request, path: Path, *, tag: str, media_type: str) -> Response:
    """Answer a file that never changes, or the part of it that is asked for.

    A part is sent only if `If-Range`, where there is one, names the file's tag; a `Range` that cannot be read
    is no range (RFC 9110, 14.2).

    Args:
        request: What was asked.
        path: The file; it exists.
        tag: Its strong entity tag.
        media_type: What it is.

    Raises:
        HTTPException: 416, nothing of the file lies in the range.
    """
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range")
    stat = path.stat()
    if asked is not None:
        if not _RANGES.fullmatch(asked) or not _goes_up(asked):
            _ignore_range(request)
        elif request.headers.get("if-range", tag) == tag and not _touches(asked, stat.st_size):
            raise HTTPException(416, headers=headers | {"Content-Range": f"bytes */{stat.st_size}"})
    return FileResponse(path, headers=headers, media_type=media_type, stat_result=stat)


def _parts(asked: str) -> list[tuple[str, str]]:
    return [(first, last) for first, last in re.findall(r"(\d*)-(\d*)", asked.partition("=")[2])]


def _goes_up(asked: str) -> bool:
    return all(not first or not last or int(first) <= int(last) for first, last in _parts(asked))


def _touches(asked: str, size: int) -> bool:
    return all(
        (int(first) < size) if first else (int(last) > 0 and size > 0) for first, last in _parts(asked)
    )


def _ignore_range(request: Request) -> None:
    request.scope["headers"] = [item for item in request.scope["headers"] if item[0].lower() != b"range"]
