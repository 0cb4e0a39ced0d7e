"""The form in which solutions of home-care instances are published, shared by `hhcrsp` and `uhhc`.

`{"routes": [{"caregiver_id": ..., "locations": [{"patient": ..., "service": ..., "arrival_time": start,
"departure_time": end}, ...]}, ...]}`, times in minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from routing.formats.reading import InvalidFile, Record, parse_json
from routing.formats.task import InvalidAnswer

__all__ = ["PublishedStop", "read_routes"]

STARTS = ("arrival_time", "start_time", "start_service_time")
ENDS = ("departure_time", "end_time", "end_service_time")


@dataclass(frozen=True)
class PublishedStop:
    """One entry of a published route, times in minutes."""

    patient: str
    service: str
    start: float
    end: float


def read_routes(text: str, caregivers: Mapping[str, int]) -> dict[int, list[PublishedStop]]:
    """Read an answer as number of caregiver to stops in order of time.

    Raises:
        InvalidFile: It does not have the published form.
        InvalidAnswer: It names an unknown caregiver, or one twice.
    """
    routes: dict[int, list[PublishedStop]] = {}
    for route in parse_json(text).records("routes"):
        caregiver = route.text("caregiver_id")
        if caregiver not in caregivers:
            raise InvalidAnswer(f"{route.place('caregiver_id')}: there is no caregiver {caregiver[:40]}")
        if caregivers[caregiver] in routes:
            raise InvalidAnswer(f"{route.place('caregiver_id')}: caregiver {caregiver} has two routes")
        stops = [_stop(location) for location in route.records("locations", optional=True)]
        routes[caregivers[caregiver]] = sorted(stops, key=lambda stop: (stop.start, stop.end))
    return routes


def _stop(location: Record) -> PublishedStop:
    return PublishedStop(
        patient=location.text(_key(location, ("patient", "patient_id"))),
        service=location.text(_key(location, ("service", "service_id"))),
        start=location.number(_key(location, STARTS), least=0, most=10**6),
        end=location.number(_key(location, ENDS), least=0, most=10**6),
    )


def _key(record: Record, names: tuple[str, ...]) -> str:
    for name in names:
        if name in record:
            return name
    raise InvalidFile(f"{record.place(names[0])}: is missing")
