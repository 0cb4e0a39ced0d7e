"""Road servers, one of each kind for all tests of a process."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from careapp.roads.programs import Programs
from routing.travel.source import Profile
from tests import road_servers


@pytest.fixture(scope="session")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network of `tests.road_servers` as a file."""
    path = tmp_path_factory.mktemp("network") / "grid.osm.pbf"
    road_servers.write_network(path)
    return path


@pytest.fixture(scope="session")
def osrm_urls(
    osrm_programs: Programs, extract: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Profile, str]]:
    """Addresses of OSRM, one for each profile."""
    folder = tmp_path_factory.mktemp("osrm")
    with ExitStack() as stack:
        yield {
            profile: stack.enter_context(road_servers.osrm_server(osrm_programs, extract, profile, folder))
            for profile in Profile
        }


@pytest.fixture(scope="session")
def valhalla_url(extract: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of Valhalla."""
    site = road_servers.required_valhalla()
    with road_servers.valhalla_server(site, extract, tmp_path_factory.mktemp("valhalla")) as address:
        yield address
