"""$export: many resources as NDJSON files, written by a job.

https://hl7.org/fhir/uv/bulkdata/export.html. All files show one moment: they come from one snapshot of the
database. They are streamed document by document, so memory does not grow with their size.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import ColumnElement, Select, func, literal, or_, select, text
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer, visible
from careapp.db import make_reading_sessions
from careapp.errors import Conflict, Unavailable
from careapp.people.models import Patient
from careapp.records.models import Document, DocumentVersion
from careapp.sealing.contents import TOMBSTONE, opened
from careapp.tenancy import acting_as
from fhir.access import allows, require_whole
from fhir.mapping.elements import Json, instant
from fhir.mapping.registry import RESOURCES, get_resource
from fhir.mapping.resource import ServedResource
from fhir.operations.compartment import SURROUNDINGS, belonging, in_compartment
from fhir.operations.wanted import Pairs, read_wanted
from fhir.search.parameter import InvalidSearch, refuse

Level = Literal["system", "patient", "group"]
Tell = Callable[[Json], None]

FORMATS = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
TAKEN = frozenset({"_type", "_since", "_until"})
KEPT_BACK = frozenset({"AuditEvent", "Subscription"})
"""Never exported: what tells who looked, and where others listen."""
DELETED = "deleted"
ROWS_AT_ONCE = 500
TELL_EVERY = 5000
DELETIONS_PER_BUNDLE = 500


class ExportStopped(Conflict):
    """Somebody asked to stop before the export was whole; its files are of no use."""


class NoRoomToExport(Unavailable):
    """The files cannot be written."""


@dataclass(frozen=True)
class Order:
    """What is to be exported.

    Attributes:
        level: Everything; what belongs to patients; what belongs to one organisation's patients.
        group: That organisation.
        kinds: Of resources, in their order.
        since: Changed at this moment or later; None: whenever.
        until: Changed before this moment; None: whenever.
    """

    level: Level
    group: UUID | None
    kinds: tuple[str, ...]
    since: datetime | None
    until: datetime | None

    def as_arguments(self) -> Json:
        """Write the order as a job's arguments."""
        return {
            "level": self.level,
            "group": self.group and str(self.group),
            "kinds": list(self.kinds),
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
        }

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "Order":
        """Read a job's arguments."""
        return cls(
            level=arguments["level"],
            group=UUID(arguments["group"]) if arguments["group"] else None,
            kinds=tuple(arguments["kinds"]),
            since=datetime.fromisoformat(arguments["since"]) if arguments["since"] else None,
            until=datetime.fromisoformat(arguments["until"]) if arguments["until"] else None,
        )


def read_order(
    level: Level,
    pairs: Pairs,
    *,
    viewer: Viewer,
    zone: ZoneInfo,
    group: UUID | None = None,
    lenient: bool = False,
) -> Order:
    """Understand what is to be exported.

    Args:
        level: As the address says.
        pairs: Parameters `_type`, `_since`, `_until`, `_outputFormat`.
        viewer: Who asks; of kinds that their role or token leave out or limit nothing is exported.
        zone: Whose wall clock a time without an offset is read from.
        group: Id of the organisation whose patients are meant.
        lenient: Ignore parameters that are not supported (`Prefer: handling=lenient`).

    Raises:
        InvalidSearch: A parameter is malformed, or not supported.
        KindNotForRole, KindNotInScopes: The viewer may not have all resources of a kind that is asked for.
    """
    wanted = read_wanted(pairs, zone=zone, known=TAKEN)
    unused = [name for name in wanted.unused if name != "_outputFormat"]
    if unused and not lenient:
        raise InvalidSearch(
            f"this export takes only {', '.join(sorted(TAKEN))} and _outputFormat: leave the others out, or "
            "have them ignored with Prefer: handling=lenient"
        )
    for name, value in pairs:
        # A plus sign that was not escaped has become a space.
        if name == "_outputFormat" and value.replace(" ", "+") not in FORMATS:
            raise refuse(name, value, "give application/fhir+ndjson")
    possible = [resource.kind for resource in RESOURCES if resource.kind not in KEPT_BACK]
    if level != "system":
        of_patients = {resource.kind for resource in in_compartment()} | set(SURROUNDINGS)
        possible = [kind for kind in possible if kind in of_patients]
    for kind in sorted(wanted.kinds or ()):
        if kind not in possible:
            raise refuse("_type", kind, f"this export holds {', '.join(sorted(possible))}")
    kinds = tuple(kind for kind in possible if wanted.wants(kind))
    for kind in sorted(wanted.kinds or ()):
        require_whole(viewer, kind, "rs")
    kinds = tuple(kind for kind in kinds if allows(viewer, kind, "rs"))
    if not kinds:
        require_whole(viewer, "Patient", "rs")
    return Order(level, group, kinds, wanted.since, wanted.until)


def write_export(
    sessions: sessionmaker[Session],
    folder: Path,
    order: Order,
    *,
    viewer: Viewer,
    now: Callable[[], datetime],
    tell: Tell,
    is_cancelled: Callable[[], bool],
) -> Json:
    """Write the files.

    Args:
        sessions: Factory of writing sessions; they are only used to learn the moment.
        folder: Where to; made, readable by this user only.
        order: What to write.
        viewer: Whose rows.
        now: Tells this moment.
        tell: Told the progress as JSON.
        is_cancelled: Whether to stop.

    Returns:
        `moment` (ISO; an export since then misses nothing) and `files`: `kind`, `name` and `count` of each.

    Raises:
        ExportStopped: `is_cancelled` said so.
        NoRoomToExport: The disk is full or refuses.
    """
    moment = _settled_moment(sessions, now)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reading = acting_as(make_reading_sessions(sessions.kw["bind"]), viewer)
        with reading() as session:
            if session.get_bind().dialect.name == "postgresql":
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            writer = _Writer(session, folder, order, viewer, tell, is_cancelled)
            return {"moment": moment.isoformat(), "files": list(writer.write())}
    except OSError as refused:
        raise NoRoomToExport(
            f"the files of the export cannot be written ({refused.strerror}): make room in the data folder"
        ) from refused


def _settled_moment(sessions: sessionmaker[Session], now: Callable[[], datetime]) -> datetime:
    """Return a moment since which every change is either visible now or dated later.

    A transaction dates its documents before it commits. One that is still open would be missed by this export
    and, dated before it, by the next. So the moment is not later than the beginning of any open one.
    """
    with sessions() as session:
        if session.get_bind().dialect.name != "postgresql":
            session.execute(text("SELECT 1"))  # BEGIN IMMEDIATE waits until nobody else writes
            return now()
        moment = now()
        oldest = session.scalar(
            text(
                "SELECT min(xact_start) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        return min(moment, oldest) if oldest is not None else moment


@dataclass
class _Writer:
    session: Session
    folder: Path
    order: Order
    viewer: Viewer
    tell: Tell
    is_cancelled: Callable[[], bool]
    written: int = 0

    def write(self) -> Iterator[Json]:
        for number, kind in enumerate(self.order.kinds):
            resource = get_resource(kind)
            count = self._write(resource, number)
            if count:
                yield {"kind": kind, "name": f"{kind}.ndjson", "count": count}
        if self.order.since is not None:
            count = self._write_deleted()
            if count:
                yield {"kind": DELETED, "name": f"{DELETED}.ndjson", "count": count}

    def _write(self, resource: ServedResource, number: int) -> int:
        statement = self._documents(resource)
        if statement is None:
            return 0
        path = self.folder / f"{resource.kind}.ndjson"
        count = 0
        with path.open("wb") as file:
            rows = self.session.execute(statement.execution_options(yield_per=ROWS_AT_ONCE))
            for key, content in rows:
                file.write(opened(self.session, resource.kind, key, content))
                file.write(b"\n")
                count += 1
                if count % TELL_EVERY == 0:
                    self._go_on(resource.kind, number, count)
        self._go_on(resource.kind, number, count)
        if count == 0:
            path.unlink()
        return count

    def _go_on(self, kind: str, number: int, count: int) -> None:
        if self.is_cancelled():
            raise ExportStopped("the export was stopped before it was whole: ask for it again any time")
        done = (number + 1) / (len(self.order.kinds) + 1)
        self.tell({"fraction": round(done, 3), "text": f"{kind}: {count} resources"})

    def _documents(self, resource: ServedResource) -> Select[UUID, bytes] | None:
        """Select documents in the order of their own key; whether one belongs, an index tells."""
        belongs = self._belongs(resource)
        if belongs is False:
            return None
        rows = [
            part.visible(
                select(literal(1)).select_from(part.table).where(part.key == Document.id), self.viewer
            )
            # Only what a kind's first table has belongs to patients.
            for part in (resource.parts if belongs is None else (resource,))
        ]
        if belongs is not None:
            rows = [row.where(belongs) for row in rows]
        statement = (
            select(Document.id, Document.content)
            .where(Document.kind == resource.kind, or_(*(row.exists() for row in rows)))
            .order_by(Document.id)
        )
        if self.order.since is not None:
            statement = statement.where(Document.updated_at >= self.order.since)
        if self.order.until is not None:
            statement = statement.where(Document.updated_at < self.order.until)
        return statement

    def _belongs(self, resource: ServedResource) -> ColumnElement[bool] | Literal[False] | None:
        """SQL: the row is part of the order; None: each is, False: none is."""
        if self.order.level == "system":
            return None
        patients = visible(select(Patient.id), self.viewer, Patient)
        if self.order.group is not None:
            patients = patients.where(Patient.organisation_id == self.order.group)
        belongs = belonging(resource, patients)
        if belongs is not None:
            return belongs
        if resource.kind not in SURROUNDINGS:
            return False
        if self.order.group is None:
            return None
        owner = getattr(resource.table, "organisation_id", None)
        of_group: ColumnElement[bool] = (resource.key if owner is None else owner) == self.order.group
        return of_group

    def _write_deleted(self) -> int:
        """Write which resources were deleted since then, as Bundles of DELETE requests."""
        count = 0
        entries: list[Json] = []
        path = self.folder / f"{DELETED}.ndjson"
        with path.open("wb") as file:
            for kind, key in self._deleted():
                entries.append({"request": {"method": "DELETE", "url": f"{kind}/{key}"}})
                if len(entries) == DELETIONS_PER_BUNDLE:
                    file.write(_deletions(entries))
                    count, entries = count + 1, []
            if entries:
                file.write(_deletions(entries))
                count += 1
        if count == 0:
            path.unlink()
        return count

    def _deleted(self) -> Iterator[tuple[str, UUID]]:
        beginning = func.substr(DocumentVersion.content, 1, len(TOMBSTONE))
        rows = self.session.execute(
            select(DocumentVersion.kind, DocumentVersion.id, DocumentVersion.content)
            .where(
                DocumentVersion.kind.in_(self.order.kinds),
                DocumentVersion.updated_at >= self.order.since,
                beginning == TOMBSTONE,
                ~select(literal(1))
                .where(Document.kind == DocumentVersion.kind, Document.id == DocumentVersion.id)
                .exists(),
            )
            .order_by(DocumentVersion.kind, DocumentVersion.id)
            .execution_options(yield_per=ROWS_AT_ONCE)
        )
        owners = {
            None if each is None else str(each) for each in (self.viewer.organisation_id, self.order.group)
        }
        for kind, key, content in rows:
            owner = orjson.loads(bytes(content))["organisation"]
            if owners <= {None, owner}:
                yield kind, key


def _deletions(entries: list[Json]) -> bytes:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return orjson.dumps(bundle, option=orjson.OPT_APPEND_NEWLINE)


def manifest(
    *, moment: datetime, request: str, files: list[Json], address: str, requires_token: bool
) -> bytes:
    """Write the manifest of a finished export.

    Args:
        moment: As `write_export` returned it.
        request: The address that was asked.
        files: As `write_export` returned them.
        address: Where the files are, without their names.
        requires_token: Whether they are read by signed-in clients only.
    """
    outputs = [
        {
            "type": "Bundle" if file["kind"] == DELETED else file["kind"],
            "url": f"{address}/{file['name']}",
            "count": file["count"],
        }
        for file in files
    ]
    whole = {
        "transactionTime": instant(moment),
        "request": request,
        "requiresAccessToken": requires_token,
        "output": [each for each, file in zip(outputs, files, strict=True) if file["kind"] != DELETED],
        "deleted": [each for each, file in zip(outputs, files, strict=True) if file["kind"] == DELETED],
        "error": [],
    }
    return orjson.dumps(whole)
