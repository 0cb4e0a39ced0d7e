"""What leaves the machine leaves through one room: nobody else opens a connection to somewhere."""

import ast

import pytest

from tests.architecture.sources import ROOT, imports_of, python_files

ROOMS = {
    "careapp/outbound.py",
    # Hands e-mails to the one mail server that the settings name.
    "careapp/notices/carriers.py",
    # Asks the road servers and geocoders that the settings name whole; knows nothing of ours.
    "routing/travel/http.py",
}
OWN_ENGINE = {
    # Our own OSRM, a child process on loopback.
    "careapp/roads/engine.py",
    "careapp/roads/snapping.py",
}
CONNECT = {
    "aiohttp",
    "ftplib",
    "http.client",
    "httpcore2",
    "httpx",
    "requests",
    "smtplib",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "websockets",
}
OPENERS = {"AsyncClient", "AsyncHTTPTransport", "Client", "HTTPTransport"} | {
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "request",
    "stream",
}
"""Of httpx2: what asks by itself."""


def test_nobody_imports_what_connects():
    found = [
        f"{where} {name}"
        for package in ("api", "careapp", "fhir", "routing")
        for path in python_files(package)
        if str(path.relative_to(ROOT)) not in ROOMS | OWN_ENGINE
        for where, name in imports_of(path)
        if name in CONNECT
    ]

    assert found == []


@pytest.mark.parametrize("package", ["api", "careapp", "fhir", "routing"])
def test_nobody_else_opens_clients(package):
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} httpx2.{node.attr}"
        for path in python_files(package)
        if str(path.relative_to(ROOT)) not in ROOMS
        for node in opened_in(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert found == []


def opened_in(tree: ast.Module) -> list[ast.Attribute]:
    """Return each `httpx2.Client(…)` and the like: calls only, a type may be named anywhere."""
    return [
        node.func
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "httpx2"
        and node.func.attr in OPENERS
    ]


def test_an_opened_client_is_found():
    tree = ast.parse(
        "import httpx2\ndef f(client: httpx2.Client) -> None:\n    httpx2.get('http://a.example')\n"
    )

    assert [node.attr for node in opened_in(tree)] == ["get"]
