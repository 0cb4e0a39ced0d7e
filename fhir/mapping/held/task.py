"""Task: something that somebody is to do, e.g. call a patient whose visit was missed.

Shape: https://hl7.org/fhir/R4/task.html
"""

from careapp.records.held import HeldTask
from fhir.mapping.held.declared import AGENTS, PATIENT, SERVED, date, held, reference, token

TASK = held(
    "Task",
    HeldTask,
    "What somebody is to do; no visit: those are Appointments.",
    {
        "authored-on": date("authoredOn"),
        "based-on": reference("basedOn", to=SERVED),
        "business-status": token("businessStatus"),
        "code": token("code"),
        "encounter": reference("encounter", to=frozenset({"Encounter"})),
        "focus": reference("focus", to=SERVED),
        "group-identifier": token("groupIdentifier"),
        "identifier": token("identifier"),
        "intent": token("intent", system="http://hl7.org/fhir/task-intent"),
        "modified": date("lastModified"),
        "owner": reference("owner", to=AGENTS | {"HealthcareService"}),
        "part-of": reference("partOf", to=frozenset({"Task"})),
        "patient": reference("for", to=PATIENT, only=True),
        "performer": token("performerType"),
        "period": date("executionPeriod"),
        "priority": token("priority", system="http://hl7.org/fhir/request-priority"),
        "requester": reference("requester", to=AGENTS - {"CareTeam"}),
        "status": token("status", system="http://hl7.org/fhir/task-status"),
        "subject": reference("for", to=SERVED),
    },
)
