"""What a write leaves behind."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fhir.issues import Issue


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
