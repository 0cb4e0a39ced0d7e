"""Alembic's way in: which tables there should be, and on which connection to work.

`careapp.migrate` hands over an open connection. The command `alembic` (to write a new migration) has none, so
the database of the settings is opened.
"""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from careapp.config import Settings
from careapp.db import UtcDateTime, make_engine
from careapp.models import METADATA


def render_item(kind: str, item: Any, autogen_context: AutogenContext) -> str | Literal[False]:
    """Freeze our own column types to SQLAlchemy's, so that a migration does not change with our code."""
    del autogen_context
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    """Run the migrations that the caller asked for on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_item=render_item,
        render_as_batch=True,  # SQLite changes a table by making it anew
        compare_server_default=True,
        on_version_apply=context.config.attributes.get("on_version_apply"),
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with make_engine(Settings.read().database_address).begin() as opened:
        run(opened)
