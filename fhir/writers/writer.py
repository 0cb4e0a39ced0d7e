"""What a writer of one kind of resource offers."""

from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from fhir.asking import Asking
from fhir.mapping.elements import Json


class Writer(Protocol):
    """Turns documents of one kind into rows.

    Documents are checked before (`fhir.validation`); a writer checks what only rows can tell. It never
    commits and never writes documents: the projector does. What the row cannot hold, the core of
    `fhir.interactions` keeps.
    """

    @property
    def interactions(self) -> frozenset[str]:
        """Those of `create`, `update` and `delete` that it takes; a patch is an update."""
        ...

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """Make the row and return its id; the document's own id, if any, does not count.

        Raises:
            Rejected: It breaks rules; names all of them.
            CareError: A command refused it.
        """
        ...

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """Bring the row, which exists and is the viewer's, in line with the whole document.

        Raises:
            Rejected: It breaks rules, or changes what may not change; names all of them.
            CareError: A command refused it.
        """
        ...

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """Remove the row.

        Raises:
            CareError: It is needed: others refer to it.
        """
        ...
