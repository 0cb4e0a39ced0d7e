"""A page in a browser, and what it did."""

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page, Request, Response

DRAWN_WITHIN_MS = 60_000
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


class Watched:
    """A page and what it did."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.statuses: dict[str, set[int]] = {}
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type == "error" else None,
        )

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _answered(self, response: Response) -> None:
        self.statuses.setdefault(response.url.partition("?")[0], set()).add(response.status)

    def open(self, address: str, day: str) -> None:
        """Open the map and wait until it is drawn, lines and all."""
        self.page.goto(f"{address}/map?date={day}")
        self.wait()

    def fetch(self, path: str) -> Any:
        """Ask the server of the page that is open, as who is signed in."""
        return self.page.evaluate("async path => (await fetch(path)).json()", path)

    def wait(self) -> None:
        self.page.wait_for_selector('.ground[data-map="idle"]', timeout=DRAWN_WITHIN_MS)


def findings(page: Page) -> list[str]:
    """Return what axe finds against WCAG 2.2, levels A and AA."""
    page.evaluate(AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("tags => axe.run(document, { runOnly: tags })", tags)
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found["violations"] for node in rule["nodes"]]
