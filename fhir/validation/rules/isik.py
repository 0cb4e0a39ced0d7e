"""Rules of gematik's ISiK Terminplanung (Stufe 4 and 5), for resources that claim its profiles."""

import re
from collections.abc import Iterator

from fhir.issues import Issue
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.validation.reading import broken, codings, extensions, part, parts, text
from fhir.validation.rules.datatypes import ends_before
from fhir.validation.rules.specialties import SPECIALTIES

CANCELLATION_REASONS = frozenset({"pat", "prov", "maint", "meds-inc", "other"})
PRIORITY = "ISiKTerminPriorityExtension"
SNOMED = "http://snomed.info/sct"
PLANNED_START = f"{codes.FROM_R5}Encounter.plannedStartDate"
KIND = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[^/]+)?$")
CONTACT_LEVEL = "http://fhir.de/CodeSystem/Kontaktebene"


def missing(profile: str, node: Json, path: str, *names: str) -> Iterator[Issue]:
    """Yield an issue for each element that a profile demands and that is not there."""
    for name in names:
        if name not in node:
            yield Issue("required", f"{profile}: is missing: it must be given here", f"{path}.{name}")


def _specialty(profile: str, node: Json, path: str) -> Iterator[Issue]:
    """Exactly one specialty is a Fachrichtung of the value set."""
    here = f"{path}.specialty"
    found = 0
    for concept, place in parts(node, "specialty", path):
        for coding, coding_path in parts(concept, "coding", place):
            known = SPECIALTIES.get(text(coding, "system") or "")
            if known is None:
                continue
            found += 1
            if text(coding, "code") not in known:
                yield Issue("code-invalid", f"{profile}: is no Fachrichtung", f"{coding_path}.code")
    if found != 1:
        yield Issue("invariant", f"{profile}: exactly one specialty is a Fachrichtung", here)


def _actor(profile: str, node: Json, path: str) -> Iterator[Issue]:
    if "display" not in node:
        sentence = f"{profile}: say who it is in display, for systems that cannot follow the reference"
        yield Issue("required", sentence, f"{path}.display")


def refers_to(node: Json, kind: str) -> bool:
    """Tell whether a Reference points to a resource of a kind, here or elsewhere."""
    found = KIND.search(text(node, "reference") or "")
    return (found[1] if found else node.get("type")) == kind


def appointment(node: Json, path: str) -> Iterator[Issue]:
    """ISiKTermin: who, when, what, and by which specialty."""
    profile = "ISiKTermin"
    yield from missing(profile, node, path, "start", "end", "serviceType")
    if ends_before(text(node, "end"), text(node, "start")):
        yield broken("ISiK-app-1", "ends before it starts", f"{path}.end")
    yield from _specialty(profile, node, path)
    has_patient = False
    for each, here in parts(node, "participant", path):
        actor = part(each, "actor")
        yield from missing(profile, each, here, "actor")
        if actor:
            yield from _actor(profile, actor, f"{here}.actor")
        has_patient = has_patient or refers_to(actor, "Patient")
    if not has_patient:
        yield Issue("required", f"{profile}: no participant is a patient", f"{path}.participant")
    for each, here in parts(node, "slot", path):
        yield from missing(profile, each, here, "reference")
    for coding in codings(node, "cancelationReason"):
        if (
            coding.get("system") == codes.CANCELLATION_REASON
            and text(coding, "code") not in CANCELLATION_REASONS
        ):
            known = ", ".join(sorted(CANCELLATION_REASONS))
            yield Issue("code-invalid", f"{profile}: reasons are {known}", f"{path}.cancelationReason")
    for each, here in parts(part(node, "_priority"), "extension", f"{path}.priority"):
        is_priority = (text(each, "url") or "").endswith(f"/{PRIORITY}")
        systems = {text(coding, "system") for coding in codings(each, "valueCodeableConcept")}
        if is_priority and SNOMED not in systems:
            yield Issue("code-invalid", f"{profile}: the priority is a code of SNOMED CT", f"{here}.value")


def schedule(node: Json, path: str) -> Iterator[Issue]:
    """ISiKKalender."""
    profile = "ISiKKalender"
    yield from missing(profile, node, path, "active", "serviceType")
    yield from _specialty(profile, node, path)
    main = 0
    for actor, here in parts(node, "actor", path):
        yield from _actor(profile, actor, here)
        main += any(refers_to(actor, kind) for kind in ("Practitioner", "HealthcareService", "Location"))
    if main > 1:
        sentence = f"{profile}: at most one actor is a Practitioner, HealthcareService or Location"
        yield Issue("invariant", sentence, f"{path}.actor")


def slot(node: Json, path: str) -> Iterator[Issue]:
    """ISiKTerminblock."""
    yield from missing("ISiKTerminblock", part(node, "schedule"), f"{path}.schedule", "reference")
    if ends_before(text(node, "end"), text(node, "start")):
        yield broken("ISiK-slot-1", "ends before it starts", f"{path}.end")


def healthcare_service(node: Json, path: str) -> Iterator[Issue]:
    """ISiKMedizinischeBehandlungseinheit."""
    profile = "ISiKMedizinischeBehandlungseinheit"
    yield from missing(profile, node, path, "active", "type", "name")
    yield from _specialty(profile, node, path)


def encounter(node: Json, path: str) -> Iterator[Issue]:
    """ISiKKontaktGesundheitseinrichtung: ISiK-enc-1 to 8, and one level of contact."""
    profile = "ISiKKontaktGesundheitseinrichtung"
    yield from missing(profile, node, path, "type", "subject")
    yield from missing(profile, part(node, "subject"), f"{path}.subject", "reference")
    if sum(each.get("system") == CONTACT_LEVEL for each in codings(node, "type")) != 1:
        yield Issue("required", f"{profile}: exactly one type is a Kontaktebene", f"{path}.type")
    status, kind = text(node, "status"), part(node, "class").get("code")
    period = part(node, "period")
    for key, applies, name, severity in (
        ("ISiK-enc-1", status == "finished" and kind == "AMB", "start", "error"),
        ("ISiK-enc-2", status == "finished" and kind == "IMP", "start", "error"),
        ("ISiK-enc-2", status == "finished" and kind == "IMP", "end", "error"),
        ("ISiK-enc-5", status == "in-progress", "start", "error"),
        ("ISiK-enc-6", status == "onleave", "start", "error"),
        ("ISiK-enc-7", status == "unknown", "start", "warning"),
    ):
        if applies and name not in period:
            yield broken(key, f"a contact of this status has a {name}", f"{path}.period.{name}", severity)
    if status == "planned":
        if "period" in node:
            sentence = "a planned contact has no period, but the extension plannedStartDate"
            yield broken("ISiK-enc-3", sentence, f"{path}.period")
        if not extensions(node, PLANNED_START):
            sentence = "a planned contact has the extension plannedStartDate"
            yield broken("ISiK-enc-4", sentence, f"{path}.extension", "warning")
    for each, here in parts(node, "diagnosis", path):
        if any(coding.get("code") == "billing" for coding in codings(each, "use")):
            yield broken("ISiK-enc-8", "a diagnosis is not there for billing", f"{here}.use")


def message(node: Json, path: str) -> Iterator[Issue]:
    """ISiKNachricht."""
    profile = "ISiKNachricht"
    yield from missing(profile, node, path, "subject", "recipient", "sender", "payload")
    if "sender" in node:
        yield from missing(profile, part(node, "sender"), f"{path}.sender", "reference")
    reached = False
    for each, here in parts(node, "recipient", path):
        yield from _actor(profile, each, here)
        reached = reached or refers_to(each, "Practitioner") or refers_to(each, "HealthcareService")
    if "recipient" in node and not reached:
        sentence = f"{profile}: one recipient is a Practitioner or a HealthcareService"
        yield Issue("required", sentence, f"{path}.recipient")
    for each, here in parts(node, "payload", path):
        attachment = part(each, "contentAttachment")
        if attachment:
            yield from missing(profile, attachment, f"{here}.content", "contentType", "url", "creation")
            if "data" in attachment:
                yield Issue("business-rule", f"{profile}: send a url, not data", f"{here}.content.data")
