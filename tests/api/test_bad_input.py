"""Requests that cannot succeed: each is refused with a sentence on what to send, and nothing is repeated."""

import json
import logging
from typing import Any

import pytest

CANARY = "Erika-Mustermann"
ANY = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02"
INTERVAL = {"starts_at": "2026-03-03T06:00:00+01:00", "ends_at": "2026-03-03T14:00:00+01:00"}
VISIT: dict[str, Any] = {
    "patient_id": ANY,
    "title": "Insulin",
    "windows": [{"earliest": "2026-03-03T06:00:00Z", "latest": "2026-03-03T08:00:00Z"}],
    "minutes": 15,
}
SHIFTS = f"/api/nurses/{ANY}/shifts"

BODIES = [
    # path, body, pointer, a word of the sentence
    (
        SHIFTS,
        {"starts_at": "2026-03-03T06:00:00"} | {"ends_at": INTERVAL["ends_at"]},
        "#/starts_at",
        "time zone",
    ),
    (SHIFTS, INTERVAL | {"ends_at": "tomorrow"}, "#/ends_at", "RFC 3339"),
    (SHIFTS, INTERVAL | {"ends_at": 1772520000}, "#/ends_at", "RFC 3339"),
    (SHIFTS, INTERVAL | {"ends_at": "2026-02-30T14:00:00Z"}, "#/ends_at", "day value"),
    (SHIFTS, INTERVAL | {"ends_at": "0001-01-01T00:00:00+14:00"}, "#/ends_at", "between"),
    (SHIFTS, INTERVAL | {"ends_at": "9999-12-31T23:59:59-14:00"}, "#/ends_at", "between"),
    (SHIFTS, {"starts_at": INTERVAL["starts_at"]}, "#/ends_at", "required"),
    (SHIFTS, INTERVAL | {CANARY: 1}, "#", "not known"),
    (SHIFTS, [], "#", "object"),
    ("/api/visits", VISIT | {"patient_id": CANARY}, "#/patient_id", "UUID"),
    ("/api/visits", VISIT | {"title": "a\x00b"}, "#/title", "pattern"),
    ("/api/visits", VISIT | {"title": "\ud800"}, "#/title", "string"),
    ("/api/visits", VISIT | {"title": " "}, "#/title", "at least 1"),
    ("/api/visits", VISIT | {"title": "x" * 201}, "#/title", "at most 200"),
    ("/api/visits", VISIT | {"minutes": 0}, "#/minutes", "greater"),
    ("/api/visits", VISIT | {"minutes": 10**30}, "#/minutes", "less"),
    ("/api/visits", VISIT | {"minutes": CANARY}, "#/minutes", "whole number"),
    ("/api/visits", VISIT | {"windows": []}, "#/windows", "at least 1"),
    (
        "/api/visits",
        VISIT | {"windows": [{"earliest": INTERVAL["starts_at"]}]},
        "#/windows/0/latest",
        "required",
    ),
    ("/api/days/2026-03-03/plan", {"limit_s": 0}, "#/limit_s", "greater"),
    ("/api/days/2026-03-03/plan", {"seed": 2**31}, "#/seed", "less"),
    (f"/api/slots/{ANY}/booking", {}, "#/patient_id", "required"),
    (f"/api/bookings/{ANY}/cancellation", {"because": CANARY}, "#/because", "'pat'"),
    (f"/api/visits/{ANY}/cancellation", {}, "#/because", "required"),
    ("/api/patients", {"home": {"latitude": 91, "longitude": 0}}, "#/home/latitude", "less"),
    ("/api/orders", {"windows": [{"earliest": "25:00", "latest": "x"}]}, "#/windows/0/earliest", "07:30"),
    ("/api/orders", {"skills": [[{"code": "care", "grade": 5}]]}, "#/skills/0/0/grade", "less"),
    ("/api/orders", {"first_date": "20260303"}, "#/first_date", "2026-03-03"),
]

ADDRESSES = [
    ("/api/days/2026-02-30", "#/date", "date"),
    ("/api/days/0000-01-01", "#/date", "date"),
    ("/api/days/0001-01-01", "#/date", "between"),
    ("/api/days/1772520000", "#/date", "2026-03-03"),
    (f"/api/days/{CANARY}", "#/date", "2026-03-03"),
    (f"/api/visits/{CANARY}", "#/visit_id", "UUID"),
    ("/api/tours", "#/date", "required"),
    ("/api/visits?limit=0", "#/limit", "greater"),
    ("/api/visits?limit=201", "#/limit", "less"),
    (f"/api/visits?status={CANARY}", "#/status", "'proposed'"),
    (f"/api/visits?after={CANARY}", "#/after", "UUID"),
    ("/api/slots?from=2026-03-03T00:00:00&to=2026-03-04T00:00:00Z", "#/from", "time zone"),
]


@pytest.mark.parametrize(("path", "body", "pointer", "word"), BODIES)
def test_a_body_is_refused_with_a_pointer_to_each_fault(sqlite_client, caplog, path, body, pointer, word):
    caplog.set_level(logging.DEBUG)

    response = sqlite_client.post(
        path, content=json.dumps(body), headers={"content-type": "application/json"}
    )

    problem = response.json()
    assert response.status_code == 422
    assert word in next(each["detail"] for each in problem["errors"] if each["pointer"] == pointer)
    assert all(each["in"] == "body" for each in problem["errors"])
    assert CANARY not in response.text + caplog.text


@pytest.mark.parametrize(("path", "pointer", "word"), ADDRESSES)
def test_an_address_is_refused_without_repeating_it(sqlite_client, caplog, path, pointer, word):
    caplog.set_level(logging.DEBUG, "careapp")

    response = sqlite_client.get(path)

    problem = response.json()
    assert response.status_code == 400
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert word in problem["errors"][0]["detail"]
    assert CANARY not in response.text + caplog.text


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"/api/{area}/{ANY}"
            for area in ("visits", "patients", "orders", "nurses", "tours", "jobs", "slots")
        ),
        *(
            f"/api/{rest}"
            for rest in (f"bookings/{ANY}", f"jobs/{ANY}/events", f"nurses/{ANY}/days/2026-03-03")
        ),
    ],
)
def test_what_does_not_exist_is_not_found(client, path):
    response = client.get(path)

    assert response.status_code == 404
    assert response.json()["type"].endswith("-not-found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SHIFTS, INTERVAL),
        (f"/api/nurses/{ANY}/absences", INTERVAL),
        ("/api/visits", VISIT),
        (f"/api/visits/{ANY}/cancellation", {"because": "pat"}),
        (f"/api/slots/{ANY}/booking", {"patient_id": ANY}),
        (f"/api/bookings/{ANY}/cancellation", {"because": "pat"}),
        (f"/api/jobs/{ANY}/cancellation", None),
    ],
)
def test_what_does_not_exist_cannot_be_changed(client, path, body):
    assert client.post(path, json=body).status_code == 404
