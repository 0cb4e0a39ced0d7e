"""Seal the record in the background, and verify it; see `careapp.records.chain`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select
from sqlalchemy.orm import Session

from careapp.config import Settings
from careapp.records import anchor as anchors
from careapp.records.anchor import Anchor
from careapp.records.audit_models import AuditSeal, AuditUnsealed
from careapp.records.chain import COLUMNS, FIRST, Chain, packed, unpacked
from careapp.records.filing import count_filed, count_of, file_looks, is_filed
from careapp.records.models import AuditEvent

MOST_AT_ONCE = 5000
"""Rows of one seal."""
MOST_FILED_AT_ONCE = 50_000
"""Patients of all rows of one seal together, which are filed with it."""
ROWS_AT_ONCE = 500
MOST_FINDINGS = 100
ADVISORY_LOCK = 0x6361726573656C
"""PostgreSQL: only one process seals at a time. SQLite has one writer anyway."""

_COLUMNS = [getattr(AuditEvent, name) for name in (*COLUMNS, "mark")]


@dataclass
class Verdict:
    """What verifying the record has shown.

    Attributes:
        rows: How many rows there are.
        seals: How many seals there are.
        unsealed: How many rows wait to be sealed.
        end: The chain's end, to be kept elsewhere.
        findings: A sentence for each thing that is wrong, with ids only; after `MOST_FINDINGS` no more.
    """

    rows: int = 0
    seals: int = 0
    unsealed: int = 0
    end: Anchor = field(default_factory=lambda: Anchor(0, FIRST))
    findings: list[str] = field(default_factory=list)

    def find(self, sentence: str) -> None:
        """Add a finding."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(sentence)


class Sealer:
    """A tick that seals what waits, and anchors what an earlier one has sealed."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def __call__(self, session: Session, *, now: datetime, settings: Settings) -> int:
        """Seal; returns how many rows."""
        end = end_of(session)
        kept = anchors.read(settings.audit_anchor_path)
        # Never taken back: a database whose end is missing must not look whole.
        if end.number > (kept.number if kept else 0):
            anchors.keep(settings.audit_anchor_path, end)
        return seal(session, self._chain, now=now)


def end_of(session: Session) -> Anchor:
    """Return the chain's end."""
    last = session.execute(
        select(AuditSeal.number, AuditSeal.digest).order_by(AuditSeal.number.desc()).limit(1)
    ).one_or_none()
    return Anchor(0, FIRST) if last is None else Anchor(last.number, bytes(last.digest))


def seal(session: Session, chain: Chain, *, now: datetime, waits: bool = False) -> int:
    """Seal what waits, at most `MOST_AT_ONCE` rows, and file it under the patients whom it names.

    Rows whose mark does not fit were not written by us, and stay where `verify` finds them; but the first
    seal takes those without a mark, which are from before there were marks.

    Args:
        session: A writing transaction that sees every tenant.
        chain: Makes the seal.
        now: This moment.
        waits: While another process seals, wait for it; otherwise leave it to the other.

    Returns:
        How many rows were sealed.
    """
    if session.get_bind().dialect.name == "postgresql":
        if waits:
            session.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        elif not session.scalar(select(func.pg_try_advisory_xact_lock(ADVISORY_LOCK))):
            return 0
    end = end_of(session)
    waiting = session.execute(
        select(*_COLUMNS)
        .join(AuditUnsealed, AuditUnsealed.event_id == AuditEvent.id)
        .order_by(AuditEvent.at, AuditEvent.id)
        .limit(MOST_AT_ONCE)
    ).all()
    good = _some([row for row in waiting if _is_ours(row, chain, is_first=end.number == 0)])
    if not good:
        return 0
    rows = [(row.id, chain.mark(row._asdict())) for row in good]
    session.add(
        AuditSeal(
            number=end.number + 1,
            at=now,
            members=packed(key for key, _ in rows),
            digest=chain.seal(end.number + 1, end.digest, now, rows),
        )
    )
    file_looks(session, good)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = [key for key, _ in rows[start : start + ROWS_AT_ONCE]]
        session.execute(delete(AuditUnsealed).where(AuditUnsealed.event_id.in_(some)))
    session.flush()
    return len(rows)


def _some(rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Take from the beginning as many as can be filed at once, one at least."""
    patients = 0
    for number, row in enumerate(rows):
        patients += count_of(row)
        if number and patients > MOST_FILED_AT_ONCE:
            return rows[:number]
    return rows


def verify(session: Session, chain: Chain, *, anchor: Anchor | None) -> Verdict:
    """Look for rows of the record that were changed, added or taken away.

    Args:
        session: A reading transaction that sees every tenant.
        chain: With the key by which the record was sealed.
        anchor: An end that the chain had, from outside the database.
    """
    verdict, present = Verdict(), _Present()
    for number, sealed in enumerate(_seals(session), start=1):
        if sealed.number != number and verdict.end.number == number - 1:
            verdict.find(f"seal {number} is missing")
        _verify_seal(session, chain, sealed, verdict, present)
        verdict.seals += 1
        if anchor is not None and sealed.number == anchor.number and bytes(sealed.digest) != anchor.digest:
            verdict.find(f"seal {sealed.number} is not the one that the anchor names")
        verdict.end = Anchor(sealed.number, bytes(sealed.digest))
    if anchor is not None and anchor.number > verdict.end.number:
        verdict.find(
            f"the end is missing: there were {anchor.number} seals, now there are {verdict.end.number}"
        )
    waiting = _verify_unsealed(session, chain, verdict)
    verdict.rows = session.scalar(select(func.count()).select_from(AuditEvent)) or 0
    if verdict.rows != present.rows + waiting:
        _find_added(session, verdict)
    filed = count_filed(session)
    if filed > present.filed:
        verdict.find(f"{filed - present.filed} entries of patients are filed that no sealed row names")
    return verdict


@dataclass
class _Present:
    """How much of what the seals name is there.

    Attributes:
        rows: Rows.
        filed: Entries of patients that these rows name.
    """

    rows: int = 0
    filed: int = 0


def _seals(session: Session) -> Iterator[AuditSeal]:
    number: int | None = 0
    while number is not None:
        found = session.scalars(
            select(AuditSeal).where(AuditSeal.number > number).order_by(AuditSeal.number).limit(50)
        ).all()
        yield from found
        number = found[-1].number if found else None
        session.expunge_all()


def _verify_seal(
    session: Session, chain: Chain, sealed: AuditSeal, verdict: Verdict, present: _Present
) -> None:
    """Verify a seal, its rows, and what is filed of them."""
    keys = unpacked(bytes(sealed.members))
    found = {row.id: row for row in _rows(session, keys)}
    present.rows += len(found)
    _verify_filed(session, list(found.values()), verdict, present)
    marks: list[tuple[UUID, bytes]] = []
    is_told = False
    for key in keys:
        row = found.get(key)
        if row is None:
            verdict.find(f"row {key} is missing (seal {sealed.number})")
            is_told = True
            continue
        mark = chain.mark(row._asdict())
        marks.append((key, mark))
        if not _is_ours(row, chain, is_first=sealed.number == 1):
            verdict.find(f"row {key} was changed (seal {sealed.number})")
            is_told = True
    expected = chain.seal(sealed.number, verdict.end.digest, sealed.at, marks)
    if expected != bytes(sealed.digest) and not is_told:
        verdict.find(f"seal {sealed.number} does not fit its rows or the seal before it")


def _verify_filed(session: Session, rows: Sequence[Row[Any]], verdict: Verdict, present: _Present) -> None:
    naming = [row for row in rows if row.patients is not None]
    for start in range(0, len(naming), ROWS_AT_ONCE):
        some = naming[start : start + ROWS_AT_ONCE]
        good = is_filed(session, some)
        for row in some:
            present.filed += count_of(row)
            if row.id not in good:
                verdict.find(f"row {row.id} is not filed under its patients as it names them")


def _verify_unsealed(session: Session, chain: Chain, verdict: Verdict) -> int:
    """Verify what waits; returns how many rows there are of it."""
    keys = list(session.scalars(select(AuditUnsealed.event_id)))
    verdict.unsealed = len(keys)
    found = {row.id: row for row in _rows(session, keys)}
    for key in keys:
        row = found.get(key)
        if row is None:
            verdict.find(f"row {key} is missing (not sealed yet)")
        elif not _is_ours(row, chain, is_first=verdict.seals == 0):
            verdict.find(f"row {key} was added or changed by somebody else (not sealed yet)")
    return len(found)


def _find_added(session: Session, verdict: Verdict) -> None:
    known = set(session.scalars(select(AuditUnsealed.event_id)))
    for sealed in _seals(session):
        known.update(unpacked(bytes(sealed.members)))
    for key in session.scalars(select(AuditEvent.id).execution_options(yield_per=ROWS_AT_ONCE)):
        if key not in known:
            verdict.find(f"row {key} was added: no seal names it")


def _rows(session: Session, keys: Sequence[UUID]) -> Iterator[Row[Any]]:
    for start in range(0, len(keys), ROWS_AT_ONCE):
        some = keys[start : start + ROWS_AT_ONCE]
        yield from session.execute(select(*_COLUMNS).where(AuditEvent.id.in_(some)))


def _is_ours(row: Row[Any], chain: Chain, *, is_first: bool) -> bool:
    if row.mark is None:
        return is_first
    return chain.fits(row._asdict(), row.mark)
