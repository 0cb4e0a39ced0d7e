"""CareTeam: who takes part in a patient's care.

Shape: https://hl7.org/fhir/R4/careteam.html
"""

from careapp.records.held import HeldCareTeam
from fhir.mapping.held.declared import AGENTS, PATIENT, date, held, named, reference, token

CARE_TEAM = held(
    "CareTeam",
    HeldCareTeam,
    "Who takes part in a patient's care.",
    {
        "category": token("category"),
        "date": named("clinical-date", date("period")),
        "encounter": reference("encounter", to=frozenset({"Encounter"})),
        "identifier": named("clinical-identifier", token("identifier")),
        "participant": reference("participant.member", to=AGENTS),
        "patient": named("clinical-patient", reference("subject", to=PATIENT, only=True)),
        "status": token("status", system="http://hl7.org/fhir/care-team-status"),
        "subject": reference("subject", to=PATIENT),
    },
)
