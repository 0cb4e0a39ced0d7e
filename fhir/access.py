"""Who may do what with which kind of resource: the role's part, the token's part, and both together.

The role says which kinds there are for somebody at all; `careapp.access` says which rows of them. A token's
scopes (SMART App Launch, https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html) take away from
that, never add: kinds and interactions, resources that their query does not find, everybody but one patient.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, true
from sqlalchemy.orm import Session

from careapp.access import OFFERED_TO_ALL, Viewer, ViewerRole
from careapp.consultations.models import Schedule, Slot
from careapp.errors import Forbidden
from careapp.organisations.models import Place, PlaceKind
from careapp.people.models import Patient
from fhir.mapping.registry import RESOURCES
from fhir.mapping.resource import ServedResource
from fhir.operations.compartment import belonging
from fhir.scopes import CRUDS, Limit, Scopes
from fhir.search.parameter import Context, InvalidSearch

AnySelect = TypeVar("AnySelect", bound=Select[*tuple[Any, ...]])

READ, WRITE, CHANGES = "rs", "cu", "cud"

_PLACES_AND_PEOPLE = dict.fromkeys(
    (
        "HealthcareService",
        "Location",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Schedule",
        "Slot",
    ),
    READ,
)
_EVERY_KIND = frozenset(resource.kind for resource in RESOURCES) - {"AuditEvent"}

_TENANT = dict.fromkeys(_EVERY_KIND, CRUDS)

ROLES: Mapping[ViewerRole, Mapping[str, str]] = {
    ViewerRole.COORDINATOR: _TENANT,
    ViewerRole.ADMINISTRATOR: _TENANT,
    ViewerRole.CLIENT: {**_TENANT, "AuditEvent": READ},
    ViewerRole.SUPPORT: dict.fromkeys(_EVERY_KIND, READ),
    ViewerRole.NURSE: {
        **_PLACES_AND_PEOPLE,
        "Appointment": READ,
        "AppointmentResponse": READ + WRITE,
        "CarePlan": READ,
        "CareTeam": READ,
        "Communication": READ + WRITE,
        "Consent": READ,
        "Encounter": READ + WRITE,
        "List": READ,
        "Patient": READ,
        "RelatedPerson": READ,
        "ServiceRequest": READ,
        "Task": READ + "u",
    },
    ViewerRole.DOCTOR: {
        **_PLACES_AND_PEOPLE,
        "Appointment": READ + WRITE,
        "AppointmentResponse": READ + WRITE,
        "Communication": READ + WRITE,
        "Encounter": READ + WRITE,
        "Patient": READ,
        "Schedule": CRUDS,
        "Slot": CRUDS,
        "Task": READ + WRITE,
    },
    ViewerRole.AUDITOR: {"AuditEvent": READ},
    ViewerRole.ANALYST: {},
}
"""What each role may do with which kinds of resources: SMART's letters. What is not here is forbidden."""

VERBS = {"c": "create", "r": "read", "u": "change", "d": "delete", "s": "search"}

CROSSING = frozenset({"Appointment", "AppointmentResponse", "Encounter"})
"""Kinds of which those that lie between two tenants are written by both; of all others only one's own."""

NOBODYS = frozenset(
    {"HealthcareService", "Organization", "Practitioner", "PractitionerRole", "Schedule", "Slot"}
)
"""Kinds that are about no patient, so that `patient/…` scopes open them whole."""

CALENDARS = frozenset({"Schedule", "Slot"})
"""Kinds of which only what is offered is for patients, not when nurses work."""


class KindNotForRole(Forbidden):
    """The viewer's role has no business with this kind of resource, or not this one."""


class KindNotInScopes(Forbidden):
    """The token does not speak of this, or only of some resources where all are asked for."""


class NotWithinReach(Forbidden):
    """What would be written is not among what the viewer may write."""


def scopes_of(viewer: Viewer) -> Scopes | None:
    """Return what a viewer's token allows; None: there is none, the role alone counts."""
    if viewer.role is ViewerRole.SYSTEM:
        return None
    if viewer.scopes is None:
        return Scopes.of(()) if viewer.role is ViewerRole.CLIENT else None
    return Scopes.of(viewer.scopes)


def require(viewer: Viewer, kind: str, interaction: str) -> None:
    """Refuse an interaction that neither role nor token allow with any resource of a kind.

    Args:
        viewer: Who asks.
        kind: Of resource, one that is served.
        interaction: SMART's letter: `c`, `r`, `u`, `d` or `s`.

    Raises:
        KindNotForRole: The role does not allow it.
        KindNotInScopes: No scope does.
    """
    if not _role_may(viewer, kind, interaction):
        raise KindNotForRole(f"a {viewer.role.value} may not {VERBS[interaction]} resources of kind {kind}")
    if _limits(viewer, kind, interaction) is None:
        raise KindNotInScopes(
            f"the token does not allow to {VERBS[interaction]} resources of kind {kind}: "
            f"ask for a scope such as {_speaker(viewer)}/{kind}.{interaction}"
        )


def allows(viewer: Viewer, kind: str, interactions: str) -> bool:
    """Tell whether role and token allow interactions with every resource of a kind that the viewer sees."""
    return all(
        _role_may(viewer, kind, letter) and _limits(viewer, kind, letter) == () for letter in interactions
    )


def require_whole(viewer: Viewer, kind: str, interactions: str) -> None:
    """Refuse what would show resources of a kind past the limits of a token.

    Raises:
        KindNotForRole: The role does not allow it.
        KindNotInScopes: No scope does, or only for some resources.
    """
    for letter in interactions:
        require(viewer, kind, letter)
    if not allows(viewer, kind, interactions):
        raise KindNotInScopes(f"this needs a token that is not limited to some resources of kind {kind}")


def shown(statement: AnySelect, viewer: Viewer, resource: ServedResource, interaction: str) -> AnySelect:
    """Narrow a statement to the rows with which the viewer may do something.

    Args:
        statement: Selects from the resource's table.
        viewer: Who asks.
        resource: Whose rows are selected.
        interaction: SMART's letter.
    """
    to_change = interaction in CHANGES and resource.kind not in CROSSING
    if to_change and resource.table.__tablename__ in OFFERED_TO_ALL:
        to_change = False  # whose they are, the commands ask, and say it
    narrowed = resource.visible(statement, viewer, to_change=to_change)
    condition = condition_of(viewer, resource, interaction)
    return narrowed if condition is None else narrowed.where(condition)


def condition_of(viewer: Viewer, resource: ServedResource, interaction: str) -> ColumnElement[bool] | None:
    """Return what role and token demand of a resource beside being visible; None: nothing."""
    if not _role_may(viewer, resource.kind, interaction):
        return false()
    limits = _limits(viewer, resource.kind, interaction)
    if limits is None:
        return false()
    own = _own_calendar(viewer, resource, interaction)
    if not limits:
        return own
    some = or_(*(_limited(viewer, resource, limit) for limit in limits))
    return some if own is None else and_(some, own)


def refuse_unreachable(
    session: Session, viewer: Viewer, resource: ServedResource, key: UUID, interaction: str
) -> None:
    """Refuse what has just been written if the viewer may not write such a thing; the caller rolls back.

    Raises:
        NotWithinReach: It lies beyond the viewer's role or token.
    """
    if viewer.role not in AT_WORK and not _limits(viewer, resource.kind, interaction):
        return
    rows = shown(select(resource.key).where(resource.key == key), viewer, resource, interaction)
    if session.scalar(select(exists(rows))) is not True:
        raise NotWithinReach(
            f"this {resource.kind} would not be among those that you may {VERBS[interaction]}"
        )


AT_WORK = frozenset({ViewerRole.NURSE, ViewerRole.DOCTOR})
"""Roles that see a part of their tenant."""


def _role_may(viewer: Viewer, kind: str, interaction: str) -> bool:
    if viewer.role is ViewerRole.SYSTEM:
        return True
    return interaction in ROLES[viewer.role].get(kind, "")


def _limits(viewer: Viewer, kind: str, interaction: str) -> tuple[Limit, ...] | None:
    """Return what a token demands of resources, one of them at least; none: nothing; None: it allows none."""
    scopes = scopes_of(viewer)
    if scopes is None:
        return ()
    answer = scopes.allow(kind, interaction, (_speaker(viewer), "patient"))
    return answer.limits if answer.allowed else None


def _speaker(viewer: Viewer) -> str:
    return "system" if viewer.role is ViewerRole.CLIENT else "user"


def _own_calendar(viewer: Viewer, resource: ServedResource, interaction: str) -> ColumnElement[bool] | None:
    """A doctor changes his own calendar only, though he sees everybody's."""
    if viewer.role is not ViewerRole.DOCTOR or interaction in READ:
        return None
    if resource.table is Schedule:
        return Schedule.practitioner_id == viewer.practitioner_id
    if resource.table is Slot:
        his = select(Schedule.id).where(Schedule.practitioner_id == viewer.practitioner_id)
        return Slot.schedule_id.in_(his)
    return None


def _limited(viewer: Viewer, resource: ServedResource, limit: Limit) -> ColumnElement[bool]:
    found = true() if limit.query is None else _queried(viewer, resource, limit.query)
    return and_(found, _about(viewer, resource)) if limit.of_patient else found


def _queried(viewer: Viewer, resource: ServedResource, query: str) -> ColumnElement[bool]:
    """Read a scope's query; what cannot be understood finds nothing."""
    from fhir.search.asked import read_query  # noqa: PLC0415 -- chains in a query ask for access themselves

    # Without its own scopes, which would ask for themselves again.
    context = Context("", _zone(viewer), replace(viewer, scopes=frozenset({"user/*.rs", "system/*.rs"})))
    try:
        conditions = read_query(query, resource, context, strict=True).conditions
    except InvalidSearch:
        return false()
    # A parameter without a value, or one that only shapes answers, is no condition: it must not open all.
    named = query.count("&") + 1
    return and_(*conditions) if len(conditions) == named else false()


def _zone(viewer: Viewer) -> ZoneInfo:
    zone = viewer.asked_at.tzinfo if viewer.asked_at else None
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo("UTC")


def _about(viewer: Viewer, resource: ServedResource) -> ColumnElement[bool]:
    """SQL: the resource is about the token's one patient, or about nobody."""
    if viewer.patient_id is None:
        return false()
    if resource.kind in CALENDARS and not resource.is_offered:
        return false()
    if resource.kind in NOBODYS:
        return true()
    patient = select(Patient.id).where(Patient.id == viewer.patient_id)
    if resource.kind == "Location":
        homes = select(Patient.home_id).where(Patient.id == viewer.patient_id, Patient.home_id.is_not(None))
        return or_(Place.kind != PlaceKind.HOME, Place.id.in_(homes))
    belongs = belonging(resource, patient)
    return false() if belongs is None else belongs
