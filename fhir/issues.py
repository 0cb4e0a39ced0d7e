"""What is wrong with a resource: all of it at once, each with its place."""

from collections.abc import Sequence
from dataclasses import dataclass

from careapp.errors import CareError, Conflict, Invalid


@dataclass(frozen=True)
class Issue:
    """One thing to say about a resource or a request.

    Attributes:
        code: Of FHIR's value set issue-type, e.g. `required`, `code-invalid`, `business-rule`.
        sentence: What is wrong and what to send instead; repeats no value, since it may be a name.
        expression: FHIRPath of the element, e.g. `Appointment.participant[0].actor`; or `http.<name>`.
        severity: `fatal`, `error`, `warning` or `information`.
    """

    code: str
    sentence: str
    expression: str | None = None
    severity: str = "error"


class Rejected(Invalid):
    """A resource that can be read breaks rules; `api` answers 422.

    Args:
        issues: All that is wrong, at least one.
    """

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("; ".join(issue.sentence for issue in issues))
        self.issues = tuple(issues)


class Malformed(Rejected):
    """What was sent is no resource of the kind at all; `api` answers 400."""


class VersionConflict(Conflict):
    """The resource has another version than `If-Match` names; `api` answers 412."""


class SeveralMatch(Conflict):
    """A conditional interaction's condition fits more than one resource; `api` answers 412."""


class NotSupported(CareError):
    """This kind of resource does not take this interaction here; `api` answers 405."""


class TooMuchAtOnce(CareError):
    """Others of this kind are still being worked on; `api` answers 429."""
