"""The command that measures the estimate against an extract's roads."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from api.progress import ProgressLine
from careapp import clock
from careapp.config import Settings
from careapp.roads.accuracy import measure_extract
from careapp.roads.programs import get_programs


@click.command()
@click.argument(
    "extracts", metavar="FILE.osm.pbf...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--rounds", type=click.IntRange(1, 100_000), default=300, show_default=True, help="For each file."
)
@click.option("--stops", type=click.IntRange(1, 100), default=12, show_default=True, help="Of a round.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all draws.")
@click.option(
    "--safety",
    type=click.FloatRange(1.0, 3.0),
    help="Factor on estimated times  [default: the settings' CAREAPP_TRAVEL_SAFETY]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where OSRM's programs are."
)
def accuracy(
    *,
    extracts: tuple[Path, ...],
    rounds: int,
    stops: int,
    seed: int,
    safety: float | None,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Compare the estimate with OSRM over whole rounds on extracts; the road data in use stay as they are."""
    settings = Settings.read(data_dir=data_dir)
    factor = settings.travel_safety if safety is None else safety
    for extract in extracts:
        with ProgressLine(Console(stderr=True)) as progress:
            plain, used = measure_extract(
                extract,
                get_programs(settings.data_dir),
                factors=(1.0, factor),
                rounds=rounds,
                stops=stops,
                seed=seed,
                now=clock.now(),
                tell=progress.tell,
            )
        if as_json:
            found = {"safety": factor, **asdict(used), "without_safety": asdict(plain)}
            click.echo(json.dumps({"extract": extract.name, "seed": seed, **found}))
            continue
        click.echo(
            f"{extract.name}: {used.rounds} rounds of {used.stops} stops between {used.places} places, "
            f"{used.road_minutes:.0f} minutes each on OSRM's roads, seed {seed}"
        )
        for name, each in (("formula alone", plain), (f"with safety factor {factor:g}", used)):
            click.echo(
                f"  {name:<26} mean absolute error {each.error:.1%}, bias {each.bias:+.1%}; "
                f"lengths {each.length_error:.1%}; a factor of {each.best_factor:.2f} would leave no bias"
            )
