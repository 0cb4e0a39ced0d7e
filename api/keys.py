"""`careapp keys`: which keys seal, and how they are replaced."""

import time
from pathlib import Path

import click
from sqlalchemy.orm import Session

from api.database import opened
from careapp import clock, migrate
from careapp.access import OPERATOR
from careapp.config import Settings
from careapp.db import make_reading_sessions, make_sessions
from careapp.keys import LOOK_S, KeyMissing
from careapp.sealing import rotation
from careapp.sealing.guard import require_keys
from careapp.sealing.ring import ring_of
from careapp.tenancy import begin_as
from fhir.search.indexing import index_again

DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the embedded database."
)


@click.group()
def keys() -> None:
    """Show and replace the keys that seal patients' data."""


@keys.command()
@DATA_DIR
def status(*, data_dir: Path | None) -> None:
    """Tell which main keys there are and how much each has sealed."""
    settings = Settings.read(data_dir=data_dir)
    with opened(settings) as engine:
        migrate.require_current(engine)
        with begin_as(make_reading_sessions(engine), OPERATOR) as session:
            counts = rotation.keys_in_use(session)
            ring = ring_of(session)
    click.echo(f"keys in {settings.keys_path}:")
    for key in ring.main_keys:
        since = "made with the file" if key.made_at is None else f"made {key.made_at.date().isoformat()}"
        seals = ", seals now" if key is ring.main_keys[-1] else ""
        click.echo(f"  {key.id}  {since}{seals}, {counts.pop(key.id, 0)} values")
    for missing, count in counts.items():
        raise KeyMissing(
            f"{count} values are sealed with key {missing}, which is not in the file: restore the file from "
            "its backup"
        )


@keys.command()
@DATA_DIR
@click.option("--keep-old", is_flag=True, help="Keep the old keys in the file, for older backups.")
def rotate(*, data_dir: Path | None, keep_old: bool) -> None:
    """Make a new main key, seal everything with it, and give the old ones up.

    The server may run meanwhile. If this is interrupted, start it again: it makes one more key and goes on.
    Older backups of the database need the old keys: keep the backup of the key file as long as theirs.
    """
    settings = Settings.read(data_dir=data_dir)
    with opened(settings) as engine:
        migrate.require_current(engine)
        sessions = make_sessions(engine)
        require_keys(sessions)
        with begin_as(sessions, OPERATOR) as session:
            ring = ring_of(session)
        new = ring.add_main_key(clock.now())
        require_keys(sessions)
        time.sleep(2 * LOOK_S)  # until then a running server may seal with the key before
        click.echo(f"key {new.id} seals from now on", err=True)
        count = rotation.reseal(sessions, lambda table, done: click.echo(f"{table}: {done}", err=True))
        with begin_as(sessions, OPERATOR) as session:
            index_again(session, lambda kind, done: click.echo(f"numbers in {kind}: {done}", err=True))
        click.echo(f"{count} values were sealed anew", err=True)
        if keep_old:
            return
        with begin_as(sessions, OPERATOR) as session:
            _forget_old(session, new.id)
        for key in ring.main_keys[:-1]:
            ring.drop_main_key(key.id)
        click.echo("the old keys are gone", err=True)


def _forget_old(session: Session, new: str) -> None:
    """Note that old keys are not needed; what a running server sealed with one meanwhile keeps it."""
    for key_id in rotation.keys_in_use(session):
        if key_id != new:
            raise rotation.StillSealed(
                f"something was sealed with key {key_id} meanwhile: run `careapp keys rotate` once more"
            )
    for key in ring_of(session).main_keys[:-1]:
        rotation.forget_key(session, key.id)
