"""OperationOutcome: how FHIR says that something went wrong.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Sequence

import orjson

from fhir.issues import Issue


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


def outcome_of(issues: Sequence[Issue]) -> bytes:
    """Write an OperationOutcome of several issues, at least one."""
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": [_issue(each) for each in issues]})


def _issue(issue: Issue) -> dict[str, object]:
    said: dict[str, object] = {"severity": issue.severity, "code": issue.code, "diagnostics": issue.sentence}
    return said if issue.expression is None else {**said, "expression": [issue.expression]}
