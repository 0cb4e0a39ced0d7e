"""Rules of recurring times: https://hl7.org/fhir/R4/datatypes.html#Timing."""

from collections.abc import Iterator

from fhir.issues import Issue
from fhir.mapping.elements import Json
from fhir.validation.reading import broken, number, texts

MEALS_WITHOUT_OFFSET = frozenset({"C", "CM", "CD", "CV"})
NEEDS = (
    ("tim-1", "duration", "durationUnit"),
    ("tim-2", "period", "periodUnit"),
    ("tim-6", "periodMax", "period"),
    ("tim-7", "durationMax", "duration"),
    ("tim-8", "countMax", "count"),
    ("tim-9", "offset", "when"),
)
"""Name of the rule, the element, and what it needs beside it."""


def timing(node: Json, path: str) -> Iterator[Issue]:
    """tim-1 to tim-10."""
    for key, name, needed in NEEDS:
        if name in node and needed not in node:
            yield broken(key, f"{name} needs {needed}", f"{path}.{needed}")
    for key, name in (("tim-4", "duration"), ("tim-5", "period")):
        amount = number(node, name)
        if amount is not None and amount < 0:
            yield broken(key, "must not be negative", f"{path}.{name}")
    if "offset" in node and MEALS_WITHOUT_OFFSET.intersection(texts(node, "when")):
        yield broken("tim-9", "a meal itself has no offset", f"{path}.offset")
    if "timeOfDay" in node and "when" in node:
        yield broken("tim-10", "there is a time of day or an event, not both", f"{path}.when")
