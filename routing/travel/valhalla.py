"""Travel times from Valhalla's HTTP server (3.5 or later).

Good for the way of a tour; for large tables it takes minutes (about 2500 pairs a request).
"""

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
    refuse_impossible,
    refuse_none_snapped,
    table_at_roads,
)
from routing.travel.http import PATIENT, Answer, Limits, Request, Server, never
from routing.travel.polyline import decoded
from routing.travel.source import Coordinates, Leg, Path, Profile, Snapped, Table
from routing.units import UNREACHABLE

__all__ = ["ValhallaTravel"]

_COSTING = {Profile.CAR: "auto", Profile.BICYCLE: "bicycle", Profile.FOOT: "pedestrian"}

_LOCATIONS = 20
"""So many places a way or a look for roads may have on a server with default limits."""

UNCONNECTED, NO_EDGES, NO_WAY = 170, 171, 442
"""Valhalla's numbers of errors that are answers to us."""

_ADVICE = {
    150: "too many places at once: set a smaller table size here, or larger service_limits there",
    154: "two places are farther apart than its service_limits allow: raise them there",
}


class _Refused(Exception):
    """The server answers an error with this number."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


@dataclass(frozen=True)
class ValhallaTravel:
    """Roads from Valhalla.

    Attributes:
        base_url: Of `valhalla_service`, or of what stands before it.
        profile: What we travel with; the same server knows all.
        data: Hash of its data.
        radius_m: How far from a road a place may lie.
        table_size: The root of the server's `max_matrix_location_pairs`.
        limits: How patiently it is asked.
        cancel: True ends the asking.

    Raises:
        InvalidTravel: The address is none, or a size is not positive.
    """

    base_url: str
    profile: Profile
    data: str
    radius_m: int = 500
    table_size: int = 50
    limits: Limits = PATIENT
    cancel: Callable[[], bool] = never
    estimated: bool = False
    _server: Server = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.radius_m < 1 or self.table_size < 1:
            raise InvalidTravel("Valhalla: the radius and the table size must be at least 1")
        server = Server(self.base_url, limits=self.limits, cancel=self.cancel)
        object.__setattr__(self, "_server", server)

    @property
    def name(self) -> str:
        """Stored with a plan."""
        return f"valhalla-{self.profile}"

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places; see `TravelSource.travel`."""
        table = self.table(places, places)
        return Travel(table.seconds, table.metres)

    def table(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Table:
        """Return times and distances; a place at no road is unreachable; see `TravelSource.table`.

        Places are looked up first: one at no road would cost the whole request, and the table does not say
        how far the others were moved.
        """
        places = list(dict.fromkeys([*origins, *destinations]))
        snapped = self.snap(places)
        refuse_none_snapped(self._server.label, places, snapped, self.radius_m)
        at_road = {place for place, each in zip(places, snapped, strict=True) if each.place is not None}
        table = table_at_roads(origins, destinations, at_road, self._table)
        refuse_impossible(self._server.label, origins, destinations, table, self.radius_m)
        return table

    def snap(self, places: Sequence[Coordinates]) -> list[Snapped]:
        """Return where each place meets the roads; see `TravelSource.snap`."""
        distinct = list(dict.fromkeys(places))
        parts = [distinct[low : low + _LOCATIONS] for low in range(0, len(distinct), _LOCATIONS)]
        answers = self._server.ask([self._request("locate", locations=part) for part in parts])
        found: dict[Coordinates, Snapped] = {}
        for part, answer in zip(parts, answers, strict=True):
            located = self._located(answer, len(part))
            found |= {place: self._snapped(place, each) for place, each in zip(part, located, strict=True)}
        return [found[place] for place in places]

    def path(self, places: Sequence[Coordinates]) -> Path:
        """Return the way through the places; see `TravelSource.path`."""
        legs: list[Leg] = []
        for first in range(0, len(places) - 1, _LOCATIONS - 1):
            legs += self._legs(places[first : first + _LOCATIONS], first)
        return Path(tuple(legs))

    def _table(
        self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return seconds and metres between places that all lie at roads.

        Valhalla refuses a table as a whole if it sees no way for any pair: such a block is halved until what
        is left is one pair without a way.
        """
        shape = len(origins), len(destinations)
        seconds, metres = (np.full(shape, UNREACHABLE, dtype=np.int32) for _ in range(2))
        waiting = list(blocks(*shape, self.table_size, self.table_size))
        while waiting:
            answers = self._server.ask(
                [
                    self._request(
                        "sources_to_targets",
                        sources=origins[top],
                        targets=destinations[left],
                        verbose=False,
                        units="kilometers",
                    )
                    for top, left in waiting
                ]
            )
            again = []
            for (top, left), answer in zip(waiting, answers, strict=True):
                try:
                    json = self._good(answer)
                except _Refused as refused:
                    again += self._halves(refused, top, left)
                    continue
                table = json.get("sources_to_targets") if isinstance(json, dict) else None
                if not isinstance(table, dict):
                    raise TravelNonsense(
                        f"{self._server.label} answers no table of numbers: it must be Valhalla 3.5 or later"
                    )
                block = seconds[top, left].shape
                label = self._server.label
                seconds[top, left] = judged_table(label, table.get("durations"), block)
                metres[top, left] = judged_table(label, table.get("distances"), block, scale=1000)
            waiting = again
        return seconds, metres

    def _halves(self, refused: _Refused, top: slice, left: slice) -> list[tuple[slice, slice]]:
        if refused.number not in {UNCONNECTED, NO_WAY}:
            raise self._unavailable(refused) from refused
        rows, columns = top.stop - top.start, left.stop - left.start
        if rows == columns == 1:
            return []
        if rows >= columns:
            middle = top.start + rows // 2
            return [(slice(top.start, middle), left), (slice(middle, top.stop), left)]
        middle = left.start + columns // 2
        return [(top, slice(left.start, middle)), (top, slice(middle, left.stop))]

    def _request(self, service: str, **asked: Any) -> Request:
        body = {
            name: [self._location(place) for place in value] if name in _PLACES else value
            for name, value in asked.items()
        }
        return Request(f"/{service}", {"costing": _COSTING[self.profile], **body})

    def _location(self, place: Coordinates) -> dict[str, float]:
        return {
            "lat": float(round(place.latitude, 6)),  # a place may hold numpy's numbers
            "lon": float(round(place.longitude, 6)),
            "search_cutoff": self.radius_m,
        }

    def _good(self, answer: Answer) -> Any:
        if answer.status == 200:
            return answer.json
        json = answer.json if isinstance(answer.json, dict) else {}
        number = json.get("error_code")
        if not isinstance(number, int):
            raise TravelNonsense(
                f"{self._server.label} answers {answer.status} and no error code: "
                "it does not speak Valhalla's language"
            )
        raise _Refused(number, str(json.get("error", ""))[:80])

    def _unavailable(self, refused: _Refused) -> TravelUnavailable:
        advice = _ADVICE.get(refused.number, "see Valhalla's list of errors")
        return TravelUnavailable(
            f"{self._server.label} refuses with error {refused.number} ({refused}): {advice}"
        )

    def _located(self, answer: Answer, count: int) -> list[Any]:
        try:
            located = self._good(answer)
        except _Refused as refused:
            if refused.number == NO_EDGES:
                return [{"edges": []}] * count
            raise self._unavailable(refused) from refused
        if not isinstance(located, list) or len(located) != count:
            raise TravelNonsense(f"{self._server.label} does not say where each place meets the roads")
        return located

    def _snapped(self, place: Coordinates, located: Any) -> Snapped:
        label = self._server.label
        edges = (located.get("edges", 0) or []) if isinstance(located, dict) else 0  # null: nothing near
        if not isinstance(edges, list) or not all(isinstance(edge, dict) for edge in edges):
            raise TravelNonsense(f"{label} does not say where a place meets the roads")
        found = [
            judged_snap(label, place, edge.get("correlated_lat"), edge.get("correlated_lon"), self.radius_m)
            for edge in edges
        ]
        return min(found, key=lambda each: each.metres or 0, default=Snapped(None, None))

    def _legs(self, places: Sequence[Coordinates], offset: int) -> list[Leg]:
        label = self._server.label
        request = self._request("route", locations=places, directions_type="none", units="kilometers")
        try:
            json = self._good(self._server.ask([request])[0])
        except _Refused as refused:
            raise self._no_path(refused, places, offset) from refused
        try:
            found = [self._leg(leg) for leg in json["trip"]["legs"]]
        except (KeyError, IndexError, TypeError, ValueError, InvalidTravel) as malformed:
            raise TravelNonsense(f"{label} answers a way without its legs") from malformed
        if len(found) != len(places) - 1:
            raise TravelNonsense(f"{label} answers {len(found)} legs between {len(places)} places")
        for place, point in zip(
            places, [*(leg.points[0] for leg in found), found[-1].points[-1]], strict=True
        ):
            judged_snap(label, place, point.latitude, point.longitude, self.radius_m)
        return found

    def _no_path(self, refused: _Refused, places: Sequence[Coordinates], offset: int) -> Exception:
        if refused.number == NO_EDGES:
            nowhere = next((n for n, each in enumerate(self.snap(places)) if each.place is None), 0)
            return NoPath(
                f"place {offset + nowhere} lies at no road within {self.radius_m} m: move it nearer to one"
            )
        if refused.number in {UNCONNECTED, NO_WAY}:
            last = offset + len(places) - 1
            return NoPath(f"no road leads through places {offset} to {last} in their order")
        return self._unavailable(refused)

    def _leg(self, leg: Any) -> Leg:
        summary = leg["summary"]
        whole = judged_table(self._server.label, [[summary["time"], 1000 * summary["length"]]], (1, 2))
        points = decoded(leg["shape"], digits=6)
        return Leg(
            int(whole[0, 0]), int(whole[0, 1]), points if len(points) > 1 else points * 2, estimated=False
        )


_PLACES = frozenset({"locations", "sources", "targets"})
