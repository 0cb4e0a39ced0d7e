"""The command `careapp`."""

import json
import signal
import sys
from datetime import date, datetime
from pathlib import Path
from socket import socket
from types import FrameType
from typing import IO, Any, NoReturn

import click
from rich.console import Console
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from api.accounts import account
from api.app import create_app
from api.audit import audit
from api.coverage import coverage
from api.database import chain_of, open_sessions, opened
from api.demo import Demo, prepare, refuse_real_database
from api.demo_accounts import make_sign_ins, print_sign_ins
from api.doctor import doctor
from api.keys import keys
from api.plan_report import PlanReport, print_report, read_report, to_json
from api.plan_run import plan_day
from api.privacy import privacy
from api.progress import ProgressLine
from api.roads.accuracy import accuracy
from api.roads.build import build, status
from api.roads.group import roads
from api.roads.network import calibrate, gazetteer, synthetic
from api.roads.tiles import tiles
from api.server import address_of, listen, serve, set_up_logging
from api.token import client, token
from careapp import clock, migrate
from careapp.access import OPERATOR
from careapp.config import Settings
from careapp.db import make_reading_sessions
from careapp.db_errors import explain_database_error
from careapp.errors import CareError
from careapp.roads.keeper import RoadKeeper

REFUSED = 2
INTERRUPTED = 130
TERMINATED = 128 + signal.SIGTERM

WIDTH = 120
"""Of the table where no terminal says how wide it is."""

STDERR = Console(stderr=True)


class Sentence(click.ClickException):
    """An error that is told in one sentence."""

    exit_code = REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence to standard error."""
        click.echo(f"careapp: {self.message}", file=file, err=True)


class Commands(click.Group):
    """Commands whose errors are sentences, never tracebacks of what a person can mend."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except CareError as error:
            raise Sentence(str(error)) from error
        except SQLAlchemyError as error:
            explained = explain_database_error(error)
            if explained is None:
                raise
            raise Sentence(str(explained)) from error
        except KeyboardInterrupt:
            click.echo(
                f"\ncareapp: stopped. Nothing is lost: what was written stays, and "
                f"`careapp {ctx.invoked_subcommand or ''}` with the same options goes on from there.",
                err=True,
            )
            ctx.exit(INTERRUPTED)


DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the embedded database."
)
PORT = click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
SEED = click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Of the region and of the search.",
)
LIMIT = click.option(
    "--limit",
    type=click.FloatRange(0, 3600, min_open=True),
    help="Seconds of search  [default: the settings']",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")


VISITS_OF_A_NURSE = 12
"""What a nurse's day holds in the demo region."""


def _to_date(_context: click.Context, _parameter: click.Parameter, value: datetime | None) -> date | None:
    return None if value is None else value.date()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="careapp")
def main() -> None:
    """Plan community nurses' tours together with doctors' video consultations."""
    # Then every block is left in order: children are stopped, jobs go back to the queue.
    signal.signal(signal.SIGTERM, _leave)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)


@main.command()
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_to_date,
    help="Day to plan  [default: tomorrow]",
)
@SEED
@click.option(
    "--visits", type=click.IntRange(1, 5000), default=300, show_default=True, help="Visits of the day."
)
@click.option(
    "--nurses", type=click.IntRange(1, 500), help="Nurses at work.  [default: one for every twelve visits]"
)
@click.option(
    "--limit",
    type=click.FloatRange(0, 3600, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds of search.",
)
@PORT
@DATA_DIR
@click.option("--no-serve", is_flag=True, help="Stop after the plan.")
@AS_JSON
def demo(
    *,
    day: date | None,
    seed: int,
    visits: int,
    nurses: int | None,
    limit: float,
    port: int | None,
    data_dir: Path | None,
    no_serve: bool,
    as_json: bool,
) -> None:
    """Invent a region, plan tomorrow, show the plan and serve it.

    Everybody in the region is invented. Run twice it does no harm: the region stays, and published tours are
    shown, not planned again.
    """
    settings = Settings.read(data_dir=data_dir, port=port)
    refuse_real_database(settings)
    listener = None if no_serve else listen(settings)
    try:
        with opened(settings) as engine:
            asked = Demo(
                date=day,
                seed=seed,
                visits=visits,
                nurses=nurses or max(1, round(visits / VISITS_OF_A_NURSE)),
                limit_s=limit,
            )
            report = prepare(asked, settings=settings, engine=engine, console=STDERR)
            _print(report, as_json=as_json)
            sign_ins = make_sign_ins(
                open_sessions(engine), settings.data_dir, day=report.date, now=clock.now()
            )
            print_sign_ins(sign_ins, STDERR)
            if listener is not None:
                _serve(settings, engine, listener, day=report.date)
    finally:
        if listener is not None:
            listener.close()


@main.command(name="serve")
@PORT
@DATA_DIR
def serve_command(*, port: int | None, data_dir: Path | None) -> None:
    """Serve the API on loopback."""
    settings = Settings.read(data_dir=data_dir, port=port)
    listener = listen(settings)
    try:
        with opened(settings) as engine:
            migrate.require_current(engine)
            _serve(settings, engine, listener, day=None)
    finally:
        listener.close()


@main.command(name="migrate")
@DATA_DIR
def migrate_command(*, data_dir: Path | None) -> None:
    """Bring the database to the version of this program."""
    settings = Settings.read(data_dir=data_dir)
    with opened(settings) as engine:
        migrate.upgrade(engine, lambda title: click.echo(title, err=True), role=settings.database_role)
    click.echo("the database is up to date", err=True)


@main.command()
@click.argument("day", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), callback=_to_date)
@SEED
@LIMIT
@DATA_DIR
@AS_JSON
def plan(*, day: date, seed: int, limit: float | None, data_dir: Path | None, as_json: bool) -> None:
    """Plan what is open on a day and propose its tours."""
    settings = Settings.read(data_dir=data_dir)
    with opened(settings) as engine:
        migrate.require_current(engine)
        with ProgressLine(STDERR) as progress:
            if settings.roads == "osrm":
                RoadKeeper(make_reading_sessions(engine), settings, clock.now).look()
            plan_day(
                open_sessions(engine, chain_of(settings)),
                date=day,
                seed=seed,
                limit_s=limit or settings.plan_limit_s,
                settings=settings,
                viewer=OPERATOR,
                progress=progress,
            )
        with make_reading_sessions(engine).begin() as session:
            report = read_report(session, date=day, zone=settings.zone_info, viewer=OPERATOR)
    if report is not None:
        _print(report, as_json=as_json)


for road_command in (accuracy, build, calibrate, gazetteer, status, synthetic, tiles):
    roads.add_command(road_command)
main.add_command(roads)
main.add_command(audit)
main.add_command(token)
main.add_command(client)
main.add_command(account)
main.add_command(doctor)
main.add_command(coverage)
main.add_command(keys)
main.add_command(privacy)


def _print(report: PlanReport, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(to_json(report), ensure_ascii=False))
    else:
        print_report(report, Console(width=None if sys.stdout.isatty() else WIDTH))
    sys.stdout.flush()


def _serve(settings: Settings, engine: Engine, listener: socket, *, day: date | None) -> None:
    set_up_logging(settings.log_level)
    address = address_of(listener)
    pages = ["/openapi.json", "/api/about", "/fhir/metadata"]
    if day is None:
        pages[:0] = ["/map"]
    else:
        asked = day.isoformat()
        pages[:0] = [f"/map?date={asked}", f"/api/days/{asked}", f"/api/tours?date={asked}"]

    whom = (
        f"for its reverse proxy, which is {settings.public_url}"
        if settings.public_url
        else "on this machine only"
    )

    def say_so() -> None:
        STDERR.print(
            f"careapp answers at {address} ({whom}). Ctrl-C stops it.",
            highlight=False,
            soft_wrap=True,
        )
        for page in pages:
            STDERR.print(f"  {address}{page}", highlight=False, soft_wrap=True)

    serve(create_app(settings, engine=engine), listener, on_ready=say_so)


if __name__ == "__main__":
    main()
