"""Our rows as FHIR resources: one file per resource, one list of them in `registry`."""
