"""FHIRPath Patch: a Parameters resource that describes changes, one operation after the other.

https://hl7.org/fhir/R4/fhirpatch.html. What the page leaves open is done as HL7's own test cases have it: an
element that an operation leaves without content goes with it, a path to several elements is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fhir.formats.shapes import Element, Shape, Sort, UnknownShape, resource_shape, shape_of
from fhir.issues import Issue, Malformed, Rejected
from fhir.mapping.elements import Json
from fhir.patch.fhirpath import Path, UnreadablePath, find, read_path
from fhir.patch.nodes import Node, Pair, children, named, pairs_of, root, set_pairs

Change = Callable[[Json], Json]
"""What makes the changed resource of a resource, which it leaves as it is."""

MOST_OPERATIONS = 500
NEEDED: Mapping[str, frozenset[str]] = {
    "add": frozenset({"path", "name", "value"}),
    "insert": frozenset({"path", "index", "value"}),
    "delete": frozenset({"path"}),
    "replace": frozenset({"path", "value"}),
    "move": frozenset({"path", "source", "destination"}),
}
"""The parts of each type of operation, beside its type."""

KEYS: Mapping[str, frozenset[str]] = {
    "type": frozenset({"valueCode", "valueString"}),
    "path": frozenset({"valueString"}),
    "name": frozenset({"valueString", "valueCode"}),
    "index": frozenset({"valueInteger", "valueUnsignedInt", "valuePositiveInt"}),
    "source": frozenset({"valueInteger", "valueUnsignedInt", "valuePositiveInt"}),
    "destination": frozenset({"valueInteger", "valueUnsignedInt", "valuePositiveInt"}),
}
TYPES: Mapping[Sort, tuple[type, ...]] = {
    Sort.TEXT: (str,),
    Sort.XHTML: (str,),
    Sort.BOOLEAN: (bool,),
    Sort.INTEGER: (int,),
    Sort.DECIMAL: (int, float),
    Sort.COMPLEX: (dict,),
}


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        place: FHIRPath of it in the Parameters.
        type: `add`, `insert`, `delete`, `replace` or `move`.
        path: To the element or the list.
        parts: What else it says, by name; `value` is the whole part.
    """

    place: str
    type: str
    path: Path
    parts: Mapping[str, Any]

    def refuse(self, sentence: str, code: str = "processing") -> Rejected:
        """Make the error that says why it cannot be done."""
        return Rejected([Issue(code, f"the operation {self.type} cannot be done: {sentence}", self.place)])


def read(parameters: Json) -> Change:
    """Understand a patch.

    Args:
        parameters: A Parameters resource.

    Returns:
        What makes the changed resource; it raises `Rejected`, naming the operation, if one cannot be done.

    Raises:
        Malformed: It is no patch; all that is wrong is named.
    """
    if parameters.get("resourceType") != "Parameters":
        raise Malformed([Issue("invalid", "a FHIRPath Patch is a resource Parameters", "resourceType")])
    given = parameters.get("parameter", [])
    if not isinstance(given, list) or len(given) > MOST_OPERATIONS:
        sentence = f"write the operations as a list of at most {MOST_OPERATIONS} parameters"
        raise Malformed([Issue("too-costly", sentence, "Parameters.parameter")])
    issues: list[Issue] = []
    operations: list[Operation] = []
    for number, each in enumerate(given):
        place = f"Parameters.parameter[{number}]"
        try:
            operations.append(_read_operation(each, place))
        except Malformed as wrong:
            issues += wrong.issues
    if issues:
        raise Malformed(issues)

    def change(document: Json) -> Json:
        changed = deepcopy(document)
        for operation in operations:
            _apply(operation, changed)
        return changed

    return change


def _read_operation(given: object, place: str) -> Operation:
    def malformed(sentence: str, where: str = place) -> Malformed:
        return Malformed([Issue("structure", sentence, where)])

    if not isinstance(given, dict) or given.get("name") != "operation":
        raise malformed("each parameter of a FHIRPath Patch is named operation")
    found: dict[str, Any] = {}
    parts = given.get("part")
    for number, part in enumerate(parts if isinstance(parts, list) else []):
        where = f"{place}.part[{number}]"
        name = part.get("name") if isinstance(part, dict) else None
        if name == "value":
            value: Any = part
        elif isinstance(name, str) and name in KEYS:
            value = next((part[key] for key in KEYS[name] if key in part), None)
            expected = int if name in {"index", "source", "destination"} else str
            if not isinstance(value, expected) or isinstance(value, bool):
                raise malformed(f"give it as {' or '.join(sorted(KEYS[name]))}", where)
        else:
            raise malformed(f"an operation has the parts {', '.join(KEYS)} and value", where)
        if name in found:
            raise malformed("it stands twice", where)
        found[name] = value
    kind = found.pop("type", None)
    if kind not in NEEDED:
        raise malformed(f"the type of an operation is one of {', '.join(NEEDED)}")
    missing = sorted(NEEDED[kind] - found.keys())
    if missing:
        raise malformed(f"the operation {kind} lacks {', '.join(missing)}")
    try:
        path = read_path(found.pop("path"))
    except UnreadablePath as wrong:
        raise malformed(f"{wrong}") from None
    if kind in {"insert", "move"} and (path.steps[-1].is_call or path.steps[-1].name is None):
        raise malformed("the path leads to a list: let it end with the list's name")
    return Operation(place, kind, path, found)


def _apply(operation: Operation, document: Json) -> None:
    try:
        top = root(document)
    except (UnknownShape, KeyError):
        raise operation.refuse("R4 has no resource of this kind") from None
    if operation.type == "add":
        _add(operation, top)
    elif operation.type in {"insert", "move"}:
        _rearrange(operation, top)
    else:
        _delete_or_replace(operation, top)


def _add(operation: Operation, top: Node) -> None:
    node = _one(operation, find(operation.path, top))
    part = operation.parts["value"]
    element = _target(operation, node.shape, operation.parts["name"], part)
    pairs = pairs_of(node.inside, element)
    taken = [
        each for each in named(node.shape, element.choice or element.name) if pairs_of(node.inside, each)
    ]
    if taken and not element.is_list:
        raise operation.refuse("the element has one already and takes only one: replace it")
    set_pairs(node, element, [*pairs, _pair(operation, element, part)])


def _delete_or_replace(operation: Operation, top: Node) -> None:
    found = find(operation.path, top)
    if not found and operation.type == "delete":
        return
    node = _one(operation, found)
    if node.owner is None or node.element is None:
        raise operation.refuse(
            "the path leads to the resource itself: delete or replace that by DELETE or PUT"
        )
    pairs = pairs_of(node.owner.inside, node.element)
    if operation.type == "delete":
        set_pairs(node.owner, node.element, [*pairs[: node.index], *pairs[node.index + 1 :]])
        return
    part = operation.parts["value"]
    element = node.element
    if element.choice is not None:
        element = _target(operation, node.owner.shape, element.choice, part)
    pair = _pair(operation, element, part)
    if element is node.element:
        pairs[node.index] = pair
        set_pairs(node.owner, element, pairs)
    else:
        set_pairs(node.owner, element, [pair])
        set_pairs(node.owner, node.element, [])


def _rearrange(operation: Operation, top: Node) -> None:
    """Insert into a list, or move within it."""
    *before, last = operation.path.steps
    name = str(last.name)
    owner = _one(operation, find(Path(tuple(before)), top) if before else [top])
    elements = named(owner.shape, name)
    if len(elements) != 1 or not elements[0].is_list:
        raise operation.refuse("the path does not lead to a list")
    element = elements[0]
    pairs = [(node.value, node.beside) for node in children(owner, name)]
    if operation.type == "insert":
        index = operation.parts["index"]
        if not 0 <= index <= len(pairs):
            raise operation.refuse(f"the index lies outside the list, which has {len(pairs)} elements")
        pairs.insert(index, _pair(operation, element, operation.parts["value"]))
    else:
        source, destination = operation.parts["source"], operation.parts["destination"]
        if not (0 <= source < len(pairs) and 0 <= destination < len(pairs)):
            raise operation.refuse(f"source or destination lies outside the list of {len(pairs)} elements")
        pairs.insert(destination, pairs.pop(source))
    set_pairs(owner, element, pairs)


def _one(operation: Operation, found: list[Node]) -> Node:
    if not found:
        raise operation.refuse("the path leads to no element of the resource", "not-found")
    if len(found) > 1:
        raise operation.refuse(
            "the path leads to several elements: add an index or a where", "multiple-matches"
        )
    return found[0]


def _target(operation: Operation, shape: Shape, name: str, part: Json) -> Element:
    """Return the element that a name and the type of a value mean."""
    elements = named(shape, name)
    if len(elements) == 1:
        return elements[0]
    suffix = next((key.lstrip("_").removeprefix("value") for key in part if _is_value(key)), "")
    for element in elements:
        if element.name == f"{name}{suffix}":
            return element
    raise operation.refuse(f"{shape.name} has no such element of this type in R4", "structure")


def _is_value(key: str) -> bool:
    return key.lstrip("_").startswith("value")


def _pair(operation: Operation, element: Element, part: Json) -> Pair:
    """Return the value that a part gives for an element."""
    if element.sort is Sort.RESOURCE:
        inner = part.get("resource")
        if not isinstance(inner, dict):
            raise operation.refuse("this element holds a resource: give one", "structure")
        _require_kind(operation, inner)
        return deepcopy(inner), None
    nested = part.get("part")
    if isinstance(nested, list) and element.sort is Sort.COMPLEX:
        return _built(operation, element, nested), None
    keys = sorted({key.lstrip("_") for key in part if _is_value(key)})
    if len(keys) != 1:
        raise operation.refuse(
            "give one value[x], or parts for an element without a type's name", "structure"
        )
    value, beside = part.get(keys[0]), part.get(f"_{keys[0]}")
    if value is None and beside is None:
        raise operation.refuse("the value is empty", "structure")
    if value is not None and not _fits(value, element):
        raise operation.refuse("the value is of another type than the element", "structure")
    if element.choice is not None and element.name != element.choice + keys[0].removeprefix("value"):
        raise operation.refuse("the value is of another type than the element", "structure")
    return deepcopy(value), deepcopy(beside)


def _fits(value: object, element: Element) -> bool:
    return isinstance(value, TYPES[element.sort]) and (
        element.sort is Sort.BOOLEAN or not isinstance(value, bool)
    )


def _built(operation: Operation, element: Element, parts: list[Any]) -> Json:
    """Make an element out of parts, each named after an element of its own."""
    made: Json = {}
    node = Node(None, None, 0, made, None, _shape(element))
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            raise operation.refuse("each part of the value has a name", "structure")
        target = _target(operation, node.shape, part["name"], part)
        pairs = pairs_of(made, target)
        if pairs and not target.is_list:
            raise operation.refuse("a part of the value stands twice", "structure")
        set_pairs(node, target, [*pairs, _pair(operation, target, part)])
    if not made:
        raise operation.refuse("the value is empty", "structure")
    return made


def _shape(element: Element) -> Shape:
    return shape_of(element.shape or "Element")


def _require_kind(operation: Operation, inner: Json) -> None:
    try:
        resource_shape(str(inner.get("resourceType")))
    except UnknownShape:
        raise operation.refuse("R4 has no resource of this kind", "structure") from None
