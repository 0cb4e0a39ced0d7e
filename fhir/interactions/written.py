"""What a write leaves behind."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fhir.issues import Issue
from fhir.outcome import outcome_of


class Returns(StrEnum):
    """What a sender wants back (`Prefer: return=…`)."""

    MINIMAL = "minimal"
    REPRESENTATION = "representation"
    OUTCOME = "OperationOutcome"


@dataclass(frozen=True)
class Written:
    """A resource as it stands after a write.

    Attributes:
        kind: Of resource.
        id: The row's, and so the resource's.
        version: Counts from 1; what `ETag` says.
        updated_at: What `Last-Modified` says, in UTC.
        content: Its canonical JSON.
        is_created: The write made it; False if it was there before.
        warnings: What is odd about what was sent, though no rule forbids it.
    """

    kind: str
    id: UUID
    version: int
    updated_at: datetime
    content: bytes
    is_created: bool
    warnings: tuple[Issue, ...] = ()

    @property
    def path(self) -> str:
        """Address of this version below the server's FHIR part."""
        return f"{self.kind}/{self.id}/_history/{self.version}"

    @property
    def tag(self) -> str:
        """What `ETag` says."""
        return f'W/"{self.version}"'

    @property
    def outcome(self) -> bytes:
        """An OperationOutcome with the warnings, or one that says that all went well."""
        well = Issue("informational", "stored; nothing to complain about", severity="information")
        return outcome_of(self.warnings or (well,))

    def body(self, returns: Returns) -> bytes:
        """What the sender gets back; empty if they want nothing."""
        match returns:
            case Returns.MINIMAL:
                return b""
            case Returns.OUTCOME:
                return self.outcome
            case Returns.REPRESENTATION:
                return self.content
