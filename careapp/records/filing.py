"""Looks at several patients, filed under each of them; see `careapp.records.audit_models.AuditPatient`."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from careapp.records.audit_models import AuditPatient, AuditUnsealed
from careapp.records.models import AuditEvent

ID_BYTES = 16
MOST_PATIENTS = 1000
"""Of one row: whoever shows more leaves several."""
COUNTED_BITS = 16
"""Last bits of a row's id that are zero if it names several patients: they tell its patients apart."""

_SQLITE = """
    INSERT INTO audit_patient (id, event_id, patient_id)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') AS whom
    FROM json_each(?) ORDER BY whom
"""
_POSTGRESQL = """
    INSERT INTO audit_patient (id, event_id, patient_id)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS filed (id, event_id, whom) ORDER BY whom
"""


class Naming(Protocol):
    """A row of the record, as far as it matters here."""

    @property
    def id(self) -> UUID:
        """Of the row."""

    @property
    def patients(self) -> bytes | None:
        """As in `AuditEvent`."""


def counted_id(event_id: UUID) -> UUID:
    """Make room in a new row's id for counting its patients."""
    return UUID(int=event_id.int >> COUNTED_BITS << COUNTED_BITS)


def entries_of(row: Naming) -> list[tuple[str, str, str]]:
    """Return what is filed of a row: ids of the entry, the row and the patient, in hexadecimal digits."""
    event, patients, digits = row.id.hex, bytes(row.patients or b"").hex(), 2 * ID_BYTES
    head = event[: -COUNTED_BITS // 4]
    return [
        (f"{head}{number:04x}", event, patients[start : start + digits])
        for number, start in enumerate(range(0, len(patients), digits), start=1)
    ]


def count_of(row: Naming) -> int:
    """Tell how many entries a row has."""
    return len(row.patients or b"") // ID_BYTES


def file_looks(session: Session, rows: Iterable[Naming]) -> None:
    """File rows under their patients, with one statement for all.

    Sorted by patient, since then what lies beside each other in the index is written together; and as one
    value, since a driver takes longer for thousands of them than the database for the work.
    """
    entries = [entry for row in rows for entry in entries_of(row)]
    if not entries:
        return
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_SQLITE, (_as_json(entries),))
    else:
        connection.exec_driver_sql(_POSTGRESQL, tuple(map(list, zip(*entries, strict=True))))


def has_unfiled(session: Session) -> bool:
    """Tell whether a look at several patients waits to be filed."""
    waiting = exists().where(AuditUnsealed.event_id == AuditEvent.id, AuditEvent.patients.is_not(None))
    return session.scalar(select(waiting)) is True


def count_filed(session: Session) -> int:
    """Count all entries."""
    return session.scalar(select(func.count()).select_from(AuditPatient)) or 0


def is_filed(session: Session, rows: Sequence[Any]) -> set[UUID]:
    """Return which of some rows are filed as they should be, and nothing beside it; a few hundred at most."""
    filed: dict[UUID, set[tuple[str, str, str]]] = {}
    found = session.execute(
        select(AuditPatient.id, AuditPatient.event_id, AuditPatient.patient_id).where(
            AuditPatient.event_id.in_([row.id for row in rows])
        )
    )
    for entry in found:
        filed.setdefault(entry.event_id, set()).add((entry.id.hex, entry.event_id.hex, entry.patient_id.hex))
    return {row.id for row in rows if filed.get(row.id, set()) == set(entries_of(row))}


def _as_json(entries: Sequence[tuple[str, str, str]]) -> str:
    # Hexadecimal digits need no escaping.
    return "[" + ",".join([f'["{entry}","{event}","{whom}"]' for entry, event, whom in entries]) + "]"
