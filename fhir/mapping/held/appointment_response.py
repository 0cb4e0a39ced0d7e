"""AppointmentResponse: what a participant says to an appointment; the served Appointment shows it.

Shape: https://hl7.org/fhir/R4/appointmentresponse.html
"""

from careapp.records.held import HeldAppointmentResponse
from fhir.mapping.held.declared import PATIENT, PEOPLE, held, reference, token

ACTORS = PEOPLE | {"HealthcareService", "Location"}

APPOINTMENT_RESPONSE = held(
    "AppointmentResponse",
    HeldAppointmentResponse,
    "What participants say to appointments; the appointment's participant has that status then.",
    {
        "actor": reference("actor", to=ACTORS),
        "appointment": reference("appointment", to=frozenset({"Appointment"})),
        "identifier": token("identifier"),
        "location": reference("actor", to=frozenset({"Location"}), only=True),
        "part-status": token("participantStatus", system="http://hl7.org/fhir/participationstatus"),
        "patient": reference("actor", to=PATIENT, only=True),
        "practitioner": reference("actor", to=frozenset({"Practitioner"}), only=True),
    },
)
