"""The search parameter `near`: places around a point.

https://hl7.org/fhir/R4/location.html#positional
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, or_

from careapp.access import Viewer
from careapp.sealing.fields import Identity
from careapp.sealing.lookups import opened_where
from fhir.search.parameter import Context, refuse

VALUE = re.compile(
    r"(?P<latitude>-?[0-9]{1,2}(\.[0-9]{1,10})?)\|(?P<longitude>-?[0-9]{1,3}(\.[0-9]{1,10})?)"
    r"(\|(?P<distance>[0-9]{1,5}(\.[0-9]{1,6})?)?(\|(?P<unit>km|m|\[mi_us\]|mi)?)?)?"
)
KM = {"km": 1.0, "m": 0.001, "mi": 1.609344, "[mi_us]": 1.609347}
USUAL_KM = 10.0
KM_OF_A_DEGREE = 111.195
"""On a sphere of 6371 km."""
FLATTEST = 0.01
"""Of a degree of longitude near a pole: what is so far north is far from everything."""
EXPECTED = "give latitude|longitude|distance|unit in degrees and km, e.g. 51.4|8.06|20|km"


@dataclass(frozen=True, eq=False)
class Near:
    """Places within a distance of a point (10 km if none is given), as the crow flies.

    Attributes:
        model: The table; its sealed fields `latitude` and `longitude` count, too.
        latitude: In degrees.
        longitude: In degrees.
        definition: Canonical address of the SearchParameter.
    """

    model: type[Any]
    latitude: SQLColumnExpression[Any]
    longitude: SQLColumnExpression[Any]
    definition: str

    type = "special"
    modifiers: frozenset[str] = frozenset()
    sort = None

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """The region is small, so a plane does: 60 km are wrong by less than 100 m."""
        del modifier
        return or_(false(), *(self._one(name, value, context.viewer) for value in values))

    def present(self) -> ColumnElement[bool]:
        """SQL: the place's position is known."""
        return or_(
            self.model.sealed.is_not(None), and_(self.latitude.is_not(None), self.longitude.is_not(None))
        )

    def _one(self, name: str, value: str, viewer: Viewer) -> ColumnElement[bool]:
        found = VALUE.fullmatch(value)
        if found is None:
            raise refuse(name, value, EXPECTED)
        latitude, longitude = float(found["latitude"]), float(found["longitude"])
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise refuse(name, value, EXPECTED)
        distance = float(found["distance"] or USUAL_KM) * KM[found["unit"] or "km"]
        width = KM_OF_A_DEGREE * max(math.cos(math.radians(latitude)), FLATTEST)

        def squared(to_latitude: Any, to_longitude: Any) -> Any:
            north = (to_latitude - latitude) * KM_OF_A_DEGREE
            east = (to_longitude - longitude) * width
            return north * north + east * east

        def is_near(home: Identity) -> bool:
            return bool(squared(home["latitude"], home["longitude"]) <= distance * distance)

        return or_(
            squared(self.latitude, self.longitude) <= distance * distance,
            opened_where(self.model, viewer, is_near),
        )
