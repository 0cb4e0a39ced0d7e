"""Sign in with the demo's accounts, as a person in front of the browser does."""

import json
from pathlib import Path

from playwright.sync_api import Page

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
