"""An entry of a transaction on its way, and how its refusal names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from careapp.errors import CareError
from fhir.interactions.entry import READING, Answer, Entry
from fhir.interactions.writing import Applied
from fhir.issues import Issue, Rejected


class EntryRefused(CareError):
    """An entry of a bundle cannot be done.

    Args:
        number: The entry's place in the bundle, from 0.
        cause: Why; what the answer's status follows from.
    """

    def __init__(self, number: int, cause: CareError) -> None:
        super().__init__(f"Bundle.entry[{number}]: {cause}")
        self.cause = cause
        self.place = f"Bundle.entry[{number}]"

    @property
    def issues(self) -> tuple[Issue, ...]:
        """All that is wrong with it, each with its place in the bundle; empty if the cause names none."""
        found = self.cause.issues if isinstance(self.cause, Rejected) else ()
        return tuple(
            Issue(issue.code, issue.sentence, self._place(issue.expression), issue.severity)
            for issue in found
        )

    def _place(self, expression: str | None) -> str:
        if expression is None:
            return f"{self.place}.resource"
        if expression.startswith("Bundle"):
            return expression
        _, dot, steps = expression.partition(".")
        return f"{self.place}.resource{dot}{steps}"


@dataclass
class Work:
    """An entry on its way.

    Attributes:
        entry: What is asked.
        key: Id of the resource that it changes, or that a conditional create has found.
        applied: What was written for it.
        answer: What it is answered.
        missing: Names that its resource uses for others and that stand for nothing yet.
    """

    entry: Entry
    key: UUID | None = None
    applied: Applied | None = None
    answer: Answer | None = None
    missing: frozenset[str] = field(default_factory=frozenset)

    @property
    def id(self) -> str | None:
        """Of the resource that it changes, as far as that is known."""
        if self.key is not None:
            return str(self.key)
        is_named = (
            len(self.entry.path) > 1 and self.entry.method not in READING and not self.entry.is_operation
        )
        return self.entry.path[1] if is_named else None

    @property
    def creates(self) -> bool:
        """It makes a resource; known once conditions are looked up."""
        if self.key is not None or self.entry.is_operation:
            return False
        return self.entry.method == "POST" or (
            self.entry.method == "PUT" and self.entry.condition is not None
        )


@contextmanager
def at(entry: Entry) -> Iterator[None]:
    """Name the entry in whatever refuses it."""
    try:
        yield
    except EntryRefused:
        raise
    except CareError as error:
        raise EntryRefused(entry.number, error) from error
