"""Measure the README's figures: `python -m tests.benchmarks [service] [roads] [booking] [export]`.

Tables on standard output; searches have a program of their own, `python -m tests.benchmarks.fhir_search`.
"""

import os
import platform
import sys
from importlib.metadata import version

from careapp.roads import programs
from tests.benchmarks import fhir_booking, fhir_export, roads, service

LIBRARIES = ("ortools", "numba", "numpy", "fastapi", "sqlalchemy", "fhir.resources")
SECTIONS = {
    "service": service.figures,
    "roads": roads.figures,
    "booking": fhir_booking.figures,
    "export": fhir_export.figures,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or SECTIONS:
        print(f"\n{name}\n\n| What | Measured | Asked |\n|---|---|---|", flush=True)
        for figure in SECTIONS[name]():
            print(f"| {figure.what} | {figure.measured} | {figure.asked} |", flush=True)
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(
        f"\nSeed {service.DEMO_SEED}, Python {platform.python_version()}, {platform.machine()}, {libraries}, "
        f"OSRM {programs.VERSION}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the end."
    )
