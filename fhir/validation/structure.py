"""A document against the library's R4B model, and what the model only knows as metadata.

fhir.resources refuses unknown elements, wrong types, impossible dates and missing elements. It lets any code
pass where a value set is required, and a reference to any type: the lists are there, so we check them.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from fhir.mapping.elements import Json


def problems(document: Json) -> Iterator[str]:
    """Yield a sentence for each breach of the model; no value is repeated, since it may be a name."""
    try:
        model = model_of(document["resourceType"]).model_validate(document)
    except ValidationError as refused:
        for error in refused.errors(include_input=False, include_url=False):
            yield f"{_path(error['loc'])}: {error['type']}"
        return
    yield from _breaches(model, document["resourceType"])


@cache
def model_of(kind: str) -> type[BaseModel]:
    """Return the library's class of a kind; loading it takes a moment, so only those that write do."""
    module = import_module(f"fhir.resources.R4B.{kind.lower()}")
    return cast("type[BaseModel]", getattr(module, kind))


def _breaches(model: BaseModel, path: str) -> Iterator[str]:
    checks = _checks(type(model))
    for name, value in model.__dict__.items():
        if value is None:
            continue
        here = f"{path}.{name}"
        items = value if isinstance(value, list) else [value]
        check = checks.get(name)
        if check is not None:
            codes, targets = check
            for item in items:
                if codes and item not in codes:
                    yield f"{here}: not a code of the required value set"
                if targets and not _points_to(item, targets):
                    yield f"{here}: refers to a type that is not allowed there"
        for item in items:
            if isinstance(item, BaseModel):
                yield from _breaches(item, here)


@cache
def _checks(model: type[BaseModel]) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    found = {}
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict):
            codes = frozenset(cast("list[str]", extra.get("enum_values") or ()))
            targets = frozenset(cast("list[str]", extra.get("enum_reference_types") or ())) - {"Resource"}
            if codes or targets:
                found[name] = codes, targets
    return found


def _points_to(item: Any, targets: frozenset[str]) -> bool:
    reference = getattr(item, "reference", None)
    return reference is None or reference.partition("/")[0] in targets


def _path(steps: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in steps) or "resource"
