"""`careapp privacy`: erasure and restriction, for whoever has a shell on the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import click
from sqlalchemy.orm import Session, sessionmaker

from api.database import chain_of, open_sessions, opened
from careapp import clock, migrate
from careapp.access import OPERATOR
from careapp.config import Settings
from careapp.privacy import erasure, restriction
from careapp.tenancy import begin_as

DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the embedded database."
)
PATIENT = click.argument("patient", type=click.UUID)


@click.group()
def privacy() -> None:
    """Do what patients may ask for."""


@privacy.command()
@PATIENT
@click.option("--yes", is_flag=True, help="Do not ask: nothing of it comes back.")
@DATA_DIR
def erase(*, patient: UUID, yes: bool, data_dir: Path | None) -> None:
    """Erase who a patient was; that somebody was visited stays."""
    if not yes:
        click.confirm(f"erase who patient {patient} was, for ever?", abort=True)
    with _sessions(data_dir) as sessions:
        with begin_as(sessions, OPERATOR) as session:
            receipt = erasure.erase_patient(session, patient_id=patient, viewer=OPERATOR, now=clock.now()).id
        with begin_as(sessions, OPERATOR) as session:
            erasure.finish_erasures(session, now=clock.now())
    click.echo(
        f"erased; the receipt is {receipt}. Backups keep what they hold until they are deleted.", err=True
    )


@privacy.command()
@PATIENT
@click.option("--lift", is_flag=True, help="Show the patient to everybody again.")
@DATA_DIR
def restrict(*, patient: UUID, lift: bool, data_dir: Path | None) -> None:
    """Hide a patient from all but administrators."""
    change = restriction.lift_restriction if lift else restriction.restrict_patient
    with _sessions(data_dir) as sessions, begin_as(sessions, OPERATOR) as session:
        change(session, patient_id=patient, viewer=OPERATOR, now=clock.now())
    click.echo(
        "everybody sees the patient again" if lift else "only administrators see the patient", err=True
    )


@contextmanager
def _sessions(data_dir: Path | None) -> Iterator[sessionmaker[Session]]:
    settings = Settings.read(data_dir=data_dir)
    with opened(settings) as engine:
        migrate.require_current(engine)
        yield open_sessions(engine, chain_of(settings))
