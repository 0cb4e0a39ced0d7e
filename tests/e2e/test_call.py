"""A video call with two browsers: each sees the other's moving picture, and nobody else does."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.api import processes
from tests.e2e import calls
from tests.e2e.calls import Booked, a_context, admit, connected, more_frames, of_doctor, of_patient
from tests.e2e.pages import Watched, findings
from tests.e2e.people import sign_in
from tests.e2e.relays import relaying


class Call(NamedTuple):
    """Both sides of a call, the patient still waiting."""

    doctor: Watched
    patient: Watched
    cookie: str
    booked: Booked


@pytest.fixture(scope="module")
def doctors(browser: Browser, address: str, data_dir: Path) -> StorageState:
    """The cookie of the demo's doctor."""
    context = browser.new_context(locale="de-DE")
    sign_in(context.new_page(), address, data_dir, "doctor")
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def call(browser: Browser, address: str, data_dir: Path, doctors: StorageState) -> Iterator[Call]:
    with calls.booking(data_dir) as booked:
        contexts = a_context(browser, storage_state=doctors), a_context(browser)
        cookie = booked.seat()
        doctor = of_doctor(contexts[0], address, booked)
        yield Call(doctor, of_patient(contexts[1], address, cookie), cookie, booked)
        for context in contexts:
            context.close()


class TestCall:
    def test_shows_each_the_other_s_moving_picture(self, call):
        doctor, patient = call.doctor.page, call.patient.page

        expect(patient.get_by_role("status")).to_contain_text("Bitte warten")
        expect(patient.get_by_role("status")).to_contain_text(call.booked.patient)
        assert patient.evaluate("callStatistics().then((all) => all.length)") == 0
        admit(doctor, call.booked.patient)

        for page in (doctor, patient):
            connected(page)
            calls.picture_moves(page)
            assert {state for _, state in page.evaluate(calls.WAYS)} == {"connected"}  # encrypted by DTLS
        expect(doctor.locator("figcaption")).to_contain_text(call.booked.patient)
        assert call.doctor.complaints == call.patient.complaints == []

    def test_lets_both_write_switch_off_and_end(self, call):
        doctor, patient = call.doctor.page, call.patient.page
        admit(doctor, call.booked.patient)
        connected(patient)

        patient.get_by_label("Nachricht", exact=True).fill("Ich höre Sie <b>nicht</b>")
        patient.get_by_role("button", name="Senden").click()
        expect(doctor.get_by_role("log")).to_contain_text(f"{call.booked.patient}: Ich höre Sie <b>nicht</b>")
        patient.get_by_role("button", name="Kamera", exact=True).click()
        expect(doctor.locator("figcaption")).to_contain_text("Kamera aus")
        doctor.get_by_role("button", name="Gespräch für alle beenden").click()

        for page in (doctor, patient):
            expect(page.get_by_text("Das Gespräch ist beendet.")).to_be_visible()
            assert page.evaluate("callStatistics().length") == 0
        assert patient.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0

    def test_goes_on_after_a_page_was_loaded_anew(self, call):
        doctor, patient = call.doctor.page, call.patient.page
        admit(doctor, call.booked.patient)
        connected(patient)

        patient.reload()
        calls.try_devices(patient, "Weiter in den Warteraum")

        for page in (doctor, patient):
            connected(page)
        doctor.reload()
        calls.try_devices(doctor, "Sprechzimmer öffnen")
        for page in (doctor, patient):
            connected(page)

    def test_refuses_a_third(self, call, browser, address):
        admit(call.doctor.page, call.booked.patient)
        connected(call.patient.page)

        third = a_context(browser)
        page = of_patient(third, address, call.cookie).page

        expect(page.get_by_text("schon auf einem anderen Gerät geöffnet")).to_be_visible(timeout=20_000)
        more_frames(call.patient.page)
        third.close()

    def test_sends_away_whom_the_doctor_refuses(self, call):
        call.doctor.page.get_by_role("button", name=f"{call.booked.patient} abweisen").click()

        expect(call.patient.page.get_by_text("nicht teilnehmen")).to_be_visible()
        expect(call.doctor.page.get_by_text("Niemand wartet.")).to_be_visible()


class TestConnection:
    def test_is_made_again_with_the_same_seat(self, browser, address, data_dir, doctors):
        with calls.booking(data_dir) as booked:
            contexts = a_context(browser, storage_state=doctors), a_context(browser)
            routes = []

            def through(route):
                routes.append(route)
                route.connect_to_server()

            contexts[1].route_web_socket("**/ws/join*", through)
            doctor = of_doctor(contexts[0], address, booked).page
            patient = of_patient(contexts[1], address, booked.seat()).page
            admit(doctor, booked.patient)
            connected(patient)

            routes[0].close(code=1012)

            patient.wait_for_timeout(1500)
            more_frames(patient)  # pictures need no server
            patient.get_by_label("Nachricht", exact=True).fill("wieder da")
            patient.get_by_role("button", name="Senden").click()
            expect(doctor.get_by_role("log")).to_contain_text("wieder da")
            assert len(routes) == 2
            for context in contexts:
                context.close()


class TestEverybody:
    @pytest.mark.parametrize("look", ["light", "dark"])
    def test_can_use_each_screen(self, browser, address, data_dir, doctors, look):
        with calls.booking(data_dir) as booked:
            contexts = (
                a_context(browser, color_scheme=look, storage_state=doctors),
                a_context(browser, color_scheme=look),
            )
            doctor = of_doctor(contexts[0], address, booked).page
            patient = of_patient(contexts[1], address, booked.seat()).page
            found = {}
            for language in ("en", "de"):
                for name, page in (("doctor", doctor), ("patient", patient)):
                    page.get_by_role("combobox").select_option(language)
                    found[f"{name} waits {language}"] = findings(page)
            admit(doctor, booked.patient)
            connected(patient)
            for language in ("en", "de"):
                for name, page in (("doctor", doctor), ("patient", patient)):
                    page.get_by_role("combobox").select_option(language)
                    found[f"{name} speaks {language}"] = findings(page)
            patient.get_by_role("button", name="Auflegen").click()
            expect(patient.get_by_text("Sie haben aufgelegt.")).to_be_visible()
            found["end"] = findings(patient)
            patient.get_by_role("button", name="Noch einmal verbinden").click()
            patient.get_by_role("button", name="Kamera und Mikrofon einschalten").click()
            expect(patient.get_by_role("button", name="Weiter in den Warteraum")).to_be_focused()
            found["check"] = findings(patient)
            for context in contexts:
                context.close()

        assert {name: complaints for name, complaints in found.items() if complaints} == {}

    def test_is_told_what_is_missing(self, browser, address):
        context = browser.new_context(locale="en-GB")  # without leave to use the camera
        page = context.new_page()
        page.goto(f"{address}/join/call")

        page.get_by_role("button", name="Switch on camera and microphone").click()

        expect(page.get_by_text("Without a camera")).to_be_visible()
        page.get_by_role("button", name="Go to the waiting room").click()
        expect(page.get_by_text("Your access does not hold any more.")).to_be_visible()
        context.close()


class TestRelay:
    def test_alone_carries_a_call_where_that_is_wished(self, browser, data_dir, doctors, tmp_path):
        with (
            relaying(tmp_path) as settings,
            processes.serving(data_dir, **settings) as server,
            calls.booking(data_dir) as booked,
        ):
            contexts = a_context(browser, storage_state=doctors), a_context(browser)
            doctor = of_doctor(contexts[0], server.address, booked).page
            patient = of_patient(contexts[1], server.address, booked.seat()).page
            admit(doctor, booked.patient)

            for page in (doctor, patient):
                connected(page)
                assert page.evaluate(calls.WAYS) == [["relay", "connected"]]
            for context in contexts:
                context.close()
