"""Resources as XML, read into their JSON; `fhir.formats.xml_writer` is the way back.

https://hl7.org/fhir/R4/xml.html. All that is wrong is said at once, each with its FHIRPath and line; the
order of elements is not insisted on. What values must look like, validation tells, the same for both formats.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from fhir.formats.json import malformed, number, require_shallow
from fhir.formats.safe_xml import XHTML, NotXml, narrative_of, parse
from fhir.formats.shapes import Element, Shape, Sort, UnknownShape, resource_shape, shape_of
from fhir.issues import Issue, Malformed
from fhir.mapping.elements import Json

FHIR = "http://hl7.org/fhir"
SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
MOST_ISSUES = 100
WHOLE = re.compile("-?(0|[1-9][0-9]{0,17})")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


def read_xml(body: bytes) -> Json:
    """Read a resource, decimals with all their digits.

    Raises:
        Malformed: It is no XML, or no resource; each issue names its place.
    """
    try:
        root = parse(body)
    except NotXml as wrong:
        raise malformed(f"the body is not XML as it is read here: {wrong.why}") from None
    reader = _Reader()
    document = reader.resource(root, None)
    if reader.issues:
        raise Malformed(reader.issues)
    require_shallow(document)
    return document


class _Reader:
    """Reads one document and remembers all that is wrong with it."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def resource(self, node: etree._Element, place: str | None) -> Json:
        """Read a resource; it begins a FHIRPath of its own unless it stands inside another."""
        name = etree.QName(node)
        try:
            shape = resource_shape(name.localname if name.namespace == FHIR else "")
        except UnknownShape:
            self._complain(node, place or "Resource", f"it is no resource of R4 in the namespace {FHIR}")
            return {"resourceType": "Resource"}
        attributes = [key for key in node.attrib if key != SCHEMA_LOCATION]
        if attributes:
            self._complain(node, place or shape.name, "a resource has no attributes")
        document = {"resourceType": shape.name}
        self._children(node, shape, place or shape.name, document)
        return document

    def _complain(self, node: etree._Element, place: str, sentence: str) -> None:
        if len(self.issues) < MOST_ISSUES:
            self.issues.append(Issue("structure", f"line {node.sourceline}: {sentence}", place))

    def _children(self, node: etree._Element, shape: Shape, place: str, values: Json) -> None:
        if (node.text or "").strip() or any((child.tail or "").strip() for child in node):
            self._complain(node, place, "text stands between elements: values are attributes")
        found: dict[str, list[etree._Element]] = {}
        for child in node:
            name = etree.QName(child)
            element = shape.elements.get(name.localname)
            expected = XHTML if element is not None and element.sort is Sort.XHTML else FHIR
            if element is None or name.localname in shape.attributes or name.namespace != expected:
                self._complain(child, place, f"{shape.name} has no such element in R4")
            else:
                found.setdefault(name.localname, []).append(child)
        for name, element in shape.elements.items():
            if name in found:
                self._element(element, found[name], f"{place}.{name}", values)

    def _element(self, element: Element, nodes: list[etree._Element], place: str, values: Json) -> None:
        if not element.is_list:
            if len(nodes) > 1:
                self._complain(nodes[1], place, "it may stand only once")
            value, beside = self._value(nodes[0], element, place)
            _set(values, element.name, value)
            _set(values, f"_{element.name}", beside)
            return
        read = [self._value(node, element, f"{place}[{index}]") for index, node in enumerate(nodes)]
        _set_all(values, element.name, (value for value, _ in read))
        _set_all(values, f"_{element.name}", (beside for _, beside in read))

    def _value(self, node: etree._Element, element: Element, place: str) -> tuple[Any, Json | None]:
        """Read an element: its value, and what JSON writes beside it."""
        if element.sort is Sort.XHTML:
            return narrative_of(node), None
        if element.sort is Sort.RESOURCE:
            if len(node) != 1 or node.attrib or (node.text or "").strip():
                self._complain(node, place, "it holds exactly one resource and nothing else")
                return None, None
            return self.resource(node[0], place), None
        is_primitive = element.sort is not Sort.COMPLEX
        shape = shape_of("Element" if is_primitive else element.shape or "")
        inner: Json = {}
        for name, text in node.attrib.items():
            if name in shape.attributes:
                inner[str(name)] = str(text)
            elif name != "value" or not is_primitive:
                self._complain(node, place, "it has an attribute that R4 does not know")
        self._children(node, shape, place, inner)
        text = node.get("value")
        if text is None and not inner and not len(node) and not (node.text or "").strip():
            self._complain(node, place, "it is empty: leave it out, or give it a value (ele-1)")
        if not is_primitive:
            return inner, None
        return None if text is None else self._primitive(node, str(text), element.sort, place), inner or None

    def _primitive(self, node: etree._Element, text: str, sort: Sort, place: str) -> Any:
        try:
            if sort is Sort.BOOLEAN:
                return BOOLEANS[text]
            if sort is Sort.INTEGER and WHOLE.fullmatch(text):
                return int(text)
            if sort is Sort.DECIMAL and DECIMAL.fullmatch(text):
                return int(text) if WHOLE.fullmatch(text) and text != "-0" else number(text)
        except (KeyError, ValueError):
            pass
        else:
            if sort is Sort.TEXT:
                return text
        self._complain(node, place, f"its value is not {sort.value}")
        return None


def _set(values: Json, name: str, value: Any) -> None:
    if value is not None:
        values[name] = value


def _set_all(values: Json, name: str, found: Iterable[Any]) -> None:
    each = list(found)
    if any(value is not None for value in each):
        values[name] = each
