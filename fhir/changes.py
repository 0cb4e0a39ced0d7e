"""Which documents a transaction makes stale.

Three sources: what the unit of work flushes, what ORM statements insert, update or delete past it, and what
callers record by hand (`careapp.db.record_change`). Only two ways stay unseen: statements on a bare table
(`Model.__table__`, text) and the legacy `bulk_*` methods of a session; whoever uses those records the change.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from careapp.db import Base, changes_of
from careapp.sealing.fields import changed_fields, fields_of
from fhir.mapping.registry import RESOURCES
from fhir.mapping.resource import Dependency, ServedResource

PENDING = "fhir.changes"
KEYS_AT_ONCE = 500

Item = TypeVar("Item")

Watch = tuple[ServedResource, Dependency]


class ChangeNotSeen(Exception):
    """A statement changes served rows in a way that tells nobody which: a bug, so it is not a `CareError`."""


@dataclass
class Changes:
    """What a transaction has changed so far.

    Attributes:
        stale: Ids of served rows by kind.
        leads: Keys from which the way to served rows begins.
        changed: Ids of rows of other tables, whose keys are still to be read.
        owners: Organisations of deleted rows, by kind and id.
    """

    stale: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    leads: dict[Watch, set[Any]] = field(default_factory=lambda: defaultdict(set))
    changed: dict[Watch, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    owners: dict[tuple[str, UUID], UUID] = field(default_factory=dict)

    def note_new(self, model: type[Base], row: Mapping[str, Any] | Base) -> None:
        """Note an inserted row; no document can have referred to its id before."""
        for resource in shown_by(model):
            self.stale[resource.kind].add(_value(row, "id", model))
        for watch in watched_by(model):
            if watch[1].ids is None:
                self._lead(watch, row, _value(row, watch[1].key, model))

    def note_dirty(self, row: Base) -> None:
        """Note an updated row of the unit of work, with what its attributes were before."""
        state = inspect(row)
        for resource in shown_by(type(row)):
            self.stale[resource.kind].add(row.id)  # type: ignore[attr-defined]  # every served table has one
        for watch in watched_by(type(row)):
            dependency = watch[1]
            if dependency.attributes and not _has_changed(row, dependency.attributes):
                continue
            before = state.attrs[dependency.key].history.deleted or ()
            for key in (getattr(row, dependency.key), *before):
                self._lead(watch, row, key)

    def note_deleted(self, model: type[Base], row: Mapping[str, Any] | Base) -> None:
        """Note a deleted row, and whose it was."""
        for resource in shown_by(model):
            key = _value(row, "id", model)
            self.stale[resource.kind].add(key)
            owned = "organisation_id" in inspect(model).attrs
            self.owners[resource.kind, key] = _value(row, "organisation_id", model) if owned else key
        for watch in watched_by(model):
            self._lead(watch, row, _value(row, watch[1].key, model))

    def note_key(self, model: type[Base], key: UUID) -> None:
        """Note a row of which only the id is known."""
        for resource in shown_by(model):
            self.stale[resource.kind].add(key)
        for watch in watched_by(model):
            (self.leads if watch[1].key == "id" else self.changed)[watch].add(key)

    def drain(self, session: Session) -> dict[str, set[UUID]]:
        """Follow every lead; what is left here is empty.

        Returns:
            Ids of served rows by kind.
        """
        for (resource, dependency), ids in self.changed.items():
            model = cast("Any", dependency.model)
            for some in in_chunks(ids, KEYS_AT_ONCE):
                found = session.scalars(select(getattr(model, dependency.key)).where(model.id.in_(some)))
                self.leads[resource, dependency].update(found)
        for (resource, dependency), keys in self.leads.items():
            known = {key for key in keys if key is not None}
            if dependency.ids is None:
                self.stale[resource.kind] |= known
                continue
            for some in in_chunks(known, KEYS_AT_ONCE):
                self.stale[resource.kind].update(session.scalars(dependency.ids(some)))
        stale = dict(self.stale)
        self.stale, self.leads, self.changed = defaultdict(set), defaultdict(set), defaultdict(set)
        return stale

    def _lead(self, watch: Watch, row: Mapping[str, Any] | Base, key: Any) -> None:
        applies = watch[1].applies
        if applies is None or isinstance(row, Mapping) or applies(row):
            self.leads[watch].add(key)


def in_chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut a sequence into lists of at most `size`."""
    whole = list(items)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def pending(session: Session) -> Changes:
    """Return what the session's transaction has changed so far."""
    found: Changes = session.info.setdefault(PENDING, Changes())
    for model, key in changes_of(session):
        found.note_key(model, key)
    changes_of(session).clear()
    return found


def forget(session: Session) -> None:
    """Forget everything: the transaction was rolled back."""
    session.info.pop(PENDING, None)
    changes_of(session).clear()


def note_flush(session: Session, _context: UOWTransaction) -> None:
    """Note what the unit of work has just written; listens to `after_flush`."""
    found: Changes = session.info.setdefault(PENDING, Changes())
    for row in session.new:
        found.note_new(type(row), row)
    for row in session.dirty:
        if is_watched(type(row)) and session.is_modified(row):
            found.note_dirty(row)
    for row in session.deleted:
        found.note_deleted(type(row), row)


def note_statement(state: ORMExecuteState) -> None:
    """Note what a statement changes past the unit of work; listens to `do_orm_execute`.

    Raises:
        ChangeNotSeen: It cannot be told which rows.
    """
    if not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    model: type[Base] = state.bind_mapper.class_
    if not is_watched(model):
        return
    found: Changes = state.session.info.setdefault(PENDING, Changes())
    if state.is_insert:
        for row in _inserted(state):
            found.note_new(model, row)
    elif isinstance(state.parameters, Sequence):  # by primary key, many at once
        _note_by_key(found, model, state.parameters)
    else:
        _note_before(found, model, state)


def _inserted(state: ORMExecuteState) -> Iterable[Mapping[str, Any]]:
    if isinstance(state.parameters, Sequence):
        return state.parameters
    values = cast("Any", state.statement).compile().params
    return [{**values, **(state.parameters or {})}]


def _note_by_key(found: Changes, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        if "id" not in row:
            raise ChangeNotSeen(f"an update of {model.__tablename__} names no id: record each change by hand")
        found.note_key(model, row["id"])


def _note_before(found: Changes, model: type[Base], state: ORMExecuteState) -> None:
    """Read which rows a statement will change, by its own conditions."""
    mapper = inspect(model)
    names = {"id", "organisation_id"} | {dependency.key for _, dependency in watched_by(model)}
    columns = [
        mapper.attrs[name].class_attribute.label(name) for name in sorted(names) if name in mapper.attrs
    ]
    doomed = select(*columns).select_from(model)
    where = cast("Any", state.statement).whereclause
    if where is not None:
        doomed = doomed.where(where)
    for row in state.session.execute(doomed, state.parameters or {}).mappings():
        if state.is_delete:
            found.note_deleted(model, dict(row))
            continue
        for watch in watched_by(model):
            found.leads[watch].add(row[watch[1].key])
        if "id" in row:
            found.note_key(model, row["id"])


def _value(row: Mapping[str, Any] | Base, name: str, model: type[Base]) -> Any:
    if not isinstance(row, Mapping):
        return getattr(row, name)
    if name not in row:
        raise ChangeNotSeen(
            f"a statement on {model.__tablename__} does not tell its {name}: "
            "give a list of rows, or use the session"
        )
    return row[name]


def _has_changed(row: Base, attributes: frozenset[str]) -> bool:
    """Tell whether the last flush changed one of these; sealed fields stand together in one column."""
    state = inspect(row)
    sealed = fields_of(type(row))
    plain = {each.plain for name, each in sealed.items() if name in attributes and each.plain is not None}
    return bool(attributes & changed_fields(row)) or any(
        state.attrs[name].history.has_changes() for name in attributes | plain if name in state.attrs
    )


@cache
def shown_by(model: type[Base]) -> tuple[ServedResource, ...]:
    """Resources that show rows of a table."""
    return tuple(
        resource
        for resource in RESOURCES
        if resource.is_kept and any(issubclass(model, part.table) for part in resource.parts)
    )


@cache
def watched_by(model: type[Base]) -> tuple[Watch, ...]:
    """Resources in whose documents rows of a table appear."""
    return tuple(_watches(model))


def _watches(model: type[Base]) -> Iterator[Watch]:
    for resource in RESOURCES:
        for part in resource.parts:
            for dependency in part.affected_by:
                if issubclass(model, dependency.model):
                    yield resource, dependency


def is_watched(model: type[Base]) -> bool:
    """Tell whether any document depends on a table."""
    return bool(shown_by(model) or watched_by(model))
