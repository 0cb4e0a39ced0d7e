"""JSON Patch of a resource, and what it refuses."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.formats.json import read_any
from fhir.issues import Malformed, Rejected
from fhir.patch.json_patch import MOST_OPERATIONS, read

SLOT: dict[str, Any] = {
    "resourceType": "Slot",
    "status": "free",
    "identifier": [{"value": "1"}, {"value": "2"}],
    "comment": "a",
}


def operation(op: str, path: str, **rest: Any) -> dict[str, Any]:
    return {"op": op, "path": path} | {name.rstrip("_"): value for name, value in rest.items()}


class TestApply:
    @pytest.mark.parametrize(
        ("done", "changes"),
        [
            (operation("replace", "/status", value="busy"), {"status": "busy"}),
            (operation("add", "/overbooked", value=True), {"overbooked": True}),
            (
                operation("add", "/identifier/-", value={"value": "3"}),
                {"identifier": [{"value": "1"}, {"value": "2"}, {"value": "3"}]},
            ),
            (operation("remove", "/identifier/0"), {"identifier": [{"value": "2"}]}),
            (
                operation("move", "/identifier/0", from_="/identifier/1"),
                {"identifier": [{"value": "2"}, {"value": "1"}]},
            ),
            (operation("copy", "/comment", from_="/status"), {"comment": "free"}),
            (operation("test", "/status", value="free"), {}),
        ],
    )
    def test_does_each_operation(self, done, changes):
        before = dict(SLOT)

        assert read([done])(SLOT) == SLOT | changes
        assert before == SLOT

    def test_removes_what_it_leaves_empty(self):
        change = read([operation("remove", "/identifier/1"), operation("remove", "/identifier/0/value")])

        assert change(SLOT) == {name: value for name, value in SLOT.items() if name != "identifier"}

    def test_does_the_same_again(self):
        change = read(
            [
                operation("add", "/extension", value=[]),
                operation("add", "/extension/-", value={"url": "urn:a"}),
            ]
        )

        assert change(SLOT) == change(SLOT) == SLOT | {"extension": [{"url": "urn:a"}]}


class TestRefusals:
    @pytest.mark.parametrize(
        "wrong",
        [
            operation("replace", "/colour", value="red"),
            operation("remove", "/identifier/7"),
            operation("remove", "/identifier/x"),
            operation("add", "/identifier/7", value={}),
            operation("add", "/status/a/b", value=1),
            operation("copy", "/a", from_="/b"),
            operation("move", "/identifier/0/a", from_="/identifier/0"),
            operation("test", "/status", value="busy"),
            operation("test", "/colour", value="busy"),
        ],
    )
    def test_name_the_operation_that_cannot_be_done(self, wrong):
        with pytest.raises(Rejected, match="operation 1") as raised:
            read([operation("test", "/status", value="free"), wrong])(SLOT)

        assert not isinstance(raised.value, Malformed)

    @pytest.mark.parametrize(
        "operations",
        [
            {},
            "x",
            None,
            [1],
            [{}],
            [{"op": "add", "path": "/a"}],
            [{"op": ["add"], "path": "/a", "value": 1}],
            [{"op": "merge", "path": "/a", "value": 1}],
            [{"op": "remove", "path": "a"}],
            [{"op": "remove", "path": 1}],
            [{"op": "move", "path": "/a", "from": "~2"}],
            [operation("remove", "/a")] * (MOST_OPERATIONS + 1),
        ],
    )
    def test_name_what_is_no_patch(self, operations):
        with pytest.raises(Malformed):
            read(operations)

    @pytest.mark.parametrize("value", [None, [], "x"])
    def test_keep_a_resource_a_resource(self, value):
        with pytest.raises(Rejected):
            read([operation("replace", "", value=value)])(SLOT)

    def test_stop_lists_that_double(self):
        doubling = [operation("copy", "/identifier/-", from_="/identifier")] * 100

        with pytest.raises(Rejected, match=r"too large|too deeply"):
            read(doubling)(SLOT)

    def test_stop_nesting_without_end(self):
        deeper = [operation("add", "/identifier" + "/0" * level, value=[[]]) for level in range(1, 200)]

        with pytest.raises(Rejected, match="too deeply"):
            read(deeper)(SLOT)

    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
                    "path": st.text("/identifer01-~s", max_size=15),
                    "from": st.text("/identifer01-~s", max_size=15),
                    "value": st.none() | st.booleans() | st.lists(st.integers(), max_size=2),
                }
            ),
            max_size=4,
        )
    )
    @settings(max_examples=150, deadline=None)
    def test_are_all_that_any_patch_meets(self, operations):
        with suppress(Rejected):
            read(operations)(SLOT)


def test_is_read_as_strictly_as_a_resource():
    with pytest.raises(Malformed):
        read_any(b'[{"op":"remove","op":"add"}]')
