"""CapabilityStatement: what this server can do, generated from the registry so that it cannot promise more.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

import datetime as dt

import orjson

from fhir.mapping.elements import Json, instant, without_none
from fhir.mapping.registry import RESOURCES
from fhir.mapping.resource import ServedResource

FHIR_VERSION = "4.0.1"


def statement(base_url: str, software_version: str, date: dt.date) -> bytes:
    """Write the CapabilityStatement of this instance.

    Args:
        base_url: Address of the FHIR part.
        software_version: Of careapp.
        date: When the software or its settings last changed, e.g. when the server started.
    """
    return orjson.dumps(document(base_url, software_version, date))


def document(base_url: str, software_version: str, date: dt.date) -> Json:
    """Make the CapabilityStatement."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": instant(date) if isinstance(date, dt.datetime) else date.isoformat(),
        "kind": "instance",
        "software": {"name": "careapp", "version": software_version},
        "implementation": {
            "description": "Community nurses' tours and doctors' video consultations",
            "url": base_url.rstrip("/"),
        },
        "fhirVersion": FHIR_VERSION,
        "format": ["application/fhir+json"],
        "rest": [{"mode": "server", "resource": [_resource(each) for each in RESOURCES]}],
    }


def _resource(resource: ServedResource) -> Json:
    return without_none(
        {
            "type": resource.kind,
            "supportedProfile": list(resource.profiles),
            "documentation": resource.about,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "versioning": "versioned",
            "readHistory": False,
            "updateCreate": False,
            "searchParam": [
                {"name": name, "definition": parameter.definition, "type": parameter.type}
                for name, parameter in sorted(resource.all_parameters.items())
            ],
        }
    )
