"""What a search for an address finds, whoever answers it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from routing.travel import Coordinates

OPENSTREETMAP = "© OpenStreetMap contributors (ODbL 1.0), https://www.openstreetmap.org/copyright"
"""To be shown with every answer from OpenStreetMap's data."""


class Precision(StrEnum):
    """How near a point is to the door that was meant."""

    PIN = "pin"
    """A person has put it there."""
    HOUSE = "house"
    STREET = "street"
    VILLAGE = "village"
    MUNICIPALITY = "municipality"
    POSTAL_CODE = "postal-code"


class PlacedBy(StrEnum):
    """Who or what said where a place is."""

    PERSON = "person"
    GAZETTEER = "gazetteer"
    NOMINATIM = "nominatim"
    PHOTON = "photon"
    DEMO = "demo"
    """Invented with the demo region."""


@dataclass(frozen=True)
class FoundPlace:
    """One answer.

    Attributes:
        label: As it is shown: `Am Bach 3, 57462 Olpe (Rhode)`.
        place: Its point.
        precision: What the point stands for.
        score: From 0 to 1, how well it fits what was asked; of use only beside other answers.
        attribution: Must be shown with it.
        source: Which geocoder found it.
        street: Without the number.
        house_number: None if the house was not found.
        postal_code: Five digits in Germany.
        city: Town or municipality.
        district: Village or quarter.
    """

    label: str
    place: Coordinates
    precision: Precision
    score: float
    attribution: str
    source: PlacedBy
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    district: str | None = None


class Geocoder(Protocol):
    """Finds places by what people call them."""

    @property
    def attribution(self) -> str:
        """Whose data the answers are; shown in `/api/about`."""
        ...

    def search(self, query: str, *, limit: int) -> list[FoundPlace]:
        """Return the best answers first; an empty list if nothing is like it.

        Raises:
            GeocoderUnavailable: It does not answer, or answers nonsense.
        """
        ...


def label_of(
    *,
    street: str | None,
    house_number: str | None,
    postal_code: str | None,
    city: str | None,
    district: str | None,
) -> str:
    """Return an address as it is written in Germany, with the village in brackets if it is not the town."""
    door = " ".join(filter(None, (street, house_number)))
    town = " ".join(filter(None, (postal_code, city or district)))
    village = f" ({district})" if district and city and district != city else ""
    return ", ".join(filter(None, (door, town))) + village
