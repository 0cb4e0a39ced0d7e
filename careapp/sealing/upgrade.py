"""Seal what an older release has written: once, between two migrations, in their transaction."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    select,
    tuple_,
    update,
)

from careapp.keys import Keyring
from careapp.sealing.contents import OPEN_KINDS, TOMBSTONE, place_of, seal_content
from careapp.sealing.fields import seal_identity
from careapp.sealing.ring import ring_of

ROWS_AT_ONCE = 500

# The tables as they are at that moment: the models of later releases differ.
_OLD = MetaData()
_PATIENT = Table(
    "patient",
    _OLD,
    Column("id", Uuid, primary_key=True),
    *(Column("organisation_id", Uuid), Column("sealed", LargeBinary)),
    *(Column(name, String) for name in ("family_name", "given_name", "phone", "insurance_number")),
    *(Column(name, String) for name in ("phone_blind", "insurance_number_blind")),
)
_PLACE = Table(
    "place",
    _OLD,
    Column("id", Uuid, primary_key=True),
    *(Column("organisation_id", Uuid), Column("kind", String), Column("sealed", LargeBinary)),
    *(Column(name, String) for name in ("name", "street", "house_number", "postal_code", "city", "district")),
    *(Column(name, Float) for name in ("latitude", "longitude")),
)
_HELD = Table(
    "held_resource",
    _OLD,
    Column("id", Uuid, primary_key=True),
    *(Column("organisation_id", Uuid), Column("content", LargeBinary)),
)
_LATER = Table(
    "later_answer",
    _OLD,
    Column("id", Uuid, primary_key=True),
    *(Column("organisation_id", Uuid), Column("content", LargeBinary)),
)
_DOCUMENT, _VERSION, _SENT = (
    Table(
        name,
        _OLD,
        *(Column("kind", String, primary_key=True), Column("id", Uuid, primary_key=True)),
        *more,
        *(Column("organisation_id", Uuid), Column("content", LargeBinary)),
    )
    for name, more in (
        ("document", ()),
        ("document_version", (Column("version", Integer, primary_key=True),)),
        ("sent_document", (Column("shown", LargeBinary),)),
    )
)
_VALUE = Table(
    "search_value",
    _OLD,
    *(Column("kind", String, primary_key=True), Column("resource_id", Uuid, primary_key=True)),
    *(Column("parameter", String, primary_key=True), Column("number", Integer, primary_key=True)),
    *(Column("organisation_id", Uuid), Column("code", String), Column("text", String)),
    Column("sealed_text", LargeBinary),
)

_IDENTITY = ("family_name", "given_name", "phone", "insurance_number")
_HOME = ("name", "street", "house_number", "postal_code", "city", "district", "latitude", "longitude")
_PERSONAL = ("identifier", "telecom", "phone", "email")
"""Search parameters whose codes may be a patient's numbers; so are those that end with `:identifier`."""


def seal_existing(connection: Connection) -> None:
    """Seal every patient, home, document and search value that is readable."""
    for table, change in (
        (_PATIENT, _patient),
        (_PLACE, _place),
        (_HELD, _held),
        (_LATER, _later),
        (_DOCUMENT, _document),
        (_VERSION, _document),
        (_SENT, _sent),
        (_VALUE, _value),
    ):
        for rows in _batches(connection, table):
            ring = ring_of(connection)  # only asked for if there is anything
            changed = [{**_key_of(table, row), **new} for row in rows if (new := change(ring, row))]
            _write(connection, table, changed)


def _patient(ring: Keyring, row: Any) -> dict[str, Any]:
    key = ring.tenant(row.organisation_id)
    identity = {name: getattr(row, name) for name in _IDENTITY}
    return {
        "sealed": seal_identity(ring, "patient", row.organisation_id, row.id, identity),
        **{
            f"{name}_blind": identity[name] and key.blind(identity[name], name).hex()
            for name in ("phone", "insurance_number")
        },
    }


def _place(ring: Keyring, row: Any) -> dict[str, Any]:
    if row.kind != "home":
        return {}
    identity = {name: getattr(row, name) for name in _HOME}
    return {"sealed": seal_identity(ring, "place", row.organisation_id, row.id, identity)}


def _held(ring: Keyring, row: Any) -> dict[str, Any]:
    if row.content is None:
        return {}
    identity = {"content": bytes(row.content).decode()}
    return {"content": seal_identity(ring, "held_resource", row.organisation_id, row.id, identity)}


def _later(ring: Keyring, row: Any) -> dict[str, Any]:
    if row.content is None:
        return {}
    place = place_of("later", "answer", row.id)
    return {"content": seal_content(ring, row.organisation_id, place, bytes(row.content))}


def _document(ring: Keyring, row: Any) -> dict[str, Any]:
    content = bytes(row.content)
    if row.kind in OPEN_KINDS or content.startswith(TOMBSTONE):
        return {}
    place = place_of("document", row.kind, row.id)
    return {"content": seal_content(ring, row.organisation_id, place, content)}


def _sent(ring: Keyring, row: Any) -> dict[str, Any]:
    if row.kind in OPEN_KINDS:
        return {}
    return {
        name: seal_content(
            ring, row.organisation_id, place_of(field, row.kind, row.id), bytes(getattr(row, name))
        )
        for name, field in (("content", "sent"), ("shown", "shown"))
    }


def _value(ring: Keyring, row: Any) -> dict[str, Any]:
    if row.kind in OPEN_KINDS:
        return {}
    key = ring.tenant(row.organisation_id)
    code, sealed = row.code, None
    if row.text is not None:
        place = f"search|{row.kind}|{row.resource_id}|{row.parameter}|{row.number}"
        sealed = key.seal(row.text.encode(), place.encode())
    if code is not None and (row.parameter in _PERSONAL or row.parameter.endswith("dentifier")):
        code = key.blind(code, "search_value").hex()
    return {"code": code, "text": None, "sealed_text": sealed}


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    keys = list(table.primary_key.columns)
    statement = select(table).order_by(*keys).limit(ROWS_AT_ONCE)
    rows = connection.execute(statement).all()
    while rows:
        yield rows
        last = tuple(getattr(rows[-1], key.name) for key in keys)
        rows = connection.execute(statement.where(tuple_(*keys) > last)).all()


def _key_of(table: Table, row: Any) -> dict[str, Any]:
    return {f"its_{key.name}": getattr(row, key.name) for key in table.primary_key.columns}


def _write(connection: Connection, table: Table, changed: list[dict[str, Any]]) -> None:
    if not changed:
        return
    its = and_(*(key == bindparam(f"its_{key.name}", type_=key.type) for key in table.primary_key.columns))
    names = [name for name in changed[0] if not name.startswith("its_")]
    connection.execute(update(table).where(its).values({name: bindparam(name) for name in names}), changed)


STEPS: dict[str, Callable[[Connection], None]] = {"e7b3d1a64c08": seal_existing}
"""What `careapp.migrate` does after a migration that needs more than SQL."""
