"""Whom a request shows: gathered while it is worked on, and recorded before its answer leaves.

What is about a patient is loaded in many places, and each of them would have to remember to say so. Instead
the edge opens a gathering for each request, whatever loads a patient's row or document notes it here, and the
edge writes the record. Jobs have no gathering: they record what they do by themselves.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Looks:
    """What was noted so far.

    Attributes:
        request_id: Of the request.
        seen: Patients of whom something was loaded.
        recorded: Of these, whom a command has recorded in its own transaction.
        has_deed: A command has recorded something.
        queries: Searches within a batch, as they were asked: their values may be names.
    """

    request_id: str | None = None
    seen: set[UUID] = field(default_factory=set)
    recorded: set[UUID] = field(default_factory=set)
    has_deed: bool = False
    queries: list[str] = field(default_factory=list)


_LOOKS: ContextVar[Looks | None] = ContextVar("careapp_looks", default=None)


@contextmanager
def gathering(request_id: str | None) -> Iterator[Looks]:
    """Gather what the block and the threads it waits for note."""
    looks = Looks(request_id)
    token = _LOOKS.set(looks)
    try:
        yield looks
    finally:
        _LOOKS.reset(token)


def note_seen(patients: Iterable[UUID]) -> None:
    """Note that something about patients was loaded."""
    looks = _LOOKS.get()
    if looks is not None:
        looks.seen.update(patients)


def note_query(query: str) -> None:
    """Note a search that is one of many in a request; the edge takes the names out before it records it."""
    looks = _LOOKS.get()
    if looks is not None:
        looks.queries.append(query)


def note_deed(patient_id: UUID | None) -> str | None:
    """Note that a command has recorded what it did, and to whom; returns in which request."""
    looks = _LOOKS.get()
    if looks is None:
        return None
    looks.has_deed = True
    if patient_id is not None:
        looks.recorded.add(patient_id)
    return looks.request_id
