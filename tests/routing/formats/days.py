"""Small files in each format, made by hand so that the numbers in the tests can be checked by hand."""

import json
from typing import Any

Json = dict[str, Any]


def a_vroom_day() -> Json:
    """Two jobs on a line of three places 600 s apart, one vehicle at place 0; job 20 waits for 1800."""
    return {
        "jobs": [
            {"id": 10, "location_index": 1, "service": 300, "description": "first"},
            {"id": 20, "location_index": 2, "service": 200, "setup": 100, "time_windows": [[1800, 3600]]},
        ],
        "vehicles": [{"id": 7, "start_index": 0, "end_index": 0, "time_window": [0, 7200]}],
        "matrices": {
            "car": {
                "durations": [[0, 600, 1200], [600, 0, 600], [1200, 600, 0]],
                "distances": [[0, 6000, 12000], [6000, 0, 6000], [12000, 6000, 0]],
            }
        },
    }


def a_homecare_day(visits: int = 3) -> Json:
    """Visits along a street, two of three open to both nurses."""
    jobs = [
        {
            "id": n,
            "lat": 51.0,
            "lon": 8.0 + n / 100,
            "tw": [25200, 36000],
            "service": 1200,
            "skill": 1 + n % 3,
            "penalty": 9000,
        }
        for n in range(visits)
    ]
    nurses = [
        {"id": n, "lat": 51.0, "lon": 8.0, "skill": 1 + n, "shift": [21600, 50400], "max_shift": 28800}
        | {"break_after": 21600, "break_len": 1800}
        for n in range(2)
    ]
    return {"visits": jobs, "nurses": nurses, "road_factor": 1.3, "speed_kmh": 50.0}


def a_hhcrsp_day() -> Json:
    """Patient p1 needs s1 from minute 10 to 12, p2 both services at once from 0 to 100; each 5 minutes long.

    Places on a line: office 0, p1 at 20.5, p2 at 30.5. c1 holds s1 and s2, c2 holds s2.
    """
    return {
        "patients": [
            {"id": "p1", "time_window": [10.0, 12.0], "required_caregivers": [{"service": "s1"}]},
            {
                "id": "p2",
                "time_window": [0.0, 100.0],
                "required_caregivers": [{"service": "s1"}, {"service": "s2", "duration": 5.0}],
                "synchronization": {"type": "simultaneous"},
            },
        ],
        "services": [{"id": "s1", "default_duration": 5.0}, {"id": "s2", "default_duration": 9.0}],
        "caregivers": [{"id": "c1", "abilities": ["s1", "s2"]}, {"id": "c2", "abilities": ["s2"]}],
        "central_offices": [{"id": "d", "location": [0.0, 0.0]}],
        "distances": [[0, 20.5, 30.5], [20.5, 0, 10.0], [30.5, 10.0, 0]],
    }


def a_uhhc_day() -> Json:
    """Two patients, two caregivers, a lunch for c1; places on a line: d 0, p0 at 10 min, p1 at 30 min."""
    return {
        "metadata": {
            "time_window_met": "at_service_start",
            "origin": "generated",
            "cost_components": {
                "travel_time": 2,
                "total_tardiness": 3,
                "highest_tardiness": 1,
                "total_waiting_time": 1,
                "total_extra_time": 5,
                "max_idle_time": 1,
                "caregiver_preferences": 7,
                "optional_patients": 50,
                "missed_lunch_break": 40,
            },
        },
        "distances": [[0, 10, 30], [10, 0, 20], [30, 20, 0]],
        "terminal_points": [{"id": "d", "distance_matrix_index": 0}],
        "caregivers": [
            {
                "id": "c1",
                "abilities": ["s1"],
                "departing_point": "d",
                "arrival_point": "d",
                "working_shift": {"start": 0, "end": 300},
                "lunch_break": True,
            },
            {
                "id": "c2",
                "abilities": ["s1", "s2"],
                "departing_point": "d",
                "arrival_point": "d",
                "working_shift": {"start": 0, "end": 200},
            },
        ],
        "patients": [
            {
                "id": "p0",
                "required_services": [{"service": "s1"}, {"service": "s2", "duration": 10}],
                "distance_matrix_index": 1,
                "time_windows": [{"start": 30, "end": 60}],
                "synchronization": {"type": "sequential", "distance": {"min": 5, "max": 40}},
                "preferred_caregivers": ["c1"],
            },
            {
                "id": "p1",
                "required_services": [{"service": "s1"}],
                "distance_matrix_index": 2,
                "time_windows": [{"start": 60, "end": 90}, {"start": 120, "end": 150}],
                "incompatible_caregivers": ["c2"],
                "optional": True,
            },
        ],
        "services": [{"id": "s1", "default_duration": 20}, {"id": "s2", "default_duration": 30}],
        "lunch_breaks": {"start": 100, "end": 180, "min_duration": 30},
    }


VRPLIB_DAY = """NAME : tiny
COMMENT : three clients
TYPE : CVRPTW
DIMENSION : 4
VEHICLES : 2
CAPACITY : 10
SERVICE_TIME : 5
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
4 1 1
DEMAND_SECTION
1 0
2 6
3 4
4 5
TIME_WINDOW_SECTION
1 0 100
2 0 50
3 0 50
4 0 50
DEPOT_SECTION
1
-1
EOF
"""

SOLOMON_DAY = """tiny

VEHICLE
NUMBER     CAPACITY
  2          10

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE TIME

    0      0          0          0          0        100          0
    1      3          4          6          0         50          5
    2      6          8          4          0         50          5
    3      1          1          5          0         50          5
"""


def texts() -> dict[str, str]:
    """Return one good file of each format."""
    days = {
        "vroom": a_vroom_day(),
        "uhhc": a_uhhc_day(),
        "hhcrsp": a_hhcrsp_day(),
        "homecare": a_homecare_day(),
    }
    return {name: json.dumps(day) for name, day in days.items()} | {"vrplib": VRPLIB_DAY}
