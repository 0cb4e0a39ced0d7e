"""Places in a resource: what FHIRPath walks over, and where a patch changes something.

JSON keeps a primitive's extensions apart from its value, in lists of equal length; here both are one node.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from fhir.formats.shapes import Element, Shape, Sort, resource_shape, shape_of
from fhir.mapping.elements import Json

Pair = tuple[Any, Json | None]
"""A value and what JSON writes beside it, under `_name`."""


@dataclass(frozen=True, eq=False)
class Node:
    """One element where it stands.

    Attributes:
        owner: The element it belongs to; None for the resource itself.
        element: As its owner's type declares it; None for the resource itself.
        index: Among its owner's elements of this name.
        value: In JSON; None if there are only extensions.
        beside: Id and extensions of a primitive.
        shape: Its type.
    """

    owner: Node | None
    element: Element | None
    index: int
    value: Any
    beside: Json | None
    shape: Shape

    @property
    def inside(self) -> Json:
        """The elements it holds, as JSON keeps them; an empty object if it has none."""
        is_primitive = self.element is not None and self.element.sort.is_primitive
        found = self.beside if is_primitive else self.value
        return found if found is not None else {}


def root(document: Json) -> Node:
    """Return the node of a resource.

    Raises:
        UnknownShape: R4 has no such resource.
    """
    return Node(None, None, 0, document, None, resource_shape(document["resourceType"]))


def named(shape: Shape, name: str) -> list[Element]:
    """Return the elements that FHIRPath means by a name: one, or for `value` each `value[x]`."""
    if name in shape.elements:
        return [shape.elements[name]]
    return [element for element in shape.elements.values() if element.choice == name]


def children(node: Node, name: str) -> list[Node]:
    """Return the elements of a name that a node holds."""
    return [
        Node(node, element, index, value, beside, _shape(element, value))
        for element in named(node.shape, name)
        for index, (value, beside) in enumerate(pairs_of(node.inside, element))
    ]


def _shape(element: Element, value: Any) -> Shape:
    if element.sort is Sort.RESOURCE:
        return resource_shape(value["resourceType"])
    return shape_of(element.shape if element.shape is not None else "Element")


def pairs_of(inside: Json, element: Element) -> list[Pair]:
    """Return the values of an element, each with what stands beside it."""
    value = inside.get(element.name)
    beside = inside.get(f"_{element.name}") if element.sort.is_primitive else None
    if element.is_list:
        return list(zip_longest(value or [], beside or []))
    return [] if value is None and beside is None else [(value, beside)]


def set_pairs(node: Node, element: Element, pairs: list[Pair]) -> None:
    """Give a node these values of an element; without any, it and owners that become empty are removed."""
    _store(_opened(node), element, pairs)
    if not pairs:
        _prune(node)


def _store(inside: Json, element: Element, pairs: list[Pair]) -> None:
    for name, found in (
        (element.name, [value for value, _ in pairs]),
        (f"_{element.name}", [beside for _, beside in pairs]),
    ):
        inside.pop(name, None)
        if any(each is not None for each in found):
            inside[name] = found if element.is_list else found[0]


def _opened(node: Node) -> Json:
    """Return the object that holds a node's elements, made and attached if a primitive had none."""
    if node.owner is None or node.element is None or node.inside:
        return node.inside
    made: Json = {}
    pairs = pairs_of(node.owner.inside, node.element)
    pairs[node.index] = (node.value, made) if node.element.sort.is_primitive else (made, None)
    _store(node.owner.inside, node.element, pairs)
    return made


def _prune(node: Node) -> None:
    """Remove an element without content, which FHIR does not have (ele-1), and its owner if that is next."""
    if node.owner is None or node.element is None or node.inside:
        return
    pairs = pairs_of(node.owner.inside, node.element)
    if node.element.sort.is_primitive and node.value is not None:
        pairs[node.index] = (node.value, None)
    else:
        del pairs[node.index]
    set_pairs(node.owner, node.element, pairs)
