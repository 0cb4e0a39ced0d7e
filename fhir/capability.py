"""CapabilityStatement: what this server can do, made from registries and addresses: it cannot promise more.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

import datetime as dt
from collections.abc import Mapping

import orjson

from fhir.discovery.answered import Answered
from fhir.discovery.definitions import KINDS, SEARCHED
from fhir.discovery.operations import Offer, offered
from fhir.formats.media import SPOKEN
from fhir.mapping.elements import Json, instant, without_none
from fhir.mapping.registry import RESOURCES
from fhir.mapping.resource import ServedResource
from fhir.search.includes import offered as offered_includes
from fhir.writers.registry import WRITERS

FHIR_VERSION = "4.0.1"
SCHEDULING_SERVER = (
    "https://gematik.de/fhir/isik/CapabilityStatement/ISiKCapabilityStatementTerminplanungServer"
)
PATCH_FORMATS = ["application/fhir+json", "application/fhir+xml", "application/json-patch+json"]
READS = ("read", "vread", "history-instance", "history-type", "search-type")
WRITES = ("create", "update", "patch", "delete")
OF_SYSTEM = ("transaction", "batch", "search-system", "history-system")
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
SIGN_IN = "Sign in with SMART App Launch or Backend Services: .well-known/smart-configuration tells how."


def statement(
    base_url: str,
    software_version: str,
    date: dt.date,
    answered: Answered | None = None,
    oauth: Mapping[str, str] | None = None,
) -> bytes:
    """Write the CapabilityStatement of this instance.

    Args:
        base_url: Address of the FHIR part.
        software_version: Of careapp.
        date: When the software or its settings last changed, e.g. when the server started.
        answered: Which interactions and operations are answered; None: read and search only.
        oauth: Where clients sign in: `authorize`, `token`, `revoke`, `introspect`.
    """
    known = answered or Answered(frozenset({"read", "search-type"}))
    return orjson.dumps(document(base_url, software_version, date, known, oauth))


def document(
    base_url: str,
    software_version: str,
    date: dt.date,
    answered: Answered,
    oauth: Mapping[str, str] | None = None,
) -> Json:
    """Make the CapabilityStatement."""
    books = Offer("Appointment", "book", is_instance=False) in answered.operations
    served = [_resource(each, answered) for each in RESOURCES]
    shown = {each["type"] for each in served}
    elsewhere = {each.kind for each in answered.operations if each.kind} - shown
    return without_none(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": instant(date) if isinstance(date, dt.datetime) else date.isoformat(),
            "kind": "instance",
            "instantiates": [SCHEDULING_SERVER] if books else None,
            "software": {"name": "careapp", "version": software_version},
            "implementation": {
                "description": "Community nurses' tours and doctors' video consultations",
                "url": base_url.rstrip("/"),
            },
            "fhirVersion": FHIR_VERSION,
            "format": [each.value for each in SPOKEN],
            "patchFormat": PATCH_FORMATS if "patch" in answered.interactions else None,
            "rest": [
                without_none(
                    {
                        "mode": "server",
                        "security": _security(oauth),
                        "resource": [
                            *served,
                            *(_definitions(kind) for kind in KINDS),
                            *(
                                {"type": kind, "operation": offered(answered.operations, kind)}
                                for kind in sorted(elsewhere)
                            ),
                        ],
                        "interaction": [
                            {"code": code} for code in OF_SYSTEM if code in answered.interactions
                        ],
                        "operation": offered(answered.operations, None),
                    }
                )
            ],
        }
    )


def _resource(resource: ServedResource, answered: Answered) -> Json:
    writer = WRITERS.get(resource.kind)
    taken = set() if writer is None else {*writer.interactions} & answered.interactions
    if "update" in taken and "patch" in answered.interactions:
        taken.add("patch")
    along, reverse = offered_includes(resource)
    codes = [code for code in READS if code in answered.interactions]
    codes += [code for code in WRITES if code in taken]
    return without_none(
        {
            "type": resource.kind,
            "supportedProfile": list(resource.profiles),
            "documentation": resource.about,
            "interaction": [{"code": code} for code in codes],
            "versioning": "versioned",
            "readHistory": "vread" in answered.interactions,
            "updateCreate": False,
            "conditionalCreate": "create" in taken,
            "conditionalRead": "full-support",
            "conditionalUpdate": "update" in taken and "conditional-update" in answered.interactions,
            "conditionalDelete": "single"
            if "delete" in taken and "conditional-delete" in answered.interactions
            else "not-supported",
            "referencePolicy": ["literal", "local", "enforced"],
            "searchInclude": along,
            "searchRevInclude": reverse,
            "searchParam": [
                *(
                    {"name": name, "definition": parameter.definition, "type": parameter.type}
                    for name, parameter in sorted(resource.all_parameters.items())
                ),
                {"name": "_count", "type": "number", "documentation": "Most resources of a page."},
            ],
            "operation": offered(answered.operations, resource.kind),
        }
    )


def _definitions(kind: str) -> Json:
    return {
        "type": kind,
        "documentation": "What this server itself offers.",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [
            {"name": name, "type": "uri" if name == "url" else "token"} for name in SEARCHED[kind]
        ],
    }


def _security(oauth: Mapping[str, str] | None) -> Json:
    addresses = [{"url": name, "valueUri": address} for name, address in (oauth or {}).items()]
    extension = {"extension": [{"url": OAUTH_URIS, "extension": addresses}]} if addresses else {}
    return extension | {
        "cors": False,
        "service": [{"coding": [{"system": SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
        "description": SIGN_IN,
    }
