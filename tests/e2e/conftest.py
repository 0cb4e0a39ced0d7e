"""A browser, and a real server with a demo region."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, sync_playwright

from tests import needs
from tests.api import processes
from tests.e2e.pages import Watched
from tests.e2e.people import sign_in

DAY = "2026-03-03"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# WebGL without a graphics card; a container's root has no sandbox to give.
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        needs.cannot_run("pages need a browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def data_dir(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo region with a planned day."""
    folder = tmp_path_factory.mktemp("demo")
    size = ("--visits", "24", "--nurses", "2", "--limit", "1", "--date", DAY)
    made = processes.run("demo", "--no-serve", *size, data_dir=folder)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def address(data_dir: Path) -> Iterator[str]:
    """Where a server answers with the demo region."""
    with processes.serving(data_dir) as server:
        yield server.address


@pytest.fixture(scope="module")
def coordinator(browser: Browser, address: str, data_dir: Path) -> StorageState:
    """What a browser keeps in which the demo's coordinator has signed in."""
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    sign_in(page, address, data_dir)
    page.wait_for_url(f"{address}/account")
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def watched(browser: Browser, coordinator: StorageState) -> Iterator[Watched]:
    """A page of the coordinator's."""
    context = browser.new_context(
        locale="de-DE", viewport={"width": 1200, "height": 760}, storage_state=coordinator
    )
    yield Watched(context.new_page())
    context.close()
