"""`careapp account`: who may sign in, for whoever has a shell on the machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.database import open_sessions, opened
from careapp import clock, migrate
from careapp.access import OPERATOR, ViewerRole
from careapp.config import Settings
from careapp.errors import Invalid
from careapp.identity import accounts
from careapp.identity.models import Account, Language, Passkey
from careapp.identity.passwords import Passwords, invent_password, refuse_weak

DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the embedded database."
)
LOGIN = click.argument("login")
GENERATE = click.option("--generate", is_flag=True, help="Invent a password and print it, instead of asking.")
WIDTH = 120


class NoPasswordGiven(Invalid):
    """There is nobody to ask for a password."""


@click.group(name="account")
def account() -> None:
    """Say who may sign in."""


@account.command()
@LOGIN
@click.option(
    "--role",
    required=True,
    type=click.Choice(sorted(role.value for role in accounts.PEOPLE)),
    help="What the person is.",
)
@click.option("--organisation", type=click.UUID, help="Id of the service or practice; an analyst has none.")
@click.option("--practitioner", type=click.UUID, help="Id of the person, for nurses and doctors.")
@click.option(
    "--language",
    type=click.Choice([each.value for each in Language]),
    default=Language.GERMAN.value,
    show_default=True,
    help="Of our pages.",
)
@GENERATE
@DATA_DIR
def add(
    *,
    login: str,
    role: str,
    organisation: UUID | None,
    practitioner: UUID | None,
    language: str,
    generate: bool,
    data_dir: Path | None,
) -> None:
    """Let a person sign in."""
    with _session(data_dir) as session:
        new = accounts.NewAccount(
            login,
            ViewerRole(role),
            _password_hash(login, generate=generate),
            organisation_id=organisation,
            practitioner_id=practitioner,
            language=Language(language),
        )
        added = accounts.add_account(session, new, viewer=OPERATOR, now=clock.now())
    click.echo(f"account {added.id} can sign in", err=True)


@account.command(name="list")
@DATA_DIR
def list_all(*, data_dir: Path | None) -> None:
    """List who may sign in."""
    table = Table("user name", "role", "organisation", "practitioner", "may sign in", "second factors")
    with _session(data_dir) as session:
        counted = select(Passkey.account_id, func.count().label("held")).group_by(Passkey.account_id)
        passkeys = {row.account_id: row.held for row in session.execute(counted)}
        for each in accounts.list_accounts(session, viewer=OPERATOR):
            factors = ["app"] if each.totp_confirmed_at is not None else []
            factors += [f"{passkeys[each.id]} passkeys"] if each.id in passkeys else []
            table.add_row(
                each.login,
                each.role.value,
                str(each.organisation_id or ""),
                str(each.practitioner_id or ""),
                "yes" if each.is_active else "no",
                ", ".join(factors),
            )
    Console(width=None if sys.stdout.isatty() else WIDTH * 2).print(table)


@account.command()
@LOGIN
@DATA_DIR
def disable(*, login: str, data_dir: Path | None) -> None:
    """Let a person no longer sign in, and sign them out everywhere."""
    with _account(login, data_dir) as (session, found):
        accounts.set_active(session, found, is_active=False, viewer=OPERATOR, now=clock.now())
    click.echo(f"{found.login} cannot sign in any more", err=True)


@account.command()
@LOGIN
@DATA_DIR
def enable(*, login: str, data_dir: Path | None) -> None:
    """Let a person sign in again."""
    with _account(login, data_dir) as (session, found):
        accounts.set_active(session, found, is_active=True, viewer=OPERATOR, now=clock.now())
    click.echo(f"{found.login} can sign in again", err=True)


@account.command()
@LOGIN
@GENERATE
@DATA_DIR
def password(*, login: str, generate: bool, data_dir: Path | None) -> None:
    """Replace a person's password, and sign them out everywhere."""
    with _account(login, data_dir) as (session, found):
        chosen = _password_hash(found.login, generate=generate)
        accounts.set_password(session, found, password_hash=chosen, viewer=OPERATOR, now=clock.now())
    click.echo(f"{found.login} has a new password", err=True)


@account.command(name="forget-factors")
@LOGIN
@DATA_DIR
def forget_factors(*, login: str, data_dir: Path | None) -> None:
    """Forget the authenticator app and the passkeys of a person who has lost them."""
    with _account(login, data_dir) as (session, found):
        accounts.remove_second_factors(session, found, viewer=OPERATOR, now=clock.now())
    click.echo(f"{found.login} signs in with the password alone", err=True)


@contextmanager
def _session(data_dir: Path | None) -> Iterator[Session]:
    with opened(Settings.read(data_dir=data_dir)) as engine:
        migrate.require_current(engine)
        with open_sessions(engine).begin() as session:
            yield session


@contextmanager
def _account(login: str, data_dir: Path | None) -> Iterator[tuple[Session, Account]]:
    with _session(data_dir) as session:
        yield session, accounts.get_account(session, login, viewer=OPERATOR)


def _password_hash(login: str, *, generate: bool) -> str:
    if generate:
        chosen = invent_password()
        click.echo(chosen)
    elif sys.stdin.isatty():
        chosen = click.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        chosen = sys.stdin.readline().rstrip("\r\n")
        if not chosen:
            raise NoPasswordGiven(
                "write the password on standard input, or let one be invented with --generate"
            )
    refuse_weak(chosen, login=login)
    return Passwords().hash(chosen)
