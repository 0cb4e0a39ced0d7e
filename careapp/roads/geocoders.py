"""Which geocoder answers, as the settings say: our own gazetteer, or a Nominatim or Photon of the region's.

A search for an address tells its server where somebody lives. So a server is named by its operator, never
assumed, and a failure is told, never mended by asking another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from careapp.config import Settings
from careapp.errors import Unavailable
from careapp.roads.gazetteer import Gazetteer
from careapp.roads.places import OPENSTREETMAP, FoundPlace, Geocoder, PlacedBy, Precision, label_of
from routing.errors import InvalidTravel, TravelError
from routing.travel import Coordinates
from routing.travel.http import Limits, Request, Server

LIMITS = Limits(timeout_s=5.0, attempts=2, backoff_s=0.2, longest_pause_s=2.0, most_bytes=2 * 2**20)
"""Somebody waits for the answer."""

_OK = 200
_STREET_RANK, _VILLAGE_RANK = 26, 17
_TOWNS = ("city", "town", "municipality")
_VILLAGES = ("village", "hamlet", "suburb", "quarter", "neighbourhood", "isolated_dwelling")


class GeocoderUnavailable(Unavailable):
    """The geocoder's server does not answer."""


class GeocoderNonsense(Unavailable):
    """The geocoder's server answers something that is no list of places."""


def choose_geocoder(settings: Settings) -> Geocoder:
    """Return the geocoder that the settings name."""
    if settings.geocoder == "local" or settings.geocoder_url is None:
        return Gazetteer(settings.gazetteer_path)
    kind = NOMINATIM if settings.geocoder == "nominatim" else PHOTON
    return ServerGeocoder(settings.geocoder_url, kind)


@dataclass(frozen=True)
class Dialect:
    """How a kind of server is asked, and what it answers.

    Attributes:
        source: Its name.
        path: Of the search, behind the server's address.
        words: The parameters beside `q` and `limit`.
        items_of: The answers in what came back.
        place_of: One answer, and its score, as a place.
    """

    source: PlacedBy
    path: str
    words: Mapping[str, str]
    items_of: Callable[[Any], list[Any]]
    place_of: Callable[[Any, float], FoundPlace]


class ServerGeocoder:
    """A geocoder that is asked by HTTP. Threads may share it.

    Args:
        base_url: The server's address.
        dialect: What kind of server it is.
        limits: How patiently it is asked.
    """

    def __init__(self, base_url: str, dialect: Dialect, *, limits: Limits = LIMITS) -> None:
        self._server = Server(base_url, limits=limits)
        self._dialect = dialect

    @property
    def attribution(self) -> str:
        """Both kinds of server answer from OpenStreetMap's data."""
        return OPENSTREETMAP

    def search(self, query: str, *, limit: int) -> list[FoundPlace]:
        """Return the server's answers in its order; the score only counts down.

        Raises:
            GeocoderUnavailable: It does not answer, also when asked again, or refuses.
            GeocoderNonsense: It answers something else than places.
        """
        name = self._dialect.source.value
        words = urlencode({"q": query, "limit": limit, **self._dialect.words})
        try:
            (answer,) = self._server.ask([Request(f"{self._dialect.path}?{words}")])
        except TravelError as failed:  # its sentence speaks of roads
            raise GeocoderUnavailable(
                f"{name} does not answer as it should: see that the server of CAREAPP_GEOCODER_URL runs, "
                "or set CAREAPP_GEOCODER to local"
            ) from failed
        if answer.status != _OK:
            raise GeocoderUnavailable(f"{name} answers {answer.status}: see CAREAPP_GEOCODER_URL")
        try:
            items = self._dialect.items_of(answer.json)
            return [
                self._dialect.place_of(item, round(1 / (1 + number / 10), 3))
                for number, item in enumerate(items[:limit])
            ]
        except (KeyError, TypeError, ValueError, AttributeError, InvalidTravel) as nonsense:
            raise GeocoderNonsense(
                f"{name} answers something that is no list of places: see CAREAPP_GEOCODER_URL and "
                "whether CAREAPP_GEOCODER names the right kind of server"
            ) from nonsense


def _found(
    source: PlacedBy,
    at: tuple[float, float],
    precision: Precision,
    score: float,
    attribution: str,
    **parts: str | None,
) -> FoundPlace:
    address = {
        name: parts.get(name) for name in ("street", "house_number", "postal_code", "city", "district")
    }
    return FoundPlace(
        label=label_of(**address),
        place=Coordinates(*at),
        precision=precision,
        score=score,
        attribution=attribution,
        source=source,
        **address,
    )


def _text(value: Any) -> str | None:
    return str(value)[:200] if value else None


def _items_of_nominatim(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError
    return answer


def _place_of_nominatim(item: Any, score: float) -> FoundPlace:
    address = dict(item["address"])
    rank = int(item["place_rank"])
    if item.get("addresstype") == "postcode":
        precision = Precision.POSTAL_CODE
    elif address.get("house_number") and address.get("road"):
        precision = Precision.HOUSE
    elif rank >= _STREET_RANK and address.get("road"):
        precision = Precision.STREET
    elif rank >= _VILLAGE_RANK:
        precision = Precision.VILLAGE
    else:
        precision = Precision.MUNICIPALITY
    village = next((address[key] for key in _VILLAGES if address.get(key)), None)
    town = next((address[key] for key in _TOWNS if address.get(key)), None)
    return _found(
        PlacedBy.NOMINATIM,
        (float(item["lat"]), float(item["lon"])),
        precision,
        score,
        _text(item.get("licence")) or OPENSTREETMAP,
        street=_text(address.get("road")),
        house_number=_text(address.get("house_number")),
        postal_code=_text(address.get("postcode")),
        city=_text(town or village),
        district=_text(village if town else None),
    )


def _items_of_photon(answer: Any) -> list[Any]:
    return list(answer["features"])


def _place_of_photon(item: Any, score: float) -> FoundPlace:
    told = dict(item["properties"])
    longitude, latitude = item["geometry"]["coordinates"][:2]
    kind, name = told.get("type"), told.get("name")
    street = told.get("street") or (name if kind == "street" else None)
    city, district = told.get("city"), told.get("district") or told.get("locality")
    if kind == "postcode" or told.get("osm_value") == "postcode":
        precision = Precision.POSTAL_CODE
    elif told.get("housenumber") and street:
        precision = Precision.HOUSE
    elif street:
        precision = Precision.STREET
    elif kind == "city":
        precision, city = Precision.MUNICIPALITY, name or city
    else:
        precision, district = Precision.VILLAGE, name or district
    return _found(
        PlacedBy.PHOTON,
        (float(latitude), float(longitude)),
        precision,
        score,
        OPENSTREETMAP,
        street=_text(street),
        house_number=_text(told.get("housenumber")),
        postal_code=_text(told.get("postcode")),
        city=_text(city or district),
        district=_text(district if city else None),
    )


NOMINATIM = Dialect(
    source=PlacedBy.NOMINATIM,
    path="/search",
    words={"format": "jsonv2", "addressdetails": "1", "countrycodes": "de", "accept-language": "de"},
    items_of=_items_of_nominatim,
    place_of=_place_of_nominatim,
)
PHOTON = Dialect(
    source=PlacedBy.PHOTON,
    path="/api",
    words={"lang": "de"},
    items_of=_items_of_photon,
    place_of=_place_of_photon,
)
