"""Batches and transactions: what each entry is answered, and what is left when one fails."""

from base64 import b64encode
from typing import Any
from uuid import uuid4

import orjson
import pytest

from api.errors import refusal
from careapp.consultations.models import Slot
from fhir.interactions.bundle import MOST_ENTRIES, process
from fhir.interactions.work import EntryRefused
from fhir.interactions.written import Returns
from fhir.issues import Malformed, NotSupported, Rejected, SeveralMatch, VersionConflict
from fhir.read import DocumentGone, read
from tests.fhir.conftest import BASE
from tests.fhir.interactions.conftest import Server, a_document, an_entry, id_in

KVNR = "http://fhir.de/sid/gkv/kvid-10"
NUMBER = "X110465770"
QUERY = f"identifier={KVNR}|{NUMBER}"
INSURED: dict[str, Any] = {"identifier": [{"system": KVNR, "value": NUMBER}]}


def statuses(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["response"]["status"] for entry in entries]


def urn() -> str:
    return f"urn:uuid:{uuid4()}"


def linked(*others: str, **elements: Any) -> dict[str, Any]:
    """A patient who knows others."""
    links = [{"other": {"reference": other}, "type": "seealso"} for other in others]
    return a_document(**{"link": links, **elements} if links else elements)


def a_binary(operations: list[Any]) -> dict[str, Any]:
    data = b64encode(orjson.dumps(operations)).decode()
    return {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}


def a_wish(slot: Slot, patient: str) -> dict[str, Any]:
    """What `$book` takes."""
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        "slot": [{"reference": f"Slot/{slot.id}"}],
        "start": slot.starts_at.isoformat(),
        "end": slot.ends_at.isoformat(),
        "participant": [{"actor": {"reference": patient, "display": "Ida Sommer"}, "status": "accepted"}],
    }


def links_of(server: Server, location: str) -> list[str]:
    with server.sessions() as session:
        found = read(session, kind="Patient", id=str(id_in(location)), viewer=server.asking.viewer)
    return [link["other"]["reference"] for link in orjson.loads(found.content).get("link", [])]


class TestBatch:
    def test_does_each_entry_by_itself(self, server: Server):
        there = server.create(maritalStatus={"text": "ledig"})
        address = f"Patient/{there.id}"

        answers = server.process(
            "batch",
            an_entry("POST", "Patient", a_document()),
            an_entry("POST", "Patient", a_document(gender="divers")),
            an_entry("PUT", address, a_document("Winter", id=str(there.id)), ifMatch='W/"1"'),
            an_entry("PUT", address, a_document("Herbst", id=str(there.id)), ifMatch='W/"1"'),
            an_entry("GET", address),
            an_entry("GET", "Patient?family=winter"),
            an_entry("GET", f"{address}/_history/1"),
            an_entry("GET", f"{address}/_history"),
            an_entry("GET", address, ifNoneMatch='W/"2"'),
            an_entry("HEAD", address),
            an_entry("GET", f"{address}?_elements=gender"),
            an_entry("DELETE", address),
            an_entry("GET", address),
        )

        assert [status[:3] for status in statuses(answers)] == (
            "201 422 200 412 200 200 200 200 304 200 200 204 410".split()  # noqa: SIM905 -- easier to compare
        )
        assert answers[0]["response"]["location"].endswith("/_history/1")
        assert answers[0]["response"]["etag"] == 'W/"1"'
        assert answers[1]["response"]["outcome"]["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
        assert answers[3]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[3]"]
        assert answers[4]["resource"]["name"][0]["family"] == "Winter"
        assert (answers[5]["resource"]["type"], answers[5]["resource"]["total"]) == ("searchset", 1)
        assert answers[6]["resource"]["name"][0]["family"] == "Sommer"
        assert answers[7]["resource"]["total"] == 2
        assert ("resource" in answers[8], "resource" in answers[9]) == (False, False)
        assert ("gender" in answers[10]["resource"], "name" in answers[10]["resource"]) == (True, False)

    def test_leaves_nothing_of_an_entry_that_fails(self, server: Server):
        answers = server.process(
            "batch", *(an_entry("POST", "Patient", a_document(gender="divers")) for _ in range(3))
        )

        assert {status[:3] for status in statuses(answers)} == {"422"}
        assert server.versions() == 0

    def test_does_conditional_entries(self, server: Server):
        first = an_entry("POST", "Patient", a_document(**INSURED), ifNoneExist=QUERY)

        answers = server.process(
            "batch",
            first,
            first,
            an_entry("PUT", f"Patient?{QUERY}", a_document("Winter", **INSURED)),
            an_entry("DELETE", f"Patient?{QUERY}"),
            an_entry("DELETE", f"Patient?{QUERY}"),
        )

        assert [status[:3] for status in statuses(answers)] == ["201", "200", "200", "204", "204"]

    @pytest.mark.parametrize(
        ("entry", "status", "place"),
        [
            ("POST Patient", "400", "Bundle.entry[0]"),
            ({}, "400", "Bundle.entry[0].request"),
            (an_entry("BREW", "Patient"), "400", "Bundle.entry[0].request.method"),
            ({"request": {"method": "GET"}}, "400", "Bundle.entry[0].request.url"),
            ({"request": {"method": "GET", "url": 7}}, "400", "Bundle.entry[0].request.url"),
            (an_entry("POST", "Patient"), "400", "Bundle.entry[0].resource"),
            (
                an_entry("PUT", "https://elsewhere.example/Patient/1", {}),
                "400",
                "Bundle.entry[0].request.url",
            ),
            (an_entry("POST", "Patient/1", a_document()), "400", "Bundle.entry[0].request.url"),
            (an_entry("DELETE", "Patient/1", ifMatch="x y"), "400", "Bundle.entry[0].request.ifMatch"),
            (an_entry("POST", "Patient", {"resourceType": "Slot"}), "400", "Bundle.entry[0].resource"),
            (an_entry("POST", "Dragon", {"resourceType": "Dragon"}), "404", "Bundle.entry[0]"),
            (an_entry("DELETE", "List/1"), "405", "Bundle.entry[0]"),
            (an_entry("POST", "Appointment/$book", a_document()), "400", "Bundle.entry[0]"),
            (an_entry("POST", "Appointment/$hold", a_document()), "405", "Bundle.entry[0]"),
            (an_entry("GET", "Patient/1/2/3/4"), "405", "Bundle.entry[0]"),
            (an_entry("GET", "Patient/$everything"), "405", "Bundle.entry[0]"),
            (an_entry("GET", "Patient?_count=x"), "400", "Bundle.entry[0]"),
        ],
    )
    def test_names_the_place_of_what_it_refuses(self, server: Server, entry, status, place):
        (answer,) = server.process("batch", entry)

        assert answer["response"]["status"][:3] == status
        (issue,) = answer["response"]["outcome"]["issue"]
        assert issue["expression"][0].startswith(place)

    def test_returns_what_the_sender_wants(self, server: Server):
        entry = an_entry("POST", "Patient", a_document())

        (minimal,) = server.process("batch", entry)
        (whole,) = server.process("batch", entry, returns=Returns.REPRESENTATION)
        (judged,) = server.process("batch", entry, returns=Returns.OUTCOME)

        assert "resource" not in minimal
        assert whole["resource"]["resourceType"] == "Patient"
        assert judged["response"]["outcome"]["resourceType"] == "OperationOutcome"

    def test_of_nothing_is_answered_with_nothing(self, server: Server):
        assert server.process("batch") == []
        assert server.process("transaction") == []


class TestBundle:
    @pytest.mark.parametrize(
        ("bundle", "place"),
        [
            ({"resourceType": "Patient"}, "resourceType"),
            ({"resourceType": "Bundle"}, "Bundle.type"),
            ({"resourceType": "Bundle", "type": ["batch"]}, "Bundle.type"),
            ({"resourceType": "Bundle", "type": "searchset"}, "Bundle.type"),
            ({"resourceType": "Bundle", "type": "batch", "entry": {}}, "Bundle.entry"),
            (
                {"resourceType": "Bundle", "type": "batch", "entry": [{}] * (MOST_ENTRIES + 1)},
                "Bundle.entry",
            ),
        ],
    )
    def test_that_is_no_bundle_of_interactions_is_refused(self, server: Server, bundle, place):
        with pytest.raises(Malformed) as refused:
            server.do(process, bundle=bundle, refuse=refusal)

        assert refused.value.issues[0].expression == place


class TestTransaction:
    def test_makes_resources_that_refer_to_later_ones(self, server: Server):
        first, second, third = urn(), urn(), urn()

        answers = server.process(
            "transaction",
            an_entry("POST", "Patient", linked(second, third), full_url=first),
            an_entry("POST", "Patient", linked(third), full_url=second),
            an_entry("POST", "Patient", a_document(), full_url=third),
        )

        locations = [answer["response"]["location"] for answer in answers]
        keys = [str(id_in(location)) for location in locations]
        assert statuses(answers) == ["201 Created"] * 3
        assert all(location.endswith("/_history/1") for location in locations)
        assert links_of(server, locations[0]) == [f"Patient/{keys[1]}", f"Patient/{keys[2]}"]
        assert links_of(server, locations[1]) == [f"Patient/{keys[2]}"]

    def test_closes_circles(self, server: Server):
        first, second = urn(), urn()

        answers = server.process(
            "transaction",
            an_entry("POST", "Patient", linked(second), full_url=first),
            an_entry("POST", "Patient", linked(first), full_url=second),
        )

        locations = [answer["response"]["location"] for answer in answers]
        assert statuses(answers) == ["201 Created"] * 2
        assert [links_of(server, location) for location in locations] == [
            [f"Patient/{id_in(locations[1])}"],
            [f"Patient/{id_in(locations[0])}"],
        ]

    def test_takes_a_care_plan_and_its_orders_which_name_each_other(self, server: Server):
        patient, plan, order = urn(), urn(), urn()
        position = {
            "url": "http://hl7.org/fhir/StructureDefinition/geolocation",
            "extension": [
                {"url": "latitude", "valueDecimal": 51.4},
                {"url": "longitude", "valueDecimal": 8.06},
            ],
        }
        address = {"extension": [position], "line": ["Am Bach 3"], "city": "Arnsberg", "postalCode": "59821"}
        care_plan = {
            "resourceType": "CarePlan",
            "status": "active",
            "intent": "plan",
            "subject": {"reference": patient},
            "activity": [{"reference": {"reference": order}}],
        }
        request = {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "plan",
            "code": {"text": "Insulin"},
            "basedOn": [{"reference": plan}],
            "subject": {"reference": patient},
            "occurrenceTiming": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
        }

        answers = server.process(
            "transaction",
            an_entry("POST", "ServiceRequest", request, full_url=order),
            an_entry("POST", "CarePlan", care_plan, full_url=plan),
            an_entry("POST", "Patient", a_document(address=[address]), full_url=patient),
            returns=Returns.REPRESENTATION,
        )

        ordered, planned, person = (answer["resource"] for answer in answers)
        assert statuses(answers) == ["201 Created"] * 3
        assert ordered["basedOn"][0]["reference"] == f"CarePlan/{planned['id']}"
        assert planned["activity"][0]["reference"]["reference"] == f"ServiceRequest/{ordered['id']}"
        assert ordered["subject"]["reference"] == f"Patient/{person['id']}"

    @pytest.mark.parametrize("kind", ["batch", "transaction"])
    def test_books_by_the_operation(self, server: Server, kind):
        slot = server.free_slot()
        name, there = urn(), server.create()
        patient = name if kind == "transaction" else f"Patient/{there.id}"

        answers = server.process(
            kind,
            an_entry("POST", "Appointment/$book", a_wish(slot, patient), full_url=urn()),
            an_entry("POST", "Patient", a_document("Herbst"), full_url=name),
            an_entry("GET", f"Slot/{slot.id}"),
        )

        booked, made, found = answers
        assert [status[:3] for status in statuses(answers)] == ["201", "201", "200"]
        assert (booked["resource"]["status"], found["resource"]["status"]) == ("booked", "busy")
        whose = id_in(made["response"]["location"]) if kind == "transaction" else there.id
        assert f"Patient/{whose}" in [
            each["actor"]["reference"] for each in booked["resource"]["participant"]
        ]

    def test_understands_addresses_of_another_server(self, server: Server):
        elsewhere = "https://elsewhere.example/fhir/Patient"

        answers = server.process(
            "transaction",
            an_entry("POST", "Patient", linked("Patient/2", f"{elsewhere}/2"), full_url=f"{elsewhere}/1"),
            an_entry("POST", "Patient", a_document(), full_url=f"{elsewhere}/2"),
        )

        locations = [answer["response"]["location"] for answer in answers]
        assert links_of(server, locations[0]) == [f"Patient/{id_in(locations[1])}"] * 2

    def test_rewrites_links_of_narratives_and_leaves_plain_texts(self, server: Server):
        name = urn()
        div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{name}">Nachbar</a></div>'
        identifier = {"system": "urn:ietf:rfc:3986", "value": name}
        document = linked(name, text={"status": "additional", "div": div}, identifier=[identifier])

        answers = server.process(
            "transaction",
            an_entry("POST", "Patient", document),
            an_entry("POST", "Patient", a_document(), full_url=name),
            returns=Returns.REPRESENTATION,
        )

        shown, other = answers[0]["resource"], answers[1]["resource"]
        assert f'<a href="Patient/{other["id"]}">' in shown["text"]["div"]
        assert identifier in shown["identifier"]

    def test_resolves_conditional_references(self, server: Server):
        there = server.create(**INSURED)

        (answer,) = server.process("transaction", an_entry("POST", "Patient", linked(f"Patient?{QUERY}")))

        assert links_of(server, answer["response"]["location"]) == [f"Patient/{there.id}"]

    def test_resolves_conditional_references_to_what_it_makes_itself(self, server: Server):
        answers = server.process(
            "transaction",
            an_entry("POST", "Patient", linked(f"Patient?{QUERY}")),
            an_entry("POST", "Patient", a_document(**INSURED)),
        )

        locations = [answer["response"]["location"] for answer in answers]
        assert links_of(server, locations[0]) == [f"Patient/{id_in(locations[1])}"]

    def test_uses_what_conditions_find(self, server: Server):
        there, name, other = server.create(**INSURED), urn(), urn()
        answers = server.process(
            "transaction",
            an_entry("POST", "Patient", a_document(**INSURED), ifNoneExist=QUERY, full_url=name),
            an_entry("POST", "Patient", linked(name, other)),
            an_entry("PUT", "Patient?family=herbst", a_document("Herbst"), full_url=other),
        )

        assert statuses(answers) == ["200 OK", "201 Created", "201 Created"]
        assert links_of(server, answers[1]["response"]["location"]) == [
            f"Patient/{there.id}",
            f"Patient/{id_in(answers[2]['response']['location'])}",
        ]

    def test_does_all_sorts_in_their_order(self, server: Server):
        gone, there = server.create(), server.create()

        answers = server.process(
            "transaction",
            an_entry("GET", "Patient?_total=accurate"),
            an_entry("PUT", f"{BASE}/Patient/{there.id}", a_document("Winter", id=str(there.id))),
            an_entry("POST", "Patient", a_document(), full_url=urn()),
            an_entry("DELETE", f"Patient/{gone.id}"),
            an_entry("GET", f"Patient/{there.id}"),
        )

        assert [status[:3] for status in statuses(answers)] == ["200", "200", "201", "204", "200"]
        assert answers[0]["resource"]["total"] == 2  # two were there, one was made, one deleted
        assert answers[4]["resource"]["name"][0]["family"] == "Winter"


class TestPatches:
    @pytest.mark.parametrize("kind", ["batch", "transaction"])
    def test_are_taken_in_both_sorts(self, server: Server, kind):
        first, second = server.create(), server.create(**INSURED)
        part = [
            {"name": "type", "valueCode": "replace"},
            {"name": "path", "valueString": "Patient.birthDate"},
            {"name": "value", "valueDate": "1940-01-01"},
        ]
        parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}

        answers = server.process(
            kind,
            an_entry("PATCH", f"Patient/{first.id}", parameters, ifMatch='W/"1"'),
            an_entry("PATCH", f"Patient?{QUERY}", a_binary([{"op": "remove", "path": "/birthDate"}])),
            returns=Returns.REPRESENTATION,
        )

        assert statuses(answers) == ["200 OK", "200 OK"]
        assert [answer["resource"]["id"] for answer in answers] == [str(first.id), str(second.id)]
        assert [answer["resource"].get("birthDate") for answer in answers] == ["1940-01-01", None]

    @pytest.mark.parametrize(
        "patch",
        [
            {"resourceType": "Patient"},
            {"resourceType": "Binary", "contentType": "text/plain", "data": "W10="},
            {"resourceType": "Binary", "contentType": "application/json-patch+json"},
            {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "ü"},
            {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": 7},
            {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "e30="},
        ],
    )
    def test_that_cannot_be_read_are_refused(self, server: Server, patch):
        there = server.create()

        (answer,) = server.process("batch", an_entry("PATCH", f"Patient/{there.id}", patch))

        assert statuses([answer]) == ["400 Bad Request"]
        (issue,) = answer["response"]["outcome"]["issue"]
        assert issue["expression"][0].startswith("Bundle.entry[0].resource")


class TestFailedTransaction:
    def refused(self, server: Server, *entries: dict[str, Any]) -> EntryRefused:
        before = server.versions()
        with pytest.raises(EntryRefused) as refused:
            server.process("transaction", *entries)
        assert server.versions() == before
        return refused.value

    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_leaves_nothing(self, server: Server, position):
        gone = server.create()
        entries = [
            an_entry("POST", "Patient", a_document()),
            an_entry("DELETE", f"Patient/{gone.id}"),
        ]
        entries.insert(position, an_entry("POST", "Patient", a_document(gender="divers")))

        refused = self.refused(server, *entries)

        assert isinstance(refused.cause, Rejected)
        assert {issue.expression for issue in refused.issues} <= {
            f"Bundle.entry[{position}].resource",
            f"Bundle.entry[{position}].resource.gender",
        }
        with server.sessions() as session:
            read(session, kind="Patient", id=str(gone.id), viewer=server.asking.viewer)

    def test_at_a_read_leaves_nothing(self, server: Server):
        refused = self.refused(
            server,
            an_entry("POST", "Patient", a_document()),
            an_entry("GET", f"Patient/{uuid4()}"),
        )

        assert refused.place == "Bundle.entry[1]"

    def test_at_an_old_version_leaves_nothing(self, server: Server):
        there = server.create()

        refused = self.refused(
            server,
            an_entry("POST", "Patient", a_document()),
            an_entry("PUT", f"Patient/{there.id}", a_document("Winter", id=str(there.id)), ifMatch='W/"7"'),
        )

        assert isinstance(refused.cause, VersionConflict)

    def test_names_every_reference_to_nothing(self, server: Server):
        refused = self.refused(
            server, an_entry("POST", "Patient", linked(urn(), "Patient?identifier=x", "Dragon?x=y"))
        )

        assert [issue.expression for issue in refused.issues] == [
            "Bundle.entry[0].resource.link[0].other.reference",
            "Bundle.entry[0].resource.link[1].other.reference",
            "Bundle.entry[0].resource.link[2].other.reference",
        ]

    def test_refuses_a_condition_that_fits_several(self, server: Server):
        server.create(**INSURED)
        server.create(**INSURED)

        refused = self.refused(server, an_entry("POST", "Patient", a_document(), ifNoneExist=QUERY))

        assert isinstance(refused.cause, SeveralMatch)

    def test_refuses_two_entries_about_one_resource(self, server: Server):
        there = server.create(**INSURED)

        refused = self.refused(
            server,
            an_entry("DELETE", f"Patient/{there.id}"),
            an_entry("PUT", f"Patient?{QUERY}", a_document()),
        )

        assert [issue.code for issue in refused.issues] == ["duplicate"]

    def test_refuses_two_entries_of_one_address(self, server: Server):
        name = urn()

        with pytest.raises(Malformed) as refused:
            server.process(
                "transaction",
                an_entry("POST", "Patient", a_document(), full_url=name),
                an_entry("POST", "Patient", a_document(), full_url=name),
            )

        assert refused.value.issues[0].expression == "Bundle.entry[1].fullUrl"
        assert server.versions() == 0

    def test_at_a_booking_leaves_nothing(self, server: Server):
        slot, name = server.free_slot(), urn()
        wish = an_entry("POST", "Appointment/$book", a_wish(slot, name))

        refused = self.refused(server, wish, an_entry("POST", "Patient", a_document(), full_url=name), wish)

        assert refused.place == "Bundle.entry[2]"
        answers = server.process("batch", an_entry("GET", f"Slot/{slot.id}"))
        assert answers[0]["resource"]["status"] == "free"

    @pytest.mark.parametrize("url", ["Appointment/$hold", "$export", "Patient/$everything"])
    def test_refuses_other_operations(self, server: Server, url):
        refused = self.refused(server, an_entry("POST", url, a_document()))

        assert isinstance(refused.cause, NotSupported)

    def test_refuses_patches_of_what_is_not_there(self, server: Server):
        patch = a_binary([])

        self.refused(server, an_entry("PATCH", f"Patient?{QUERY}", patch))
        self.refused(server, an_entry("PATCH", f"Patient/{uuid4()}", patch))

    def test_of_what_was_deleted_is_gone(self, server: Server):
        there = server.create()
        server.process("transaction", an_entry("DELETE", f"Patient/{there.id}"))

        refused = self.refused(server, an_entry("PUT", f"Patient/{there.id}", a_document(id=str(there.id))))

        assert isinstance(refused.cause, DocumentGone)


class TestManyEntries:
    def test_are_made_in_one_transaction_in_whatever_order(self, server: Server):
        # A chain in which each refers to the next: the worst order, and deep.
        names = [urn() for _ in range(60)]
        entries = [
            an_entry("POST", "Patient", linked(*names[number + 1 : number + 2]), full_url=name)
            for number, name in enumerate(names)
        ]

        answers = server.process("transaction", *entries)

        assert set(statuses(answers)) == {"201 Created"}
