"""`careapp roads synthetic`, `gazetteer` and `calibrate`: roads and addresses to try, times to learn."""

from pathlib import Path

import click
from rich.console import Console

from api.progress import ProgressLine
from careapp import clock
from careapp.config import Settings
from careapp.demo.facts import read_facts
from careapp.roads import network
from careapp.roads.bands import compare_network
from careapp.roads.bands import lines_of as band_lines
from careapp.roads.calibrate import calibrate as learn
from careapp.roads.calibrate import report_lines
from careapp.roads.gazetteer import Gazetteer
from careapp.roads.gazetteer_making import lines_of, make_gazetteer, try_gazetteer
from careapp.roads.legs import read_legs
from careapp.roads.programs import get_programs

FETCHING = "fetching OSRM's programs (20 MB, once for this data folder)"
OSM_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of all chance."
)
@click.option(
    "--nodes",
    type=click.IntRange(1, 2_000_000),
    default=network.NODES,
    show_default=True,
    help="Points of roads, about; 270000 for a benchmark.",
)
@click.option("--out", type=OSM_FILE, required=True, help="FILE.osm.pbf, or FILE.osm without pyosmium.")
@click.option("--compare", is_flag=True, help="Build it with OSRM and compare its ways with the estimate.")
def synthetic(*, seed: int, nodes: int, out: Path, compare: bool) -> None:
    """Make a synthetic road network over the demo region: no road in it is real."""
    with ProgressLine(Console(stderr=True)) as progress:
        made = network.make_network(
            read_facts(), seed=seed, nodes=nodes, on_progress=lambda done, part: progress.tell(part, done)
        )
        progress.tell("writing", 0.6)
        network.write_network(made, out)
        bands = []
        if compare:
            programs = get_programs(Settings.read().data_dir, on_fetch=lambda: progress.tell(FETCHING, 0.6))
            bands = compare_network(out, programs, seed=seed, now=clock.now(), tell=progress.tell)
    counts = f"{len(made.points)} points, {len(made.ways)} roads, {len(made.houses)} houses"
    click.echo(f"{out.name}: {network.LABEL}, {counts}")
    for line in band_lines(bands) if compare else ():
        click.echo(line)


@click.command()
@click.argument("extract", metavar="FILE.osm.pbf", type=OSM_FILE)
@click.option(
    "--try", "tries", type=click.IntRange(1, 100_000), help="Ask for so many of its addresses, and tell."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Of the addresses."
)
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder where the gazetteer is kept."
)
def gazetteer(*, extract: Path, tries: int | None, seed: int, data_dir: Path | None) -> None:
    """Make the search for addresses from an OpenStreetMap extract and take it into use.

    A running server asks the new one from its next search on. If this fails, the old one stays.
    """
    path = Settings.read(data_dir=data_dir).gazetteer_path
    with ProgressLine(Console(stderr=True)) as progress:
        found, counts = make_gazetteer(extract, path, tell=progress.tell)
    what = ", ".join(f"{count} {precision}" for precision, count in sorted(counts.items()))
    click.echo(f"{path.name} is in use: {what}", err=True)
    if tries is not None:
        searcher = Gazetteer(path)
        for line in lines_of(try_gazetteer(searcher, found, count=tries, seed=seed)):
            click.echo(line)
        searcher.close()


@click.command()
@click.argument("legs", metavar="LEGS.csv", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kind", default="car", show_default=True, help="Vehicle whose legs count.")
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of the bootstrap."
)
@click.option(
    "--speed-factor",
    type=click.FloatRange(0.2, 5),
    help="With which the legs were planned.  [default: the settings']",
)
@click.option("--access", "access_s", type=click.FloatRange(0, 3600), help="Likewise, in seconds.")
def calibrate(
    *, legs: Path, kind: str, seed: int, speed_factor: float | None, access_s: float | None
) -> None:
    """Learn speed and fixed time of each way from legs as they were planned and driven.

    The file's first line names its columns: planned_s, driven_s, and if they are known hour and kind. Nothing
    is changed; the report ends with the settings to set.
    """
    settings = Settings.read()
    recorded, left_out = read_legs(legs)
    found = learn(
        recorded,
        kind=kind,
        seed=seed,
        speed_factor=settings.travel_speed_factor if speed_factor is None else speed_factor,
        access_s=settings.access_s if access_s is None else access_s,
    )
    found.left_out.update(+left_out)
    for line in report_lines(found):
        click.echo(line)
