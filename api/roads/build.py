"""The commands that build road data and tell what is in use."""

from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from api.database import opened
from api.progress import ProgressLine
from careapp import clock, migrate
from careapp.config import Settings
from careapp.db import make_reading_sessions
from careapp.roads import build as building
from careapp.roads.manifest import BASE, Manifest, Profile, current_manifest
from careapp.roads.programs import get_programs
from careapp.roads.snapping import Home, known_homes, stops_of_busiest_day
from careapp.roads.speeds import DEFAULT_TABLE

FILE = click.Path(path_type=Path, dir_okay=False)
DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of our data."
)
FETCHING = "fetching OSRM's programs (20 MB, once for this data folder)"
NAMED = 20


def _profiles(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[Profile, ...]:
    try:
        return tuple(dict.fromkeys(Profile(name.strip()) for name in value.split(",")))
    except ValueError as unknown:
        raise click.BadParameter(f"choose from {', '.join(Profile)}, with commas between") from unknown


@click.command()
@click.argument("extract", metavar="FILE.osm.pbf", type=FILE)
@click.option(
    "--profiles",
    default=",".join(Profile),
    show_default=True,
    callback=_profiles,
    help="Kinds of vehicles; patients' homes are checked with the first.",
)
@click.option(
    "--contract/--no-contract",
    default=None,
    help="Take five times as long now, and a sixteenth for each matrix later.  "
    f"[default: if a day has more than {building.MANY_STOPS} visits]",
)
@click.option(
    "--slice", "slices", multiple=True, help="Also these times: peak, winter, winter-peak; may be repeated."
)
@click.option("--speeds", type=FILE, default=DEFAULT_TABLE, help="Table of speed factors  [default: ours]")
@click.option("--attribution", help="Whom a map names  [default: OpenStreetMap's contributors]")
@click.option("--force", is_flag=True, help="Use the data even if they miss most homes.")
@DATA_DIR
def build(
    *,
    extract: Path,
    profiles: tuple[Profile, ...],
    contract: bool | None,
    slices: tuple[str, ...],
    speeds: Path,
    attribution: str | None,
    force: bool,
    data_dir: Path | None,
) -> None:
    """Make road data from an OpenStreetMap extract and put them in use.

    A server that runs goes over to the new data by itself. If anything fails, or you press Ctrl-C, the data
    in use stay and nothing half is left.
    """
    settings = Settings.read(data_dir=data_dir)
    homes, stops = _known(settings)
    with ProgressLine(Console(stderr=True)) as progress:
        programs = get_programs(settings.data_dir, on_fetch=lambda: progress.tell(FETCHING, 0.0))
        built = building.build(
            building.Order(
                extract=extract,
                profiles=profiles,
                contract=building.pays_to_contract(stops) if contract is None else contract,
                slices=slices,
                speeds=speeds,
                attribution=attribution,
                radius_m=settings.snap_radius_m,
                force=force,
            ),
            data_dir=settings.data_dir,
            programs=programs,
            homes=homes,
            now=clock.now(),
            tell=progress.tell,
        )
    _print(built.manifest, settings)
    if built.outside:
        named = ", ".join(str(home.patient_id) for home in built.outside[:NAMED])
        more = f" and {len(built.outside) - NAMED} more" if len(built.outside) > NAMED else ""
        click.echo(
            f"careapp: {len(built.outside)} of {built.homes} homes lie at no road of these data; "
            f"a plan leaves their visits out and says so. Patients: {named}{more}",
            err=True,
        )


@click.command()
@DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
def status(*, data_dir: Path | None, as_json: bool) -> None:
    """Tell which road data are in use."""
    settings = Settings.read(data_dir=data_dir)
    manifest = current_manifest(settings.data_dir)
    if as_json:
        click.echo(manifest.model_dump_json(indent=2))
    else:
        _print(manifest, settings)


def _known(settings: Settings) -> tuple[list[Home], int]:
    """Read the homes and the stops of the busiest day; none where there is no database yet."""
    if settings.database_url is None and not (settings.data_dir / "careapp.sqlite").exists():
        return [], 0
    with opened(settings) as engine:
        migrate.require_current(engine)
        with make_reading_sessions(engine).begin() as session:
            return known_homes(session), stops_of_busiest_day(session)


def _print(manifest: Manifest, settings: Settings) -> None:
    box = manifest.extract.bounds
    way = "contracted (ch)" if manifest.algorithm == "ch" else "multi-level (mld)"
    local: datetime = manifest.built_at.astimezone(settings.zone_info)
    rows = {
        "data": manifest.data[:12],
        "extract": f"{manifest.extract.file}, {manifest.roads} roads, "
        f"{box.south:.3f}–{box.north:.3f} °N, {box.west:.3f}–{box.east:.3f} °E",
        "built": f"{local:%Y-%m-%d %H:%M} in {manifest.seconds:.0f} s, "
        f"{sum(step.cpu_seconds for step in manifest.steps):.0f} CPU s, "
        f"at most {manifest.peak_bytes / 1e6:.0f} MB",
        "vehicles": ", ".join(manifest.profiles),
        "slices": ", ".join(manifest.slices) if manifest.slices != (BASE,) else "base only",
        "algorithm": f"{way}, OSRM {manifest.programs}",
        "closures": str(len(manifest.closures)),
        "source": manifest.attribution,
    }
    for name, value in rows.items():
        click.echo(f"{name:<10} {value}")
