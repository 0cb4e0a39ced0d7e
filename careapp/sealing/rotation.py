"""Seal everything anew with the newest main key, so that older ones can be given up.

Rows are taken in batches of a transaction each; a row that somebody else has changed meanwhile is left alone,
since the newest key has sealed it already. What is interrupted goes on where it stopped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, func, literal, select, update
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import OPERATOR
from careapp.calls.models import CallParticipant
from careapp.errors import Conflict
from careapp.jobs.models import LaterAnswer
from careapp.keys import Keyring
from careapp.notices.models import ContactWish
from careapp.organisations.models import Place
from careapp.people.models import Patient
from careapp.records.held import HeldResource
from careapp.records.models import Document, DocumentVersion, SentDocument
from careapp.records.search_values import SearchValue
from careapp.roads.models import TravelPlace
from careapp.sealing.contents import MARK, open_content, place_of, seal_content
from careapp.sealing.fields import fields_of, open_identity, seal_identity
from careapp.sealing.models import SealingKey
from careapp.sealing.ring import ring_of
from careapp.sealing.texts import place_of as place_of_text
from careapp.tenancy import begin_as

ROWS_AT_ONCE = 500
_ID_BYTES = 4
_AFTER_OWNER = 17

Change = Callable[[Keyring, Any], dict[str, Any]]
"""From a row to its columns sealed anew."""


class StillSealed(Conflict):
    """A main key is still needed."""


@dataclass(frozen=True)
class Sealed:
    """A column with sealed values.

    Attributes:
        model: Its table.
        column: Its name.
        skipped: Bytes before the main key's mark.
        change: Seals a row anew.
    """

    model: type[Any]
    column: str
    skipped: int
    change: Change


def reseal(sessions: sessionmaker[Session], tell: Callable[[str, int], None]) -> int:
    """Seal with the newest main key what is sealed with an older one.

    Args:
        sessions: Factory of writing sessions.
        tell: Called after each batch with a table and how many of its rows are done.

    Returns:
        How many rows were sealed anew.
    """
    total = 0
    for sealed in _columns():
        done = 0
        while count := _reseal_some(sessions, sealed):
            done += count
            tell(sealed.model.__tablename__, done)
        total += done
    with begin_as(sessions, OPERATOR) as session:
        # Places are known by blind indexes only, which cannot be made anew: they are asked for again.
        session.execute(delete(TravelPlace), execution_options={"synchronize_session": False})
    return total


def keys_in_use(session: Session) -> dict[str, int]:
    """Count sealed values by the id of their main key."""
    found: dict[str, int] = {}
    for sealed in _columns():
        table = sealed.model.__table__
        mark = func.substr(table.c[sealed.column], sealed.skipped + 2, _ID_BYTES)
        rows = select(mark, func.count()).where(_is_sealed(table, sealed)).group_by(mark)
        for key, count in session.execute(rows):
            found[bytes(key).hex()] = found.get(bytes(key).hex(), 0) + count
    return found


def forget_key(session: Session, key_id: str) -> None:
    """Note that nothing is sealed with a main key any more, before it is given up."""
    session.execute(delete(SealingKey).where(SealingKey.id == key_id))


def _reseal_some(sessions: sessionmaker[Session], sealed: Sealed) -> int:
    table = sealed.model.__table__
    keys = list(table.primary_key.columns)
    column = table.c[sealed.column]
    with begin_as(sessions, OPERATOR) as session:
        ring = ring_of(session)
        newest = bytes.fromhex(ring.tenant(None).id)
        old = func.substr(column, sealed.skipped + 2, _ID_BYTES) != literal(newest)
        rows = session.execute(
            select(table).where(_is_sealed(table, sealed), old).order_by(*keys).limit(ROWS_AT_ONCE)
        ).all()
        if not rows:
            return 0
        changed = [
            {
                **{f"its_{key.name}": getattr(row, key.name) for key in keys},
                "its_old": getattr(row, sealed.column),
                **sealed.change(ring, row),
            }
            for row in rows
        ]
        its = and_(
            *(key == bindparam(f"its_{key.name}", type_=key.type) for key in keys),
            column == bindparam("its_old", type_=column.type),
        )
        names = [name for name in changed[0] if not name.startswith("its_")]
        statement = update(table).where(its).values({name: bindparam(name) for name in names})
        session.connection().execute(statement, changed)
    return len(rows)


def _is_sealed(table: Any, sealed: Sealed) -> Any:
    column = table.c[sealed.column]
    if sealed.skipped == 0:
        return column.is_not(None)
    return func.substr(column, 1, 1) == literal(MARK)


def _columns() -> Iterator[Sealed]:
    for model in (CallParticipant, ContactWish, Patient, Place):
        yield Sealed(model, "sealed", 0, _identity(model, "sealed"))
    yield Sealed(HeldResource, "content", 0, _identity(HeldResource, "content"))
    yield Sealed(Document, "content", _AFTER_OWNER, _content("content", "document"))
    yield Sealed(DocumentVersion, "content", _AFTER_OWNER, _content("content", "document"))
    yield Sealed(SentDocument, "content", _AFTER_OWNER, _content("content", "sent"))
    yield Sealed(SentDocument, "shown", _AFTER_OWNER, _content("shown", "shown"))
    yield Sealed(LaterAnswer, "content", _AFTER_OWNER, _answer)
    yield Sealed(SearchValue, "sealed_text", 0, _text)


def _identity(model: type[Any], column: str) -> Change:
    table = model.__tablename__
    blinds = [(name, each.blind) for name, each in fields_of(model).items() if each.blind is not None]

    def change(ring: Keyring, row: Any) -> dict[str, Any]:
        owner, key = row.organisation_id, row.id
        identity = open_identity(ring, table, owner, key, bytes(getattr(row, column)))
        tenant = ring.tenant(owner)
        return {
            column: seal_identity(ring, table, owner, key, identity),
            **{
                blind: None if identity.get(name) is None else tenant.blind(identity[name], name).hex()
                for name, blind in blinds
            },
        }

    return change


def _content(column: str, field: str) -> Change:
    def change(ring: Keyring, row: Any) -> dict[str, Any]:
        return {column: _anew(ring, place_of(field, row.kind, row.id), bytes(getattr(row, column)))}

    return change


def _answer(ring: Keyring, row: Any) -> dict[str, Any]:
    return {"content": _anew(ring, place_of("later", "answer", row.id), bytes(row.content))}


def _anew(ring: Keyring, place: bytes, stored: bytes) -> bytes:
    owner = UUID(bytes=stored[1:_AFTER_OWNER])
    return seal_content(ring, owner if owner.int else None, place, open_content(ring, place, stored))


def _text(ring: Keyring, row: Any) -> dict[str, Any]:
    key, place = ring.tenant(row.organisation_id), place_of_text(row._asdict())
    return {"sealed_text": key.seal(key.open(bytes(row.sealed_text), place), place)}
