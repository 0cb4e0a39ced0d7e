"""FHIR search through HTTP: what comes along, parts of resources, and the links to other pages."""

from urllib.parse import urlsplit

import pytest

from api.database import open_sessions
from tests.careapp.worlds import World, a_world

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def world(engine) -> World:
    """The world, written through sessions that keep the FHIR documents."""
    with open_sessions(engine).begin() as session:
        return a_world(session)


def modes(bundle) -> list[tuple[str, str]]:
    return [(entry["resource"]["resourceType"], entry["search"]["mode"]) for entry in bundle["entry"]]


class TestSearch:
    def test_brings_others_along_by_address_and_by_form(self, client, world):
        query = f"schedule.actor:Practitioner={world.doctor.practitioner_id}&_include=Slot:schedule&_count=1"

        by_address = client.get(f"/fhir/Slot/?{query}").json()
        by_form = client.post("/fhir/Slot/_search", content=query, headers=FORM).json()

        assert modes(by_address) == [("Slot", "match"), ("Schedule", "include")]
        assert by_form["entry"] == by_address["entry"]
        assert by_form["total"] == by_address["total"]

    def test_goes_back_and_to_the_end_without_a_name_in_any_link(self, client, world):
        pages = [client.get("/fhir/Patient?name:contains=a,e,o&_count=1").json()]
        assert pages[0]["total"] == 3
        for relation in ("next", "next", "previous", "last", "prev", "first"):
            links = {link["relation"]: link["url"] for link in pages[-1]["link"]}
            assert all("name" not in url for where, url in links.items() if where != "self")
            parts = urlsplit(links[relation])
            pages.append(client.get(f"{parts.path}?{parts.query}").json())

        found = [page["entry"][0]["resource"]["id"] for page in pages]
        assert found == [found[0], found[1], found[2], found[1], found[2], found[1], found[0]]
        assert len(set(found)) == 3

    @pytest.mark.parametrize("handling", ["strict", "lenient"])
    def test_tells_a_strict_client_what_is_not_supported(self, client, world, handling):
        answer = client.get("/fhir/Slot?schedule.colour=red", headers={"prefer": f"handling={handling}"})

        assert answer.status_code == (400 if handling == "strict" else 200)

    @pytest.mark.parametrize(
        "query",
        [
            "_include=Slot",
            "schedule.actor:Slot.status=free",
            "_summary=some",
            "_page=abc",
            "_sort:desc=_id&_count=x",
        ],
    )
    def test_refuses_with_an_outcome(self, client, world, query):
        answer = client.get(f"/fhir/Slot?{query}")

        assert 400 <= answer.status_code < 500
        assert answer.json()["resourceType"] == "OperationOutcome"


class TestRead:
    @pytest.mark.parametrize(
        ("query", "elements"),
        [
            ("_elements=start", {"schedule", "status", "start", "end"}),
            ("_summary=true", {"schedule", "status", "start", "end"}),
            ("_summary=false", {"schedule", "status", "start", "end"}),
            ("_summary=data&_format=json", {"schedule", "status", "start", "end"}),
        ],
    )
    def test_gives_a_part(self, client, world, query, elements):
        answer = client.get(f"/fhir/Slot/{world.slot.id}?{query}")

        slot = answer.json()
        assert slot.keys() - {"resourceType", "id", "meta"} == elements
        is_marked = any(tag["code"] == "SUBSETTED" for tag in slot["meta"].get("tag", ()))
        assert is_marked == ("false" not in query)
        assert answer.headers["etag"] == 'W/"1"'

    def test_refuses_a_summary_of_another_kind(self, client, world):
        assert client.get(f"/fhir/Slot/{world.slot.id}?_summary=some").status_code == 400
