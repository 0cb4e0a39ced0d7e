"""Sign in with the demo's accounts, as a person in front of the browser does."""

import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import Page, StorageState

from api.demo_accounts import FILE


def password_of(data_dir: Path, role: str) -> str:
    """Return the password that the demo printed for a role."""
    passwords: dict[str, str] = json.loads((data_dir / FILE).read_text())
    return passwords[f"demo-{role}"]


def sign_in(
    page: Page, address: str, data_dir: Path, role: str = "coordinator", *, then: str = "/account"
) -> None:
    """Open the page, fill it in and send it."""
    page.goto(f"{address}/sign-in?next={then}")
    fill_in(page, role, password_of(data_dir, role))


def fill_in(page: Page, role: str, password: str) -> None:
    page.get_by_label("Benutzername").fill(f"demo-{role}")
    page.get_by_label("Passwort", exact=True).fill(password)
    page.get_by_role("button", name="Anmelden", exact=True).click()


def get(signed_in: StorageState, address: str, path: str) -> Any:
    """Ask the server for JSON with a browser's cookie."""
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in signed_in["cookies"])
    request = Request(f"{address}{path}", headers={"Cookie": cookies})  # noqa: S310 -- loopback
    with urlopen(request) as answer:  # noqa: S310 -- our own server on loopback
        return json.load(answer)
