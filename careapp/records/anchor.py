"""The anchor: number and digest of the record's last seal, kept outside the database.

Whoever may delete from the database may cut the chain's end off, and what is left is whole. The anchor tells
that there was more. Its file lies beside the keys; a copy of it somewhere else, by `careapp audit anchor`,
tells it even of somebody who has the machine.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Self

from careapp.errors import Invalid, Unavailable
from careapp.records.chain import DIGEST_BYTES


class NoAnchor(Invalid):
    """What was given is no anchor."""


class AnchorUnwritable(Unavailable):
    """The anchor's file cannot be written or read."""


@dataclass(frozen=True)
class Anchor:
    """The end of the chain at some moment.

    Attributes:
        number: Of the last seal; 0: there was none.
        digest: Of the last seal.
    """

    number: int
    digest: bytes

    def __str__(self) -> str:
        """Write it in one line, to be kept elsewhere."""
        return f"{self.number}:{self.digest.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what was kept.

        Raises:
            NoAnchor: It is none.
        """
        number, _, digest = text.strip().partition(":")
        found: Self | None
        try:
            found = cls(int(number), bytes.fromhex(digest))
        except ValueError:
            found = None
        if found is None or len(found.digest) != DIGEST_BYTES:
            raise NoAnchor("this is no anchor: give what `careapp audit anchor` has printed")
        return found


def read(path: Path) -> Anchor | None:
    """Return the anchor of a file; None if there is no file.

    Raises:
        AnchorUnwritable: It cannot be read or understood.
    """
    try:
        kept = json.loads(path.read_text())
        return Anchor.parse(kept["anchor"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, NoAnchor) as damaged:
        raise AnchorUnwritable(
            f"the anchor {path} cannot be read: restore it, or run `careapp audit anchor --accept`"
        ) from damaged


def keep(path: Path, anchor: Anchor) -> None:
    """Write an anchor's file at once.

    Raises:
        AnchorUnwritable: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"anchor": str(anchor)}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as refused:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise AnchorUnwritable(
            f"the anchor {path} cannot be written ({refused.strerror}): name another file with "
            "CAREAPP_AUDIT_ANCHOR_FILE"
        ) from refused
