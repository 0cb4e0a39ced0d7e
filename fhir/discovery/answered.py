"""Which interactions and operations are answered: read from the addresses, so that nothing is said twice."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fhir.discovery.operations import Offer

INTERACTIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("DELETE", "/{kind}"): ("conditional-delete",),
    ("DELETE", "/{kind}/{id}"): ("delete",),
    ("GET", "/"): ("search-system",),
    ("GET", "/_history"): ("history-system",),
    ("GET", "/{kind}"): ("search-type",),
    ("GET", "/{kind}/_history"): ("history-type",),
    ("GET", "/{kind}/{id}"): ("read",),
    ("GET", "/{kind}/{id}/_history"): ("history-instance",),
    ("GET", "/{kind}/{id}/_history/{version}"): ("vread",),
    ("PATCH", "/{kind}/{id}"): ("patch",),
    ("POST", "/"): ("transaction", "batch"),
    ("POST", "/{kind}"): ("create",),
    ("PUT", "/{kind}"): ("conditional-update",),
    ("PUT", "/{kind}/{id}"): ("update",),
}
"""FHIR's name of what an address does; those with `conditional-` are ours."""

OPERATION = re.compile(r"/(?:(?P<kind>[A-Z][A-Za-z]+)/)?(?P<instance>\{[a-z_]+\}/)?\$(?P<name>[a-z][a-z\-]*)")


@dataclass(frozen=True)
class Answered:
    """What the addresses of a server answer.

    Attributes:
        interactions: Names of interactions with any kind of resource.
        operations: Operations.
    """

    interactions: frozenset[str] = frozenset()
    operations: frozenset[Offer] = field(default_factory=frozenset)


def answered_at(addresses: Iterable[tuple[str, str]]) -> Answered:
    """Read what is answered from methods and addresses, these without the base.

    Args:
        addresses: Such as `("GET", "/{kind}/{id}")`, `("POST", "/Appointment/$book")`.
    """
    interactions: set[str] = set()
    operations: set[Offer] = set()
    for method, path in addresses:
        interactions.update(INTERACTIONS.get((method, path), ()))
        found = OPERATION.fullmatch(path)
        if found is not None:
            operations.add(Offer(found["kind"], found["name"], found["instance"] is not None))
    return Answered(frozenset(interactions), frozenset(operations))
