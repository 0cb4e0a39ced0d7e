"""`Appointment/$hold` (IHE ITI-116): keep a proposed appointment for whoever asks, for a while.

https://profiles.ihe.net/ITI/Scheduling/
"""

from datetime import timedelta

from sqlalchemy.orm import Session

from careapp.consultations.holds import hold_slots
from careapp.errors import Conflict, NotFound
from fhir.access import require
from fhir.asking import Asking
from fhir.issues import Issue, Malformed, Rejected
from fhir.mapping.elements import Json
from fhir.operations.answer import Answer, bundle_of
from fhir.operations.assisted import GONE, Proposal, hold_offer, read_proposal
from fhir.operations.parameters import Given, read_parameters, wrong
from fhir.operations.proposals import KIND, Proposed, propose, read_proposed
from fhir.writers.bookings import patients_of, read_slots
from fhir.writers.findings import Findings

REFERENCE = "appointment-reference"
RESOURCE = "appointment-resource"
PLACE = f"Parameters.parameter.where(name = '{REFERENCE}')"


def hold(session: Session, document: Json, asking: Asking, *, lasts: timedelta) -> Answer:
    """Hold what `$find` proposed, or the slots that an Appointment names.

    Args:
        session: A writing transaction; the caller commits.
        document: Parameters with `appointment-reference`, or with an Appointment.
        asking: Who asks, and when.
        lasts: For how long.

    Returns:
        A searchset of the held Appointment, which is `pending`. Its id books it (`$book`) or gives it back
        (`$book` with status `cancelled`); until then nobody reads it.

    Raises:
        Malformed: The parameters cannot be read.
        Rejected: It is not to be had any more.
    """
    require(asking.viewer, KIND, "c")
    given = document if document.get("resourceType") == KIND else None
    if given is None:
        parameters = read_parameters(document)
        given = _resource(parameters)
        assisted = read_proposal(parameters.reference(REFERENCE), asking) if given is None else None
        if assisted is not None and not assisted.is_held:
            return _hold_assisted(session, assisted, asking, lasts)
        proposed = read_proposed(parameters.reference(REFERENCE), asking)
        if given is None and proposed is None:
            raise wrong(REFERENCE, "refer to an Appointment that $find has proposed", "required")
    if given is not None:
        _require_shape(given)
        findings = Findings(KIND)
        slot_ids = read_slots(given, asking, findings)
        if not slot_ids:
            findings.add("slot", "say which slots are wanted: Slot/<id>", "required")
            raise Malformed(findings.issues)
        patients = patients_of(given, asking)
        patient_id = next(iter(patients)) if len(patients) == 1 else None
    else:
        assert proposed is not None  # noqa: S101 -- or it was refused
        slot_ids, patient_id = [proposed.key], proposed.patient_id
    try:
        held = hold_slots(session, slot_ids=slot_ids, lasts=lasts, viewer=asking.viewer, now=asking.now)
    except (NotFound, Conflict) as gone:
        # IHE wants these two words, whatever the reason.
        raise Rejected([Issue("not-found", str(gone), PLACE, "fatal")]) from gone
    shown = propose(held.slots, Proposed(held.id, patient_id), status="pending", until=held.until)
    return Answer(200, bundle_of([shown], base_url=asking.base_url))


def _hold_assisted(session: Session, proposal: Proposal, asking: Asking, lasts: timedelta) -> Answer:
    try:
        shown = hold_offer(session, proposal, asking, lasts=lasts)
    except GONE as gone:
        raise Rejected([Issue("not-found", str(gone), PLACE, "fatal")]) from gone
    return Answer(200, bundle_of([shown], base_url=asking.base_url))


def _require_shape(appointment: Json) -> None:
    """Refuse an Appointment whose slots and participants cannot be read; $book judges the rest."""
    slots, participants = appointment.get("slot", []), appointment.get("participant", [])
    are_lists = isinstance(slots, list) and isinstance(participants, list)
    actors = [each.get("actor", {}) for each in participants if isinstance(each, dict)] if are_lists else []
    if not are_lists or not all(isinstance(each, dict) for each in (*slots, *participants, *actors)):
        raise Malformed([Issue("structure", "slot and participant are lists of objects", KIND)])


def _resource(parameters: Given) -> Json | None:
    return parameters.resource(RESOURCE, KIND)
