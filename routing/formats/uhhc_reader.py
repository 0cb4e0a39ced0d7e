"""A UHHC instance as a problem."""

import numpy as np

from routing.formats.reading import Record
from routing.formats.uhhc_cost import Published
from routing.problem import Link, Lunch, Nurses, Problem, Service, TimeWindow, Travel, Vehicle, Weights
from routing.units import MINUTE, Seconds

__all__ = ["LEFT_OUT", "read_uhhc"]

DAYS = 3 * 24 * 60
LEFT_OUT = 10**10
TOP_KEYS = {"metadata", "distances", "terminal_points", "caregivers", "patients", "services", "lunch_breaks"}
PATIENT_KEYS = {
    "id",
    "required_services",
    "distance_matrix_index",
    "time_windows",
    "synchronization",
    "optional",
}
PATIENT_KEYS |= {"preferred_caregivers", "incompatible_caregivers"}
CAREGIVER_KEYS = {"id", "abilities", "departing_point", "arrival_point", "working_shift", "lunch_break"}
STEERED = {
    "travel_time",
    "total_tardiness",
    "highest_tardiness",
    "total_waiting_time",
    "total_extra_time",
    "workload_balance",
    "max_idle_time",
    "missed_lunch_break",
    "caregiver_preferences",
    "optional_patients",
}
RULES = {"qualification", "incompatibilities"}
MAY_BE_HARD = RULES | {"total_tardiness", "total_extra_time"}
MAY_BE_HARD |= {"caregiver_preferences", "optional_patients", "max_idle_time", "missed_lunch_break"}


def read_uhhc(record: Record) -> tuple[Problem, Published]:
    """Return an instance as a problem, and what its cost needs beyond it.

    Raises:
        InvalidFile: With the key and the reason.
    """
    record.only(TOP_KEYS)
    meta = record.record("metadata")
    weights = _weights(meta)
    met = meta.text("time_window_met")
    if met not in ("at_service_start", "at_service_end"):
        raise meta.refuse("time_window_met", f"{met[:40]} is neither at_service_start nor at_service_end")
    rows = np.array(record.square("distances"), dtype=np.float64)
    if (rows != np.floor(rows)).any() or rows.max(initial=0) > DAYS:
        raise record.refuse("distances", f"expected whole minutes of at most {DAYS}")
    if np.diagonal(rows).any():
        raise record.refuse("distances", "must be 0 from a place to itself")
    seconds = (MINUTE * rows).astype(np.int32)
    caregivers = record.records("caregivers")
    reader = _Reader(record, weights, caregivers, len(rows), at_end=met == "at_service_end")
    services, links = reader.services()
    at_once = _origin(meta) in ("bazirha", "bazirha-caie")
    vehicles, departing, lunches = reader.vehicles(at_once=at_once)
    problem = Problem(services, vehicles, (Travel(seconds, seconds),), links, _points(weights))
    published = Published(
        weights=weights,
        at_end=reader.at_end,
        leaves_at_shift_start=at_once,
        patients=tuple(reader.patients),
        kinds=tuple(reader.kinds),
        mandatory=frozenset(reader.mandatory),
        windows=tuple(reader.windows),
        wishes=tuple(reader.wishes),
        departing=departing,
        arriving=tuple(caregiver.text("arrival_point") for caregiver in caregivers),
        due_lunch=lunches,
        lunch=reader.lunch(),
    )
    return problem, published


def _origin(meta: Record) -> str:
    return meta.text("origin") if "origin" in meta else ""


def _weights(meta: Record) -> dict[str, int | None]:
    """Return the weight of each component that is named; None for one that is hard."""
    given = meta.record("cost_components")
    given.only(STEERED | RULES | {"incompabilities"})
    weights: dict[str, int | None] = {}
    for name in sorted(STEERED | RULES):
        key = "incompabilities" if name == "incompatibilities" and "incompabilities" in given else name
        if key not in given:
            continue
        weights[name] = None if given.get(key) == "HARD" else given.whole(key, least=0, most=10**4)
        if name in RULES and weights[name] is not None:
            raise given.refuse(key, "a weight here is not supported, only HARD")
        if name not in MAY_BE_HARD and weights[name] is None:
            raise given.refuse(key, "HARD is not supported here, only a weight")
    return weights


def _points(weights: dict[str, int | None]) -> Weights:
    def points(name: str) -> int:
        return weights.get(name) or 0

    return Weights(
        travel=points("travel_time"),
        not_preferred=MINUTE * points("caregiver_preferences"),
        highest_lateness=MINUTE * points("highest_tardiness"),
        overtime=MINUTE * points("total_extra_time"),
        waiting=MINUTE * points("total_waiting_time"),
        balance=MINUTE * points("workload_balance"),
        longest_idle=MINUTE * points("max_idle_time"),
    )


class _Reader:
    """Turns patients and caregivers into services and vehicles."""

    def __init__(
        self,
        record: Record,
        weights: dict[str, int | None],
        caregivers: list[Record],
        places: int,
        *,
        at_end: bool,
    ) -> None:
        self.record = record
        self.weights = weights
        self.caregivers = caregivers
        self.numbers = {caregiver.text("id"): number for number, caregiver in enumerate(caregivers)}
        self.places = places
        self.at_end = at_end
        self.default = {service.text("id"): service for service in record.records("services")}
        self.patients: list[str] = []
        self.kinds: list[str] = []
        self.mandatory: list[int] = []
        self.windows: list[tuple[TimeWindow, ...]] = []
        self.wishes: list[frozenset[int] | None] = []

    def services(self) -> tuple[tuple[Service, ...], tuple[Link, ...]]:
        """Return all services, in the order of the file, and what ties those of one patient."""
        services: list[Service] = []
        links: list[Link] = []
        for patient in self.record.records("patients"):
            patient.only(PATIENT_KEYS, ignored={"location"})
            first = len(services)
            services.extend(self._services(patient, first))
            links.extend(_ties(patient, first, len(services) - first))
        return tuple(services), tuple(links)

    def vehicles(self, *, at_once: bool) -> tuple[tuple[Vehicle, ...], tuple[str, ...], tuple[bool, ...]]:
        """Return the vehicles, where each departs, and whether each is due a lunch break."""
        points = {}
        for point in self.record.records("terminal_points"):
            points[point.text("id")] = point.whole("distance_matrix_index", least=0, most=self.places - 1)
        vehicles = []
        for caregiver in self.caregivers:
            caregiver.only(CAREGIVER_KEYS, ignored={"location"})
            for key in ("departing_point", "arrival_point"):
                if caregiver.text(key) not in points:
                    raise caregiver.refuse(key, f"there is no terminal point {caregiver.text(key)[:40]}")
            shift = _window(caregiver.record("working_shift"))
            vehicles.append(
                Vehicle(
                    id=caregiver.text("id"),
                    start=points[caregiver.text("departing_point")],
                    end=points[caregiver.text("arrival_point")],
                    shift=shift,
                    skills=dict.fromkeys(caregiver.texts("abilities"), 1),
                    breaks=None,
                    lunch=self._lunch_of(caregiver),
                    leaves_at_once=at_once,
                    overtime=0 if self._is_hard("total_extra_time") else MINUTE * DAYS,
                )
            )
        departing = tuple(caregiver.text("departing_point") for caregiver in self.caregivers)
        return (
            tuple(vehicles),
            departing,
            tuple(caregiver.flag("lunch_break") for caregiver in self.caregivers),
        )

    def lunch(self) -> tuple[TimeWindow, Seconds] | None:
        """Return when lunch may be taken and how long it lasts."""
        if "lunch_breaks" not in self.record:
            return None
        lunch = self.record.record("lunch_breaks")
        length = MINUTE * lunch.whole("min_duration", least=0, most=DAYS)
        window = _window(lunch)
        high = window.latest - (length if self.at_end else 0)
        if high < window.earliest:
            raise lunch.refuse("end", "lunch does not fit between start and end")
        return TimeWindow(window.earliest, high), length

    def _lunch_of(self, caregiver: Record) -> Lunch | None:
        hours = self.lunch() if caregiver.flag("lunch_break") else None
        if hours is None:
            return None
        weight = self.weights.get("missed_lunch_break")
        window, length = hours
        return Lunch(window.earliest, window.latest, length, None if weight is None else MINUTE * weight)

    def _is_hard(self, name: str) -> bool:
        return name in self.weights and self.weights[name] is None

    def _services(self, patient: Record, first: int) -> list[Service]:
        needs = patient.records("required_services")
        if not needs:
            raise patient.refuse("required_services", "name at least one")
        services: list[Service] = []
        for need in needs:
            services.append(self._service(patient, need, first + len(services), is_first=not services))
        return services

    def _service(self, patient: Record, need: Record, number: int, *, is_first: bool) -> Service:
        name, kind = patient.text("id"), need.text("service")
        source = need if "duration" in need else self.default.get(kind)
        if source is None:
            raise need.refuse("service", f"there is no service {kind[:40]}")
        duration = MINUTE * source.whole(
            "duration" if "duration" in need else "default_duration", least=0, most=DAYS
        )
        windows = self._windows(patient, duration)
        optional = patient.flag("optional") and self.weights.get("optional_patients") is not None
        self.patients.append(name)
        self.kinds.append(kind)
        self.windows.append(windows)
        if not optional:
            self.mandatory.append(number)
        preferred = self._named(patient, "preferred_caregivers")
        self.wishes.append(preferred)
        must = preferred is not None and self.weights.get("caregiver_preferences") is None
        late = (
            None if self._is_hard("total_tardiness") else MINUTE * (self.weights.get("total_tardiness") or 0)
        )
        return Service(
            id=f"{name}/{kind}",
            location=patient.whole("distance_matrix_index", least=0, most=self.places - 1),
            duration=duration,
            windows=windows,
            skills={kind: 1},
            visit=name,
            allowed=preferred if must else None,
            forbidden=self._named(patient, "incompatible_caregivers") or frozenset(),
            preferred=frozenset() if must else preferred or frozenset(),
            late=late,
            penalty=(MINUTE * (self.weights["optional_patients"] or 0) * is_first) if optional else LEFT_OUT,
        )

    def _windows(self, patient: Record, duration: Seconds) -> tuple[TimeWindow, ...]:
        """Return when a service may start without being late.

        Raises:
            InvalidFile: It must end in the window and lasts longer than that; lateness could not be counted.
        """
        windows = []
        for window in patient.records("time_windows"):
            whole = _window(window)
            high = whole.latest - (duration if self.at_end else 0)
            if high < whole.earliest:
                raise window.refuse("end", "a service that is longer than its window is not supported")
            windows.append(TimeWindow(whole.earliest, high))
        if not windows:
            raise patient.refuse("time_windows", "give at least one")
        return tuple(windows)

    def _named(self, patient: Record, key: str) -> frozenset[int] | None:
        if key not in patient:
            return None
        for name in patient.texts(key):
            if name not in self.numbers:
                raise patient.refuse(key, f"there is no caregiver {name[:40]}")
        return frozenset(self.numbers[name] for name in patient.texts(key))


def _ties(patient: Record, first: int, count: int) -> list[Link]:
    """Return the links among the services of a patient: different caregivers, and the gaps in list order."""
    pairs = [(first + a, first + b) for a in range(count) for b in range(a + 1, count)]
    kind, gaps = "independent", (0, 0)
    if "synchronization" in patient:
        together = patient.record("synchronization")
        kind = together.text("type")
        if kind == "simultaneous":
            gaps = 0, 0
        elif kind == "sequential":
            distance = together.record("distance")
            low, high = (
                distance.whole("min", least=-DAYS, most=DAYS),
                distance.whole("max", least=-DAYS, most=DAYS),
            )
            if low > high:
                raise distance.refuse("max", "is less than min")
            gaps = MINUTE * low, MINUTE * high
        elif kind != "independent":
            raise together.refuse("type", f"{kind[:40]} is not supported")
    links = []
    for a, b in pairs:
        tied = b == a + 1 and kind != "independent"
        low = gaps[0] if tied else -2 * MINUTE * DAYS
        links.append(Link(a, b, low, gaps[1] if tied else None, Nurses.DIFFERENT))
    return links


def _window(record: Record) -> TimeWindow:
    low, high = (record.whole(key, least=0, most=DAYS) for key in ("start", "end"))
    if low > high:
        raise record.refuse("end", f"is {high}, before the start at {low}")
    return TimeWindow(MINUTE * low, MINUTE * high)
