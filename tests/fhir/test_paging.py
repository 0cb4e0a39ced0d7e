"""Links back, to the beginning and to the end."""

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from careapp.consultations.models import Schedule, Slot, SlotStatus
from fhir.search.query import search
from tests.careapp.worlds import EVERYONE, a_schedule, moment
from tests.fhir.conftest import BASE, PAGE_KEY, ZONE, Searched, ids_of, link_of


def follow(searched: Searched, kind: str, bundle: dict[str, Any], relation: str) -> dict[str, Any] | None:
    link = link_of(bundle, relation)
    return None if link is None else searched.find(kind, urlsplit(link).query)


SORTS = ["", "_sort=date", "_sort=-date", "_sort=status,-date", "_sort=-_lastUpdated,date", "_sort=-_id"]


class TestLinks:
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(size=st.integers(1, 7), sort=st.sampled_from(SORTS))
    def test_lead_back_through_the_same_pages(self, searched, size, sort):
        bundle = searched.find("Appointment", f"_count={size}&{sort}")
        there, back = [ids_of(bundle)], []
        while (following := follow(searched, "Appointment", bundle, "next")) is not None:
            bundle = following
            there.append(ids_of(bundle))
        while True:
            back.append(ids_of(bundle))
            before = follow(searched, "Appointment", bundle, "prev")
            if before is None:
                break
            assert link_of(bundle, "previous") == link_of(bundle, "prev")
            assert follow(searched, "Appointment", before, "next") is not None
            bundle = before

        # Back from a last page that is not full, pages are cut from its first item: all full but the first.
        assert [key for page in back[::-1] for key in page] == [key for page in there for key in page]
        assert back[0] == there[-1]

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(size=st.integers(1, 7), sort=st.sampled_from(SORTS), total=st.sampled_from(["accurate", "none"]))
    def test_lead_to_the_end(self, searched, size, sort, total):
        query = f"_total={total}&{sort}"
        whole = ids_of(searched.find("Appointment", query))

        last = follow(searched, "Appointment", searched.find("Appointment", f"_count={size}&{query}"), "last")

        assert last is not None
        length = len(whole) % size or size if total == "accurate" else size
        assert ids_of(last) == whole[-length:]
        assert link_of(last, "next") is None
        assert (link_of(last, "prev") is None) == (length >= len(whole))
        assert last.get("total") == (len(whole) if total == "accurate" else None)

    def test_of_a_first_page_lead_not_back(self, searched):
        bundle = searched.find("Slot", "_count=3")

        assert link_of(bundle, "prev") is None
        assert ids_of(follow(searched, "Slot", bundle, "first") or {}) == ids_of(bundle)

    def test_keep_the_form_of_the_answer(self, searched):
        bundle = searched.find("Slot", "_count=3&_format=application/fhir%2Bxml&_pretty=true&status=free")

        for relation in ("first", "next", "last"):
            link = link_of(bundle, relation)
            assert link is not None
            assert link.endswith("&_format=application/fhir%2Bxml&_pretty=true")
            assert "status" not in link
        following = follow(searched, "Slot", bundle, "next")
        assert following is not None
        assert "_format=application/fhir%2Bxml" in str(link_of(following, "prev"))

    @pytest.mark.parametrize("query", ["_count=0", "_summary=count"])
    def test_are_none_beside_a_total(self, searched, query):
        assert [link["relation"] for link in searched.find("Slot", query)["link"]] == ["self"]

    def test_sort_by_text_and_code(self, searched):
        for kind, sort in (("Patient", "family,given"), ("Patient", "-name"), ("Slot", "-status,start"),
                           ("Location", "address-city,name")):  # fmt: skip
            whole = ids_of(searched.find(kind, f"_sort={sort}"))
            bundle, found = searched.find(kind, f"_sort={sort}&_count=3"), []
            while True:
                found += ids_of(bundle)
                following = follow(searched, kind, bundle, "next")
                if following is None:
                    break
                bundle = following
            assert found == whole
            assert len(set(found)) == len(whole)


class TestPagesWhileOthersWrite:
    """Slots of the start lie at odd minutes; others are written at even ones between two pages."""

    @settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        size=st.integers(1, 6),
        later=st.lists(st.lists(st.integers(0, 30), max_size=4, unique=True), max_size=6),
        direction=st.sampled_from(["next", "prev"]),
        sort=st.sampled_from(["start", "-start", "-status,start"]),
    )
    def test_give_each_once(self, sessions, size, later, direction, sort):
        with sessions.begin() as session:
            schedule = a_schedule(session)
            session.query(Slot).delete()
            session.execute(insert(Slot), before := [a_row(schedule, 2 * minute + 1) for minute in range(10)])

        def find(query: str) -> dict[str, Any]:
            with sessions.begin() as session:
                found: dict[str, Any] = orjson.loads(
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
            return found

        bundle = find(f"_count={size}&_sort={sort}")
        if direction == "prev":
            bundle = find(urlsplit(link_of(bundle, "last") or "").query)
        pages, written = [ids_of(bundle)], set[int]()
        while (link := link_of(bundle, direction)) is not None:
            minutes = {2 * minute for minute in (later.pop() if later else ())} - written
            written |= minutes
            if minutes:
                with sessions.begin() as session:
                    session.execute(insert(Slot), [a_row(schedule, minute) for minute in minutes])
            bundle = find(urlsplit(link).query)
            pages.append(ids_of(bundle))

        found = [key for page in (pages[::-1] if direction == "prev" else pages) for key in page]
        expected = [str(row["id"]) for row in (before[::-1] if sort == "-start" else before)]
        assert [key for key in found if key in expected] == expected
        assert len(set(found)) == len(found)


def a_row(schedule: Schedule, minute: int) -> dict[str, object]:
    return {
        "id": uuid4(),
        "organisation_id": schedule.organisation_id,
        "schedule_id": schedule.id,
        "starts_at": moment(6 + minute // 60, minute % 60),
        "ends_at": moment(7 + minute // 60, minute % 60),
        "status": SlotStatus.FREE,
    }
