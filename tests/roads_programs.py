"""OSRM's programs for tests: found or fetched once for each machine, kept in the user's cache folder.

A test that asks for `osrm_programs` where they cannot be had is left out, and the summary's last lines say so
loudly; under `CI=true` it fails, unless there are no programs for this kind of machine at all.
"""

import os
import platform
from functools import cache
from pathlib import Path

import pytest

from careapp.roads.programs import WHEELS, Programs, ProgramsMissing, get_programs
from tests.needs import cannot_run

LEFT_OUT = "real roads were NOT tested"


def cache_folder() -> Path:
    """Return where programs are kept from one run to the next: below XDG's cache folder."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "careapp"


def find_or_fetch() -> Programs:
    """Return the programs.

    Raises:
        ProgramsMissing: They cannot be had.
    """
    return get_programs(cache_folder())


@cache
def _programs_or_reason() -> Programs | str:
    try:
        return find_or_fetch()
    except ProgramsMissing as missing:
        return str(missing)


@pytest.fixture(scope="session")
def osrm_programs() -> Programs:
    """OSRM's programs, of the installed package, the cache folder, the PATH or the package index."""
    found = _programs_or_reason()
    if not isinstance(found, Programs):
        has_wheel = (platform.system().lower(), platform.machine().lower()) in WHEELS
        cannot_run(f"{LEFT_OUT}: {found}", can_be_had=has_wheel)
    return found
