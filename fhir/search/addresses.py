"""By which parameters an address is found, read as `fhir.mapping.elements.address` shows it."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, case, func, literal

from careapp.organisations.models import Place
from careapp.sealing.fields import Identity
from fhir.mapping import codes
from fhir.search.parameter import Parameter
from fhir.search.sealed_text import SealedText, field
from fhir.search.strings import String


def _home(read: Callable[[Identity], str | None]) -> SealedText:
    return SealedText(Place, lambda home: read(home) if home.get("city") is not None else None)


HOME_LINE = _home(lambda home: f"{home.get('street') or ''} {home.get('house_number') or ''}".strip())
HOME_DISTRICT = _home(lambda home: home.get("district"))
HOME_CITY = field(Place, "city")
HOME_POSTAL_CODE = _home(lambda home: home.get("postal_code"))
HOME_COUNTRY = _home(lambda _: "DE")


def _shown(part: Any) -> SQLColumnExpression[Any]:
    """An address without a city is not shown."""
    return case((Place.plain_city.is_not(None), part))


LINE = _shown(
    func.trim(func.coalesce(Place.plain_street, "") + " " + func.coalesce(Place.plain_house_number, ""))
)
POSTAL_CODE = _shown(Place.plain_postal_code)
COUNTRY = _shown(literal("DE"))


def address_parameters(prefix: str, *path: ColumnElement[bool]) -> Mapping[str, Parameter]:
    """Declare the parameters of an address.

    Args:
        prefix: Of HL7's definitions: `individual`, or the kind of resource.
        path: The way from the searched row to the place; none if places are searched.
    """
    base = f"{codes.HL7_PARAMETER}{prefix}-address"
    return {
        "address": String(
            (LINE, _shown(Place.plain_district), Place.plain_city, POSTAL_CODE, COUNTRY),
            base,
            path=path,
            sealed=(HOME_LINE, HOME_DISTRICT, HOME_CITY, HOME_POSTAL_CODE, HOME_COUNTRY),
        ),
        "address-city": String((Place.plain_city,), f"{base}-city", path=path, sealed=(HOME_CITY,)),
        "address-postalcode": String(
            (POSTAL_CODE,), f"{base}-postalcode", path=path, sealed=(HOME_POSTAL_CODE,)
        ),
        "address-country": String((COUNTRY,), f"{base}-country", path=path, sealed=(HOME_COUNTRY,)),
        "address-state": String((), f"{base}-state"),
    }
