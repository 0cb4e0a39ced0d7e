"""Care plans and care orders from other systems."""

from datetime import date, time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from careapp.orders.models import CareOrder, CarePlan, RequestStatus
from careapp.orders.queries import get_care_plan, get_order
from careapp.removal import StillNeeded
from careapp.visits.commands import make_visits
from fhir.mapping import codes
from fhir.read import DocumentGone
from tests.careapp.worlds import DAY, EVERYONE, a_patient, a_skill, a_world


@pytest.fixture
def patient(sessions):
    with sessions.begin() as session:
        a_skill(session, "wound")
        found = a_patient(session)
        found.organisation.is_synthetic = False
        return found


@pytest.fixture
def order(sessions):
    def order(resource: dict[str, Any]) -> CareOrder:
        with sessions() as session:
            return get_order(session, order_id=UUID(resource["id"]), viewer=EVERYONE)

    return order


def a_request(patient, **changed: Any) -> dict[str, Any]:
    """Return "insulin, every day, mornings and evenings"; None leaves an element out."""
    whole = {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "https://arzt.example/orders", "value": "7"}],
        "status": "active",
        "intent": "plan",
        "priority": "routine",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "225358003"}], "text": "Insulin"},
        "subject": {"reference": f"Patient/{patient.id}"},
        "occurrenceTiming": {
            "repeat": {
                "boundsPeriod": {"start": "2026-03-02", "end": "2026-06-30"},
                "frequency": 2,
                "period": 1,
                "periodUnit": "d",
                "timeOfDay": ["07:00:00", "18:00:00"],
            }
        },
        "note": [{"text": "nüchtern"}],
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


class TestACareOrder:
    def test_is_made_and_comes_back_as_it_was_sent(self, sender, patient, order):
        sent = a_request(patient)

        found = sender.create(sent)

        row = order(found)
        assert (row.title, row.recurrence, row.minutes, row.nurses) == ("Insulin", "FREQ=DAILY", 30, 1)
        assert (row.first_date, row.last_date) == (date(2026, 3, 2), date(2026, 6, 30))
        assert [(window.earliest, window.latest) for window in row.windows] == [
            (time(7), time(8)),
            (time(18), time(19)),
        ]
        for name in ("identifier", "status", "intent", "priority", "code", "note"):
            assert found[name] == sent[name]
        repeat = found["occurrenceTiming"]["repeat"]
        assert repeat == {**sent["occurrenceTiming"]["repeat"], "duration": 30, "durationUnit": "min"}

    def test_of_a_double_visit_tells_what_each_nurse_can(self, sender, patient, order):
        skill = {
            "url": codes.EXTENSION + "required-skill",
            "extension": [
                {"url": "nurse", "valuePositiveInt": 2},
                {"url": "skill", "valueCoding": {"system": codes.SKILL, "code": "wound"}},
                {"url": "grade", "valuePositiveInt": 3},
            ],
        }
        window = {
            "url": codes.EXTENSION + "start-window",
            "extension": [
                {"url": "occurrence", "valuePositiveInt": 1},
                {"url": "earliest", "valueTime": "09:00:00"},
                {"url": "latest", "valueTime": "11:30:00"},
            ],
        }
        crew = {"url": codes.EXTENSION + "crew-size", "valuePositiveInt": 2}
        timing = {
            "repeat": {"frequency": 3, "period": 1, "periodUnit": "wk", "duration": 0.5, "durationUnit": "h"}
        }

        row = order(
            sender.create(
                a_request(patient, extension=[crew, skill, window], occurrenceTiming=timing, priority="asap")
            )
        )

        assert (row.recurrence, row.minutes, row.nurses) == ("FREQ=WEEKLY;BYDAY=MO,WE,FR", 30, 2)
        assert (row.first_date, row.priority) == (date(2026, 3, 2), 4)
        assert [(each.nurse_number, each.skill_code, each.grade) for each in row.skills] == [(1, "wound", 3)]
        assert [(each.earliest, each.latest) for each in row.windows] == [(time(9), time(11, 30))]

    def test_asks_for_the_skills_of_a_performer_type(self, sender, patient, order):
        performer = {"coding": [{"system": codes.SKILL, "code": "wound"}]}

        row = order(sender.create(a_request(patient, performerType=performer)))

        assert [(each.nurse_number, each.skill_code, each.grade) for each in row.skills] == [(0, "wound", 1)]

    def test_may_ask_for_a_single_visit(self, sender, patient, order):
        once = a_request(patient, occurrenceTiming=None, occurrenceDateTime="2026-03-10T09:30:00+01:00")

        found = sender.create(once)

        row = order(found)
        assert (row.recurrence, row.first_date, row.last_date) == (
            "FREQ=DAILY;COUNT=1",
            date(2026, 3, 10),
            date(2026, 3, 10),
        )
        assert [(each.earliest, each.latest) for each in row.windows] == [(time(9, 30), time(10, 30))]
        assert found["occurrenceDateTime"] == once["occurrenceDateTime"]
        assert "occurrenceTiming" not in found

    def test_may_name_the_stretch_of_time_in_which_it_begins(self, sender, patient, order):
        period = {"start": "2026-03-10T09:30:00+01:00", "end": "2026-03-10T12:00:00+01:00"}

        row = order(sender.create(a_request(patient, occurrenceTiming=None, occurrencePeriod=period)))

        assert [(each.earliest, each.latest) for each in row.windows] == [(time(9, 30), time(12))]
        days = {**period, "end": "2026-03-11T12:00:00+01:00"}
        assert sender.refused(a_request(patient, occurrenceTiming=None, occurrencePeriod=days)) == [
            "ServiceRequest.occurrencePeriod"
        ]

    def test_needs_skills_that_have_a_name_and_few_nurses(self, sender, patient):
        nameless = {
            "url": codes.EXTENSION + "required-skill",
            "extension": [{"url": "grade", "valueInteger": 2}],
        }
        fifth = {
            "url": codes.EXTENSION + "required-skill",
            "extension": [
                {"url": "nurse", "valuePositiveInt": 5},
                {"url": "skill", "valueCoding": {"system": codes.SKILL, "code": "wound"}},
            ],
        }

        assert sender.refused(a_request(patient, extension=[nameless, fifth])) == [
            "ServiceRequest.extension",
            "ServiceRequest.extension",
        ]

    def test_becomes_visits(self, sender, patient, sessions, calendar, now):
        sender.create(a_request(patient))

        with sessions.begin() as session:
            made = make_visits(session, date=DAY, calendar=calendar, viewer=EVERYONE, now=now)

        assert made == 2

    @pytest.mark.parametrize("status", ["draft", "on-hold", "revoked", "entered-in-error"])
    def test_that_is_not_active_makes_no_visits(self, sender, patient, sessions, calendar, now, status):
        found = sender.create(a_request(patient, status=status))

        assert found["status"] == status
        with sessions.begin() as session:
            assert make_visits(session, date=DAY, calendar=calendar, viewer=EVERYONE, now=now) == 0

    def test_is_changed_as_a_whole(self, sender, patient, order, sessions):
        old = sender.create(a_request(patient))
        with sessions.begin() as session:
            row = session.get(CareOrder, UUID(old["id"]))
            row.max_gap_minutes = 720
        timing = {"repeat": {"when": ["NIGHT", "NOON"], "duration": 15, "durationUnit": "min"}}

        found = sender.update(old, occurrenceTiming=timing, priority="urgent", status="completed")

        row = order(found)
        assert [each.earliest for each in row.windows] == [time(11, 30), time(20)]
        assert (row.minutes, row.priority, row.is_active, row.max_gap_minutes) == (15, 3, False, 720)
        assert found["status"] == "completed"
        assert found["occurrenceTiming"]["repeat"]["when"] == ["NIGHT", "NOON"]
        assert "timeOfDay" not in found["occurrenceTiming"]["repeat"]

    def test_of_ours_stays_the_same_if_it_is_sent_back(self, sender, sessions):
        with sessions.begin() as session:
            rows = a_world(session).orders
        for row in rows:
            old = sender.read("ServiceRequest", row.id)

            sender.update(old)

            assert sender.read("ServiceRequest", row.id) == old

    def test_is_refused_with_all_that_is_wrong(self, sender, patient):
        timing = {"repeat": {"frequency": 2, "period": 5, "periodUnit": "h", "offset": 10, "when": ["AC"]}}

        assert sender.refused(a_request(patient, occurrenceTiming=timing, asNeededBoolean=True)) == [
            "ServiceRequest.asNeeded",
            "ServiceRequest.occurrenceTiming.repeat.period",
            "ServiceRequest.occurrenceTiming.repeat.offset",
            "ServiceRequest.occurrenceTiming.repeat.when",
        ]
        assert sender.refused(a_request(patient, occurrenceTiming=None)) == ["ServiceRequest.occurrence"]

    def test_never_changes_its_patient(self, sender, patient, sessions):
        old = sender.create(a_request(patient))
        with sessions.begin() as session:
            other = a_patient(session)

        assert sender.refused({**old, "subject": {"reference": f"Patient/{other.id}"}}) == [
            "ServiceRequest.subject"
        ]

    def test_can_be_deleted_before_visits_were_made(self, sender, patient, sessions, calendar, now):
        found, other = sender.create(a_request(patient)), sender.create(a_request(patient))

        sender.delete(other)
        with sessions.begin() as session:
            make_visits(session, date=DAY, calendar=calendar, viewer=EVERYONE, now=now)

        with pytest.raises(DocumentGone):
            sender.read("ServiceRequest", other["id"])
        with pytest.raises(StillNeeded, match="named by a visit"):
            sender.delete(found)


class TestACarePlan:
    def test_is_made_and_takes_its_orders(self, sender, patient, sessions, order):
        request = sender.create(a_request(patient))
        sent = {
            "resourceType": "CarePlan",
            "status": "active",
            "intent": "plan",
            "title": "Versorgungsplan",
            "description": "nach Krankenhaus",
            "subject": {"reference": f"Patient/{patient.id}"},
            "period": {"start": "2026-03", "end": "2026-04"},
            "activity": [{"reference": {"reference": f"ServiceRequest/{request['id']}"}}],
        }

        found = sender.create(sent)

        with sessions() as session:
            row = get_care_plan(session, care_plan_id=UUID(found["id"]), viewer=EVERYONE)
        assert (row.title, row.first_date, row.last_date) == (
            "Versorgungsplan",
            date(2026, 3, 1),
            date(2026, 4, 30),
        )
        assert order(request).care_plan_id == row.id
        assert found["description"] == sent["description"]
        assert found["activity"] == sent["activity"]
        left = sender.read("CarePlan", next(key for key in self.plans(sessions) if key != row.id))
        assert "activity" not in left

    def plans(self, sessions) -> list[UUID]:
        with sessions() as session:
            return list(session.scalars(select(CarePlan.id)))

    def test_gives_orders_a_home_that_name_it(self, sender, patient, order):
        plan = sender.create(self.a_plan(patient))

        request = sender.create(a_request(patient, basedOn=[{"reference": f"CarePlan/{plan['id']}"}]))

        assert str(order(request).care_plan_id) == plan["id"]
        assert sender.read("CarePlan", plan["id"])["activity"] == [
            {"reference": {"reference": f"ServiceRequest/{request['id']}"}}
        ]

    def a_plan(self, patient, **changed: Any) -> dict[str, Any]:
        return {
            "resourceType": "CarePlan",
            "status": "active",
            "intent": "plan",
            "subject": {"reference": f"Patient/{patient.id}"},
            **changed,
        }

    def test_is_of_one_patient_with_its_orders(self, sender, patient, sessions):
        request = sender.create(a_request(patient))
        with sessions.begin() as session:
            other = a_patient(session)
        plan = sender.create(self.a_plan(other))
        of_plan = [{"reference": f"CarePlan/{plan['id']}"}]
        of_request = [{"reference": {"reference": f"ServiceRequest/{request['id']}"}}]

        for document in (
            a_request(patient, basedOn=of_plan),
            {**request, "basedOn": of_plan},
            self.a_plan(other, activity=of_request),
            self.a_plan(patient, period={"start": "2026-03-02", "end": "2026-03-01"}),
        ):
            assert len(sender.refused(document)) == 1

    def test_keeps_the_word_for_its_state(self, sender, patient, sessions):
        plan = sender.create(self.a_plan(patient))

        found = sender.update(plan, status="revoked", title="Anders")

        assert (found["status"], found["title"]) == ("revoked", "Anders")
        with sessions.begin() as session:
            row = session.get(CarePlan, UUID(plan["id"]))
            assert (row.is_active, row.request_status) == (False, RequestStatus.REVOKED)
            row.is_active = True
        assert sender.read("CarePlan", plan["id"])["status"] == "active"

    def test_is_deleted_once_it_is_empty(self, sender, patient):
        plan = sender.create(self.a_plan(patient))
        request = sender.create(a_request(patient, basedOn=[{"reference": f"CarePlan/{plan['id']}"}]))

        with pytest.raises(StillNeeded):
            sender.delete(plan)
        sender.delete(request)
        sender.delete(plan)

        with pytest.raises(DocumentGone):
            sender.read("CarePlan", plan["id"])
