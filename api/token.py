"""The commands `careapp token` and `careapp client`: bearer tokens for scripts, clients for other systems.

Whoever may run them on the machine can read the data folder anyway: they ask nobody who they are.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.database import open_sessions, opened
from careapp import clock, migrate
from careapp.access import BELONG_NOWHERE, ViewerRole
from careapp.config import Settings
from careapp.errors import Invalid, NotFound
from careapp.identity.clients import CODE, CREDENTIALS, GRANT_TYPES, REFRESH, NewClient, get_client
from careapp.identity.clients import add_client as register
from careapp.identity.clients import disable_client as disable
from careapp.identity.clients import list_clients as read_clients
from careapp.identity.grants import Person
from careapp.identity.revocations import revoke_every_token
from careapp.identity.signing_keys import forget_keys, rotate_keys
from careapp.identity.tokens import TokenWish, issue_token
from careapp.keys import Keyring
from careapp.organisations.models import Organisation, OrganisationKind
from careapp.people.models import Role, RoleKind
from fhir.scopes import API_READ, API_WRITE, narrowed, split

SCRIPT = "careapp-token"
"""Client of the tokens of `careapp token --role`."""
ROLES = [role.value for role in ViewerRole if role is not ViewerRole.SYSTEM]
WORKERS = {ViewerRole.NURSE: RoleKind.NURSE, ViewerRole.DOCTOR: RoleKind.DOCTOR}

DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the embedded database."
)
ORGANISATION = click.option("--organisation", type=click.UUID, help="Id of the care service or practice.")


class NobodyToBe(NotFound):
    """There is no organisation or practitioner for whom a token could stand."""


class BadTokenWish(Invalid):
    """A token as asked for would allow nothing, or stand for nobody."""


@click.command()
@click.option("--role", type=click.Choice(ROLES), help="For somebody of this role.")
@click.option("--client", "client_id", help="For this client: `careapp client list`.")
@click.option("--scope", help="SMART scopes with blanks between  [default: all that the role or client may]")
@ORGANISATION
@click.option("--practitioner", type=click.UUID, help="Id of the nurse or doctor  [default: the first]")
@click.option("--patient", type=click.UUID, help="Id of the patient of `patient/…` scopes.")
@click.option(
    "--minutes", type=click.IntRange(1, 24 * 60), default=60, show_default=True, help="How long it is good."
)
@DATA_DIR
def token(
    *,
    role: str | None,
    client_id: str | None,
    scope: str | None,
    organisation: UUID | None,
    practitioner: UUID | None,
    patient: UUID | None,
    minutes: int,
    data_dir: Path | None,
) -> None:
    """Print a bearer token for scripts on this machine.

    curl -H "Authorization: Bearer $(careapp token --role coordinator)" http://127.0.0.1:8000/fhir/Patient
    """
    if (role is None) == (client_id is None):
        raise BadTokenWish("for whom? Give either --role or --client")
    settings = Settings.read(data_dir=data_dir)
    now = clock.now()
    with opened(settings) as engine:
        migrate.require_current(engine)
        with open_sessions(engine).begin() as session:
            if role is not None:
                person = _person(session, ViewerRole(role), organisation, practitioner)
                wish = TokenWish(person, SCRIPT, _or_all(scope), patient)
            else:
                wish = _of_client(session, str(client_id), scope, patient)
            issued = issue_token(
                session,
                Keyring.open(settings),
                wish,
                issuer=settings.public_url or f"http://{settings.host}:{settings.port}",
                now=now,
                life=timedelta(minutes=minutes),
            )
    click.echo(f"a {wish.person.role.value} of {wish.person.organisation_id}, {wish.scope}", err=True)
    click.echo(issued)


@click.group()
def client() -> None:
    """Clients: other systems and apps that may ask for tokens."""


@client.command(name="add")
@click.argument("client_id", metavar="ID")
@click.option("--name", required=True, help="As people read it when they are asked to agree.")
@click.option("--scope", required=True, help="All that it may ask for, with blanks between.")
@click.option("--redirect", "redirects", multiple=True, help="Where codes may be sent, to the letter.")
@click.option("--grant", "grants", multiple=True, type=click.Choice(GRANT_TYPES), help="How it gets tokens.")
@click.option(
    "--jwks", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="File with its public keys."
)
@click.option("--jwks-url", help="Where its public keys are, instead.")
@click.option("--role", type=click.Choice(ROLES), default="client", show_default=True, help="Of itself.")
@ORGANISATION
@click.option("--first-party", is_flag=True, help="Ours: nobody is asked whether they agree.")
@click.option("--opaque", is_flag=True, help="Its tokens carry nothing; what they say stays here.")
@DATA_DIR
def add_client(
    *,
    client_id: str,
    name: str,
    scope: str,
    redirects: Sequence[str],
    grants: Sequence[str],
    jwks: Path | None,
    jwks_url: str | None,
    role: str,
    organisation: UUID | None,
    first_party: bool,
    opaque: bool,
    data_dir: Path | None,
) -> None:
    """Register a client; with a key it proves itself by private_key_jwt, else it is public."""
    usual = (CODE, REFRESH) if redirects else (CREDENTIALS,)
    new = NewClient(
        client_id,
        name,
        " ".join(sorted(split(scope))),
        organisation_id=organisation,
        role=ViewerRole(role),
        redirect_uris=redirects,
        grant_types=grants or usual,
        jwks=None if jwks is None else _read_json(jwks),
        jwks_url=jwks_url,
        is_first_party=first_party,
        wants_opaque_tokens=opaque,
    )
    with opened(Settings.read(data_dir=data_dir)) as engine:
        migrate.require_current(engine)
        with open_sessions(engine).begin() as session:
            register(session, new, now=clock.now())
    click.echo(f"client {client_id} is registered", err=True)


@client.command(name="list")
@DATA_DIR
def list_clients(*, data_dir: Path | None) -> None:
    """List all clients."""
    with opened(Settings.read(data_dir=data_dir)) as engine:
        migrate.require_current(engine)
        with open_sessions(engine).begin() as session:
            for each in read_clients(session):
                state = "active" if each.is_active else "disabled"
                ways = ",".join(each.grant_types)
                click.echo(f"{each.id}  {state}  {each.kind.value}  {ways}  {each.scope}")


@client.command(name="disable")
@click.argument("client_id", metavar="ID")
@DATA_DIR
def disable_client(*, client_id: str, data_dir: Path | None) -> None:
    """Let a client in no more; its tokens are refused within seconds."""
    with opened(Settings.read(data_dir=data_dir)) as engine:
        migrate.require_current(engine)
        with open_sessions(engine).begin() as session:
            disable(session, client_id, now=clock.now())
    click.echo(f"client {client_id} is disabled", err=True)


@client.command(name="renew-keys")
@click.option("--forget-old", is_flag=True, help="Refuse every token issued until now: a key was stolen.")
@DATA_DIR
def renew_keys(*, forget_old: bool, data_dir: Path | None) -> None:
    """Sign tokens with new keys; it happens by itself every 90 days."""
    settings, now = Settings.read(data_dir=data_dir), clock.now()
    with opened(settings) as engine:
        migrate.require_current(engine)
        with open_sessions(engine).begin() as session:
            if forget_old:
                forget_keys(session)
                revoke_every_token(session, now=now)
            rotate_keys(session, Keyring.open(settings), now=now)
    click.echo("new keys sign from now on", err=True)


def _of_client(session: Session, client_id: str, scope: str | None, patient: UUID | None) -> TokenWish:
    found = get_client(session, client_id)
    if found.organisation_id is None and found.role not in BELONG_NOWHERE:
        raise BadTokenWish("the client acts only for people: use --role")
    allowed = split(found.scope)
    granted = allowed if scope is None else narrowed(split(scope), allowed)
    if not granted:
        raise BadTokenWish("the client may have none of these scopes: `careapp client list` tells which")
    person = Person(client_id, found.role, found.organisation_id, None)
    return TokenWish(
        person, client_id, " ".join(sorted(granted)), patient, is_opaque=found.wants_opaque_tokens
    )


def _or_all(scope: str | None) -> str:
    return " ".join(sorted(split(scope or f"user/*.cruds {API_READ} {API_WRITE}")))


def _person(
    session: Session, role: ViewerRole, organisation_id: UUID | None, practitioner_id: UUID | None
) -> Person:
    if role in BELONG_NOWHERE:
        return Person(f"{SCRIPT}-{role.value}", role, None, None)
    working = WORKERS.get(role)
    kind = OrganisationKind.PRACTICE if role is ViewerRole.DOCTOR else OrganisationKind.CARE_SERVICE
    if working is None:
        statement = select(Organisation.id).where(Organisation.is_active).order_by(Organisation.id)
        wished = Organisation.kind == kind if organisation_id is None else Organisation.id == organisation_id
        found = session.scalar(statement.where(wished).limit(1))
        if found is None:
            raise NobodyToBe("there is no such organisation: `careapp demo` makes some")
        return Person(f"{SCRIPT}-{role.value}", role, found, None)
    worker = select(Role.organisation_id, Role.practitioner_id).where(Role.kind == working)
    if organisation_id is not None:
        worker = worker.where(Role.organisation_id == organisation_id)
    if practitioner_id is not None:
        worker = worker.where(Role.practitioner_id == practitioner_id)
    ordered = worker.order_by(Role.organisation_id, Role.practitioner_id)
    first = session.execute(ordered.limit(1)).one_or_none()
    if first is None:
        raise NobodyToBe(f"there is no such {role.value}: `careapp demo` makes some")
    return Person(f"{SCRIPT}-{role.value}", role, first.organisation_id, first.practitioner_id)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as wrong:
        raise BadTokenWish("the file of the client's keys is no JSON") from wrong
    if not isinstance(found, dict):
        raise BadTokenWish("the file of the client's keys is no JSON Web Key Set")
    return found
