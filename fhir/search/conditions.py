"""A parameter and its values as SQL: on the searched rows themselves, or on rows that a reference leads to.

https://hl7.org/fhir/R4/search.html#chaining, #has. `patient.name=x` asks of the target what it would be asked
alone; `_has:Appointment:patient:status=booked` asks it of those who refer to the searched row. Both may go on
(`schedule.actor:Practitioner.name`), and neither sees more than the viewer would see by a search of it alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, not_, or_, select

from fhir.access import shown
from fhir.mapping.registry import find_resource
from fhir.mapping.resource import ServedResource
from fhir.search.parameter import Context, Parameter, refuse
from fhir.search.references import Reference

MOST_STEPS = 5
"""From reference to reference in one parameter."""
MOST_BRANCHES = 100
"""Conditions of one query, counting each type that a chain without a type may lead to."""

HAS = "_has"


@dataclass
class Conditions:
    """Reads the conditions of one query.

    Attributes:
        context: What their meaning depends on.
        branches_left: How many more may be read.
    """

    context: Context
    branches_left: int = field(default=MOST_BRANCHES)

    def read(
        self, resource: ServedResource, name: str, values: Sequence[str], *, steps: int = 0
    ) -> ColumnElement[bool] | None:
        """Read one parameter.

        Args:
            resource: Whose rows are searched.
            name: As written: with modifier, chain or `_has`.
            values: Of which one must match, still escaped; at least one.
            steps: References followed so far.

        Returns:
            SQL on the rows; None if the parameter is not supported.

        Raises:
            InvalidSearch: A value is malformed, or the chain too long.
        """
        self.branches_left -= 1
        if steps > MOST_STEPS or self.branches_left < 0:
            raise refuse(
                name,
                ",".join(values),
                f"follow at most {MOST_STEPS} references, and name their types: actor:Patient.name",
            )
        if name.startswith(f"{HAS}:"):
            return self._has(resource, name, values, steps)
        head, dot, rest = name.partition(".")
        own_name, _, modifier = head.partition(":")
        parameter = resource.all_parameters.get(own_name)
        if parameter is None:
            return None
        if dot:
            return self._chained(parameter, own_name, modifier or None, rest, values, steps)
        return _plain(own_name, modifier or None, values, parameter, self.context)

    def _chained(
        self,
        parameter: Parameter,
        name: str,
        kind: str | None,
        rest: str,
        values: Sequence[str],
        steps: int,
    ) -> ColumnElement[bool] | None:
        if not isinstance(parameter, Reference):
            return None
        if kind is not None and kind not in parameter.modifiers:
            known = ", ".join(sorted(parameter.modifiers))
            raise refuse(f"{name}:{kind}.{rest}", ",".join(values), f"{name} may point to {known}")
        found = []
        for each in sorted(parameter.modifiers) if kind is None else [kind]:
            target = find_resource(each)
            if target is None or not parameter.followed(each):
                continue
            for part in target.parts:
                carriers = parameter.followed(each)
                if target.also and not any(carrier.may_lead_to(part.table) for carrier in carriers):
                    continue
                condition = self.read(part, rest, values, steps=steps + 1)
                if condition is not None:
                    found.append(parameter.among(each, self._ids(part, condition)))
        return or_(*found) if found else None

    def _has(
        self, resource: ServedResource, name: str, values: Sequence[str], steps: int
    ) -> ColumnElement[bool] | None:
        _, kind, reference, rest = (*name.split(":", 3), "", "", "")[:4]
        source = find_resource(kind)
        found = []
        for part in source.parts if source else ():
            parameter = part.all_parameters.get(reference)
            carriers = parameter.followed(resource.kind) if isinstance(parameter, Reference) else []
            condition = self.read(part, rest, values, steps=steps + 1) if carriers else None
            if condition is not None:
                rows = part.key.in_(self._ids(part, condition))
                found += [resource.key.in_(carrier.targets(part.table, rows)) for carrier in carriers]
        return or_(*found) if found else None

    def _ids(self, resource: ServedResource, condition: ColumnElement[bool]) -> Select[Any]:
        rows: Select[Any] = select(resource.key).select_from(resource.table).where(condition)
        return shown(rows, self.context.viewer, resource, "s").correlate(None)


def _plain(
    name: str, modifier: str | None, values: Sequence[str], parameter: Parameter, context: Context
) -> ColumnElement[bool]:
    if modifier == "missing":
        if list(values) not in (["true"], ["false"]):
            raise refuse(f"{name}:missing", ",".join(values), "give true or false")
        return not_(parameter.present()) if values[0] == "true" else parameter.present()
    if modifier is not None and modifier not in parameter.modifiers:
        known = sorted({*parameter.modifiers, "missing"})
        raise refuse(
            f"{name}:{modifier}", ",".join(values), f"{name} takes only the modifiers {', '.join(known)}"
        )
    return parameter.condition(name, values, modifier, context)
