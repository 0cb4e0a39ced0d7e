"""What organisations offer, from other systems."""

from uuid import UUID

from sqlalchemy.orm import Session

from careapp.organisations.commands import require_own
from fhir.asking import Asking
from fhir.issues import NotSupported
from fhir.mapping.elements import Json
from fhir.mapping.registry import get_resource
from fhir.showing import beside, show
from fhir.writers.findings import Findings
from fhir.writers.parts import refuse_change

FOLLOWS = ("active", "name")
"""Elements that follow from the organisation and its schedules."""


class HealthcareServiceWriter:
    """Adds to what follows from an organisation: each has exactly one, under its id."""

    interactions = frozenset({"update"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """Not among its interactions."""
        del session, document, asking
        raise NotSupported("each Organization has its one HealthcareService: update that")

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`; only what we do not use can be changed, and it comes back as it was sent."""
        require_own(session, organisation_id=key, viewer=asking.viewer)
        session.flush()
        with beside(session) as reader:
            shown = show(reader, get_resource("HealthcareService"), [key])[key]
        findings = Findings("HealthcareService")
        for name in FOLLOWS:
            if name in document and document[name] != shown[name]:
                findings.add(name, f"this follows from Organization/{key}: change it there")
        known = {each["value"] for each in shown.get("telecom", ())}
        for number, each in enumerate(document.get("telecom", ())):
            if each.get("system") == "phone" and each.get("value") not in known:
                findings.add(f"telecom[{number}]", f"this follows from Organization/{key}: change it there")
        refuse_change(document, "providedBy", "Organization", key, asking, findings)
        findings.refuse()

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """Not among its interactions."""
        del session, key, asking
        raise NotSupported("what an organisation offers ends with it: set the Organization inactive")


HEALTHCARE_SERVICE_WRITER = HealthcareServiceWriter()
