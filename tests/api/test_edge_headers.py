"""What every answer says about itself, on every route: who may keep it, frame it, and run what in it."""

import re
from collections.abc import Iterator
from http import HTTPMethod

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

ANY = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02"
KEPT = re.compile(r"/app/assets/|/map$|/map/|/sign-in|/oauth|/static|/join/link\.js$")
"""Scripts, pictures and pages without anybody's data may be kept by the browser that fetched them."""
PLACES = {"date": "2026-03-03", "kind": "Patient", "name": "none.js", "z": "1", "x": "1", "y": "1"}


def asked(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield each method and address of the application, with some id in it."""
    for context in iter_route_contexts(app.routes):
        path = re.sub(
            r"\{(\w+)(:\w+)?\}", lambda found: PLACES.get(found[1], ANY), getattr(context, "path_format", "")
        )
        for method in sorted(getattr(context, "methods", None) or ()):
            if path and not path.endswith(("/events", "/$stream")):  # these do not end by themselves
                yield method, path


def test_headers_of_every_answer(sqlite_client: TestClient):
    app = sqlite_client.app
    assert isinstance(app, FastAPI)
    routes = sorted(set(asked(app)))
    assert len(routes) > 100
    bad = []

    for method, path in routes:
        body = b"{}" if method in (HTTPMethod.POST, HTTPMethod.PUT, HTTPMethod.PATCH) else None
        answer = sqlite_client.request(
            method, path, content=body, headers={"content-type": "application/json"}, follow_redirects=False
        )
        policy = answer.headers.get("content-security-policy", "")
        keeps = answer.headers.get("cache-control", "")
        faults = [
            fault
            for fault, is_so in {
                f"status {answer.status_code}": answer.status_code >= 500,
                "no policy": "default-src 'none'" not in policy,
                "code inline": "unsafe-" in policy
                or "data:" in policy.partition("script-src")[2].partition(";")[0],
                "may be framed": "default-src 'none'" in policy
                and not KEPT.search(path)
                and "frame-ancestors 'none'" not in policy,
                "guessed types": answer.headers.get("x-content-type-options") != "nosniff",
                "framed by old browsers": answer.headers.get("x-frame-options") != "DENY",
                "tells where from": answer.headers.get("referrer-policy")
                not in ("no-referrer", "same-origin"),
                "kept": keeps != "no-store" and not KEPT.search(path),
                "kept by others": "no-store" not in keeps and "private" not in keeps,
                "names its server": "server" in answer.headers,
            }.items()
            if is_so
        ]
        if faults:
            bad.append(f"{method} {path}: {', '.join(faults)}")

    assert bad == []
