"""A browser, and a real server with a demo region."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, ViewportSize, sync_playwright

from tests import needs
from tests.api import processes
from tests.e2e.pages import Watched
from tests.e2e.people import sign_in

DAY = "2026-03-03"
SIZE = ("--visits", "24", "--nurses", "2", "--limit", "1", "--date", DAY)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# WebGL without a graphics card; a container's root has no sandbox to give.
FLAGS = [
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--use-fake-device-for-media-stream",  # a camera that shows a moving disc, a microphone that beeps
]


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


@pytest.fixture(scope="session")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo region with a planned day, made once; nobody changes it."""
    folder = tmp_path_factory.mktemp("demo")
    made = processes.run("demo", "--no-serve", *SIZE, data_dir=folder)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def data_dir(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo region, for the tests of one file."""
    return Path(shutil.copytree(demo, tmp_path_factory.mktemp("copy") / "demo"))


@pytest.fixture(scope="module")
def address(data_dir: Path) -> Iterator[str]:
    """Where a server answers with the demo region."""
    with processes.serving(data_dir) as server:
        yield server.address


@pytest.fixture(scope="module")
def signed_in(browser: Browser, address: str, data_dir: Path) -> StorageState:
    """The cookie of the demo's coordinator."""
    context = browser.new_context(locale="de-DE")
    sign_in(context.new_page(), address, data_dir)
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def watched(browser: Browser, signed_in: StorageState) -> Iterator[Watched]:
    """A page of the demo's coordinator."""
    view: ViewportSize = {"width": 1200, "height": 760}
    context = browser.new_context(locale="de-DE", viewport=view, storage_state=signed_in)
    yield Watched(context.new_page())
    context.close()
