"""The commands that make a synthetic network, the gazetteer, and learn from driven legs."""

from pathlib import Path

import click
from rich.console import Console

from api.progress import ProgressLine
from careapp.demo.facts import read_facts
from careapp.roads import network

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
def synthetic(*, seed: int, nodes: int, out: Path) -> None:
    """Make a synthetic road network over the demo region: no road in it is real."""
    with ProgressLine(Console(stderr=True)) as progress:
        made = network.make_network(
            read_facts(), seed=seed, nodes=nodes, on_progress=lambda done, part: progress.tell(part, done)
        )
        progress.tell("writing", 0.6)
        network.write_network(made, out)
    counts = f"{len(made.points)} points, {len(made.ways)} roads, {len(made.houses)} houses"
    click.echo(f"{out.name}: {network.LABEL}, {counts}")
