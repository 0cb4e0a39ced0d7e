"""FHIR search: a query string becomes one SELECT over stored documents."""
