"""What was sent and what the row shows, laid over each other."""

from typing import Any

from fhir.mapping import codes
from fhir.merging import merge

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "ours",
    "meta": {"tag": [{"system": codes.ACT_REASON, "code": "HTEST"}]},
    "active": True,
    "name": [{"use": "official", "family": "Meyer", "given": ["Anna", "Maria"]}],
    "telecom": [{"system": "phone", "value": "0291 1"}],
    "address": [
        {
            "use": "home",
            "type": "both",
            "line": ["Am Bach 3"],
            "_line": [{"extension": [{"url": "street", "valueString": "Am Bach"}]}],
            "city": "Olpe",
            "country": "DE",
        }
    ],
    "managingOrganization": {"reference": "Organization/1"},
}


def patient(**changed: Any) -> dict[str, Any]:
    """Return the patient with other elements; None leaves one out."""
    return {name: value for name, value in {**PATIENT, **changed}.items() if value is not None}


def laid(sent: dict[str, Any], before: dict[str, Any], now: dict[str, Any] | None = None) -> dict[str, Any]:
    return merge({"resourceType": "Patient", "id": "theirs", **sent}, before, now or before)


class TestAnElementThatWeDoNotUse:
    def test_comes_back_as_it_was_sent(self):
        sent = {"maritalStatus": {"text": "ledig"}, "_birthDate": {"extension": [{"url": "u"}]}}

        merged = laid(sent, patient())

        assert merged["maritalStatus"] == {"text": "ledig"}
        assert merged["_birthDate"] == {"extension": [{"url": "u"}]}
        assert merged["id"] == "ours"

    def test_within_another_stays_there(self):
        sent = {"name": [{"use": "usual", "family": "Meyer", "given": ["Anna Maria"], "prefix": ["Dr."]}]}

        merged = laid(sent, patient())

        assert merged["name"] == sent["name"]

    def test_stays_beside_items_of_ours(self):
        sent = {
            "telecom": [{"system": "email", "value": "a@b.example"}, {"system": "phone", "value": "0291 1"}]
        }

        assert laid(sent, patient())["telecom"] == sent["telecom"]

    def test_goes_with_the_item_that_the_row_has_dropped(self):
        sent = {
            "telecom": [
                {"system": "email", "value": "a@b.example"},
                {"system": "phone", "value": "0291 1", "rank": 1},
            ]
        }

        without = laid(sent, patient(), patient(telecom=None))
        other = laid(sent, patient(), patient(telecom=[{"system": "phone", "value": "0291 2"}]))

        assert without["telecom"] == [sent["telecom"][0]]
        assert other["telecom"] == [sent["telecom"][0], {"system": "phone", "value": "0291 2"}]


class TestWhatTheRowShows:
    def test_completes_what_was_sent(self):
        sent = {"address": [{"use": "home", "line": ["Am Bach 3"], "city": "Olpe", "type": "physical"}]}

        found = laid(sent, patient())["address"]

        assert found == [
            {
                "use": "home",
                "line": ["Am Bach 3"],
                "_line": PATIENT["address"][0]["_line"],
                "city": "Olpe",
                "type": "physical",
                "country": "DE",
            }
        ]

    def test_wins_where_it_was_changed_since(self):
        sent = {"name": [{"use": "usual", "family": "Meyer", "given": ["Anna", "Maria"]}], "active": True}
        now = patient(name=[{"use": "official", "family": "Maier", "given": ["Anna", "Maria"]}], active=False)

        merged = laid(sent, patient(), now)

        assert merged["name"] == [{"use": "usual", "family": "Maier", "given": ["Anna", "Maria"]}]
        assert merged["active"] is False

    def test_wins_over_a_reference_to_something_else(self):
        sent = {"managingOrganization": {"identifier": {"value": "261234567"}, "display": "Klinik"}}

        assert laid(sent, patient())["managingOrganization"] == {"reference": "Organization/1"}

    def test_leaves_who_asked_to_the_sender(self):
        ours = {"reference": "Organization/1"}
        sent = {"requester": {"reference": "Practitioner/2", "display": "Dr. Arzt"}}

        assert laid(sent, patient(requester=ours))["requester"] == sent["requester"]
        other = {"reference": "Organization/3"}
        assert laid(sent, patient(requester=ours), patient(requester=other))["requester"] == other

    def test_is_not_repeated_for_a_reference_to_a_version(self):
        sent = {"managingOrganization": {"reference": "Organization/1/_history/2", "display": "Dienst"}}

        assert laid(sent, patient())["managingOrganization"] == sent["managingOrganization"]

    def test_takes_back_what_it_no_longer_says(self):
        sent = {"birthDate": "1940-05-17", "_birthDate": {"extension": [{"url": "u"}]}}

        merged = laid(sent, patient(birthDate="1940-05-17"), patient())

        assert not {"birthDate", "_birthDate"} & merged.keys()

    def test_stands_beside_codes_of_others(self):
        theirs = {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}
        ours = {"coding": [{"system": codes.SKILL, "code": "care"}]}

        assert laid({"code": [theirs]}, patient(code=[ours]))["code"] == [theirs, ours]

    def test_drops_a_narrative_once_it_has_changed(self):
        sent = {"text": {"status": "generated", "div": "<div>Meyer</div>"}}

        assert "text" in laid(sent, patient())
        assert "text" not in laid(sent, patient(), patient(active=False))


class TestTimes:
    def test_are_the_senders_while_they_name_the_same_moment(self):
        before = {"start": "2026-03-02T09:00:00Z", "resourceType": "Slot", "id": "1", "meta": {}}
        sent = {"start": "2026-03-02T10:00:00+01:00"}

        assert merge(sent, before, before)["start"] == sent["start"]
        moved = {**before, "start": "2026-03-02T09:15:00Z"}
        assert merge(sent, before, moved)["start"] == "2026-03-02T09:15:00Z"

    def test_of_a_rhythm_keep_the_form_in_which_they_were_sent(self):
        ours = {
            "repeat": {"boundsPeriod": {"start": "2026-03-02"}, "timeOfDay": ["08:00:00"], "duration": 20}
        }
        before = {"resourceType": "ServiceRequest", "id": "1", "meta": {}, "occurrenceTiming": ours}
        sent = {
            "occurrenceTiming": {
                "repeat": {"boundsDuration": {"value": 6}, "when": ["MORN"], "duration": 20, "frequency": 1}
            }
        }

        assert merge(sent, before, before)["occurrenceTiming"] == sent["occurrenceTiming"]
        longer = {"repeat": {**ours["repeat"], "boundsPeriod": {"start": "2026-03-03"}}}
        found = merge(sent, before, {**before, "occurrenceTiming": longer})["occurrenceTiming"]["repeat"]
        assert found == {
            "when": ["MORN"],
            "duration": 20,
            "frequency": 1,
            "boundsPeriod": {"start": "2026-03-03"},
        }


class TestMeta:
    def test_has_the_labels_and_profiles_of_both(self):
        sent = {
            "meta": {
                "versionId": "7",
                "source": "urn:their",
                "profile": ["https://other.example/P", f"{codes.ISIK}ISiKPatient"],
                "tag": [{"system": "s", "code": "t"}, {"system": codes.ACT_REASON, "code": "HTEST"}],
                "security": [{"system": "s", "code": "R"}],
            }
        }

        assert laid(sent, patient())["meta"] == {
            "source": "urn:their",
            "profile": ["https://other.example/P", f"{codes.ISIK}ISiKPatient"],
            "tag": [PATIENT["meta"]["tag"][0], {"system": "s", "code": "t"}],
            "security": [{"system": "s", "code": "R"}],
        }
