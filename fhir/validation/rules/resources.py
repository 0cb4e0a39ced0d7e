"""Rules of single kinds of resource; addresses are `https://hl7.org/fhir/R4/<kind in small letters>.html`."""

from collections.abc import Iterator
from typing import Any

from fhir.issues import Issue
from fhir.mapping.elements import Json
from fhir.validation.primitives import moment
from fhir.validation.reading import broken, codings, has_value, part, parts, text

WITHOUT_TIME = frozenset({"proposed", "cancelled", "waitlist"})
MAY_HAVE_REASON = frozenset({"cancelled", "noshow"})


def contained(node: Json, path: str) -> Iterator[Issue]:
    """dom-2 to dom-5: what a resource holds inside is flat, unversioned, and referred to."""
    ids = set()
    for inner, here in parts(node, "contained", path):
        if "contained" in inner:
            yield broken("dom-2", "a contained resource contains no others", f"{here}.contained")
        meta = part(inner, "meta")
        for name in ("versionId", "lastUpdated"):
            if name in meta:
                yield broken("dom-4", "a contained resource has no version", f"{here}.meta.{name}")
        if "security" in meta:
            yield broken("dom-5", "a contained resource has no security label", f"{here}.meta.security")
        own = text(inner, "id")
        if own is None:
            yield Issue("required", "a contained resource needs an id", f"{here}.id")
        elif own in ids:
            yield Issue("duplicate", "another contained resource has the same id", f"{here}.id")
        elif not (_mentions(node, f"#{own}") or _mentions(inner, "#")):
            yield broken("dom-3", "a contained resource is referred to from the one around it", here)
        ids.add(own)


def _mentions(value: Any, address: str) -> bool:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif each == address:
            return True
    return False


def appointment(node: Json, path: str) -> Iterator[Issue]:
    """app-2 to app-4. The definition's `no-show` is a slip: the code is `noshow`."""
    has_start, has_end = "start" in node, "end" in node
    status = text(node, "status")
    if has_start != has_end:
        missing = "end" if has_start else "start"
        yield broken("app-2", "start and end are given both or not at all", f"{path}.{missing}")
    if not (has_start and has_end) and status is not None and status not in WITHOUT_TIME:
        sentence = "only a proposed, cancelled or waiting appointment may lack start and end"
        yield broken("app-3", sentence, path)
    if "cancelationReason" in node and status is not None and status not in MAY_HAVE_REASON:
        sentence = "only a cancelled or missed appointment has a reason"
        yield broken("app-4", sentence, f"{path}.cancelationReason")


def appointment_participant(node: Json, path: str) -> Iterator[Issue]:
    """app-1: a participant is somebody."""
    if "type" not in node and "actor" not in node:
        yield broken("app-1", "a participant has a type or an actor", path)


def appointment_response(node: Json, path: str) -> Iterator[Issue]:
    """apr-1: an answer is somebody's."""
    if "participantType" not in node and "actor" not in node:
        yield broken("apr-1", "an answer has a participantType or an actor", path)


def audit_event_entity(node: Json, path: str) -> Iterator[Issue]:
    """sev-1: an entity has a name or a query."""
    if "name" in node and "query" in node:
        yield broken("sev-1", "an entity has a name or a query, not both", path)


def care_plan_activity(node: Json, path: str) -> Iterator[Issue]:
    """cpl-3: an activity is told here or elsewhere."""
    if "detail" in node and "reference" in node:
        yield broken("cpl-3", "an activity has a reference or a detail, not both", path)


def care_team_participant(node: Json, path: str) -> Iterator[Issue]:
    """ctm-1: only practitioners act on behalf of an organisation."""
    member = text(part(node, "member"), "reference")
    if "onBehalfOf" in node and member is not None and "Practitioner/" not in f"/{member}":
        sentence = "only a Practitioner acts on behalf of somebody"
        yield broken("ctm-1", sentence, f"{path}.onBehalfOf")


def consent(node: Json, path: str) -> Iterator[Issue]:
    """ppc-1 to ppc-5: a consent rests on a policy, and each scope has a patient."""
    if "policy" not in node and "policyRule" not in node:
        yield broken("ppc-1", "give a policy or a policyRule", path)
    scopes = {text(each, "code") for each in codings(node, "scope")}
    if "patient" not in node:
        for key, code in (
            ("ppc-2", "patient-privacy"),
            ("ppc-3", "research"),
            ("ppc-4", "adr"),
            ("ppc-5", "treatment"),
        ):
            if code in scopes:
                yield broken(key, f"a consent of scope {code} has a patient", f"{path}.patient")


def list_(node: Json, path: str) -> Iterator[Issue]:
    """lst-1 to lst-3."""
    mode = text(node, "mode")
    if "emptyReason" in node and "entry" in node:
        yield broken("lst-1", "a list with entries has no reason for being empty", f"{path}.emptyReason")
    for entry, here in parts(node, "entry", path):
        if "deleted" in entry and mode != "changes":
            yield broken("lst-2", "only a list of changes has deleted entries", f"{here}.deleted")
        if "date" in entry and mode != "working":
            yield broken("lst-3", "only entries of a working list have dates", f"{here}.date")


def organization(node: Json, path: str) -> Iterator[Issue]:
    """org-1 to org-3: an organisation has a name or number, and no home."""
    if "identifier" not in node and "name" not in node:
        yield broken("org-1", "an organisation has an identifier or a name", path)
    for key, name in (("org-2", "address"), ("org-3", "telecom")):
        for each, here in parts(node, name, path):
            if each.get("use") == "home":
                yield broken(key, "an organisation is nowhere at home", f"{here}.use")


def parameter(node: Json, path: str) -> Iterator[Issue]:
    """inv-1: a parameter is one thing."""
    given = [has_value(node, "value"), "resource" in node, "part" in node]
    if given.count(True) != 1:
        yield broken("inv-1", "a parameter has one of value, resource and part", path)


def patient_contact(node: Json, path: str) -> Iterator[Issue]:
    """pat-1: a contact can be reached."""
    if not {"name", "telecom", "address", "organization"} & node.keys():
        yield broken("pat-1", "a contact has a name, telecom, address or organization", path)


def service_request(node: Json, path: str) -> Iterator[Issue]:
    """prr-1: details are details of something."""
    if "orderDetail" in node and "code" not in node:
        yield broken("prr-1", "orderDetail needs a code", f"{path}.code")


def task(node: Json, path: str) -> Iterator[Issue]:
    """inv-1: a task was not changed before it was made."""
    made, changed = moment(text(node, "authoredOn")), moment(text(node, "lastModified"))
    if made is not None and changed is not None and changed < made:
        yield broken("inv-1", "lastModified lies before authoredOn", f"{path}.lastModified")
