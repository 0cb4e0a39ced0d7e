"""What `careapp doctor` looks at in the database."""

from collections.abc import Iterator

from sqlalchemy import Engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from api.edge.findings import Finding, Severity
from careapp import migrate
from careapp.access import OPERATOR
from careapp.config import Settings
from careapp.db import make_reading_sessions
from careapp.db_errors import explain_database_error
from careapp.errors import CareError
from careapp.identity.accounts import DemoAccountsInPublic, refuse_demo_accounts
from careapp.organisations.models import Organisation
from careapp.row_security import role_faults
from careapp.tenancy import begin_as

_LEAST_VERSION = 150_000
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def findings_of_database(settings: Settings, engine: Engine) -> Iterator[Finding]:
    """Judge the database: is it there, of this version, durable, and with us as a mere user?"""
    try:
        migrate.require_current(engine)
        if engine.dialect.name == "postgresql":
            yield from _of_server(engine)
        yield from _of_content(settings, engine)
    except SQLAlchemyError as error:
        sentence = str(explain_database_error(error) or f"it does not answer ({type(error).__name__})")
        yield Finding(Severity.UNSAFE, "database", sentence)
    except CareError as error:
        yield Finding(Severity.UNSAFE, "database", str(error))
    else:
        yield Finding(Severity.GOOD, "database", "it answers and is of this version")


def _of_server(engine: Engine) -> Iterator[Finding]:
    with engine.connect() as connection:
        version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
        off = [name for name in _DURABLE if connection.execute(text(f"SHOW {name}")).scalar_one() == "off"]
    if version < _LEAST_VERSION:
        yield Finding(Severity.UNSAFE, "database", "PostgreSQL is older than 15: install 15 or later")
    for name in off:
        yield Finding(
            Severity.UNSAFE, "database", f"{name} is off: what was acknowledged may be lost; set it to on"
        )
    for fault in role_faults(engine):
        yield Finding(
            Severity.UNSAFE,
            "CAREAPP_DATABASE_URL",
            f"the database role {fault}, so nothing holds services apart, and careapp will not serve: do so "
            "as the role that CAREAPP_DATABASE_ROLE names, and run `careapp migrate` as the owner",
        )


def _of_content(settings: Settings, engine: Engine) -> Iterator[Finding]:
    if not settings.is_public:
        return
    with begin_as(make_reading_sessions(engine), OPERATOR) as session:
        invented = session.scalars(select(Organisation.id).where(Organisation.is_synthetic).limit(1)).first()
        try:
            refuse_demo_accounts(session)
        except DemoAccountsInPublic as found:
            yield Finding(Severity.UNSAFE, "accounts", str(found))
    if invented is not None:
        yield Finding(
            Severity.DOUBTFUL,
            "database",
            "it holds the invented demo region: serve real people from a database of their own",
        )
