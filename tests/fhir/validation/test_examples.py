"""The examples that gematik publishes with ISiK are right, and so say we; they lie outside of the project."""

import json
from pathlib import Path

from fhir.validation.check import errors

EXAMPLES = Path(__file__).parents[4] / "shared" / "isik"
OUTDATED = {"Appointment-ISiKTerminExampleOld.json"}
"""Claims today's profile, but has a specialty of an old value set and a reference that is none."""
NOT_SERVED = {"StructureDefinition", "ValueSet", "CodeSystem"}


class TestExamples:
    def test_have_no_errors(self):
        found = {}
        for path in sorted(EXAMPLES.rglob("*.json")):
            document = json.loads(path.read_bytes())
            kind = document.get("resourceType", "StructureDefinition") if isinstance(document, dict) else None
            if kind and kind not in NOT_SERVED and path.name not in OUTDATED and errors(document):
                found[path.name] = errors(document)

        assert found == {}
