"""Consent: what a patient agrees to, e.g. a video consultation.

Shape: https://hl7.org/fhir/R4/consent.html
"""

from careapp.records.held import HeldConsent
from fhir.mapping.held.declared import AGENTS, PATIENT, SERVED, date, held, named, reference, token

CONSENT = held(
    "Consent",
    HeldConsent,
    "What patients agree to.",
    {
        "action": token("provision.action"),
        "actor": reference("provision.actor.reference", to=AGENTS),
        "category": token("category"),
        "consentor": reference("performer", to=AGENTS - {"CareTeam"}),
        "data": reference("provision.data.reference", to=SERVED),
        "date": named("clinical-date", date("dateTime")),
        "identifier": named("clinical-identifier", token("identifier")),
        "organization": reference("organization", to=frozenset({"Organization"})),
        "patient": named("clinical-patient", reference("patient", to=PATIENT)),
        "period": date("provision.period"),
        "purpose": token("provision.purpose"),
        "scope": token("scope"),
        "security-label": token("provision.securityLabel"),
        "source-reference": reference("sourceReference", to=frozenset({"Consent"})),
        "status": token("status", system="http://hl7.org/fhir/consent-state-codes"),
    },
)
