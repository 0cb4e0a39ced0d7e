"""Interactions on whichever resource a search finds."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from fhir.interactions import conditional, writing
from fhir.issues import Malformed, SeveralMatch
from fhir.read import DocumentGone, DocumentNotFound, read
from fhir.search.asked import UnknownParameter
from fhir.search.parameter import InvalidSearch
from tests.fhir.interactions.conftest import Server, a_document, shown

KVNR = "http://fhir.de/sid/gkv/kvid-10"
NUMBER = "X110465770"
QUERY = f"identifier={KVNR}|{NUMBER}"
INSURED: dict[str, Any] = {"identifier": [{"system": KVNR, "value": NUMBER}]}


class TestCreate:
    def test_makes_what_the_condition_does_not_find(self, server: Server):
        written = server.do(conditional.create, kind="Patient", document=a_document(**INSURED), query=QUERY)

        assert written.is_created

    def test_returns_what_the_condition_finds(self, server: Server):
        created = server.create(**INSURED)

        found = server.do(conditional.create, kind="Patient", document=a_document("Winter"), query=QUERY)

        assert (found.id, found.version, found.is_created) == (created.id, 1, False)
        assert found.content == created.content

    def test_refuses_a_condition_that_fits_several(self, server: Server):
        server.create(**INSURED)
        server.create(**INSURED)

        with pytest.raises(SeveralMatch):
            server.do(conditional.create, kind="Patient", document=a_document(), query=QUERY)

    @pytest.mark.parametrize(
        "query",
        ["", "identifier=", "identifier=,", "_count=1", f"{QUERY}&_sort=_id", "_page=abc", f"{QUERY}&name="],
    )
    def test_refuses_a_condition_that_chooses_less_than_it_seems(self, server: Server, query):
        with pytest.raises(InvalidSearch):
            server.do(conditional.create, kind="Patient", document=a_document(), query=query)

    def test_refuses_a_condition_that_is_not_understood(self, server: Server):
        with pytest.raises(UnknownParameter):
            server.do(conditional.create, kind="Patient", document=a_document(), query="identifer=1")

    def test_makes_one_of_two_that_are_sent_at_once(self, server: Server):
        barrier = Barrier(2)

        def make() -> bool:
            barrier.wait()
            created: bool = server.do(
                conditional.create, kind="Patient", document=a_document(**INSURED), query=QUERY
            ).is_created
            return created

        with ThreadPoolExecutor(2) as pool:
            made = [future.result() for future in [pool.submit(make), pool.submit(make)]]

        assert sorted(made) == [False, True]


class TestUpdate:
    def test_replaces_what_the_condition_finds(self, server: Server):
        created = server.create(**INSURED)

        written = server.do(
            conditional.update, kind="Patient", query=QUERY, document=a_document("Winter", **INSURED)
        )

        assert (written.id, written.version) == (created.id, 2)
        assert shown(written)["name"][0]["family"] == "Winter"

    def test_makes_what_the_condition_does_not_find(self, server: Server):
        written = server.do(conditional.update, kind="Patient", query=QUERY, document=a_document(**INSURED))

        assert written.is_created

    def test_makes_nothing_under_an_id_of_the_sender(self, server: Server):
        with pytest.raises(writing.IdsAreOurs):
            server.do(conditional.update, kind="Patient", query=QUERY, document=a_document(id="7"))

    def test_refuses_the_id_of_another_resource(self, server: Server):
        server.create(**INSURED)

        with pytest.raises(Malformed) as refused:
            server.do(conditional.update, kind="Patient", query=QUERY, document=a_document(id="7"))

        assert refused.value.issues[0].expression == "Patient.id"


class TestPatch:
    def test_changes_what_the_condition_finds(self, server: Server):
        server.create(**INSURED)

        written = server.do(
            conditional.patch,
            kind="Patient",
            query=QUERY,
            change=lambda document: {**document, "birthDate": "1940-01-01"},
        )

        assert shown(written)["birthDate"] == "1940-01-01"

    def test_of_nothing_is_not_found(self, server: Server):
        with pytest.raises(DocumentNotFound):
            server.do(conditional.patch, kind="Patient", query=QUERY, change=lambda document: document)


class TestDelete:
    def test_removes_what_the_condition_finds(self, server: Server):
        created = server.create(**INSURED)

        server.do(conditional.delete, kind="Patient", query=QUERY)

        with server.sessions() as session, pytest.raises(DocumentGone):
            read(session, kind="Patient", id=str(created.id), viewer=server.asking.viewer)

    def test_of_nothing_leaves_everything(self, server: Server):
        server.create()

        server.do(conditional.delete, kind="Patient", query=QUERY)

        assert server.versions() == 1
