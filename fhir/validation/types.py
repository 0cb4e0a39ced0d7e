"""What FHIR says of each type: its elements, which must be there, their codes and targets.

Read once for each type from the models of fhir.resources, whose metadata follow HL7's definitions. We walk
documents ourselves: the library turns text into numbers where JSON must have numbers, fails on unknown
contained resources, and stops at the first missing element.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import NoneType
from typing import Any, cast, get_args

from pydantic import BaseModel

PRIMITIVES = {"EncodedBytes": "base64Binary", "UuidVersion": "uuid"}
"""Primitive types that the library calls by other names."""

ANY_RESOURCE = "Resource"
"""Type of elements that hold a whole resource of whatever kind."""

_ENCOUNTER = (
    "planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", "entered-in-error",
    "unknown",
)  # fmt: skip
_TASK = (
    "draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold",
    "failed", "completed", "entered-in-error",
)  # fmt: skip
_WHEN = (
    "MORN", "MORN.early", "MORN.late", "NOON", "AFT", "AFT.early", "AFT.late", "EVE", "EVE.early", "EVE.late",
    "NIGHT", "PHS", "HS", "WAKE", "C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV",
)  # fmt: skip
_COMPARATORS = ("<", "<=", ">=", ">")
_ISSUES = (
    "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired",
    "forbidden", "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found",
    "deleted", "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict",
    "transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled",
    "informational",
)  # fmt: skip
CORRECTED_CODES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Age", "comparator"): _COMPARATORS,
    ("AuditEvent", "action"): ("C", "R", "U", "D", "E"),
    ("AuditEvent", "outcome"): ("0", "4", "8", "12"),
    ("AuditEventAgentNetwork", "type"): ("1", "2", "3", "4", "5"),
    ("CapabilityStatement", "format"): (),
    ("Count", "comparator"): _COMPARATORS,
    ("Distance", "comparator"): _COMPARATORS,
    ("Duration", "comparator"): _COMPARATORS,
    ("Encounter", "status"): _ENCOUNTER,
    ("EncounterStatusHistory", "status"): _ENCOUNTER,
    ("Expression", "language"): (),
    ("OperationOutcomeIssue", "code"): _ISSUES,
    ("Quantity", "comparator"): _COMPARATORS,
    ("Task", "status"): _TASK,
    ("TimingRepeat", "when"): _WHEN,
}
"""Required value sets that the library shortens or lacks: http://hl7.org/fhir/R4/terminologies-valuesets.html."""


@dataclass(frozen=True)
class Element:
    """One element of a type.

    Attributes:
        name: In JSON, e.g. `deceasedBoolean`.
        path_name: In FHIRPath, e.g. `deceased`.
        type: A primitive type such as `dateTime`, or a complex one such as `Period`.
        is_primitive: The value is a JSON string, number or boolean.
        is_list: It may repeat.
        is_required: It must be there.
        codes: All that the required value set allows; empty: any.
        targets: Types that a reference may point to; empty: any.
        choice: Name of the choice it belongs to, of which one may be given.
        choice_is_required: One of the choice must be given.
    """

    name: str
    path_name: str
    type: str
    is_primitive: bool
    is_list: bool
    is_required: bool
    codes: frozenset[str]
    targets: frozenset[str]
    choice: str | None
    choice_is_required: bool


@cache
def is_resource_kind(kind: str) -> bool:
    """Tell whether FHIR has a resource of this name."""
    if not (kind.isascii() and kind.isalpha() and kind[0].isupper()):
        return False
    try:
        model = model_of(kind)
    except (ImportError, AttributeError):
        return False
    return bool(model.has_resource_base()) and kind not in {ANY_RESOURCE, "DomainResource"}  # type: ignore[attr-defined]  # of the library's models


@cache
def model_of(kind: str) -> type[BaseModel]:
    """Return the library's class of a resource; loading it takes a moment, so only those that write do.

    Raises:
        ImportError: FHIR has no such resource.
        AttributeError: It is spelled otherwise.
    """
    module = import_module(f"fhir.resources.R4B.{kind.lower()}")
    return cast("type[BaseModel]", getattr(module, kind))


_MODELS: dict[str, type[BaseModel]] = {}
"""Models of complex types by name, known once an element of the type was met."""


@cache
def elements_of(type_name: str) -> Mapping[str, Element]:
    """Return the elements of a resource or of a complex type that was met before, by name in JSON."""
    model = _MODELS.get(type_name) or model_of(type_name)
    found = {}
    for field in model.model_fields.values():
        extra = field.json_schema_extra
        if field.alias and isinstance(extra, dict) and extra.get("element_property"):
            codes = CORRECTED_CODES.get((type_name, field.alias), extra.get("enum_values") or ())
            element = _element(field.alias, field.annotation, field.is_required(), {**extra, "codes": codes})
            found[element.name] = element
    return found


def _element(name: str, annotation: Any, is_required: bool, extra: Mapping[str, Any]) -> Element:  # noqa: FBT001 -- private, one caller
    found, is_list = _innermost(annotation)
    choice = extra.get("one_of_many")
    if isinstance(found, str):
        type_name, is_primitive = found, True
    else:
        model = found.get_model_klass()
        type_name, is_primitive = model.__name__, False
        _MODELS.setdefault(type_name, model)
    return Element(
        name=name,
        path_name=choice or name,
        type=type_name,
        is_primitive=is_primitive,
        is_list=is_list,
        is_required=is_required or bool(extra.get("element_required")),
        codes=frozenset(extra["codes"]),
        targets=frozenset(extra.get("enum_reference_types") or ()) - {ANY_RESOURCE},
        choice=choice,
        choice_is_required=bool(extra.get("one_of_many_required")),
    )


def _innermost(annotation: Any) -> tuple[Any, bool]:
    """Return a primitive type's name, or the library's type of a complex one; and whether it is a list."""
    arguments = get_args(annotation)
    if getattr(annotation, "__metadata__", None):  # Annotated[str, Code()]
        name = type(annotation.__metadata__[0]).__name__
        return PRIMITIVES.get(name, name[0].lower() + name[1:]), False
    if annotation is bool:
        return "boolean", False
    if getattr(annotation, "__origin__", None) is list:
        return _innermost(arguments[0])[0], True
    kept = [each for each in arguments if each is not NoneType]
    return _innermost(kept[0]) if kept else (annotation, False)
