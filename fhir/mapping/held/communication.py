"""Communication: something that was said or written, e.g. an ISiKNachricht.

Shape: https://hl7.org/fhir/R4/communication.html
"""

from careapp.records.held import HeldCommunication
from fhir.mapping.held.declared import AGENTS, PATIENT, SERVED, date, held, reference, token, uri

COMMUNICATION = held(
    "Communication",
    HeldCommunication,
    "What was said or written about a patient.",
    {
        "based-on": reference("basedOn", to=SERVED),
        "category": token("category"),
        "encounter": reference("encounter", to=frozenset({"Encounter"})),
        "identifier": token("identifier"),
        "instantiates-uri": uri("instantiatesUri"),
        "medium": token("medium"),
        "part-of": reference("partOf", to=SERVED),
        "patient": reference("subject", to=PATIENT, only=True),
        "received": date("received"),
        "recipient": reference("recipient", to=AGENTS | {"HealthcareService"}),
        "sender": reference("sender", to=AGENTS - {"CareTeam"} | {"HealthcareService"}),
        "sent": date("sent"),
        "status": token("status", system="http://hl7.org/fhir/event-status"),
        "subject": reference("subject", to=PATIENT),
    },
)
