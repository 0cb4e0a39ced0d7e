"""Care services and practices, from other systems."""

from uuid import UUID

from sqlalchemy.orm import Session

from careapp.organisations import changes, commands
from careapp.organisations.models import OrganisationKind
from careapp.organisations.queries import get_organisation
from fhir.asking import Asking
from fhir.issues import NotSupported
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.writers.findings import Findings
from fhir.writers.parts import codings, read_phone


class OrganizationWriter:
    """Takes new tenants from who acts for the whole region, and changes of one's own.

    Addresses are those of the organisation's Locations. Nothing is deleted: a tenant becomes inactive.
    """

    interactions = frozenset({"create", "update"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("Organization")
        kind = _kind(document)
        if kind is None:
            kinds = " or ".join(each.value for each in OrganisationKind)
            findings.add(
                "type", f"say what it is: a code of {codes.OUR_ORGANIZATION_TYPE}, {kinds}", "required"
            )
        _require_name(document, findings)
        findings.refuse()
        assert kind is not None  # noqa: S101 -- or it was refused
        organisation = commands.add_organisation(
            session,
            kind=kind,
            name=document["name"],
            phone=read_phone(document),
            is_active=document.get("active", True),
            viewer=asking.viewer,
            now=asking.now,
        )
        return organisation.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`."""
        organisation = get_organisation(session, organisation_id=key, viewer=asking.viewer)
        findings = Findings("Organization")
        if _kind(document) not in {None, organisation.kind}:
            findings.add("type", "a care service stays one, and so does a practice")
        _require_name(document, findings)
        findings.refuse()
        changes.update_organisation(
            session,
            organisation_id=key,
            name=document["name"],
            phone=read_phone(document),
            is_active=document.get("active", True),
            viewer=asking.viewer,
            now=asking.now,
        )

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """Not among its interactions."""
        del session, key, asking
        raise NotSupported("an organisation is never deleted: set it inactive")


def _kind(document: Json) -> OrganisationKind | None:
    for _, code in codings(document.get("type"), codes.OUR_ORGANIZATION_TYPE):
        if code in set(OrganisationKind):
            return OrganisationKind(code)
    return None


def _require_name(document: Json, findings: Findings) -> None:
    if not document.get("name"):
        findings.add("name", "a name is missing", "required")


ORGANIZATION_WRITER = OrganizationWriter()
