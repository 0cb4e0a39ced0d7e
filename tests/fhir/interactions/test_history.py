"""What resources were: single versions, and all of them in pages."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from careapp.access import Viewer
from fhir.asking import Asking
from fhir.interactions import history, writing
from fhir.read import DocumentGone, DocumentNotFound
from fhir.search.asked import UnknownParameter
from fhir.search.paging import PageGone
from fhir.search.parameter import InvalidSearch
from tests.careapp.worlds import an_organisation, coordinator_of
from tests.fhir.conftest import BASE, link_of
from tests.fhir.interactions.conftest import Server, a_document


@pytest.fixture
def key(server: Server) -> str:
    """Id of a patient who was made, changed an hour later, and deleted another hour later."""
    created = server.create()
    server.clock.advance(hours=1)
    server.do(
        writing.update, kind="Patient", id=str(created.id), document=a_document("Winter", id=str(created.id))
    )
    server.clock.advance(hours=1)
    server.do(writing.delete, kind="Patient", id=str(created.id))
    return str(created.id)


def stranger(server: Server) -> Viewer:
    with server.sessions.begin() as session:
        return coordinator_of(an_organisation(session))


def ask(server: Server, function: Any, *, asking: Asking | None = None, **asked: Any) -> dict[str, Any]:
    with server.sessions() as session:
        content = function(session, asking=asking or server.asking, **{"query": "", **asked})
    bundle: dict[str, Any] = orjson.loads(content)
    return bundle


class TestVread:
    def read(self, server: Server, key: str, version: str, viewer: Viewer | None = None) -> dict[str, Any]:
        with server.sessions() as session:
            found = history.vread(
                session, kind="Patient", id=key, version=version, viewer=viewer or server.asking.viewer
            )
        document: dict[str, Any] = orjson.loads(found.content)
        assert str(found.version) == document["meta"]["versionId"]
        return document

    def test_answers_what_was(self, server: Server, key):
        assert self.read(server, key, "1")["name"][0]["family"] == "Sommer"
        assert self.read(server, key, "2")["name"][0]["family"] == "Winter"

    def test_of_the_deletion_is_gone(self, server: Server, key):
        with pytest.raises(DocumentGone):
            self.read(server, key, "3")

    @pytest.mark.parametrize("version", ["0", "4", "9" * 30, "-1", "1.0", "²", ""])
    def test_of_a_version_that_never_was_is_not_found(self, server: Server, key, version):
        with pytest.raises(DocumentNotFound):
            self.read(server, key, version)

    def test_is_for_those_only_whose_it_was(self, server: Server, key):
        assert self.read(server, key, "1", server.as_organisation().viewer)
        with pytest.raises(DocumentNotFound):
            self.read(server, key, "1", stranger(server))


class TestInstance:
    def test_tells_every_version_newest_first(self, server: Server, key):
        bundle = ask(server, history.instance, kind="Patient", id=key)

        assert (bundle["type"], bundle["total"]) == ("history", 3)
        assert [entry["request"] for entry in bundle["entry"]] == [
            {"method": "DELETE", "url": f"Patient/{key}"},
            {"method": "PUT", "url": f"Patient/{key}"},
            {"method": "POST", "url": "Patient"},
        ]
        assert [entry["response"]["etag"] for entry in bundle["entry"]] == ['W/"3"', 'W/"2"', 'W/"1"']
        assert [entry.get("resource", {}).get("meta", {}).get("versionId") for entry in bundle["entry"]] == [
            None,
            "2",
            "1",
        ]
        assert {entry["fullUrl"] for entry in bundle["entry"]} == {f"{BASE}/Patient/{key}"}

    def test_of_what_never_was_is_not_found(self, server: Server):
        with pytest.raises(DocumentNotFound):
            ask(server, history.instance, kind="Patient", id="7")

    def test_is_for_those_only_whose_it_was(self, server: Server, key):
        with pytest.raises(DocumentNotFound):
            ask(
                server,
                history.instance,
                kind="Patient",
                id=key,
                asking=replace(server.asking, viewer=stranger(server)),
            )


class TestKind:
    @pytest.mark.parametrize(
        ("since", "total"),
        [
            ("2026-03-02T17:00:00Z", 3),
            ("2026-03-02T18:00:00.001Z", 1),
            ("2026-03-02T19:00:00%2B01:00", 2),
            ("2026-03-02T19:00:00 01:00", 2),  # a plus sign that was not escaped
            ("2026-03-02T19:00:00.001Z", 0),
        ],
    )
    def test_begins_where_it_is_asked_to(self, server: Server, key, since, total):
        # Written at 17:00, 18:00 and 19:00 UTC; Berlin is an hour ahead.
        assert ask(server, history.kind, kind="Patient", query=f"_since={since}")["total"] == total

    @pytest.mark.parametrize(
        "query", ["_since=yesterday", "_since=2026-03-02", "_since=0001-01-01T00:00:00%2B14:00", "_count=x"]
    )
    def test_refuses_what_it_does_not_understand(self, server: Server, query):
        with pytest.raises(InvalidSearch):
            ask(server, history.kind, kind="Patient", query=query)

    def test_refuses_unknown_parameters_of_a_strict_client(self, server: Server):
        assert ask(server, history.kind, kind="Patient", query="_at=2026")["total"] == 0
        with pytest.raises(UnknownParameter):
            ask(
                server,
                history.kind,
                kind="Patient",
                query="_at=2026",
                asking=replace(server.asking, is_strict=True),
            )

    def test_tells_nothing_of_other_tenants(self, server: Server, key):
        theirs = replace(server.asking, viewer=stranger(server))

        assert ask(server, history.kind, kind="Patient", asking=theirs)["total"] == 0
        assert ask(server, history.kind, kind="Patient", asking=server.as_organisation())["total"] == 3


class TestPages:
    def test_hold_each_version_once_while_others_are_written(self, server: Server):
        made = [server.create().id for _ in range(5)]
        seen: list[str] = []
        bundle = ask(server, history.kind, kind="Patient", query="_count=2")
        while True:
            seen += [entry["resource"]["id"] for entry in bundle["entry"]]
            assert bundle["total"] == 5
            address = link_of(bundle, "next")
            if address is None:
                break
            server.clock.advance(seconds=1)
            server.create()
            bundle = ask(server, history.kind, kind="Patient", query=address.partition("?")[2])

        assert sorted(seen) == sorted(map(str, made))

    def test_of_nothing_hold_the_total(self, server: Server):
        server.create()

        bundle = ask(server, history.kind, kind="Patient", query="_count=0")

        assert (bundle["total"], "entry" in bundle) == (1, False)

    def test_of_another_history_are_gone(self, server: Server, key):
        address = link_of(ask(server, history.kind, kind="Patient", query="_count=1"), "next")
        assert address is not None

        with pytest.raises(PageGone):
            ask(server, history.system, query=address.partition("?")[2])


class TestSystem:
    def test_tells_of_all_kinds(self, server: Server, key):
        bundle = ask(server, history.system)

        kinds = {entry["fullUrl"].split("/")[-2] for entry in bundle["entry"]}
        assert {"Patient", "Organization"} <= kinds
        assert bundle["link"][0]["url"] == f"{BASE}/_history?_count=50"

    def test_tells_a_tenant_of_its_own(self, server: Server, key):
        bundle = ask(server, history.system, asking=replace(server.asking, viewer=stranger(server)))

        assert "Patient" not in {entry["fullUrl"].split("/")[-2] for entry in bundle["entry"]}
