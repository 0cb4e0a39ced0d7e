"""What follows from the organisation that owns a row."""

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, select

from careapp.organisations.models import Organisation
from fhir.mapping.resource import Dependency


def invented(owner: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """SQL: the organisation that owns the row was invented for the demo region."""
    return select(1).where(Organisation.id == owner, Organisation.is_synthetic.is_(True)).exists()


def on_organisation(
    key: SQLColumnExpression[Any], owner: SQLColumnExpression[Any], *attributes: str
) -> Dependency:
    """A row's document shows whether its organisation is invented, and these attributes of it."""
    return Dependency(
        Organisation,
        ids=lambda keys: select(key).where(owner.in_(keys)),
        attributes=frozenset({"is_synthetic", *attributes}),
    )


NAMES = frozenset({"family_name", "given_name", "title"})
"""Attributes of a person that are shown where the person is referred to."""
