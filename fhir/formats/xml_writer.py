"""Resources as XML, written from their JSON; `fhir.formats.xml_reader` is the way back.

https://hl7.org/fhir/R4/xml.html. Nothing is lost either way: elements without a value, ids and extensions of
primitives, digits of decimals, white space in text. A narrative keeps its content, not its quotes.
"""

import json
import re
from collections.abc import Mapping
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
    parts = [HEAD]
    _resource(document, f' xmlns="{FHIR}"', parts)
    written = "".join(parts).encode()
    if not is_pretty:
        return written
    indented: bytes = etree.tostring(
        parse(written), pretty_print=True, xml_declaration=True, encoding="UTF-8"
    )
    return indented


def _resource(document: Mapping[str, Any], namespace: str, parts: list[str]) -> None:
    kind = str(document.get("resourceType"))
    try:
        shape = resource_shape(kind)
    except UnknownShape:
        raise CannotWrite("it is of a kind that R4 does not know: accept application/fhir+json") from None
    parts.append(f"<{kind}{namespace}>")
    _children(document, shape, parts)
    parts.append(f"</{kind}>")


def _children(values: Mapping[str, Any], shape: Shape, parts: list[str]) -> None:
    """Write elements in FHIR's order, whatever theirs is."""
    places = shape.places
    try:
        names = sorted(
            {name.removeprefix("_") for name in values if name != "resourceType"}, key=places.__getitem__
        )
    except KeyError:
        raise CannotWrite(
            f"{shape.name} holds an element that R4 does not know: accept application/fhir+json"
        ) from None
    for name in names:
        if name in shape.attributes:
            continue
        element = shape.elements[name]
        value, beside = values.get(name), values.get(f"_{name}")
        if not element.is_list:
            _element(element, value, beside, parts)
        elif beside is None:
            for each in value or ():
                _element(element, each, None, parts)
        else:
            for one, one_beside in zip_longest(value or (), beside):
                _element(element, one, one_beside, parts)


def _element(element: Element, value: Any, beside: Mapping[str, Any] | None, parts: list[str]) -> None:
    name = element.name
    if element.sort is Sort.COMPLEX:
        _tag(name, value, "", shape_of(element.shape or ""), parts)
    elif element.sort is Sort.RESOURCE:
        parts.append(f"<{name}>")
        _resource(value, "", parts)
        parts.append(f"</{name}>")
    elif element.sort is Sort.XHTML:
        parts.append(_narrative(value))
    elif beside is None:
        parts.append(f'<{name} value="{_escaped(_text(value))}"/>')
    else:
        attribute = "" if value is None else f' value="{_escaped(_text(value))}"'
        _tag(name, beside, attribute, shape_of("Element"), parts)


def _tag(name: str, values: Mapping[str, Any], attributes: str, shape: Shape, parts: list[str]) -> None:
    for attribute in ("id", "url"):
        if attribute in values and attribute in shape.attributes:
            attributes += f' {attribute}="{_escaped(_text(values[attribute]))}"'
    before = len(parts)
    parts.append("")
    _children(values, shape, parts)
    if len(parts) > before + 1:
        parts[before] = f"<{name}{attributes}>"
        parts.append(f"</{name}>")
    else:
        parts[before] = f"<{name}{attributes}/>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise CannotWrite("a value is neither text nor number: accept application/fhir+json")


def _escaped(text: str) -> str:
    return ESCAPED.sub(_escape, text) if ESCAPED.search(text) else text


def _escape(found: re.Match[str]) -> str:
    return ESCAPES[found[0]]


def _narrative(text: object) -> str:
    try:
        return narrative_of(parse(str(text).encode()))
    except NotXml:
        raise CannotWrite("its narrative is no XML: accept application/fhir+json") from None
