"""SearchParameter resources of the parameters that resources declare.

https://hl7.org/fhir/R4/searchparameter.html. Several kinds share some of HL7's, one definition each.
"""

from collections.abc import Iterator

from fhir.mapping.elements import Json, without_none
from fhir.mapping.registry import RESOURCES
from fhir.search.parameter import Parameter

DATE_COMPARATORS = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
MODIFIERS = frozenset(
    {"missing", "exact", "contains", "not", "text", "above", "below", "identifier", "ofType"}
)
"""Those that a definition may name; a reference's types it names as targets."""


def definitions() -> Iterator[Json]:
    """Yield a SearchParameter for each definition in use, in the order of their addresses."""
    found: dict[str, tuple[str, Parameter, list[str]]] = {}
    for resource in RESOURCES:
        for name, parameter in resource.all_parameters.items():
            kinds = found.setdefault(parameter.definition, (name, parameter, []))[2]
            kinds.append(resource.kind)
    for address in sorted(found):
        name, parameter, kinds = found[address]
        yield _definition(address, name, parameter, kinds)


def _definition(address: str, name: str, parameter: Parameter, kinds: list[str]) -> Json:
    key = address.rpartition("/")[2]
    is_reference, is_for_all = parameter.type == "reference", key.startswith("Resource-")
    return without_none(
        {
            "resourceType": "SearchParameter",
            "id": key,
            "url": address,
            "name": key,
            "status": "active",
            "description": f"Finds {', '.join(kinds)} by {name}, as this server reads it.",
            "code": name,
            "base": ["Resource"] if is_for_all else kinds,
            "type": parameter.type,
            "target": sorted(parameter.modifiers - MODIFIERS) if is_reference else None,
            "multipleOr": True,
            "multipleAnd": True,
            "comparator": list(DATE_COMPARATORS) if parameter.type == "date" else None,
            "modifier": sorted({"missing", *parameter.modifiers} & MODIFIERS)
            + (["type"] if is_reference else []),
        }
    )
