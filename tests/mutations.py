"""Documents that were right once: one or a few parts of them replaced, doubled, wrapped or left out."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(
        [
            *(
                "2026-03-03",
                "2026-03-03T06:00:00Z",
                "Patient/1",
                "#a",
                "booked",
                "active",
                "1",
                "",
                "a" * 300,
            ),
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "urn:uuid:1"),
        ]
    )
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
"""What JSON may hold, sometimes a piece of FHIR."""


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each part of a document."""
    items: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from places(part, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """Draw a copy of which one to three parts are changed."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(found)) or [("id",)]))
        node: Any = found
        for key in path[:-1]:
            node = node[key]
        how = draw(st.sampled_from(["leave out", "wrap", "repeat", "replace"]))
        if how == "leave out":
            if path[-1] in node or isinstance(node, list):
                del node[path[-1]]
        elif how == "wrap":
            node[path[-1]] = [node.get(path[-1]) if isinstance(node, dict) else node[path[-1]]]
        elif how == "repeat" and isinstance(node, dict) and isinstance(node.get(path[-1]), list):
            node[path[-1]] = node[path[-1]] * 3
        else:
            node[path[-1]] = draw(ANYTHING)
    return found
