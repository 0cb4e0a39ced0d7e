"""A document against FHIR's types, element by element; the rules of each type are asked on the way.

Nothing stops at the first mistake: whoever sent the document learns all of them at once, each with the
FHIRPath of its place.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fhir.issues import Issue
from fhir.mapping.elements import Json
from fhir.validation.primitives import complaint
from fhir.validation.rules import RULES, profile_rules
from fhir.validation.types import ANY_RESOURCE, Element, elements_of, is_resource_kind, model_of

__all__ = ["FoundReference", "Walked", "model_of", "walk"]

MOST_ISSUES = 100
DEEPEST = 40
"""Levels of elements. No profile that we know comes near."""

LIKE_AN_ELEMENT = re.compile(r"_?[a-z][A-Za-z]{0,39}")
MUST_HAVE_VALUE = frozenset({"instant", "dateTime"})


@dataclass(frozen=True)
class FoundReference:
    """A reference somewhere in a document.

    Attributes:
        node: The Reference element.
        path: Its FHIRPath.
        targets: Types that it may point to; empty: any.
        container: The resource whose `contained` it may point into.
    """

    node: Json
    path: str
    targets: frozenset[str]
    container: Json


@dataclass
class Walked:
    """What a walk through a document has found.

    Attributes:
        issues: In the order of the document; at most `MOST_ISSUES` errors and as many warnings.
        references: All, at every depth.
        warnings: How many of the issues are warnings.
    """

    issues: list[Issue] = field(default_factory=list)
    references: list[FoundReference] = field(default_factory=list)
    warnings: int = 0

    def complain(self, issues: Sequence[Issue]) -> None:
        """Take issues in, and stop when there are more than anybody reads.

        Raises:
            _Enough: There are too many.
        """
        for each in issues:
            if each.severity != "warning":
                if len(self.issues) - self.warnings == MOST_ISSUES:
                    raise _Enough
                self.issues.append(each)
            elif self.warnings < MOST_ISSUES:
                self.warnings += 1
                self.issues.append(each)


class _Enough(Exception):
    """There are more issues than anybody reads."""


def walk(document: Json) -> Walked:
    """Look at every element of a resource."""
    walked = Walked()
    try:
        _resource(walked, document, str(document.get("resourceType")), depth=0, container=None)
    except _Enough:
        walked.issues.append(
            Issue("too-long", f"there is more wrong than these {MOST_ISSUES} things: mend them first")
        )
    return walked


def _resource(walked: Walked, node: Json, path: str, *, depth: int, container: Json | None) -> None:
    kind = node.get("resourceType")
    if not isinstance(kind, str) or not is_resource_kind(kind):
        walked.complain([Issue("structure", "resourceType names no resource of FHIR R4", path)])
        return
    _complex(walked, kind, node, path, depth=depth, container=container or node)
    meta = node.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for rule in profile_rules(kind, profiles if isinstance(profiles, list) else []):
        walked.complain(list(rule(node, path)))


def _complex(walked: Walked, type_name: str, node: Json, path: str, *, depth: int, container: Json) -> None:
    if depth > DEEPEST:
        walked.complain([Issue("too-long", f"elements are nested deeper than {DEEPEST} levels", path)])
        return
    elements = elements_of(type_name)
    if not node:
        walked.complain([Issue("structure", "ele-1: must not be empty: leave it out instead", path)])
    for name, value in node.items():
        element = elements.get(name)
        if element is not None:
            here = f"{path}.{element.path_name}"
            if element.is_primitive:
                _primitives(walked, element, value, node.get(f"_{name}"), here, depth, container)
            else:
                _complexes(walked, element, value, here, depth, container)
        elif not (name == "resourceType" and is_resource_kind(type_name)):
            _underscored(walked, elements, node, name, path, depth, container)
    walked.complain(_missing(type_name, node, path))
    for rule in RULES.get(type_name, ()):
        walked.complain(list(rule(node, path)))


def _underscored(
    walked: Walked,
    elements: Mapping[str, Element],
    node: Json,
    name: str,
    path: str,
    depth: int,
    container: Json,
) -> None:
    """Look at `_name` (id and extensions of a primitive), or find that FHIR knows no such element."""
    element = elements.get(name[1:]) if name.startswith("_") else None
    if element is None or not element.is_primitive:
        shown = name if LIKE_AN_ELEMENT.fullmatch(name) else "an element"
        walked.complain([Issue("structure", f"{shown} is not known to FHIR R4 here: leave it out", path)])
    elif element.name not in node:  # else both were looked at together
        _primitives(walked, element, None, node[name], f"{path}.{element.path_name}", depth, container)


def _primitives(
    walked: Walked, element: Element, value: object, twin: object, path: str, depth: int, container: Json
) -> None:
    if not element.is_list:
        if isinstance(value, list) or isinstance(twin, list):
            walked.complain([Issue("structure", "must be a single value, not a list", path)])
        else:
            _primitive(walked, element, value, twin, path, depth, container)
        return
    if value is None and twin is None:
        walked.complain([Issue("structure", "must not be null: leave it out instead", path)])
        return
    values, twins = ([] if each is None else each for each in (value, twin))
    if not isinstance(values, list) or not isinstance(twins, list):
        walked.complain([Issue("structure", "must be a list", path)])
        return
    if not values and not twins:
        walked.complain([Issue("structure", "must not be an empty list: leave it out instead", path)])
    if values and twins and len(values) != len(twins):
        walked.complain([Issue("structure", f"differs in length from _{element.name}", path)])
    for place in range(max(len(values), len(twins))):
        _primitive(
            walked,
            element,
            values[place] if place < len(values) else None,
            twins[place] if place < len(twins) else None,
            f"{path}[{place}]",
            depth,
            container,
        )


def _primitive(
    walked: Walked, element: Element, value: object, twin: object, path: str, depth: int, container: Json
) -> None:
    if value is None and twin is None:
        walked.complain([Issue("structure", "must not be null: leave it out instead", path)])
    if value is not None:
        wrong = complaint(element.type, value)
        if wrong is not None:
            is_shape = wrong.startswith("must be a JSON") or "quotes" in wrong
            walked.complain([Issue("structure" if is_shape else "value", wrong, path)])
        elif element.codes and value not in element.codes:
            known = ", ".join(sorted(element.codes))
            walked.complain([Issue("code-invalid", f"is not one of the codes required here: {known}", path)])
    if isinstance(twin, dict):
        _complex(walked, "Element", twin, path, depth=depth + 1, container=container)
    elif twin is not None:
        walked.complain([Issue("structure", f"_{element.name} must be a JSON object", path)])


def _complexes(walked: Walked, element: Element, value: Any, path: str, depth: int, container: Json) -> None:
    if element.is_list != isinstance(value, list):
        expected = "a list" if element.is_list else "a single JSON object, not a list"
        walked.complain([Issue("structure", f"must be {expected}", path)])
        return
    if value == []:
        walked.complain([Issue("structure", "must not be an empty list: leave it out instead", path)])
    for place, each in enumerate(value if isinstance(value, list) else [value]):
        here = f"{path}[{place}]" if element.is_list else path
        if not isinstance(each, dict):
            walked.complain([Issue("structure", "must be a JSON object", here)])
        elif element.type == ANY_RESOURCE:
            owner = container if element.name == "contained" else None
            _resource(walked, each, here, depth=depth + 1, container=owner)
        else:
            if element.type == "Reference":
                walked.references.append(FoundReference(each, here, element.targets, container))
            _complex(walked, element.type, each, here, depth=depth + 1, container=container)


@dataclass(frozen=True)
class _Needs:
    """What a type needs: elements that must be there, and its choices with whether one must be."""

    required: tuple[Element, ...]
    choices: Mapping[str, tuple[tuple[str, ...], bool]]


@cache
def _needs(type_name: str) -> _Needs:
    choices: dict[str, tuple[tuple[str, ...], bool]] = {}
    for each in elements_of(type_name).values():
        if each.choice is not None:
            names, is_required = choices.get(each.choice, ((), False))
            choices[each.choice] = ((*names, each.name), is_required or each.choice_is_required)
    required = tuple(each for each in elements_of(type_name).values() if each.is_required)
    return _Needs(required, choices)


def _missing(type_name: str, node: Json, path: str) -> list[Issue]:
    found, needs = [], _needs(type_name)
    for element in needs.required:
        twin_may_do = element.is_primitive and not element.codes and element.type not in MUST_HAVE_VALUE
        if element.name not in node and not (twin_may_do and f"_{element.name}" in node):
            found.append(
                Issue("required", "is missing: it must be given here", f"{path}.{element.path_name}")
            )
    for choice, (names, is_required) in needs.choices.items():
        given = [name for name in names if name in node or f"_{name}" in node]
        if len(given) > 1:
            sentence = f"takes one of its types, not several: {', '.join(given)}"
            found.append(Issue("structure", sentence, f"{path}.{choice}"))
        elif is_required and not given:
            found.append(Issue("required", "is missing: it must be given here", f"{path}.{choice}"))
    return found
