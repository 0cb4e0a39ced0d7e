"""FHIR clients that others wrote, against our server as it runs."""
