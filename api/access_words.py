"""Accesses in people's words, German and English."""

from collections.abc import Mapping
from enum import StrEnum

from careapp.calls.seats import BY_LINK_PREFIX as BY_LINK
from careapp.openings.models import OpeningKind
from careapp.records.accesses import Access
from fhir.mapping.audit_shape import INTERACTIONS, VERBS


class Language(StrEnum):
    """In what language a report is written."""

    GERMAN = "de"
    ENGLISH = "en"


Words = Mapping[Language, str]


def _words(german: str, english: str) -> Words:
    return {Language.GERMAN: german, Language.ENGLISH: english}


ROLES: Mapping[str, Words] = {
    "administrator": _words("Verwaltung", "administration"),
    "auditor": _words("Revision", "audit"),
    "client": _words("anderes System", "another system"),
    "coordinator": _words("Einsatzleitung", "coordination"),
    "doctor": _words("Ärztin oder Arzt", "doctor"),
    "nurse": _words("Pflegekraft", "nurse"),
    "support": _words("Technische Hilfe", "technical support"),
    "system": _words("Betrieb des Dienstes", "operation of the service"),
}
SOMEBODY = _words("unbekannt", "unknown")

GUESTS = _words("Sie selbst oder Ihr Gast, über den Link", "you or your guest, by the link")

SUBJECTS: Mapping[str, Words] = {
    "Appointment": _words("Termine", "appointments"),
    "CarePlan": _words("Pflegeplan", "care plan"),
    "Encounter": _words("Besuche", "encounters"),
    "List": _words("Tour", "tour"),
    "Patient": _words("Name, Anschrift und Stammdaten", "name, address and personal data"),
    "ServiceRequest": _words("Pflegeauftrag", "care order"),
    "appointment": _words("Termin", "appointment"),
    "booking": _words("Videosprechstunde", "video consultation"),
    "call": _words("Videogespräch", "video call"),
    "call_consent": _words("Einverständnis mit dem Videogespräch", "consent to the video call"),
    "care_order": _words("Pflegeauftrag", "care order"),
    "care_plan": _words("Pflegeplan", "care plan"),
    "day": _words("Tagesplan", "plan of a day"),
    "opening": _words("Freigabe der Akte", "opening of the record"),
    "patient": _words("Name, Anschrift und Stammdaten", "name, address and personal data"),
    "tour": _words("Tour", "tour"),
    "visit": _words("Hausbesuch", "home visit"),
}
THE_RECORD = _words("Akte", "record")

DEEDS: Mapping[str, Words] = {
    "C": _words("angelegt", "entered"),
    "D": _words("gelöscht", "deleted"),
    "E": _words("bearbeitet", "worked on"),
    "R": _words("angesehen", "looked at"),
    "U": _words("geändert", "changed"),
}
SEARCHED = _words("in einer Liste angesehen", "looked at in a list")
EXPORTED = _words("in eine Datei ausgegeben", "exported to a file")
REFUSED = _words("Zugriff verweigert", "access refused")

OPENINGS: Mapping[OpeningKind, Words] = {
    OpeningKind.BOOKING: _words("gebuchte Videosprechstunde", "booked video consultation"),
    OpeningKind.EMERGENCY: _words("Notfall", "emergency"),
    OpeningKind.HELP: _words("Aushilfe durch einen anderen Pflegedienst", "help by another care service"),
    OpeningKind.SUPPORT: _words("Fehlersuche", "search for a fault"),
}
PURPOSES: Mapping[str, Words] = {
    "administrator": _words("Verwaltung der Versorgung", "administration of care"),
    "auditor": _words("Prüfung der Zugriffe", "review of accesses"),
    "client": _words("Behandlung", "treatment"),
    "coordinator": _words("Planung der Pflege", "planning of care"),
    "doctor": _words("Behandlung", "treatment"),
    "nurse": _words("Pflege", "care"),
    "support": _words("Technische Hilfe", "technical support"),
    "system": _words("Betrieb des Dienstes", "operation of the service"),
}


def who(access: Access, language: Language) -> str:
    """Say who it was: role and organisation. Their names are not the patient's to know (CJEU C-579/21)."""
    if access.viewer.startswith(BY_LINK):
        return GUESTS[language]
    role = ROLES.get(access.role or "", SOMEBODY)[language]
    return f"{role}, {access.organisation}" if access.organisation else role


def what(access: Access, language: Language) -> str:
    """Say what they did with what."""
    subject = SUBJECTS.get(access.subject_kind, THE_RECORD)[language]
    if access.was_refused:
        deed = REFUSED
    elif "export" in access.action:
        deed = EXPORTED
    elif access.interaction is not None and access.interaction.startswith("search"):
        deed = SEARCHED
    else:
        deed = DEEDS[_code(access)]
    return f"{subject}: {deed[language]}"


def why(access: Access, language: Language) -> str:
    """Say for what: why the record was open to them, else what their role is there for."""
    if access.opening is not None:
        purpose = OPENINGS[access.opening][language]
        return f"{purpose}: {access.reason}" if access.reason else purpose
    return PURPOSES.get(access.role or "", SOMEBODY)[language]


def _code(access: Access) -> str:
    if access.interaction is not None:
        return next((code for code, names in INTERACTIONS.items() if access.interaction in names), "E")
    first = access.action.partition("_")[0]
    return next((code for code, verbs in VERBS.items() if first in verbs), "E")
