"""What each operation takes and gives; which of them are offered the addresses that are answered tell.

To add an operation: write its route, then describe it here. https://hl7.org/fhir/R4/operationdefinition.html.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fhir.mapping import codes
from fhir.mapping.elements import Json, without_none

BULK = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
IHE = "https://profiles.ihe.net/ITI/Scheduling/OperationDefinition/"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/"
OURS = f"{codes.OURS}/OperationDefinition/"


class Offer(NamedTuple):
    """An address at which an operation is answered.

    Attributes:
        kind: Of resource that it is about; None: the whole system.
        name: Without the dollar sign.
        is_instance: It is about one resource.
    """

    kind: str | None
    name: str
    is_instance: bool


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation.

    Attributes:
        name: Its name.
        type: Its type.
        about: A sentence.
        use: `in` or `out`.
        is_required: It must be given.
        repeats: It may be given several times.
        search_type: If its type is `string` and it is written as in a search.
    """

    name: str
    type: str
    about: str
    use: str = "in"
    is_required: bool = False
    repeats: bool = False
    search_type: str | None = None

    def to_fhir(self) -> Json:
        """Write it as OperationDefinition.parameter."""
        return without_none(
            {
                "name": self.name,
                "use": self.use,
                "min": 1 if self.is_required else 0,
                "max": "*" if self.repeats else "1",
                "documentation": self.about,
                "type": self.type,
                "searchType": self.search_type,
            }
        )


@dataclass(frozen=True)
class Operation:
    """An operation as this server does it.

    Attributes:
        kind: Of resource that it is about; None: the whole system.
        name: Without the dollar sign.
        title: In a few words.
        about: What it does.
        definition: Address of the definition it follows.
        parameters: What it takes and gives.
        affects_state: It changes something.
    """

    kind: str | None
    name: str
    title: str
    about: str
    definition: str
    parameters: tuple[Parameter, ...]
    affects_state: bool = False

    @property
    def id(self) -> str:
        """Of its OperationDefinition here."""
        return f"{self.kind or 'System'}-{self.name}"


def _references(name: str, about: str) -> Parameter:
    return Parameter(name, "Reference", about, repeats=True)


_TYPES = Parameter("_type", "string", "Only resources of these types, separated by commas.", repeats=True)
_SINCE = Parameter("_since", "instant", "Only what was changed since.")
_EXPORT = (
    Parameter("_outputFormat", "string", "Newline-delimited JSON, the default, is all there is."),
    _SINCE,
    _TYPES,
)
_BUNDLE = Parameter("return", "Bundle", "A searchset.", use="out", is_required=True)
_EXPORT_ABOUT = (
    "Ordered with Prefer: respond-async; Content-Location of the answer tells where its status stands, "
    "and then the files, one resource a line."
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "Appointment",
        "book",
        "Book an appointment",
        "Books a video consultation, moves a booked one (send its id), or replaces one (cancelled-appt-id). "
        "Send a bare Appointment, or Parameters.",
        "https://gematik.de/fhir/isik/OperationDefinition/AppointmentBook",
        affects_state=True,
        parameters=(
            Parameter("appt-resource", "Appointment", "What to book, of status proposed."),
            Parameter(
                "cancelled-appt-id", "uri", "An appointment that is cancelled if the new one is booked."
            ),
            Parameter("schedule", "Reference", "Whose slots to take, if the Appointment names none."),
            Parameter("patient", "Patient", "Who it is for, if this server does not know them yet."),
            Parameter("related-person", "RelatedPerson", "Who books for the patient."),
            Parameter(
                "appointment-reference", "Reference", "What $find proposed or $hold keeps (IHE ITI-117)."
            ),
            Parameter("appointment-resource", "Appointment", "The same as a resource (IHE ITI-117)."),
            Parameter("return", "Resource", "The Appointment; a searchset for IHE's parameters.", use="out"),
        ),
    ),
    Operation(
        "Appointment",
        "hold",
        "Hold an appointment",
        "Keeps the slots of a proposed appointment for a while that this server chooses (IHE ITI-116).",
        f"{IHE}appointment-hold",
        affects_state=True,
        parameters=(
            Parameter("appointment-reference", "Reference", "What $find proposed."),
            Parameter("appointment-resource", "Appointment", "The same as a resource."),
            _BUNDLE,
        ),
    ),
    Operation(
        "Appointment",
        "find",
        "Find appointments that could be had",
        "Proposes appointments in free slots; what somebody else holds is left out (IHE ITI-115).",
        f"{IHE}appointment-find",
        parameters=(
            Parameter("start", "dateTime", "From when.", is_required=True),
            Parameter("end", "dateTime", "Until when.", is_required=True),
            Parameter("specialty", "string", "Fachrichtung.", repeats=True, search_type="token"),
            Parameter("visit-type", "string", "Type of service.", repeats=True, search_type="token"),
            _references("practitioner", "With whom."),
            _references("organization", "At which practice."),
            _references("location-reference", "Where the practice is."),
            Parameter(
                "location-string", "string", "Part of its address.", repeats=True, search_type="string"
            ),
            _references("patient-reference", "For whom."),
            _BUNDLE,
        ),
    ),
    Operation(
        "Patient",
        "everything",
        "All about a patient",
        "Every resource of a patient's compartment that the client may see.",
        "http://hl7.org/fhir/OperationDefinition/Patient-everything",
        parameters=(
            Parameter("start", "date", "Only care from this day on."),
            Parameter("end", "date", "Only care until this day."),
            _SINCE,
            Parameter("_type", "code", "Only resources of these types.", repeats=True),
            Parameter("_count", "integer", "Most resources of a page."),
            _BUNDLE,
        ),
    ),
    Operation(None, "export", "Export all", _EXPORT_ABOUT, f"{BULK}export", parameters=_EXPORT),
    Operation(
        "Patient",
        "export",
        "Export all about patients",
        _EXPORT_ABOUT,
        f"{BULK}patient-export",
        parameters=_EXPORT,
    ),
    Operation(
        "Group",
        "export",
        "Export all about an organisation's patients",
        f"The id of the Group is the id of the Organization. {_EXPORT_ABOUT}",
        f"{BULK}group-export",
        parameters=_EXPORT,
    ),
    Operation(
        "Subscription",
        "status",
        "How a subscription fares",
        "Tells status, count of events and last error.",
        f"{BACKPORT}backport-subscription-status",
        parameters=(
            Parameter("id", "id", "Only these subscriptions.", repeats=True),
            Parameter("status", "code", "Only those of this status.", repeats=True),
            _BUNDLE,
        ),
    ),
    Operation(
        "Subscription",
        "events",
        "Events of a subscription once more",
        "Gives past notifications again, by their numbers.",
        f"{BACKPORT}backport-subscription-events",
        parameters=(
            Parameter("eventsSinceNumber", "string", "From which number on."),
            Parameter("eventsUntilNumber", "string", "Up to which number."),
            Parameter("content", "code", "empty, id-only or full-resource."),
            _BUNDLE,
        ),
    ),
)
_BY_NAME: Mapping[tuple[str | None, str], Operation] = {(each.kind, each.name): each for each in OPERATIONS}


def is_described(offer: Offer) -> bool:
    """Tell whether an operation that is answered is described, too."""
    return (offer.kind, offer.name) in _BY_NAME


def offered(offers: Collection[Offer], kind: str | None) -> list[Json]:
    """Write what CapabilityStatement says of the operations about a kind of resource, or the whole system."""
    names = sorted({offer.name for offer in offers if offer.kind == kind})
    found = [_BY_NAME[kind, name] for name in names if (kind, name) in _BY_NAME]
    return [{"name": each.name, "definition": each.definition, "documentation": each.about} for each in found]


def definitions(offers: Collection[Offer]) -> Iterator[Json]:
    """Yield an OperationDefinition of each operation that is offered."""
    for each in OPERATIONS:
        answered = [offer for offer in offers if (offer.kind, offer.name) == (each.kind, each.name)]
        if answered:
            yield without_none(
                {
                    "resourceType": "OperationDefinition",
                    "id": each.id,
                    "url": f"{OURS}{each.id}",
                    "name": "".join(part.title() for part in each.id.split("-")),
                    "title": each.title,
                    "status": "active",
                    "kind": "operation",
                    "description": each.about,
                    "affectsState": each.affects_state,
                    "code": each.name,
                    "base": each.definition,
                    "resource": None if each.kind is None else [each.kind],
                    "system": each.kind is None,
                    "type": each.kind is not None and any(not offer.is_instance for offer in answered),
                    "instance": any(offer.is_instance for offer in answered),
                    "parameter": [parameter.to_fhir() for parameter in each.parameters],
                }
            )
