"""OperationOutcome: how FHIR says that something went wrong.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Sequence

import orjson


def outcome(
    severity: str, code: str, diagnostics: str, expression: str | Sequence[str] | None = None
) -> bytes:
    """Write an OperationOutcome of one issue.

    Args:
        severity: `fatal`, `error`, `warning` or `information`.
        code: Of FHIR's value set issue-type, e.g. `not-found`.
        diagnostics: A sentence for people.
        expression: FHIRPaths of the elements, or `http.<name>` of the header or parameter, it is about.
    """
    issue: dict[str, object] = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if expression:
        issue["expression"] = [expression] if isinstance(expression, str) else list(expression)
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
