"""What an operation was given: a Parameters resource, read by name.

https://hl7.org/fhir/R4/parameters.html
"""

from dataclasses import dataclass
from typing import Any

from fhir.issues import Issue, Malformed
from fhir.mapping.elements import Json


@dataclass(frozen=True)
class Given:
    """The parameters of a call.

    Attributes:
        named: Values by name, in their order; of each the value or the resource.
    """

    named: dict[str, list[Any]]

    def all(self, name: str) -> list[Any]:
        """Return every value of a name."""
        return self.named.get(name, [])

    def one(self, name: str) -> Any:
        """Return the value of a name, None if there is none.

        Raises:
            Malformed: There are several.
        """
        found = self.all(name)
        if len(found) > 1:
            raise wrong(name, "send this parameter only once")
        return found[0] if found else None

    def resource(self, name: str, kind: str) -> Json | None:
        """Return a resource, None if there is none.

        Raises:
            Malformed: There are several, or it is something else.
        """
        found = self.one(name)
        if found is not None and (not isinstance(found, dict) or found.get("resourceType") != kind):
            raise wrong(name, f"send a resource of type {kind} in this parameter")
        return found

    def reference(self, name: str) -> Json | None:
        """Return a reference; one that was sent as an address becomes one.

        Raises:
            Malformed: There are several, or it is something else.
        """
        return as_reference(name, self.one(name))


def as_reference(name: str, value: Any) -> Json | None:
    """Return a value as a reference.

    Raises:
        Malformed: It is something else.
    """
    if isinstance(value, str) and value:
        return {"reference": value}
    if value is None or (isinstance(value, dict) and "resourceType" not in value):
        return value
    raise wrong(name, "send a reference in this parameter")


def read_parameters(document: Json) -> Given:
    """Read a Parameters resource.

    Raises:
        Malformed: It is none.
    """
    if document.get("resourceType") != "Parameters":
        raise Malformed([Issue("invalid", "send a Parameters resource to this operation", "resourceType")])
    listed = document.get("parameter", [])
    if not isinstance(listed, list):
        raise wrong(None, "parameter must be a list")
    named: dict[str, list[Any]] = {}
    for number, each in enumerate(listed):
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise Malformed(
                [Issue("structure", "a parameter needs a name", f"Parameters.parameter[{number}].name")]
            )
        values = [
            value
            for key, value in each.items()
            if key == "resource" or (key.startswith("value") and key != "value")
        ]
        if len(values) != 1:
            raise Malformed(
                [
                    Issue(
                        "structure",
                        "a parameter has one value or a resource",
                        f"Parameters.parameter[{number}]",
                    )
                ]
            )
        named.setdefault(each["name"], []).append(values[0])
    return Given(named)


def wrong(name: str | None, sentence: str, code: str = "invalid") -> Malformed:
    """Make the error that says what is wrong with a parameter."""
    where = "Parameters.parameter" + (f".where(name = '{name}')" if name else "")
    return Malformed([Issue(code, sentence, where)])
