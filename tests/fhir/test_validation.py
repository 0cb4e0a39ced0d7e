"""What may not leave us: the library's part, and what it does not check."""

from datetime import date, time
from typing import Any

import pytest

from fhir.mapping import codes
from fhir.mapping.timing import to_timing
from fhir.validation.check import InvalidDocument, check, problems

Json = dict[str, Any]

PATIENT = {"actor": {"reference": "Patient/1", "display": "A"}, "status": "accepted"}


def an_appointment(**changes: Any) -> Json:
    document = {
        "resourceType": "Appointment",
        "id": "1",
        "meta": {},
        "status": "booked",
        "start": "2026-03-03T06:00:00Z",
        "end": "2026-03-03T06:30:00Z",
        "participant": [PATIENT],
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


class TestAppointment:
    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({}, None),
            ({"status": "canceled"}, "Appointment.status: not a code of the required value set"),
            ({"participant": [{**PATIENT, "status": "yes"}]}, "Appointment.participant.status: not a code"),
            ({"slot": [{"reference": "Schedule/1"}]}, "Appointment.slot: refers to a type"),
            ({"slot": [{"display": "a slot"}]}, None),
            ({"colour": "red"}, "colour: extra_forbidden"),
            ({"start": "2026-02-30T06:00:00Z"}, "start: "),
            ({"participant": None}, "participant: "),
            ({"participant": [{"status": "accepted"}]}, "app-1"),
            ({"end": None}, "app-2"),
            ({"start": None, "end": None}, "app-3"),
            ({"start": None, "end": None, "status": "proposed"}, None),
            ({"cancelationReason": {"text": "x"}}, "app-4"),
            ({"cancelationReason": {"text": "x"}, "status": "cancelled"}, None),
            ({"end": "2026-03-03T05:30:00Z"}, "per-1: Appointment ends before it starts"),
            ({"requestedPeriod": [{"start": "2026-03-04", "end": "2026-03-03"}]}, "per-1"),
        ],
    )  # fmt: skip
    def test_is_judged(self, changes, problem):
        found = problems(an_appointment(**changes))

        assert (found == []) if problem is None else (problem in found[0])

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({}, None),
            ({"start": None, "end": None, "status": "proposed"}, "ISiKTermin: start and end"),
            ({"participant": [{"actor": {"reference": "Patient/1"}, "status": "accepted"}]}, "no display"),
            (
                {
                    "participant": [
                        {"actor": {"reference": "Location/1", "display": "x"}, "status": "accepted"}
                    ]
                },
                "no participant is a patient",
            ),
            ({"specialty": None}, "exactly one specialty"),
            ({"serviceType": None}, "the type of service is missing"),
        ],
    )
    def test_keeps_the_profile_that_it_claims(self, changes, problem):
        document = an_appointment(
            **{
                "meta": {"profile": [codes.ISIK_APPOINTMENT]},
                "specialty": [{"coding": [{"system": codes.SPECIALTY, "code": "ALLG"}]}],
                "serviceType": [{"text": "Video"}],
                **changes,
            }
        )

        found = problems(document)

        assert (found == []) if problem is None else (problem in found[0])


class TestOthers:
    @pytest.mark.parametrize(
        ("document", "problem"),
        [
            (
                {"resourceType": "Patient", "gender": "divers"},
                "Patient.gender: not a code",
            ),
            (
                {"resourceType": "Patient", "identifier": [{"system": codes.KVNR, "value": "a123456789"}]},
                "identifier-kvid-10",
            ),
            (
                {
                    "resourceType": "List",
                    "status": "current",
                    "mode": "working",
                    "entry": [{"item": {"display": "x"}}],
                    "emptyReason": {"text": "x"},
                },
                "lst-1",
            ),
            (
                {
                    "resourceType": "Schedule",
                    "meta": {"profile": [codes.ISIK_SCHEDULE]},
                    "actor": [{"reference": "Practitioner/1"}],
                },
                "ISiKKalender: an actor has no display",
            ),
            (
                {"resourceType": "HealthcareService", "meta": {"profile": [codes.ISIK_HEALTHCARE_SERVICE]}},
                "ISiKMedizinischeBehandlungseinheit: exactly one",
            ),
            *(
                (
                    {
                        "resourceType": "ServiceRequest",
                        "status": "active",
                        "intent": "order",
                        "subject": {"reference": "Patient/1"},
                        "occurrenceTiming": {"repeat": repeat},
                    },
                    problem,
                )
                for repeat, problem in (
                    ({"duration": 1}, "tim-1"),
                    ({"period": 1}, "tim-2"),
                    ({"period": -1, "periodUnit": "d"}, "tim-4"),
                    ({"timeOfDay": ["08:00:00"], "when": ["MORN"]}, "tim-10"),
                    ({"periodUnit": "fortnight"}, "ServiceRequest.occurrenceTiming.repeat.periodUnit"),
                )
            ),
        ],
    )
    def test_are_judged(self, document, problem):
        assert any(problem in found for found in problems({"id": "1", "meta": {}, **document}))

    def test_are_named_by_kind_and_id_only(self):
        document = an_appointment(id="abc", description="Frau Geheim", status="Geheim")

        with pytest.raises(InvalidDocument, match=r"^Appointment/abc: ") as refused:
            check(document)

        assert "Geheim" not in str(refused.value)


class TestTiming:
    """Care orders start on Tuesday, 3 March 2026."""

    @pytest.mark.parametrize(
        ("recurrence", "rhythm"),
        [
            ("FREQ=DAILY", {"frequency": 2, "period": 1, "periodUnit": "d"}),
            ("RRULE:freq=daily;interval=2", {"frequency": 2, "period": 2, "periodUnit": "d"}),
            (
                "FREQ=WEEKLY;BYDAY=MO,WE",
                {"frequency": 2, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "wed"]},
            ),
            ("FREQ=WEEKLY", {"frequency": 2, "period": 1, "periodUnit": "d", "dayOfWeek": ["tue"]}),
            # Twice a day on two days: four times in two weeks.
            (
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=MO",
                {"frequency": 4, "period": 2, "periodUnit": "wk", "dayOfWeek": ["mon", "wed"]},
            ),
            (
                "FREQ=DAILY;BYDAY=SA,SU",
                {"frequency": 2, "period": 1, "periodUnit": "d", "dayOfWeek": ["sat", "sun"]},
            ),
            ("FREQ=MONTHLY", {"frequency": 2, "period": 1, "periodUnit": "mo"}),
            ("FREQ=YEARLY", {"frequency": 2, "period": 1, "periodUnit": "a"}),
            ("FREQ=DAILY;COUNT=3", {"count": 6, "frequency": 2, "period": 1, "periodUnit": "d"}),
        ],
    )
    def test_says_a_rhythm(self, recurrence, rhythm):
        found = self.timing(recurrence)

        assert found == {
            "repeat": {
                "boundsPeriod": {"start": "2026-03-03", "end": "2026-12-31"},
                "duration": 20,
                "durationUnit": "min",
                "timeOfDay": ["07:00:00", "19:00:00"],
                **rhythm,
            }
        }

    @pytest.mark.parametrize(
        "recurrence",
        ["FREQ=MONTHLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=MO", "FREQ=DAILY;INTERVAL=2;BYDAY=MO", "FREQ=HOURLY",
         "FREQ=MONTHLY;BYMONTHDAY=-1"],
    )  # fmt: skip
    def test_leaves_what_it_cannot_say_as_text(self, recurrence):
        found = self.timing(recurrence)

        assert found["code"] == {"text": recurrence}
        assert "frequency" not in found["repeat"]

    def test_does_not_say_monthly_of_a_day_that_some_months_lack(self):
        found = to_timing("FREQ=MONTHLY", first=date(2026, 1, 31), last=None, times=[time(7)], minutes=5)

        assert found["code"] == {"text": "FREQ=MONTHLY"}

    @pytest.mark.parametrize(
        ("until", "end"),
        [("20260601", "2026-06-01"), ("20260601T120000Z", "2026-06-01"), ("20300101", "2026-12-31")],
    )
    def test_ends_with_the_earlier_of_both_ends(self, until, end):
        assert self.timing(f"FREQ=DAILY;UNTIL={until}")["repeat"]["boundsPeriod"]["end"] == end

    def test_ends_with_the_rule_if_the_order_has_no_end(self):
        found = to_timing(
            "FREQ=DAILY;UNTIL=20260601", first=date(2026, 3, 3), last=None, times=[time(7)], minutes=5
        )

        assert found["repeat"]["boundsPeriod"]["end"] == "2026-06-01"

    @staticmethod
    def timing(recurrence: str) -> Json:
        return to_timing(
            recurrence,
            first=date(2026, 3, 3),
            last=date(2026, 12, 31),
            times=[time(7), time(19)],
            minutes=20,
        )
