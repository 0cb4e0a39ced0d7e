"""Documents that may tell of a patient, sealed as they are stored.

What is stored is a byte 2, the tenant's id (16 zeros: nobody's), and the document sealed with that tenant's
key, bound to where it stands. Documents of offers and staff stay readable, and the last versions of deleted
ones, which tell only whose they were.
"""

from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from careapp.keys import Keyring, SealBroken
from careapp.sealing.ring import ring_of

OPEN_KINDS = frozenset(
    {
        "AuditEvent",
        "HealthcareService",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Schedule",
        "Slot",
        "Subscription",
    }
)
"""Kinds whose documents never tell of a patient."""

MARK = b"\x02"
TOMBSTONE = b'{"deleted":true'
"""How the last version of a deleted row's document begins; then comes whose it was."""

_NOBODY = UUID(int=0)
_HEAD_BYTES = 17


def sealed(
    where: Session | Connection,
    kind: str,
    key: UUID,
    owner: UUID | None,
    content: bytes,
    *,
    field: str = "document",
) -> bytes:
    """Return a document as it is stored.

    Args:
        where: Any session or connection of the database.
        kind: Of resource, e.g. `Patient`.
        key: Its id.
        owner: Whose it is; None: no tenant's.
        content: What another system reads.
        field: What of the resource it is: its document or a version of it, or what was sent.
    """
    if kind in OPEN_KINDS or content.startswith(TOMBSTONE):
        return content
    return seal_content(ring_of(where), owner, place_of(field, kind, key), content)


def opened(
    where: Session | Connection, kind: str, key: UUID, content: bytes, *, field: str = "document"
) -> bytes:
    """Return a stored document as another system reads it; see `sealed`.

    Raises:
        KeyMissing: The key that sealed it is not there.
        SealBroken: It was changed, stands where another one was, or should be sealed.
    """
    content = bytes(content)
    if kind in OPEN_KINDS or content.startswith(TOMBSTONE):
        return content
    return open_content(ring_of(where), place_of(field, kind, key), content)


def seal_content(ring: Keyring, owner: UUID | None, place: bytes, content: bytes) -> bytes:
    """Seal a document of a tenant, or of nobody."""
    return MARK + (owner or _NOBODY).bytes + ring.tenant(owner).seal(content, place)


def open_content(ring: Keyring, place: bytes, stored: bytes) -> bytes:
    """Open what `seal_content` made.

    Raises:
        KeyMissing: The key that sealed it is not there.
        SealBroken: It was changed, stands where another one was, or is not sealed.
    """
    if stored[:1] != MARK or len(stored) < _HEAD_BYTES:
        raise SealBroken(
            "a document in the database is not sealed: run `careapp migrate`, or restore the database"
        )
    owner = UUID(bytes=stored[1:_HEAD_BYTES])
    return ring.tenant(None if owner == _NOBODY else owner).open(stored[_HEAD_BYTES:], place)


def place_of(field: str, kind: str, key: UUID) -> bytes:
    """Return where a document stands."""
    return f"{field}|{kind}|{key}".encode()
