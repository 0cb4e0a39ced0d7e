"""By which parameters an address is found, read as `fhir.mapping.elements.address` shows it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, case, func, literal

from careapp.organisations.models import Place
from fhir.mapping import codes
from fhir.search.parameter import Parameter
from fhir.search.strings import String


def _shown(part: Any) -> SQLColumnExpression[Any]:
    """An address without a city is not shown."""
    return case((Place.city.is_not(None), part))


LINE = _shown(func.trim(func.coalesce(Place.street, "") + " " + func.coalesce(Place.house_number, "")))
POSTAL_CODE = _shown(Place.postal_code)
COUNTRY = _shown(literal("DE"))


def address_parameters(prefix: str, *path: ColumnElement[bool]) -> Mapping[str, Parameter]:
    """Declare the parameters of an address.

    Args:
        prefix: Of HL7's definitions: `individual`, or the kind of resource.
        path: The way from the searched row to the place; none if places are searched.
    """
    base = f"{codes.HL7_PARAMETER}{prefix}-address"
    return {
        "address": String((LINE, _shown(Place.district), Place.city, POSTAL_CODE, COUNTRY), base, path=path),
        "address-city": String((Place.city,), f"{base}-city", path=path),
        "address-postalcode": String((POSTAL_CODE,), f"{base}-postalcode", path=path),
        "address-country": String((COUNTRY,), f"{base}-country", path=path),
        "address-state": String((), f"{base}-state"),
    }
