"""`careapp roads tiles`: the map of an OpenStreetMap extract."""

from pathlib import Path

import click
from rich.console import Console

from api.progress import ProgressLine
from careapp import clock
from careapp.config import Settings
from careapp.roads.tiles import build_tiles


@click.command()
@click.argument("extract", metavar="FILE.osm.pbf", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder where the tiles are kept."
)
def tiles(*, extract: Path, data_dir: Path | None) -> None:
    """Build the map's vector tiles from an OpenStreetMap extract and take them into use.

    A running server shows them from its next answer on. If this fails or is stopped, the map stays the one
    from before.
    """
    settings = Settings.read(data_dir=data_dir)
    with ProgressLine(Console(stderr=True)) as line:
        built = build_tiles(extract, settings.roads_dir, now=clock.now(), tell=line.tell)
    click.echo(
        f"{built.path} is in use: {built.size / 1e6:.1f} MB, {sum(built.features.values())} features, "
        f"zoom {built.first_zoom} to {built.last_zoom}",
        err=True,
    )
    click.echo(f"shown beside the map: {'; '.join(built.attribution)}", err=True)
