"""Search for addresses. The words that are searched for stand in the body: an address must not hold one."""

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field

from api.auth.policy import PLANNING, may
from api.dependencies import Places, SignedIn
from api.openapi import problems
from api.shapes import Example, In, Line, Out, shown_as
from careapp.roads.places import FoundPlace, PlacedBy, Precision

router = APIRouter(prefix="/api", tags=["places"])

FOUND_EXAMPLE: Example = {
    "label": "Hauptstraße 1, 57319 Bad Berleburg (Arfeld)",
    "latitude": 51.03,
    "longitude": 8.47,
    "precision": "house",
    "score": 0.98,
    "source": "gazetteer",
    "attribution": "© OpenStreetMap contributors",
    "street": "Hauptstraße",
    "house_number": "1",
    "postal_code": "57319",
    "city": "Bad Berleburg",
    "district": "Arfeld",
}


class PlaceQuery(In):
    """An address, as somebody wrote it."""

    model_config = shown_as({"query": "Hauptstr. 1, Arfeld", "limit": 5})

    query: Line
    limit: Annotated[int, Field(ge=1, le=20)] = 5


class FoundPlaceOut(Out):
    """One answer: its point, what the point stands for, and whose data it is."""

    model_config = shown_as(FOUND_EXAMPLE)

    label: str
    latitude: float
    longitude: float
    precision: Precision
    score: float
    source: PlacedBy
    attribution: str
    street: str | None
    house_number: str | None
    postal_code: str | None
    city: str | None
    district: str | None

    @classmethod
    def of(cls, found: FoundPlace) -> Self:
        """Show an answer."""
        return cls(
            label=found.label,
            latitude=found.place.latitude,
            longitude=found.place.longitude,
            precision=found.precision,
            score=found.score,
            source=found.source,
            attribution=found.attribution,
            street=found.street,
            house_number=found.house_number,
            postal_code=found.postal_code,
            city=found.city,
            district=found.district,
        )


class FoundPlaces(Out):
    """Answers, the best first; none if nothing is like what was asked."""

    model_config = shown_as({"items": [FOUND_EXAMPLE]})

    items: list[FoundPlaceOut]


@router.post("/places/search", responses=problems(503), dependencies=[may(*PLANNING)])
def search_places(body: PlaceQuery, geocoder: Places, viewer: SignedIn) -> FoundPlaces:
    """Find an address, however it is written; a house that is unknown gives its street, village or town."""
    del viewer  # places are public; who asks must be signed in all the same
    found = geocoder.search(body.query, limit=body.limit)
    return FoundPlaces(items=[FoundPlaceOut.of(place) for place in found])
