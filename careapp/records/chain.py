"""Marks and seals: whoever changes, adds or takes away a row of the record is found out.

Each row bears a mark, an HMAC over everything in it, made by whoever writes it. A while later rows are
sealed, many at once: a seal names its rows and is an HMAC over their marks and over the seal before. The key
lies outside the database (`careapp.keys`), and so does the anchor: number and digest of the last seal, which
tell that the end was not cut off. A row that was written less than a tick ago can still be taken away unseen,
together with its place in the queue of the unsealed; nothing else can.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any
from uuid import UUID

import orjson

DIGEST_BYTES = 32
FIRST = bytes(DIGEST_BYTES)
"""What the first seal follows."""
MARKED = (
    "id",
    "viewer",
    "role",
    "organisation_id",
    "action",
    "interaction",
    "outcome",
    "subject_kind",
    "subject_id",
    "patient_id",
    "request_id",
    "detail",
)
"""Columns of a row that its mark covers beside `at` and `patients`: all but the mark."""
COLUMNS = ("at", *MARKED, "patients")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Chain:
    """Makes marks and seals with a key.

    Attributes:
        key: 32 secret bytes, the same for all processes of an installation.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mark(self, row: Mapping[str, Any]) -> bytes:
        """Return the mark of a row, given by its columns."""
        at: datetime = row["at"]
        values = [at.astimezone(UTC), *(row.get(name) for name in MARKED)]
        patients: bytes | None = row.get("patients")
        if patients is not None:  # older rows have none, and the mark that they were given
            values.append(bytes(patients).hex())
        return digest(self._key, b"row|" + orjson.dumps(values, option=orjson.OPT_SORT_KEYS), "sha256")

    def fits(self, row: Mapping[str, Any], mark: bytes | None) -> bool:
        """Tell whether a row is as it was when it was marked."""
        return mark is not None and compare_digest(self.mark(row), bytes(mark))

    def seal(self, number: int, previous: bytes, at: datetime, rows: Sequence[tuple[UUID, bytes]]) -> bytes:
        """Return the digest of a seal.

        Args:
            number: Of the seal; they count from 1.
            previous: Digest of the seal before, `FIRST` for the first.
            at: When it is made.
            rows: Id and mark of each row, in the order in which the seal names them.
        """
        content = sha256(b"".join(key.bytes + mark for key, mark in rows)).digest()
        head = f"seal|{number}|{len(rows)}|{_microseconds(at)}|".encode()
        return digest(self._key, head + previous + content, "sha256")

    def blind(self, value: str) -> str:
        """Return what stands in the record for a value that may be a name: equal values look alike."""
        return digest(self._key, b"value|" + value.encode(), "sha256").hex()[:16]


def packed(keys: Iterable[UUID]) -> bytes:
    """Write ids one after the other, 16 bytes each."""
    return b"".join(key.bytes for key in keys)


def unpacked(keys: bytes) -> list[UUID]:
    """Read what `packed` wrote; a rest that is no id is left out."""
    return [UUID(bytes=keys[start : start + 16]) for start in range(0, len(keys) - 15, 16)]


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
