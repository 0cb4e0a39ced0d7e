"""Which elements a type of FHIR has, in which order, and how each is written.

Read off the models of fhir.resources (R4B, the same elements as R4 for what is served here), which know what
neither JSON nor XML says by itself: XML has an order and no types, JSON has types and no order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from typing import Any, cast, get_args, get_origin

from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.resource import Resource
from fhir_core import types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

ABSTRACT = frozenset({"Resource", "DomainResource"})


class Sort(Enum):
    """How a value stands in JSON; in XML all of them but the last two are attributes."""

    TEXT = "a JSON string"
    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    DECIMAL = "a number"
    XHTML = "the narrative: a string in JSON, itself in XML"
    COMPLEX = "elements of its own"
    RESOURCE = "any resource"

    @property
    def is_primitive(self) -> bool:
        """Tell whether JSON writes its extensions apart, under `_name`."""
        return self not in {Sort.COMPLEX, Sort.RESOURCE}


@dataclass(frozen=True)
class Element:
    """One element of a type.

    Attributes:
        name: As JSON and XML write it, e.g. `valueQuantity`.
        sort: How its value is written.
        shape: Name of its type, if that has elements of its own.
        is_list: It may stand more than once.
        choice: The name before its type, if its type may be chosen: `value` of `valueQuantity`.
    """

    name: str
    sort: Sort
    shape: str | None
    is_list: bool
    choice: str | None


@dataclass(frozen=True)
class Shape:
    """A type that has elements.

    Attributes:
        name: E.g. `Patient`, `PatientContact`, `HumanName`.
        elements: By name, in FHIR's order.
        is_resource: Its id is an element, not an attribute.
        attributes: What XML writes as attributes.
    """

    name: str
    elements: Mapping[str, Element]
    is_resource: bool
    attributes: frozenset[str]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Each element's place in the order."""
        return {name: place for place, name in enumerate(self.elements)}


class UnknownShape(Exception):
    """R4 has no resource of this name."""


@cache
def shape_of(name: str) -> Shape:
    """Return the shape of a type.

    Args:
        name: Of a resource, a datatype, or a part as the models call it (`PatientContact`).

    Raises:
        UnknownShape: There is no such type.
    """
    try:
        model = cast("type[BaseModel]", get_fhir_model_class(name))
    except (ValueError, AttributeError):  # the second: a primitive
        raise UnknownShape(name) from None
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    elements = {
        element: _element(element, fields[element])
        for element in model.elements_sequence()  # type: ignore[attr-defined]  # of the library's base class
    }
    is_resource = issubclass(model, Resource)
    attributes = frozenset() if is_resource else frozenset({"id", "url"} if name == "Extension" else {"id"})
    return Shape(name, elements, is_resource, attributes)


@cache
def resource_shape(kind: str) -> Shape:
    """Return the shape of a resource.

    Raises:
        UnknownShape: R4 has no such resource.
    """
    shape = shape_of(kind)
    if not shape.is_resource or kind in ABSTRACT:
        raise UnknownShape(kind)
    return shape


def _element(name: str, field: FieldInfo) -> Element:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    choice = cast("str | None", extra.get("one_of_many"))
    parts = [part for annotation in (field.annotation, *field.metadata) for part in _parts(annotation)]
    is_list = list in parts
    for part in parts:
        if isinstance(part, type) and issubclass(part, types.FhirBase):
            model = part.get_model_klass()
            if model is Resource:
                return Element(name, Sort.RESOURCE, None, is_list, choice)
            return Element(name, Sort.COMPLEX, model.get_resource_type(), is_list, choice)
    return Element(name, _sort(parts), None, is_list, choice)


def _sort(parts: list[Any]) -> Sort:
    for part in parts:
        if part is bool:
            return Sort.BOOLEAN
        if isinstance(part, types.Decimal):
            return Sort.DECIMAL
        if isinstance(part, types.Integer | types.Integer64):
            return Sort.INTEGER
        if isinstance(part, types.Xhtml):
            return Sort.XHTML
    return Sort.TEXT


def _parts(annotation: Any) -> list[Any]:
    """All that an annotation is made of, e.g. list, str and String for `list[Annotated[str, String()]]`."""
    inner = [part for each in get_args(annotation) for part in _parts(each)]
    return [annotation, get_origin(annotation), *inner]
