"""The answer to a search: whose, how many, in which order, with which links, by how many statements."""

from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert
from sqlalchemy.orm import Session, sessionmaker

from careapp.consultations.models import Schedule, Slot, SlotStatus
from careapp.records.held import HeldResource
from fhir.mapping.registry import RESOURCES, UnknownKind
from fhir.search.asked import UnknownParameter
from fhir.search.paging import PageGone, Place, seal, unseal
from fhir.search.parameter import InvalidSearch
from fhir.search.query import search
from fhir.validation.check import errors
from fhir.validation.structure import model_of
from tests.careapp.worlds import EVERYONE, a_schedule, a_world, coordinator_of, moment
from tests.fhir.conftest import BASE, PAGE_KEY, ZONE, Searched, ids_of, link_of


class TestBundle:
    def test_holds_what_is_stored_in_an_envelope_that_the_library_accepts(self, searched):
        bundle = searched.find("Slot", "status=free")

        model_of("Bundle").model_validate(bundle)
        assert bundle["type"] == "searchset"
        assert bundle["total"] == len(bundle["entry"]) == 5
        for entry in bundle["entry"]:
            assert entry["fullUrl"] == f"{BASE}/Slot/{entry['resource']['id']}"
            assert entry["search"] == {"mode": "match"}
            assert errors(entry["resource"]) == []

    def test_has_no_entries_and_a_total_of_zero_when_nothing_is_found(self, searched):
        bundle = searched.find("Slot", "status=entered-in-error")

        model_of("Bundle").model_validate(bundle)
        assert bundle["total"] == 0
        assert "entry" not in bundle
        assert link_of(bundle, "next") is None

    def test_escapes_a_strange_address(self, searched):
        with searched.sessions() as session:
            content = search(
                session,
                kind="Slot",
                query_string="",
                base_url='https://care.example/"fhir"/',
                viewer=EVERYONE,
                zone=ZONE,
                page_key=PAGE_KEY,
            )

        assert orjson.loads(content)["entry"][0]["fullUrl"].startswith('https://care.example/"fhir"/Slot/')

    def test_refuses_a_kind_that_is_not_served(self, searched):
        with pytest.raises(UnknownKind):
            searched.find("Observation")


class TestSelfLink:
    @pytest.mark.parametrize(
        ("query", "used"),
        [
            ("", []),
            ("status=free&colour=red", [("status", "free")]),
            ("status=&_count=", []),
            ("status=,&start=ge2026", [("start", "ge2026")]),
            ("_format=json&_pretty=true&status=free", [("status", "free")]),
            ("_count=5000", [("_count", "1000")]),
            ("_count=5&_count=7", [("_count", "7")]),
            ("_sort=-start,colour", [("_sort", "-start")]),
            ("_sort=colour", []),
            ("_include=Slot:colour&_include=Colour:slot", []),
            ("_include=Slot:schedule&_revinclude:iterate=Appointment:slot",
             [("_include", "Slot:schedule"), ("_revinclude:iterate", "Appointment:slot")]),
            ("schedule.actor=Practitioner/1", [("schedule.actor", "Practitioner/1")]),
            ("schedule.colour=1&status.schedule=1&_has:Colour:slot:x=1", []),
            ("_summary=true", [("_summary", "true")]),
            ("_elements=start,colour", [("_elements", "start,colour")]),
            ("_summary:exact=true&_sort:desc=start", []),
            ("status:not=free", [("status:not", "free")]),
            ("start=2026-03-29T12:00:00%2B02:00", [("start", "2026-03-29T12:00:00+02:00")]),
        ],
    )  # fmt: skip
    def test_names_only_the_parameters_in_use(self, searched, query, used):
        assert parse_qsl(query_of(searched.find("Slot", query), "self")) == used

    def test_keeps_names_out_of_all_other_links(self, searched):
        bundle = searched.find("Patient", "name=pro&_count=1")

        for relation in ("first", "next"):
            assert list(parse_qs(query_of(bundle, relation))) == ["_page"]


class TestUnknownParameter:
    @pytest.mark.parametrize(
        "query",
        ["colour=red", "_include=Slot:colour", "_sort=colour", "_elements=colour", "schedule.colour=1"],
    )
    def test_is_refused_for_a_strict_client(self, searched, query):
        with pytest.raises(UnknownParameter, match="is not supported"):
            searched.find("Slot", query, strict=True)

    def test_is_not_what_the_format_is(self, searched):
        assert searched.find("Slot", "_format=json&_count=1&_sort=start", strict=True)["total"] == 10


class TestCount:
    def test_cuts_the_answer_but_not_the_total(self, searched):
        bundle = searched.find("Slot", "_count=3")

        assert len(bundle["entry"]) == 3
        assert bundle["total"] == 10  # 8 slots and 2 shifts

    @pytest.mark.parametrize("query", ["_count=0", "_summary=count"])
    def test_of_zero_answers_with_the_total_only(self, searched, query):
        bundle = searched.find("Slot", query)

        assert bundle["total"] == 10  # 8 slots and 2 shifts
        assert "entry" not in bundle
        assert link_of(bundle, "next") is None

    @pytest.mark.parametrize("value", ["-1", "many", "1.5", "٣"])
    def test_refuses_what_is_no_whole_number(self, searched, value):
        with pytest.raises(InvalidSearch, match=r"^_count=.+ cannot be understood: give a whole number"):
            searched.find("Slot", f"_count={value}")

    @pytest.mark.parametrize(
        ("value", "has_total"), [("none", False), ("accurate", True), ("estimate", True)]
    )
    def test_leaves_the_total_out_on_request(self, searched, value, has_total):
        first = searched.find("Slot", f"_count=3&_total={value}")
        second = searched.find("Slot", query_of(first, "next"))

        assert ["total" in first, "total" in second] == [has_total, has_total]

    def test_refuses_a_total_of_another_kind(self, searched):
        with pytest.raises(InvalidSearch, match=r"^_total="):
            searched.find("Slot", "_total=some")


class TestSort:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["before midnight", "midnight", "noon", "last", "next day", "april"]),
            ("_sort=start", ["before midnight", "midnight", "noon", "last", "next day", "april"]),
            ("_sort=-start", ["april", "next day", "last", "noon", "midnight", "before midnight"]),
            ("_sort=_lastUpdated,-start&start=ge2026-03-29T20:00", ["april", "next day", "last"]),
        ],
    )
    def test_orders(self, searched, query, expected):
        assert searched.names("Slot", query, searched.slots) == expected

    def test_orders_by_id(self, searched):
        found = ids_of(searched.find("Patient", "_sort=_id"))

        assert found == sorted(found)
        assert ids_of(searched.find("Patient", "_sort=-_id")) == found[::-1]

    @pytest.mark.parametrize("sort", ["date", "-date", "_lastUpdated,date"])
    def test_puts_what_has_no_time_last(self, searched, sort):
        entries = searched.find("Appointment", f"_sort={sort}")["entry"]

        assert ["start" in entry["resource"] for entry in entries] == [True, True, True, True, False, False]

    @pytest.mark.parametrize("sort", ["date", "-date", "_lastUpdated,date,_id", "-_id"])
    def test_pages_through_any_order(self, searched, sort):
        whole = ids_of(searched.find("Appointment", f"_sort={sort}"))

        assert all_pages(searched, "Appointment", f"_sort={sort}&_count=1") == whole


class TestCommonParameters:
    def test_find_by_id(self, searched):
        slots = [str(slot.id) for slot in searched.slots.values()]

        assert ids_of(searched.find("Slot", f"_id={slots[0]},{slots[1]},unknown")) == slots[:2]

    @pytest.mark.parametrize(
        ("query", "is_found"),
        [
            ("2026-03-02", True),
            ("ge2026-03-02T18:00", True),
            ("gt2026-03-02T18:00:00.000", False),
            ("lt2026", False),
        ],
    )
    def test_find_by_the_last_update(self, searched, query, is_found):
        # Everything was written at 18:00 in Berlin.
        assert bool(ids_of(searched.find("Slot", f"_lastUpdated={query}"))) == is_found

    @pytest.mark.parametrize("kind", [resource.kind for resource in RESOURCES])
    def test_hold_for_every_kind(self, searched, kind):
        total = searched.find(kind)["total"]

        assert total > 0
        assert (
            searched.find(kind, "_tag=HTEST")["total"] + searched.find(kind, "_tag:not=HTEST")["total"]
            == total
        )
        assert searched.find(kind, "_lastUpdated:missing=false&_id:missing=false")["total"] == total


HELD = [resource.kind for resource in RESOURCES if issubclass(resource.table, HeldResource)]
OFFERED = ["Organization", "HealthcareService", "Schedule", "Slot"]
PARTLY_OFFERED = ["Location", "Practitioner", "PractitionerRole"]
"""Practices and their doctors are there for all."""
OWNED = [
    resource.kind
    for resource in RESOURCES
    # Auditors only see what was asked and done.
    if resource.kind not in {*OFFERED, *PARTLY_OFFERED, "AuditEvent"}
]


ONLY_OF_ONE = {"List", "Appointment", "ServiceRequest", "CarePlan", "AuditEvent", *HELD}


class TestViewer:
    @pytest.mark.parametrize("kind", OWNED)
    def test_finds_and_counts_only_the_tenants_own(self, searched, kind):
        served = searched.served
        own = coordinator_of(served.world.organisation)
        stranger = coordinator_of(served.world.practice)
        everything = set(ids_of(searched.find(kind)))

        seen, foreign = searched.find(kind, viewer=own), searched.find(kind, viewer=stranger)

        assert seen["total"] == len(ids_of(seen))
        assert set(ids_of(seen)) < everything or kind in ONLY_OF_ONE
        assert set(ids_of(seen)).isdisjoint(ids_of(foreign))

    @pytest.mark.parametrize("kind", PARTLY_OFFERED)
    def test_finds_its_own_and_what_practices_offer(self, searched, kind):
        world = searched.served.world
        own = set(ids_of(searched.find(kind, viewer=coordinator_of(world.organisation))))
        foreign = set(ids_of(searched.find(kind, viewer=coordinator_of(world.practice))))

        # The practice offers what it has; the care service's nurses and bases are its own.
        assert foreign < own

    @pytest.mark.parametrize("kind", OFFERED)
    def test_finds_what_is_offered_to_all(self, searched, kind):
        own = coordinator_of(searched.served.world.organisation)

        assert ids_of(searched.find(kind, viewer=own)) == ids_of(searched.find(kind))

    def test_cannot_reach_another_tenant_through_a_link(self, searched):
        link = query_of(searched.find("Patient", "_count=1"), "next")

        assert (
            ids_of(searched.find("Patient", link, viewer=coordinator_of(searched.served.world.practice)))
            == []
        )


def query_of(bundle: dict[str, Any], relation: str) -> str:
    """The query string of a link that must be there."""
    link = link_of(bundle, relation)
    assert link is not None
    return urlsplit(link).query


def all_pages(searched: Searched, kind: str, query: str) -> list[str]:
    bundle, found = searched.find(kind, query), []
    while True:
        found += ids_of(bundle)
        following = link_of(bundle, "next")
        if following is None:
            return found
        bundle = searched.find(kind, urlsplit(following).query)


def with_another_first_letter(cursor: str) -> str:
    return ("B" if cursor[0] == "A" else "A") + cursor[1:]


class TestPage:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(size=st.integers(1, 12))
    def test_of_any_size_gives_each_once_and_in_order(self, searched, size):
        whole = ids_of(searched.find("Location"))

        assert all_pages(searched, "Location", f"_count={size}") == whole

    def test_links_back_to_the_first_and_keeps_the_total(self, searched):
        first = searched.find("Slot", "status=free&_count=2")
        second = searched.find("Slot", query_of(first, "next"))
        again = searched.find("Slot", query_of(second, "first"))

        assert second["total"] == first["total"] == 5
        assert ids_of(again) == ids_of(first)
        assert link_of(second, "self") == link_of(first, "next")

    @pytest.mark.parametrize(
        "spoil", [lambda c: c[:-2], with_another_first_letter, lambda c: "é", lambda c: ""]
    )
    def test_refuses_a_link_that_was_changed(self, searched, spoil):
        cursor = parse_qs(query_of(searched.find("Slot", "_count=2"), "next"))["_page"][0]

        with pytest.raises(PageGone, match="search again"):
            unseal(spoil(cursor), PAGE_KEY)

    def test_refuses_a_link_of_another_key_or_kind(self, searched):
        link = query_of(searched.find("Slot", "_count=2"), "next")

        with pytest.raises(PageGone):
            searched.find("Slot", link, page_key=bytes(32))
        with pytest.raises(PageGone, match="another kind"):
            searched.find("Schedule", link)

    def test_has_a_seal_that_tells_nothing_and_is_always_the_same(self):
        place = Place("Patient", "name=Probst", 3, ["x"])
        cursor = seal(place, PAGE_KEY)

        assert unseal(cursor, PAGE_KEY) == place
        assert seal(place, PAGE_KEY) == cursor
        assert cursor != seal(Place("Patient", "name=Probsu", 3, ["x"]), PAGE_KEY)

    @pytest.fixture
    def schedule(self, sessions: sessionmaker[Session]) -> Schedule:
        with sessions.begin() as session:
            return a_schedule(session)

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        size=st.integers(1, 6),
        later=st.lists(st.lists(st.integers(0, 600), max_size=4, unique=True), max_size=4),
    )
    def test_gives_each_once_while_others_are_written(self, sessions, schedule, size, later):
        # The slots that were there at the start lie at odd minutes, those written meanwhile at even ones.
        with sessions.begin() as session:
            session.query(Slot).delete()
            before = [self.row(schedule, 2 * number + 1) for number in range(10)]
            session.execute(insert(Slot), before)
        written: set[int] = set()
        found: list[str] = []
        query = f"_count={size}"
        for _ in range(20):
            with sessions.begin() as session:
                bundle = orjson.loads(
                    search(
                        session,
                        kind="Slot",
                        query_string=query,
                        base_url=BASE,
                        viewer=EVERYONE,
                        zone=ZONE,
                        page_key=PAGE_KEY,
                    )
                )
                found += ids_of(bundle)
                minutes = {2 * minute for minute in (later.pop() if later else ())} - written
                written |= minutes
                if minutes:
                    session.execute(insert(Slot), [self.row(schedule, minute) for minute in minutes])
            following = link_of(bundle, "next")
            if following is None:
                break
            query = urlsplit(following).query

        expected = [str(row["id"]) for row in before]
        assert [key for key in found if key in expected] == expected
        assert len(set(found)) == len(found)

    @staticmethod
    def row(schedule: Schedule, minute: int) -> dict[str, object]:
        return {
            "id": uuid4(),
            "organisation_id": schedule.organisation_id,
            "schedule_id": schedule.id,
            "starts_at": moment(minute // 60, minute % 60),
            "ends_at": moment(minute // 60 + 1, minute % 60),
            "status": SlotStatus.FREE,
        }


class TestStatements:
    @pytest.mark.parametrize(
        ("kind", "query", "expected"),
        [
            ("Slot", "status=free&start=ge2026-03-01&_count=2", 1),
            ("Slot", "status=nonsense", 1),
            ("Slot", "_count=0", 1),
            ("Appointment", "date=2026-03-03&actor:missing=false&_sort=-date&_count=2", 1),
            # One more reads the sealed names of those whom the viewer may see.
            ("Patient", "name=pro&_count=2", 2),
        ],
    )
    def test_are_one_for_each_page(self, searched, kind, query, expected):
        statements: list[str] = []

        def note(_connection, _cursor, statement, *_rest):
            if statement != "BEGIN" and "set_config" not in statement:
                statements.append(statement)

        event.listen(searched.engine, "before_cursor_execute", note)
        try:
            bundle = searched.find(kind, query)
            following = link_of(bundle, "next")
            assert len(statements) == expected
            if following:
                searched.find(kind, urlsplit(following).query)
                assert len(statements) == 2 * expected
        finally:
            event.remove(searched.engine, "before_cursor_execute", note)

    def test_use_the_index_of_a_days_slots(self, sqlite_engine):
        with Session(sqlite_engine) as session:
            a_world(session)
            statements: list[tuple[str, tuple[object, ...]]] = []
            event.listen(
                sqlite_engine, "before_cursor_execute", lambda *args: statements.append((args[2], args[3]))
            )
            search(
                session,
                kind="Slot",
                query_string="start=2026-03-03",
                base_url=BASE,
                viewer=EVERYONE,
                zone=ZONE,
                page_key=PAGE_KEY,
            )
            statement, values = statements[-1]
            steps = [
                row[-1]
                for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]

        assert any(
            "SEARCH slot USING" in step and "ix_slot_starts_at_id (starts_at>" in step for step in steps
        )
        assert not any(step.startswith("SCAN document") or "(kind=?)" in step for step in steps)


PARAMETERS = sorted({name for resource in RESOURCES for name in resource.all_parameters})


class TestAnyQuery:
    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        kind=st.sampled_from([resource.kind for resource in RESOURCES]),
        query=st.text(max_size=60)
        | st.lists(
            st.tuples(
                st.sampled_from([*PARAMETERS, "_count", "_sort", "_total", "_page", "_summary"]),
                st.sampled_from(["", ":not", ":exact", ":contains", ":missing", ":Patient", ":"]),
                st.text(max_size=12)
                | st.sampled_from(
                    ["true", "2026-03", "ge9999", "a|b", "-date", "Patient/1", "\\", "ß,[", "1950-01-31"]
                ),
            ).map(lambda parts: f"{parts[0]}{parts[1]}={parts[2]}"),
            max_size=4,
        ).map("&".join),
        strict=st.booleans(),
    )
    def test_is_answered_or_refused_as_invalid(self, searched, kind, query, strict):
        with suppress(InvalidSearch, PageGone):
            assert searched.find(kind, query, strict=strict)["resourceType"] == "Bundle"

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("name=" + "x" * 20_000, "the query is too long"),
            ("&".join(["name=x"] * 101), "too many parameters"),
            ("_id=" + ",".join("x" * 401), "_id has too many values"),
            ("name=" + "x" * 1001, "^name=x+ cannot be understood: give at most 1000 letters"),
        ],
    )
    def test_is_refused_when_it_asks_for_too_much(self, searched, query, message):
        with pytest.raises(InvalidSearch, match=message):
            searched.find("Patient", query)

    @pytest.mark.parametrize("name", ["birthdate", "name", "_id", "organization", "gender"])
    def test_may_have_many_values(self, searched, name):
        value = {"birthdate": "1950", "gender": "male"}.get(name, "ab")

        assert "total" in searched.find("Patient", f"{name}={','.join([value] * 400)}")

    @pytest.mark.parametrize("letter", ["s", "u", "%C3%9F", "["])
    def test_may_have_a_long_value(self, searched, letter):
        assert searched.find("Patient", f"name:contains={letter * 1000}")["total"] == 0
