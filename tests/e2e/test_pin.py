"""Moving the pin of a patient's home on the map, by mouse and by keyboard."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DAY
from tests.e2e.pages import Watched, findings
from tests.e2e.people import get

Asked = Callable[[str], Any]

MOVE = "Haus auf der Karte verschieben"
SAVE = "Nadel hier lassen"
METRES_PER_DEGREE = 111_195


@pytest.fixture
def asked(signed_in, address) -> Asked:
    return partial(get, signed_in, address)


def home_of(asked: Asked, patient_id: str) -> dict[str, Any]:
    home: dict[str, Any] = asked(f"/api/patients/{patient_id}")["home"]
    return home


def open_pin(watched: Watched, address: str, asked: Asked) -> str:
    """Choose the first stop of the first tour and take its pin; return whose home it is."""
    watched.open(address, DAY)
    page = watched.page
    page.locator(".tour-head").first.click()
    page.locator(".stop").first.click()
    page.get_by_role("button", name=MOVE).click()
    expect(page.locator(".pin")).to_be_visible()
    watched.wait()
    patient_id: str = asked(f"/api/tours?date={DAY}")["items"][0]["stops"][0]["patient"]["id"]
    return patient_id


def saved(page: Page) -> None:
    page.get_by_role("button", name=SAVE).click()
    expect(page.locator(".pin-panel [role=status]")).to_contain_text("Das Haus steht jetzt dort")


class TestPin:
    def test_is_moved_by_keyboard(self, watched, address, asked):
        patient_id = open_pin(watched, address, asked)
        page, before = watched.page, home_of(asked, patient_id)

        expect(page.locator(".pin")).to_be_focused()
        page.keyboard.press("Shift+ArrowUp")
        page.keyboard.press("ArrowUp")
        expect(page.locator(".pin-panel [role=status]")).to_have_text("110 m verschoben")
        saved(page)

        after = home_of(asked, patient_id)
        assert after["longitude"] == pytest.approx(before["longitude"], abs=1e-5)
        # a hundred and ten metres to the north, to the nearest metre
        assert (after["latitude"] - before["latitude"]) * METRES_PER_DEGREE == pytest.approx(110, abs=1.5)
        assert after["precision"] == "pin"
        assert watched.complaints == []

    def test_goes_where_the_map_is_tapped(self, watched, address, asked):
        patient_id = open_pin(watched, address, asked)
        page, before = watched.page, home_of(asked, patient_id)
        box = page.locator(".maplibregl-canvas").bounding_box()
        assert box is not None

        page.mouse.click(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2)
        saved(page)

        after = home_of(asked, patient_id)
        assert after["longitude"] > before["longitude"]
        assert after["latitude"] == pytest.approx(before["latitude"], abs=2e-5)

    def test_is_dragged(self, watched, address, asked):
        patient_id = open_pin(watched, address, asked)
        page, before = watched.page, home_of(asked, patient_id)

        page.locator(".pin").hover()
        page.mouse.down()
        for step in range(1, 6):
            page.mouse.move(*centre(page, 10 * step, 0))
        page.mouse.up()
        saved(page)

        assert home_of(asked, patient_id)["longitude"] > before["longitude"]

    def test_stays_where_it_was_put_when_it_is_refused(self, watched, address, asked):
        page = watched.page
        sentence = "the point lies far away from the region"
        page.route("**/home/point", lambda route: route.fulfill(status=400, json={"detail": sentence}))
        patient_id = open_pin(watched, address, asked)
        before = home_of(asked, patient_id)

        page.keyboard.press("ArrowRight")
        page.get_by_role("button", name=SAVE).click()

        expect(page.locator(".pin-panel").get_by_role("alert")).to_contain_text(sentence)
        expect(page.locator(".pin-panel [role=status]")).to_have_text("10 m verschoben")
        assert home_of(asked, patient_id) == before

    def test_leaves_nothing_when_it_is_cancelled(self, watched, address, asked):
        patient_id = open_pin(watched, address, asked)
        page, before = watched.page, home_of(asked, patient_id)

        page.keyboard.press("ArrowLeft")
        page.get_by_role("button", name="Abbrechen").click()

        expect(page.locator(".pin")).to_have_count(0)
        assert home_of(asked, patient_id) == before

    @pytest.mark.parametrize("look", ["light", "dark", "contrast"])
    def test_leaves_nobody_out(self, watched, address, asked, look):
        open_pin(watched, address, asked)
        page = watched.page

        page.locator(".choice select").nth(0).select_option(look)
        watched.wait()

        assert findings(page) == []


def centre(page: Page, right: float, down: float) -> tuple[float, float]:
    """Return a point of the window beside the middle of where the pin was when the drag began."""
    box = page.locator(".ground").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 - 20 + down
