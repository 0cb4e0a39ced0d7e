"""What other systems may do with resources beside searching: one file per group of FHIR's interactions."""
