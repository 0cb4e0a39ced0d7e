"""Travel times from OSRM's HTTP server (API version 1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel, NoPath, TravelNonsense, TravelUnavailable
from routing.problem import Travel
from routing.travel.answers import (
    blocks,
    judged_snap,
    judged_table,
    least_metres,
    number,
    refuse_impossible,
    refuse_none_snapped,
    same_places,
    table_at_roads,
)
from routing.travel.http import PATIENT, Answer, Limits, Request, Server, never
from routing.travel.source import Coordinates, Leg, Path, Profile, Snapped, Table
from routing.units import UNREACHABLE

__all__ = ["OsrmTravel"]

_NAMES = {Profile.CAR: "driving", Profile.BICYCLE: "cycling", Profile.FOOT: "walking"}
"""How OSRM's addresses name a profile; `osrm-routed` serves one only and does not look."""

_AS_IN_TABLES = "&overview=false&continue_straight=false"
"""A nurse may turn round at a stop, as tables have it; a way would go on straight by itself."""

_MOST_MENDED, _MENDED_PART = 20, 1e-3
"""So many lengths of a table, or so large a part of them, are asked for one by one."""

_REFUSED = {
    "TooBig": "the table is larger than its --max-table-size: set a smaller one here, or a larger one there",
    "NotImplemented": "it has no such service: it must be OSRM 5 or later",
}


class _NoSegment(Exception):
    """A place lies at no road; OSRM refuses the whole request for it."""


class _NoRoute(Exception):
    """No road leads through the places."""


@dataclass(frozen=True)
class OsrmTravel:
    """Roads from OSRM.

    The radius is always given: without it OSRM moves a place to a road however far away, and says nothing.

    Attributes:
        base_url: Of `osrm-routed`, or of what stands before it.
        profile: For which its data were made.
        data: Hash of these data.
        radius_m: How far from a road a place may lie.
        table_size: The server's `--max-table-size`.
        limits: How patiently it is asked.
        cancel: True ends the asking.
        kind: Begins the name: says if the roads are no real ones.

    Raises:
        InvalidTravel: The address is none, or a size is not positive.
    """

    base_url: str
    profile: Profile
    data: str
    radius_m: int = 500
    table_size: int = 100
    limits: Limits = PATIENT
    cancel: Callable[[], bool] = never
    kind: str = "osrm"
    estimated: bool = False
    _server: Server = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.radius_m < 1 or self.table_size < 2:
            raise InvalidTravel("OSRM: the radius must be at least 1 m, the table size at least 2")
        server = Server(self.base_url, limits=self.limits, cancel=self.cancel)
        object.__setattr__(self, "_server", server)

    @property
    def name(self) -> str:
        """Stored with a plan."""
        return f"{self.kind}-{self.profile}"

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places; see `TravelSource.travel`."""
        table = self.table(places, places)
        return Travel(table.seconds, table.metres)

    def table(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Table:
        """Return times and distances; a place at no road is unreachable; see `TravelSource.table`."""
        if not origins or not destinations:
            empty = np.zeros((len(origins), len(destinations)), dtype=np.int32)
            return Table(empty, empty.copy())
        try:
            return self._table(origins, destinations)
        except _NoSegment:
            pass
        places = list(dict.fromkeys([*origins, *destinations]))
        snapped = self.snap(places)
        refuse_none_snapped(self._server.label, places, snapped, self.radius_m)
        at_road = {place for place, each in zip(places, snapped, strict=True) if each.place is not None}

        def ask(
            rows: list[Coordinates], columns: list[Coordinates]
        ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
            try:
                good = self._table(rows, columns)
            except _NoSegment as contradiction:
                raise TravelNonsense(
                    f"{self._server.label} finds roads near places one by one, but not together"
                ) from contradiction
            return good.seconds, good.metres

        return table_at_roads(origins, destinations, at_road, ask)

    def snap(self, places: Sequence[Coordinates]) -> list[Snapped]:
        """Return where each place meets the roads; see `TravelSource.snap`."""
        distinct = list(dict.fromkeys(places))
        answers = self._server.ask(
            [self._request("nearest", [place], "&number=1") for place in distinct] if distinct else []
        )
        found = {place: self._snapped(place, answer) for place, answer in zip(distinct, answers, strict=True)}
        return [found[place] for place in places]

    def path(self, places: Sequence[Coordinates]) -> Path:
        """Return the way through the places; see `TravelSource.path`."""
        legs: list[Leg] = []
        step = self.table_size
        for first in range(0, len(places) - 1, step):
            legs += self._legs(places[first : first + step + 1], first)
        return Path(tuple(legs))

    def _table(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Table:
        """Return the table of places that all lie at roads.

        Raises:
            _NoSegment: One does not.
        """
        size = self.table_size
        rows = min(len(origins), size)
        # The server counts pairs; few rows leave room for more columns, but the address has to stay short.
        columns = min(size * size // rows, 2 * size - rows)
        parts = list(blocks(len(origins), len(destinations), rows, columns))
        requests = [self._table_request(origins[top], destinations[left]) for top, left in parts]
        shape = len(origins), len(destinations)
        seconds, metres = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)
        for (top, left), answer in zip(parts, self._server.ask(requests), strict=True):
            json = self._good(answer)
            self._judge_waypoints(json.get("sources"), origins[top])
            self._judge_waypoints(json.get("destinations"), destinations[left])
            block = seconds[top, left].shape
            seconds[top, left] = judged_table(self._server.label, json.get("durations"), block)
            metres[top, left] = judged_table(
                self._server.label, json.get("distances"), block, may_be_negative=True
            )
        same = same_places(origins, destinations)
        seconds[same] = metres[same] = 0
        table = Table(seconds, metres)
        self._mend_metres(table, origins, destinations)
        refuse_impossible(self._server.label, origins, destinations, table, self.radius_m)
        return table

    def _mend_metres(
        self, table: Table, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]
    ) -> None:
        """Ask for single ways where a table's length cannot be.

        A few lengths of OSRM's tables are wrong, mostly negative, while their times are right (its issues
        5855 and 7269, seen with 26.10 for 6 of a million); those of its ways are not.
        """
        least_m = np.maximum(0, least_metres(origins, destinations, self.radius_m))
        wrong = np.argwhere((table.seconds != UNREACHABLE) & (table.metres < least_m))
        if len(wrong) > max(_MOST_MENDED, table.metres.size * _MENDED_PART):
            raise TravelNonsense(
                f"{self._server.label} answers many lengths that are negative or shorter than the "
                "straight line"
            )
        requests = [
            self._request("route", [origins[row], destinations[column]], _AS_IN_TABLES)
            for row, column in wrong
        ]
        for (row, column), answer in zip(wrong, self._server.ask(requests) if requests else [], strict=True):
            try:
                length = float(self._good(answer)["routes"][0]["distance"])
            except (_NoRoute, _NoSegment, KeyError, IndexError, TypeError, ValueError) as malformed:
                raise TravelNonsense(
                    f"{self._server.label} answers a length that cannot be, and no way"
                ) from malformed
            table.metres[row, column] = judged_table(self._server.label, [[length]], (1, 1))[0, 0]

    def _table_request(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Request:
        numbers: dict[Coordinates, int] = {}
        rows = [numbers.setdefault(place, len(numbers)) for place in origins]
        columns = [numbers.setdefault(place, len(numbers)) for place in destinations]
        if len(numbers) == 1:  # OSRM wants two coordinates
            numbers[Coordinates(origins[0].latitude, origins[0].longitude + 1e-6)] = 1
        return self._request(
            "table",
            list(numbers),
            "&annotations=duration,distance"
            f"&sources={';'.join(map(str, rows))}&destinations={';'.join(map(str, columns))}",
        )

    def _request(self, service: str, places: Sequence[Coordinates], options: str) -> Request:
        where = ";".join(f"{place.longitude:.6f},{place.latitude:.6f}" for place in places)
        radiuses = ";".join([str(self.radius_m)] * len(places))
        return Request(
            f"/{service}/v1/{_NAMES[self.profile]}/{where}?radiuses={radiuses}&generate_hints=false{options}"
        )

    def _good(self, answer: Answer) -> dict[str, Any]:
        label, json = self._server.label, answer.json
        code = json.get("code") if isinstance(json, dict) else None
        if code == "Ok" and answer.status == 200:
            return dict(json)
        if code == "NoSegment":
            raise _NoSegment
        if code == "NoRoute":
            raise _NoRoute
        if not isinstance(code, str):
            raise TravelNonsense(
                f"{label} answers {answer.status} and no code: it does not speak OSRM's language"
            )
        advice = _REFUSED.get(code, "see that it is OSRM 5 or later and that its profile fits")
        raise TravelUnavailable(f"{label} refuses with {code[:40]!r}: {advice}")

    def _snapped(self, place: Coordinates, answer: Answer) -> Snapped:
        try:
            json = self._good(answer)
        except _NoSegment:
            return Snapped(None, None)
        waypoints = json.get("waypoints")
        if not isinstance(waypoints, list) or not waypoints:
            raise TravelNonsense(f"{self._server.label} finds a road near a place and does not say where")
        return self._judged(place, waypoints[0])

    def _judge_waypoints(self, waypoints: Any, places: Sequence[Coordinates]) -> None:
        if not isinstance(waypoints, list) or len(waypoints) != len(places):
            raise TravelNonsense(f"{self._server.label} does not say where each place meets the roads")
        for place, waypoint in zip(places, waypoints, strict=True):
            self._judged(place, waypoint)

    def _judged(self, place: Coordinates, waypoint: Any) -> Snapped:
        location = waypoint.get("location") if isinstance(waypoint, dict) else None
        if not isinstance(location, list) or len(location) != 2:
            raise TravelNonsense(f"{self._server.label} does not say where a place meets the roads")
        return judged_snap(self._server.label, place, location[1], location[0], self.radius_m)

    def _legs(self, places: Sequence[Coordinates], offset: int) -> list[Leg]:
        options = f"{_AS_IN_TABLES}&steps=true&geometries=geojson"
        label = self._server.label
        try:
            json = self._good(self._server.ask([self._request("route", places, options)])[0])
        except _NoSegment as nowhere:
            number = next((n for n, each in enumerate(self.snap(places)) if each.place is None), 0)
            raise NoPath(
                f"place {offset + number} lies at no road within {self.radius_m} m: move it nearer to one"
            ) from nowhere
        except _NoRoute as cut_off:
            raise NoPath(
                f"no road leads through places {offset} to {offset + len(places) - 1} in their order"
            ) from cut_off
        self._judge_waypoints(json.get("waypoints"), places)
        try:
            legs = json["routes"][0]["legs"]
            found = [self._leg(leg) for leg in legs]
        except (KeyError, IndexError, TypeError, ValueError, InvalidTravel) as malformed:
            raise TravelNonsense(f"{label} answers a way without its legs") from malformed
        if len(found) != len(places) - 1:
            raise TravelNonsense(f"{label} answers {len(found)} legs between {len(places)} places")
        return found

    def _leg(self, leg: Any) -> Leg:
        line: list[Coordinates] = []
        for step in leg["steps"]:
            for longitude, latitude in step["geometry"]["coordinates"]:
                if not (number(latitude) and number(longitude)):
                    raise TypeError
                point = Coordinates(latitude, longitude)
                if not line or line[-1] != point:
                    line.append(point)
        if not line:
            raise IndexError
        whole = judged_table(self._server.label, [[leg["duration"], leg["distance"]]], (1, 2))
        points = tuple(line) if len(line) > 1 else (line[0], line[0])
        return Leg(int(whole[0, 0]), int(whole[0, 1]), points, estimated=False)
