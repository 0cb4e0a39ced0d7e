"""What an operation answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from fhir.formats.json import load_json, write_json
from fhir.mapping.elements import Json


@dataclass(frozen=True)
class Answer:
    """The answer of an operation.

    Attributes:
        status: HTTP status.
        content: The resource as JSON.
        location: Address of the version that was written, if one was.
    """

    status: int
    content: bytes
    location: str | None = None


def bundle_of(appointments: Sequence[Json | bytes], *, base_url: str, total: int | None = None) -> bytes:
    """Put appointments into the searchset that IHE's operations answer.

    Args:
        appointments: As JSON, or as stored bytes.
        base_url: Address of this server's FHIR part.
        total: How many there are in all; None: just these.
    """
    parsed = [load_json(each) if isinstance(each, bytes) else each for each in appointments]
    return write_json(
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(parsed) if total is None else total,
            **(
                {
                    "entry": [
                        {
                            "fullUrl": f"{base_url}/Appointment/{each['id']}",
                            "resource": each,
                            "search": {"mode": "match"},
                        }
                        for each in parsed
                    ]
                }
                if parsed
                else {}
            ),
        }
    )
