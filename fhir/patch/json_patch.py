"""JSON Patch (RFC 6902) of a resource's JSON.

https://hl7.org/fhir/R4/http.html#patch. What a change leaves empty is removed, since FHIR has no empty lists.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import jsonpatch
import jsonpointer

from fhir.formats.json import require_shallow
from fhir.issues import Issue, Malformed, Rejected
from fhir.mapping.elements import Json
from fhir.patch.fhirpath_patch import Change

MOST_OPERATIONS = 500
MOST_NODES = 200_000
"""Of the patched resource: copying a list into itself doubles it each time."""

MEMBERS: Mapping[str, frozenset[str]] = {
    "add": frozenset({"path", "value"}),
    "remove": frozenset({"path"}),
    "replace": frozenset({"path", "value"}),
    "move": frozenset({"path", "from"}),
    "copy": frozenset({"path", "from"}),
    "test": frozenset({"path", "value"}),
}


def read(operations: object) -> Change:
    """Understand a patch.

    Args:
        operations: The JSON that was sent.

    Returns:
        What makes the changed resource; it raises `Rejected`, naming the operation, if one cannot be done.

    Raises:
        Malformed: It is no patch; all that is wrong is named, by position in the list.
    """
    if not isinstance(operations, list) or len(operations) > MOST_OPERATIONS:
        sentence = f"a JSON Patch is a list of at most {MOST_OPERATIONS} operations"
        raise Malformed([Issue("structure", sentence)])
    issues = [
        Issue("structure", f"operation {number} of the patch {fault}")
        for number, each in enumerate(operations)
        if (fault := _fault(each)) is not None
    ]
    if issues:
        raise Malformed(issues)

    def change(document: Json) -> Json:
        changed: object = deepcopy(document)
        for number, operation in enumerate(operations):
            changed = _apply(changed, operation, number)
        if not isinstance(changed, dict):
            raise _refused("the patch leaves no resource")
        return _without_empty(changed)

    return change


def _fault(operation: object) -> str | None:
    if not isinstance(operation, dict) or str(operation.get("op")) not in MEMBERS:
        return f"has no op: it is one of {', '.join(MEMBERS)}"
    missing = sorted(MEMBERS[operation["op"]] - operation.keys())
    if missing:
        return f"lacks {', '.join(missing)}"
    for name in {"path", "from"} & operation.keys():
        try:
            jsonpointer.JsonPointer(operation[name])
        except (jsonpointer.JsonPointerException, TypeError, AttributeError):
            return f"has a {name} that is no JSON Pointer"
    return None


def _apply(document: object, operation: Json, number: int) -> object:
    try:
        if operation["op"] in {"copy", "add", "replace"}:
            _require_room(document, operation)
        changed: object = jsonpatch.JsonPatch([deepcopy(operation)]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise _refused(f"operation {number} of the patch, a test, fails") from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError, IndexError):
        raise _refused(
            f"operation {number} of the patch cannot be done: its path or from leads nowhere"
        ) from None
    require_shallow(changed)
    return changed


def _require_room(document: object, operation: Json) -> None:
    added = (
        jsonpointer.resolve_pointer(document, operation["from"])
        if operation["op"] == "copy"
        else operation["value"]
    )
    if _size(document) + _size(added) > MOST_NODES:
        raise _refused(f"the patch makes the resource too large: at most {MOST_NODES} elements")


def _size(element: object) -> int:
    count, level = 0, [element]
    while level:
        count += len(level)
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
    return count


def _without_empty(element: Json) -> Json:
    kept = {name: _kept(each) for name, each in element.items()}
    return {name: each for name, each in kept.items() if each not in ({}, [])}


def _kept(element: Any) -> Any:
    if isinstance(element, dict):
        return _without_empty(element)
    if isinstance(element, list):
        return [kept for each in element if (kept := _kept(each)) not in ({}, [])]
    return element


def _refused(sentence: str) -> Rejected:
    return Rejected([Issue("processing", sentence)])
