"""`careapp coverage`: take figures of mobile coverage, for whoever has a shell on the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session, sessionmaker

from api.database import chain_of, open_sessions, opened
from careapp import clock, migrate
from careapp.access import OPERATOR
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.coverage import commands
from careapp.coverage.files import read_figures
from careapp.coverage.queries import list_sources
from careapp.tenancy import begin_as

DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the embedded database."
)


@click.group()
def coverage() -> None:
    """Know where a video call is likely to hold."""


@coverage.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--source", help="Name of the data set, which the file replaces whole.  [default: the file's]")
@DATA_DIR
def import_(*, file: Path, source: str | None, data_dir: Path | None) -> None:
    """Take figures from a CSV or GeoJSON file; `careapp/coverage/files.py` says which columns."""
    settings = Settings.read(data_dir=data_dir)
    now = clock.now()
    name = commands.require_source(source or file.stem)
    with _sessions(settings) as sessions, begin_as(sessions, OPERATOR) as session:
        found = commands.import_figures(
            session,
            source=name,
            figures=read_figures(file, today=Calendar.of(settings).local_date(now)),
            viewer=OPERATOR,
            now=now,
        )
    click.echo(f"{found.figures} figures of {found.operators} networks in {found.cells} cells", err=True)


@coverage.command(name="list")
@DATA_DIR
def list_(*, data_dir: Path | None) -> None:
    """List the data sets in use."""
    with _sessions(Settings.read(data_dir=data_dir)) as sessions, begin_as(sessions, OPERATOR) as session:
        found = list_sources(session)
    for each in found:
        click.echo(f"{each.name}: {each.cells} cells, {each.operators} networks, of {each.as_of.isoformat()}")
    if not found:
        click.echo("there are none: `careapp coverage import FILE` takes one", err=True)


@coverage.command()
@click.argument("source")
@DATA_DIR
def remove(*, source: str, data_dir: Path | None) -> None:
    """Forget a data set."""
    with _sessions(Settings.read(data_dir=data_dir)) as sessions, begin_as(sessions, OPERATOR) as session:
        commands.remove_figures(session, source=source, viewer=OPERATOR, now=clock.now())
    click.echo("the data set is forgotten", err=True)


@contextmanager
def _sessions(settings: Settings) -> Iterator[sessionmaker[Session]]:
    with opened(settings) as engine:
        migrate.require_current(engine)
        yield open_sessions(engine, chain_of(settings))
