"""Interactions in short: each in a transaction of its own, as the edge does it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from api.errors import refusal
from careapp.consultations.models import Slot
from careapp.organisations.models import Organisation
from careapp.records.models import DocumentVersion
from fhir.asking import Asking
from fhir.interactions import bundle, writing
from fhir.interactions.written import Returns, Written
from tests.careapp.worlds import EVERYONE, a_slot, an_organisation, coordinator_of
from tests.fhir.conftest import BASE, PAGE_KEY, Clock

Document = dict[str, Any]


@dataclass
class Server:
    """What other systems talk to.

    Attributes:
        sessions: Writing sessions that the projector follows.
        asking: Who asks; for the whole region.
        clock: Tells when.
        organisation: The only one, if nobody makes another.
    """

    sessions: sessionmaker[Session]
    asking: Asking
    clock: Clock
    organisation: Organisation

    def do(self, interaction: Callable[..., Any], **asked: Any) -> Any:
        """Do an interaction in a transaction of its own."""
        with self.sessions.begin() as session:
            return interaction(session, **{"asking": replace(self.asking, now=self.clock()), **asked})

    def create(self, **elements: Any) -> Written:
        """Make a patient."""
        written: Written = self.do(writing.create, kind="Patient", document=a_document(**elements))
        return written

    def process(self, kind: str, *entries: Document, returns: Returns = Returns.MINIMAL) -> list[Document]:
        """Send a bundle; return the entries of the answer."""
        sent = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
        content = self.do(bundle.process, bundle=sent, refuse=refusal, returns=returns)
        answered = orjson.loads(content)
        assert (answered["resourceType"], answered["type"]) == ("Bundle", f"{kind}-response")
        found: list[Document] = answered.get("entry", [])
        return found

    def free_slot(self) -> Slot:
        """A bookable time of a doctor's."""
        with self.sessions.begin() as session:
            return a_slot(session)

    def as_organisation(self) -> Asking:
        """Ask for the one organisation only."""
        return replace(self.asking, viewer=coordinator_of(self.organisation))

    def versions(self) -> int:
        """Count what is stored of patients, each version."""
        with self.sessions() as session:
            return (
                session.scalar(
                    select(func.count()).select_from(DocumentVersion).where(DocumentVersion.kind == "Patient")
                )
                or 0
            )


@pytest.fixture
def asking(calendar, now) -> Asking:
    return Asking(
        viewer=EVERYONE,
        now=now,
        base_url=BASE,
        calendar=calendar,
        geocoder=None,  # type: ignore[arg-type]  # nobody looks for an address here
        page_key=PAGE_KEY,
    )


@pytest.fixture
def server(sessions, asking, clock) -> Server:
    with sessions.begin() as session:
        organisation = an_organisation(session)
    return Server(sessions, asking, clock, organisation)


def a_document(family: str = "Sommer", **elements: Any) -> Document:
    """A patient as another system sends it."""
    return {
        "resourceType": "Patient",
        "name": [{"use": "official", "family": family, "given": ["Ida"]}],
        "gender": "female",
        "birthDate": "1941-07-08",
        **elements,
    }


def an_entry(method: str, url: str, resource: Document | None = None, **request: Any) -> Document:
    """An entry of a bundle; `full_url` is the entry's own address."""
    full_url = request.pop("full_url", None)
    entry: Document = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        entry["resource"] = resource
    if full_url is not None:
        entry["fullUrl"] = full_url
    return entry


def shown(written: Written) -> Document:
    """Parse what was written."""
    document: Document = orjson.loads(written.content)
    return document


def id_in(location: str) -> UUID:
    """Return the id that a location names."""
    return UUID(location.rpartition("/_history/")[0].rpartition("/")[2])
