"""Less of each resource than there is: `_summary` and `_elements`.

https://hl7.org/fhir/R4/search.html#summary. What is left says so by the tag SUBSETTED, so that nobody writes
it back. Mandatory elements and those that change the meaning of others always stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl

from fhir.formats.json import load_json, write_json
from fhir.search.parameter import refuse
from fhir.validation.structure import model_of

SUMMARIES = frozenset({"true", "text", "data", "count", "false"})
SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}
ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})


@dataclass(frozen=True)
class Subset:
    """Which elements are wanted.

    Attributes:
        summary: `true`, `text` or `data`; None: `elements` tells.
        elements: Names of elements, perhaps after a type (`Slot.start`); used without a summary.
    """

    summary: str | None = None
    elements: frozenset[str] = frozenset()

    def cut(self, content: bytes) -> bytes:
        """Leave out of a resource's JSON what is not wanted, and mark it."""
        document = load_json(content)
        kept = self._kept(document["resourceType"])
        left = {
            name: value
            for name, value in document.items()
            if (name.lstrip("_") in kept if kept is not None else name != "text")
        }
        meta = left.get("meta", {})
        left["meta"] = {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}
        return write_json(left)

    def _kept(self, kind: str) -> frozenset[str] | None:
        """Names of elements; None: all but the text."""
        if self.summary == "data":
            return None
        always = ALWAYS | _mandatory(kind)
        if self.summary == "text":
            return always | {"text"}
        if self.summary == "true":
            return always | _in_summary(kind)
        of_kind = {name.removeprefix(f"{kind}.") for name in self.elements}
        return always | {name for name in of_kind if "." not in name}


def read_summary(text: str) -> Subset | None:
    """Read the value of `_summary`; None if it leaves nothing out (`count` leaves out the resources).

    Raises:
        InvalidSearch: It is none of FHIR's.
    """
    if text not in SUMMARIES:
        raise refuse("_summary", text, "give true, text, data, count or false")
    return None if text in {"false", "count"} else Subset(summary=text)


def read_elements(text: str) -> Subset | None:
    """Read the value of `_elements`; None if it names none."""
    names = frozenset(name.strip() for name in text.split(",")) - {""}
    return Subset(elements=names) if names else None


def asked_of_one(query: str) -> Subset | None:
    """Find out what a read (not a search) wants of its resource.

    Args:
        query: As in the address, without its question mark.

    Raises:
        InvalidSearch: The value of `_summary` is none of FHIR's.
    """
    subset = None
    for name, text in parse_qsl(query):
        if name == "_elements":
            subset = read_elements(text) or subset
        elif name == "_summary":
            return read_summary(text)
    return subset


def knows_element(kind: str, name: str) -> bool:
    """Whether resources of a kind have such an element, perhaps written after a type."""
    return name.removeprefix(f"{kind}.") in _top(kind)


@cache
def _top(kind: str) -> Mapping[str, tuple[bool, bool]]:
    """Elements by name: whether mandatory, whether in the summary."""
    found = {}
    for name, element in model_of(kind).model_fields.items():
        extra = element.json_schema_extra
        if isinstance(extra, dict) and extra.get("element_property"):
            is_needed = element.is_required() or bool(extra.get("element_required"))
            found[element.alias or name] = (
                is_needed,
                bool(extra.get("summary_element_property")),
            )
    return found


@cache
def _mandatory(kind: str) -> frozenset[str]:
    return frozenset(name for name, (is_needed, _) in _top(kind).items() if is_needed)


@cache
def _in_summary(kind: str) -> frozenset[str]:
    return frozenset(name for name, (_, is_summary) in _top(kind).items() if is_summary)
