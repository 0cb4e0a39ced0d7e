"""Vehicle routing with time windows as text: VRPLIB's sections and Solomon's table.

Two conventions of travel exist for the same instances. Here distances and times are ten times the Euclidean
distance, cut to whole tenths, as in the DIMACS challenge 2021 and in PyVRP. An answer is
`{"cost": ..., "routes": [[client, ...], ...]}`; clients are numbered from 1, the depot is 0.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.formats.answers import plan_of_sequences, unserved
from routing.formats.reading import InvalidFile, Record, parse_json
from routing.formats.task import InvalidAnswer
from routing.plan import Plan, Route
from routing.problem import Problem, Service, TimeWindow, Travel, Vehicle, Weights

__all__ = ["VrplibTask", "from_vrplib"]

TENTHS = 10
LARGEST = 10**6
LEFT_OUT = 10**7
"""Far more than any detour: every client is to be served."""

HEAD = {"NAME", "COMMENT", "TYPE", "DIMENSION", "VEHICLES", "CAPACITY", "SERVICE_TIME", "EDGE_WEIGHT_TYPE"}
COLUMNS = {
    "NODE_COORD_SECTION": 2,
    "DEMAND_SECTION": 1,
    "TIME_WINDOW_SECTION": 2,
    "SERVICE_TIME_SECTION": 1,
    "DEPOT_SECTION": 0,
}


@dataclass(frozen=True)
class Node:
    """The depot or a client, in the units of the file."""

    x: int
    y: int
    demand: int
    ready: int
    due: int
    service: int


class VrplibTask:
    """An instance that was read.

    Args:
        nodes: The depot first.
        vehicles: How many routes there may be.
        capacity: What one vehicle holds.
    """

    notes: tuple[str, ...] = ()
    finish_share = 0.0
    begin_with: tuple[Route, ...] = ()

    def __init__(self, nodes: list[Node], vehicles: int, capacity: int) -> None:
        at = np.array([(node.x, node.y) for node in nodes], dtype=np.int64)
        between = at[:, None, :] - at[None, :, :]
        tenths = _roots(TENTHS**2 * (between**2).sum(axis=2)).astype(np.int32)
        depot, *clients = nodes
        self.problem = Problem(
            services=tuple(
                Service(
                    id=str(number),
                    location=number,
                    duration=TENTHS * client.service,
                    windows=(TimeWindow(TENTHS * client.ready, TENTHS * client.due),),
                    demand=client.demand,
                    penalty=LEFT_OUT,
                )
                for number, client in enumerate(clients, start=1)
            ),
            vehicles=tuple(
                Vehicle(
                    id=str(number),
                    start=0,
                    end=0,
                    shift=TimeWindow(TENTHS * depot.ready, TENTHS * depot.due),
                    breaks=None,
                    capacity=capacity,
                )
                for number in range(1, vehicles + 1)
            ),
            travel=(Travel(tenths, tenths),),
            weights=Weights(travel=1, not_preferred=0),
        )

    def finish(self, plan: Plan, limit_s: float | None) -> Plan:
        """Return the plan as it is."""
        del limit_s
        return plan

    def answer(self, plan: Plan) -> dict[str, Any]:
        """Write the routes with client numbers, and the distance with one decimal."""
        routes = [[stop.service + 1 for stop in route.stops] for route in plan.routes]
        return {"cost": self.cost(plan), "routes": routes}

    def plan(self, text: str) -> Plan:
        """Read routes; which vehicle drives them does not matter, since all are equal."""
        record = parse_json(text)
        sequences: dict[int, list[int]] = {}
        routes = [route for route in _routes(record) if route]
        if len(routes) > len(self.problem.vehicles):
            raise InvalidAnswer(f"{len(routes)} routes for {len(self.problem.vehicles)} vehicles")
        for vehicle, clients in enumerate(routes):
            strange = [client for client in clients if not 1 <= client <= len(self.problem.services)]
            if strange:
                raise InvalidAnswer(f"routes[{vehicle}]: there is no client {strange[0]}")
            sequences[vehicle] = [client - 1 for client in clients]
        return plan_of_sequences(self.problem, sequences)

    def cost(self, plan: Plan) -> float:
        """Return the distance of all routes; leaving out and vehicles cost nothing here."""
        return sum(route.travel for route in plan.routes) / TENTHS

    def faults(self, plan: Plan) -> list[str]:
        """Name the clients that are left out: none may be."""
        return unserved(self.problem, plan)


def from_vrplib(text: str) -> VrplibTask:
    """Read an instance, in VRPLIB's form or Solomon's.

    Raises:
        InvalidFile: With the line and the reason.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line]
    if any(re.match(r"CUST(OMER)?\b(?!.*:)", line) for _, line in lines):
        return _from_solomon(lines)
    return _from_sections(lines)


def _from_sections(lines: list[tuple[int, str]]) -> VrplibTask:
    head: dict[str, tuple[int, str]] = {}
    sections: dict[str, dict[int, list[int]]] = {}
    section = ""
    for number, line in lines:
        if line == "EOF":
            break
        if ":" in line:
            key, value = (part.strip() for part in line.split(":", 1))
            if key not in HEAD:
                raise InvalidFile(f"line {number}: {key} is not supported")
            head[key] = number, value
        elif line.endswith("_SECTION"):
            if line not in COLUMNS or line in sections:
                reason = "is given twice" if line in sections else "is not supported"
                raise InvalidFile(f"line {number}: {line} {reason}")
            section, sections[line] = line, {}
        elif not section:
            raise InvalidFile(f"line {number}: expected KEY : VALUE or a section's name, not {line[:40]}")
        elif line != "-1":
            node, *row = _row(number, line, 1 + COLUMNS[section])
            if node in sections[section]:
                raise InvalidFile(f"line {number}: node {node} is given twice")
            sections[section][node] = row
    return _task_of(head, sections)


def _task_of(head: dict[str, tuple[int, str]], sections: dict[str, dict[int, list[int]]]) -> VrplibTask:
    metric = _head(head, "EDGE_WEIGHT_TYPE")
    if metric != "EUC_2D":
        raise InvalidFile(f"EDGE_WEIGHT_TYPE: {metric} is not supported, only EUC_2D")
    size = _head_number(head, "DIMENSION", least=1)
    required = [name for name in COLUMNS if name != "SERVICE_TIME_SECTION"]
    for name in required:
        if name not in sections:
            raise InvalidFile(f"{name} is missing")
    if list(sections["DEPOT_SECTION"]) != [1]:
        raise InvalidFile("DEPOT_SECTION: only one depot is supported, and it must be node 1")
    for name in [name for name in COLUMNS if name in sections and name != "DEPOT_SECTION"]:
        if sorted(sections[name]) != list(range(1, size + 1)):
            raise InvalidFile(f"{name}: needs one line for each of the nodes 1 to {size}")
    if "SERVICE_TIME_SECTION" in sections:
        service = {node: row[0] for node, row in sections["SERVICE_TIME_SECTION"].items()}
    else:
        equal = _head_number(head, "SERVICE_TIME", least=0)
        service = dict.fromkeys(range(2, size + 1), equal)
    nodes = [
        _node(
            f"node {node}",
            [
                *sections["NODE_COORD_SECTION"][node],
                *sections["DEMAND_SECTION"][node],
                *sections["TIME_WINDOW_SECTION"][node],
                service.get(node, 0),
            ],
        )
        for node in range(1, size + 1)
    ]
    vehicles = _head_number(head, "VEHICLES", least=0)
    return VrplibTask(nodes, vehicles, _head_number(head, "CAPACITY", least=0))


def _from_solomon(lines: list[tuple[int, str]]) -> VrplibTask:
    """Read Solomon's table: name, VEHICLE with number and capacity, CUSTOMER with one line for each node."""
    tables = [
        (number, _row(number, line, None)) for number, line in lines if re.match(r"-?\d[\d\s.+-]*$", line)
    ]
    if len(tables) < 2:
        raise InvalidFile("the VEHICLE line or the CUSTOMER lines are missing")
    (number, fleet), *rows = tables
    if len(fleet) != 2 or min(fleet) < 0:
        raise InvalidFile(f"line {number}: expected the number of vehicles and their capacity")
    nodes = []
    for expected, (number, row) in enumerate(rows):
        if len(row) != 7 or row[0] != expected:
            raise InvalidFile(f"line {number}: expected customer {expected} with seven numbers")
        nodes.append(_node(f"line {number}", row[1:]))
    return VrplibTask(nodes, fleet[0], fleet[1])


def _node(place: str, row: list[int]) -> Node:
    node = Node(*row)
    if node.ready > node.due:
        raise InvalidFile(f"{place}: the time window ends at {node.due}, before it begins at {node.ready}")
    if min(node.demand, node.service) < 0:
        raise InvalidFile(f"{place}: demand and service time must not be negative")
    return node


def _row(number: int, line: str, columns: int | None) -> list[int]:
    words = line.split()
    if columns is not None and len(words) != columns:
        raise InvalidFile(f"line {number}: expected {columns} numbers, found {len(words)}")
    return [_whole(word, f"line {number}") for word in words]


def _whole(word: str, place: str) -> int:
    try:
        value = float(word)
    except ValueError:
        raise InvalidFile(f"{place}: {word[:20]} is no number") from None
    if not -LARGEST <= value <= LARGEST or value != int(value):
        raise InvalidFile(f"{place}: {word[:20]} is no whole number of at most {LARGEST}")
    return int(value)


def _head(head: dict[str, tuple[int, str]], key: str) -> str:
    if key not in head:
        raise InvalidFile(f"{key} is missing")
    return head[key][1]


def _head_number(head: dict[str, tuple[int, str]], key: str, *, least: int) -> int:
    value = _whole(_head(head, key), f"line {head[key][0]}: {key}")
    if value < least:
        raise InvalidFile(f"line {head[key][0]}: {key} must be at least {least}")
    return value


def _roots(squares: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return exact whole square roots, cut: the float may be one off."""
    roots: NDArray[np.int64] = np.sqrt(squares).astype(np.int64)
    roots -= roots * roots > squares
    roots += (roots + 1) ** 2 <= squares
    return roots


def _routes(record: Record) -> list[list[int]]:
    routes = record.get("routes")
    if not isinstance(routes, list):
        raise record.refuse("routes", "expected a list of lists of client numbers")
    return [Record({f"routes[{n}]": route}).wholes(f"routes[{n}]") for n, route in enumerate(routes)]
