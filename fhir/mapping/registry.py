"""Every resource that is served. Whoever adds a mapping file adds its line here."""

from careapp.errors import NotFound
from fhir.mapping.appointment import APPOINTMENT
from fhir.mapping.audit_event import AUDIT_EVENT
from fhir.mapping.care_plan import CARE_PLAN
from fhir.mapping.healthcare_service import HEALTHCARE_SERVICE
from fhir.mapping.held.appointment_response import APPOINTMENT_RESPONSE
from fhir.mapping.held.care_team import CARE_TEAM
from fhir.mapping.held.communication import COMMUNICATION
from fhir.mapping.held.consent import CONSENT
from fhir.mapping.held.encounter import ENCOUNTER
from fhir.mapping.held.provenance import PROVENANCE
from fhir.mapping.held.related_person import RELATED_PERSON
from fhir.mapping.held.task import TASK
from fhir.mapping.list import LIST
from fhir.mapping.location import LOCATION
from fhir.mapping.organization import ORGANIZATION
from fhir.mapping.patient import PATIENT
from fhir.mapping.practitioner import PRACTITIONER
from fhir.mapping.practitioner_role import PRACTITIONER_ROLE
from fhir.mapping.resource import ServedResource
from fhir.mapping.schedule import SCHEDULE
from fhir.mapping.service_request import SERVICE_REQUEST
from fhir.mapping.slot import SLOT
from fhir.mapping.subscription import SUBSCRIPTION

RESOURCES: tuple[ServedResource, ...] = (
    ORGANIZATION,
    LOCATION,
    HEALTHCARE_SERVICE,
    PATIENT,
    PRACTITIONER,
    PRACTITIONER_ROLE,
    CARE_PLAN,
    SERVICE_REQUEST,
    SCHEDULE,
    SLOT,
    APPOINTMENT,
    LIST,
    SUBSCRIPTION,
    RELATED_PERSON,
    CARE_TEAM,
    CONSENT,
    COMMUNICATION,
    TASK,
    APPOINTMENT_RESPONSE,
    ENCOUNTER,
    PROVENANCE,
    AUDIT_EVENT,
)


class UnknownKind(NotFound):
    """No resource of this kind is served."""


_BY_KIND = {resource.kind: resource for resource in RESOURCES}


def find_resource(kind: str) -> ServedResource | None:
    """Return what is declared about a kind of resource; None if it is not served."""
    return _BY_KIND.get(kind)


def get_resource(kind: str) -> ServedResource:
    """Return what is declared about a kind of resource.

    Raises:
        UnknownKind: It is not served.
    """
    resource = _BY_KIND.get(kind)
    if resource is None:
        raise UnknownKind(
            f"there are no such resources here: /fhir/metadata lists {', '.join(sorted(_BY_KIND))}"
        )
    return resource
