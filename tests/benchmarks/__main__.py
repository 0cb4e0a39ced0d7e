"""Measure every figure of the README: `python -m tests.benchmarks`; the table comes on standard output."""

import platform
from importlib.metadata import version

from tests.benchmarks.service import DEMO_SEED, figures

LIBRARIES = ("ortools", "numba", "numpy", "fastapi", "sqlalchemy", "fhir.resources")

if __name__ == "__main__":
    print("| What | Measured | Asked |\n|---|---|---|", flush=True)
    for figure in figures():
        print(f"| {figure.what} | {figure.measured} | {figure.asked} |", flush=True)
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(f"\nSeed {DEMO_SEED}, Python {platform.python_version()}, {platform.machine()}, {libraries}.")
