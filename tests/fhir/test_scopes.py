"""The scopes of tokens."""

from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.scopes import (
    ANY_KIND,
    CRUDS,
    BadScope,
    Context,
    Interaction,
    Limit,
    Scope,
    Scopes,
    narrowed,
    parse,
    split,
)

SCOPE = st.builds(
    Scope,
    st.sampled_from(Context),
    st.sampled_from([ANY_KIND, "Slot", "Patient", "Appointment"]),
    st.sets(st.sampled_from(Interaction), min_size=1).map(frozenset),
    st.sampled_from([None, "status=free", "category=http://a.example|b&_tag=c"]),
)


class TestParse:
    @given(SCOPE)
    @settings(max_examples=60)
    def test_reads_what_a_scope_writes(self, scope):
        assert parse(str(scope)) == scope

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("user/Slot.read", "user/Slot.rs"),
            ("system/*.write", "system/*.cud"),
            ("patient/*.*", "patient/*.cruds"),
        ],
    )
    def test_reads_the_forms_of_version_1(self, old, new):
        assert parse(old) == parse(new)

    @pytest.mark.parametrize(
        "written",
        [
            "",
            "openid",
            "user/Slot",
            "user/Slot.",
            "user/Slot.sr",
            "user/Slot.rr",
            "user/Slot.readwrite",
            "user/slot.r",
            "everybody/Slot.r",
            "user/Slot.rs?",
            'user/Slot.rs?status="free"',
            "user/Slot.rs?status=free\n",
            "user/Sl ot.rs",
            "user/Ｓlot.rs",
            "user/*.rs?" + "a" * 500,
        ],
    )
    def test_refuses_what_is_no_scope(self, written):
        with pytest.raises(BadScope):
            parse(written)

    def test_takes_no_time_over_a_hostile_text(self):
        began = perf_counter()

        for hostile in (
            "user/" + "A" * 1_000_000,
            "user/*." + "cruds" * 100_000,
            "user/*.r?" + "=" * 1_000_000,
        ):
            with pytest.raises(BadScope):
                parse(hostile)

        assert perf_counter() - began < 0.1


class TestAllow:
    def test_allows_what_one_of_the_scopes_names(self):
        scopes = Scopes.of(["user/Slot.rs", "user/Appointment.c"])

        assert scopes.allow("Slot", "r").allowed
        assert scopes.allow("Appointment", Interaction.CREATE).allowed
        assert not scopes.allow("Slot", "u").allowed
        assert not scopes.allow("Patient", "r").allowed

    def test_names_the_resources_that_a_query_leaves(self):
        answer = Scopes.of(["user/Slot.rs?status=free", "user/Slot.r?status=busy"]).allow("Slot", "r")

        assert set(answer.queries) == {"status=free", "status=busy"}

    def test_leaves_all_resources_if_one_scope_names_no_query(self):
        answer = Scopes.of(["user/Slot.rs?status=free", "user/*.r"]).allow("Slot", "r")

        assert answer.allowed
        assert answer.limits == ()

    def test_keeps_a_patient_apart_from_a_query(self):
        answer = Scopes.of(["patient/*.rs", "user/Slot.rs?status=free"]).allow("Slot", "s")

        assert set(answer.limits) == {Limit(None, of_patient=True), Limit("status=free", of_patient=False)}
        assert not answer.of_patient
        assert Scopes.of(["patient/*.rs"]).allow("Slot", "s").of_patient

    def test_asks_the_scopes_of_one_context_alone(self):
        scopes = Scopes.of(["patient/*.rs", "user/Slot.r"])

        assert scopes.allow("Patient", "r", contexts=("patient",)).allowed
        assert not scopes.allow("Patient", "r", contexts=("user", "system")).allowed

    def test_is_read_once(self):
        assert Scopes.of(frozenset({"user/*.r"})) is Scopes.of(["user/*.r"])

    def test_allows_nothing_for_what_it_does_not_know(self):
        assert not Scopes.of(["admin", "openid", "user/everything"]).allow("Slot", "r").allowed

    def test_has_scopes_of_its_own_for_the_rest_of_the_service(self):
        scopes = Scopes.of(["api.read", "user/*.cruds"])

        assert scopes.allow_api("GET")
        assert not scopes.allow_api("POST")


class TestNarrowed:
    def test_leaves_what_is_allowed(self):
        left = narrowed(
            ["openid", "user/*.cruds", "system/*.r"], ["openid", "user/Slot.rs", "user/Patient.r"]
        )

        assert left == {"openid", "user/Slot.rs", "user/Patient.r"}

    def test_leaves_a_part_as_it_was_asked_for(self):
        assert narrowed(["user/Slot.read"], ["user/*.cruds"]) == {"user/Slot.read"}

    def test_asks_for_both_queries(self):
        left = narrowed(["user/Slot.rs?schedule=Schedule/7"], ["user/Slot.rs?status=free"])

        assert left == {"user/Slot.rs?schedule=Schedule/7&status=free"}

    @given(st.lists(SCOPE, max_size=4), st.lists(SCOPE, max_size=4))
    @settings(max_examples=80)
    def test_never_gives_more_than_is_allowed(self, asked, allowed):
        left = Scopes.of(narrowed(map(str, asked), map(str, allowed)))

        for kind in ("Slot", "Patient", "Organization"):
            for letter in CRUDS:
                if left.allow(kind, letter).allowed:
                    assert Scopes.of(map(str, allowed)).allow(kind, letter).allowed
                    assert Scopes.of(map(str, asked)).allow(kind, letter).allowed


class TestSplit:
    def test_splits_at_blanks(self):
        assert split("openid  user/Slot.rs") == {"openid", "user/Slot.rs"}
        assert split(None) == frozenset()

    def test_refuses_a_flood(self):
        with pytest.raises(BadScope):
            split(" ".join(f"user/A{'b' * n}.r" for n in range(1, 62)))
