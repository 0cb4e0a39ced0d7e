"""RelatedPerson: a relative, neighbour or guardian of a patient.

Shape: https://hl7.org/fhir/R4/relatedperson.html
"""

from careapp.records.held import HeldRelatedPerson
from fhir.mapping.held.declared import PATIENT, date, held, named, reference, string, token

RELATED_PERSON = held(
    "RelatedPerson",
    HeldRelatedPerson,
    "Relatives, neighbours and guardians of patients.",
    {
        "active": token("active"),
        "address": named("individual-address", string("address")),
        "address-city": named("individual-address-city", string("address.city")),
        "address-country": named("individual-address-country", string("address.country")),
        "address-postalcode": named("individual-address-postalcode", string("address.postalCode")),
        "address-state": named("individual-address-state", string("address.state")),
        "address-use": named(
            "individual-address-use", token("address.use", system="http://hl7.org/fhir/address-use")
        ),
        "birthdate": named("individual-birthdate", date("birthDate")),
        "email": named("individual-email", token("telecom", telecom="email")),
        "gender": named(
            "individual-gender", token("gender", system="http://hl7.org/fhir/administrative-gender")
        ),
        "identifier": token("identifier"),
        "name": string("name"),
        "patient": reference("patient", to=PATIENT),
        "phone": named("individual-phone", token("telecom", telecom="phone")),
        "relationship": token("relationship"),
        "telecom": named("individual-telecom", token("telecom", telecom="any")),
    },
)
