"""Resources as XML, written from their JSON; `fhir.formats.xml_reader` is the way back.

https://hl7.org/fhir/R4/xml.html. Nothing is lost either way: elements without a value, ids and extensions of
primitives, digits of decimals, white space in text. A narrative keeps its content, not its quotes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from lxml import etree

from fhir.formats.media import NotAcceptable
from fhir.formats.safe_xml import NotXml, narrative_of, parse
from fhir.formats.shapes import Element, Shape, Sort, UnknownShape, resource_shape, shape_of

FHIR = "http://hl7.org/fhir"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'

ESCAPED = re.compile('[&<>"\n\r\t]')
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
"""White space would else become a space when an attribute is read."""


class CannotWrite(NotAcceptable):
    """A resource holds what XML cannot say; JSON can."""


class Digits(str):
    """A number as JSON wrote it."""

    __slots__ = ()


def write_xml(content: bytes, *, is_pretty: bool = False) -> bytes:
    """Write a resource.

    Args:
        content: The resource as JSON.
        is_pretty: Indent it for people.

    Raises:
        CannotWrite: It holds an element that R4 does not know, or a narrative that is no XML.
    """
    document = json.loads(content, parse_float=Digits, parse_int=Digits)
    written = HEAD + "".join(_resource(document, f' xmlns="{FHIR}"'))
    if not is_pretty:
        return written.encode()
    tree = parse(written.encode())
    indented: bytes = etree.tostring(tree, pretty_print=True, xml_declaration=True, encoding="UTF-8")
    return indented


def _resource(document: Mapping[str, Any], namespace: str = "") -> Iterator[str]:
    kind = str(document.get("resourceType"))
    try:
        shape = resource_shape(kind)
    except UnknownShape:
        raise CannotWrite("it is of a kind that R4 does not know: accept application/fhir+json") from None
    yield f"<{kind}{namespace}>"
    yield from _children(document, shape)
    yield f"</{kind}>"


def _children(values: Mapping[str, Any], shape: Shape) -> Iterator[str]:
    known = 0
    for name, element in shape.elements.items():
        value, beside = values.get(name), values.get(f"_{name}") if element.sort.is_primitive else None
        known += (name in values) + (beside is not None)
        if (value is None and beside is None) or name in shape.attributes:
            continue
        if element.is_list:
            for one, one_beside in zip_longest(value or (), beside or ()):
                yield from _element(element, one, one_beside)
        else:
            yield from _element(element, value, beside)
    if known < len(values) - ("resourceType" in values):
        raise CannotWrite(
            f"{shape.name} holds an element that R4 does not know: accept application/fhir+json"
        )


def _element(element: Element, value: Any, beside: Mapping[str, Any] | None) -> Iterator[str]:
    if element.sort is Sort.XHTML:
        yield _narrative(value)
    elif element.sort is Sort.RESOURCE:
        yield f"<{element.name}>"
        yield from _resource(value)
        yield f"</{element.name}>"
    elif element.sort is Sort.COMPLEX:
        yield from _tag(element.name, value, "", shape_of(element.shape or ""))
    else:
        attribute = "" if value is None else f' value="{_escaped(_text(value))}"'
        yield from _tag(element.name, beside or {}, attribute, shape_of("Element"))


def _tag(name: str, values: Mapping[str, Any], attributes: str, shape: Shape) -> Iterator[str]:
    for attribute in sorted(shape.attributes & values.keys()):
        attributes += f' {attribute}="{_escaped(_text(values[attribute]))}"'
    inner = "".join(_children(values, shape))
    yield f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise CannotWrite("a value is neither text nor number: accept application/fhir+json")


def _escaped(text: str) -> str:
    return ESCAPED.sub(lambda found: ESCAPES[found[0]], text)


def _narrative(text: object) -> str:
    try:
        return narrative_of(parse(str(text).encode()))
    except NotXml:
        raise CannotWrite("its narrative is no XML: accept application/fhir+json") from None
