"""What a writer finds wrong with a document: everything is collected, then refused at once."""

from dataclasses import dataclass, field

from fhir.issues import Issue, Rejected


@dataclass
class Findings:
    """What is wrong with one document so far.

    Attributes:
        kind: Of resource; every place begins with it.
        issues: In the order in which they were found.
    """

    kind: str
    issues: list[Issue] = field(default_factory=list)

    def add(self, element: str, sentence: str, code: str = "business-rule") -> None:
        """Note something.

        Args:
            element: FHIRPath below the resource, e.g. `name[0].family`.
            sentence: What is wrong and what to send instead; repeats no value.
            code: Of FHIR's issue-type.
        """
        self.issues.append(Issue(code, sentence, f"{self.kind}.{element}"))

    def refuse(self) -> None:
        """Refuse the document if anything is wrong.

        Raises:
            Rejected: Names everything.
        """
        if self.issues:
            raise Rejected(self.issues)
