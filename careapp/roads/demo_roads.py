"""Roads for the demo region, where the settings ask for our own OSRM; only its programs are downloaded."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from careapp.config import Settings
from careapp.demo.facts import read_facts
from careapp.roads import build as building
from careapp.roads.gazetteer_making import make_gazetteer
from careapp.roads.manifest import find_manifest
from careapp.roads.network import NODES, make_network, write_network
from careapp.roads.programs import Programs, get_programs
from careapp.roads.steps import Tell
from routing.travel.source import Profile

EXTRACT = "demo-synthetic.osm.pbf"
FETCHING = "fetching OSRM's programs (20 MB, once for this data folder)"


def lay_roads(
    settings: Settings,
    *,
    seed: int,
    now: datetime,
    tell: Tell,
    nodes: int = NODES,
    programs: Callable[[], Programs] | None = None,
) -> bool:
    """Make the synthetic network, its data for car and bicycle, and its gazetteer, unless there are data.

    Args:
        settings: Where road data are kept, and whether they are asked for.
        seed: Of the network.
        now: This moment.
        tell: Hears what is being done.
        nodes: Points of roads.
        programs: How to get OSRM's programs; None finds or fetches them.

    Returns:
        Whether something was made.

    Raises:
        ProgramsMissing: OSRM's programs cannot be had.
        NoPbfHere: pyosmium is not installed.
        BuildFailed: A program failed.
    """
    if settings.roads != "osrm" or find_manifest(settings.data_dir) is not None:
        return False
    found = (programs or partial(get_programs, settings.data_dir, on_fetch=lambda: tell(FETCHING, 0.0, "")))()
    extract = settings.roads_dir / EXTRACT
    tell("laying synthetic roads", 0.0, "")
    write_network(make_network(read_facts(), seed=seed, nodes=nodes), extract)
    order = building.Order(extract=extract, profiles=(Profile.CAR, Profile.BICYCLE), contract=False)
    building.build(order, data_dir=settings.data_dir, programs=found, homes=(), now=now, tell=tell)
    if not settings.gazetteer_path.exists():
        make_gazetteer(extract, settings.gazetteer_path, tell=lambda step, part: tell(step, part, ""))
    return True
