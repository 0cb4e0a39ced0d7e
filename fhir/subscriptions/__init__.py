"""Topic-based subscriptions, as R5 has them, in R4: https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/."""
