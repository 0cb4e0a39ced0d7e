"""Invents resources: any elements that R4 has, values or extensions of values, whatever they mean."""

from typing import Any

from hypothesis import strategies as st

from fhir.formats.json import number
from fhir.formats.shapes import Element, Shape, Sort, resource_shape, shape_of

KINDS = ("Patient", "Appointment", "Slot", "Schedule", "Location", "ServiceRequest", "List", "Parameters")
DEEPEST = 5

# What FHIR takes: no control characters but tab and line ends, and XML 1.0 lacks these two.
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="￾￿")
TEXT = st.text(LETTERS | st.sampled_from("\t\n\r <>&\"'"), min_size=1, max_size=12)
DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})\.[0-9]{1,20}([eE][+-]?[0-9]{1,2})?", fullmatch=True)
NARRATIVES = st.sampled_from(
    [
        '<div xmlns="http://www.w3.org/1999/xhtml">A <b>bold</b> word &amp; a &lt;</div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><p id="a" title="&quot;">ü\n </p><br/>tail</div>',
    ]
)
VALUES: dict[Sort, st.SearchStrategy[Any]] = {
    Sort.TEXT: TEXT,
    Sort.BOOLEAN: st.booleans(),
    Sort.INTEGER: st.integers(-(2**31), 2**31 - 1),
    Sort.DECIMAL: DIGITS.map(number) | st.integers(-(10**17), 10**17),
    Sort.XHTML: NARRATIVES,
}


@st.composite
def resources(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    """Draw a resource of a kind that is often met."""
    kind = draw(st.sampled_from(KINDS))
    return {"resourceType": kind} | _children(draw, resource_shape(kind), depth)


def _children(draw: st.DrawFn, shape: Shape, depth: int) -> dict[str, Any]:
    names = sorted(shape.elements) if depth < DEEPEST else sorted(set(shape.elements) & {"id", "url"})
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=4, unique=True)) if names else ():
        _add(draw, found, shape.elements[name], depth, may_be_beside=name not in {"id", *shape.attributes})
    return found


def _add(
    draw: st.DrawFn, found: dict[str, Any], element: Element, depth: int, *, may_be_beside: bool
) -> None:
    if element.sort is Sort.RESOURCE:
        inner: Any = draw(resources(depth + 2))
        found[element.name] = [inner] if element.is_list else inner
    elif element.sort is Sort.COMPLEX:
        each = [_complex(draw, element, depth) for _ in range(draw(st.integers(1, 2)))]
        each = [one for one in each if one]
        if each:
            found[element.name] = each if element.is_list else each[0]
    elif element.sort is Sort.XHTML or not may_be_beside:
        found[element.name] = draw(VALUES[element.sort])
    else:
        _add_primitive(draw, found, element)


def _complex(draw: st.DrawFn, element: Element, depth: int) -> dict[str, Any]:
    return _children(draw, shape_of(element.shape or ""), depth + 1)


def _add_primitive(draw: st.DrawFn, found: dict[str, Any], element: Element) -> None:
    beside = st.none() | st.builds(
        lambda key, text: {"id": key, "extension": [{"url": "http://a.example", "valueString": text}]},
        *(TEXT, TEXT),
    )
    pairs = draw(
        st.lists(
            st.tuples(st.none() | VALUES[element.sort], beside).filter(lambda pair: pair != (None, None)),
            min_size=1,
            max_size=3 if element.is_list else 1,
        )
    )
    values, besides = [list(each) for each in zip(*pairs, strict=True)]
    for name, each in ((element.name, values), (f"_{element.name}", besides)):
        if any(one is not None for one in each):
            found[name] = each if element.is_list else each[0]
