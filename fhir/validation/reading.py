"""How rules look at a document that may be malformed anywhere: what is not as expected is not there."""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir.issues import Issue
from fhir.mapping.elements import Json


def text(node: Mapping[str, Any], name: str) -> str | None:
    """Return a string element."""
    value = node.get(name)
    return value if isinstance(value, str) else None


def number(node: Mapping[str, Any], name: str) -> float | None:
    """Return a number element."""
    value = node.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def part(node: Mapping[str, Any], name: str) -> Json:
    """Return a complex element; an empty one if there is none."""
    value = node.get(name)
    return value if isinstance(value, dict) else {}


def parts(node: Mapping[str, Any], name: str, path: str = "") -> Iterator[tuple[Json, str]]:
    """Yield each of a list of complex elements with its path."""
    value = node.get(name)
    for place, each in enumerate(value if isinstance(value, list) else []):
        if isinstance(each, dict):
            yield each, f"{path}.{name}[{place}]"


def texts(node: Mapping[str, Any], name: str) -> list[str]:
    """Return those of a list of primitive elements that are strings."""
    value = node.get(name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def extensions(node: Mapping[str, Any], address: str) -> list[Json]:
    """Return the extensions of an element, or of a primitive element's underscored twin, by address."""
    return [each for each, _ in parts(node, "extension") if each.get("url") == address]


def codings(node: Mapping[str, Any], name: str) -> list[Json]:
    """Return all codings of a CodeableConcept, or of a list of them."""
    value = node.get(name)
    concepts = value if isinstance(value, list) else [value]
    return [each for concept in concepts if isinstance(concept, dict) for each, _ in parts(concept, "coding")]


def has_value(node: Mapping[str, Any], choice: str) -> bool:
    """Tell whether any alternative of a choice such as `value[x]` is there."""
    return any(
        name.startswith(choice) and name[len(choice) : len(choice) + 1].isupper()
        for name in (each.removeprefix("_") for each in node)
    )


def broken(key: str, sentence: str, path: str, severity: str = "error") -> Issue:
    """Make the issue of a rule between elements that is broken; `key` is FHIR's name of the rule."""
    return Issue("invariant", f"{key}: {sentence}", path, severity)
