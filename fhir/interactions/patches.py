"""A PATCH within a bundle.

https://hl7.org/fhir/R4/http.html#patch: a FHIRPath Patch is Parameters, a JSON Patch stands in a Binary.
"""

from base64 import b64decode
from binascii import Error as NotBase64

from fhir.formats.json import read_any
from fhir.issues import Issue, Malformed
from fhir.mapping.elements import Json
from fhir.patch import fhirpath_patch, json_patch
from fhir.patch.fhirpath_patch import Change

JSON_PATCH = "application/json-patch+json"


def read_change(resource: Json) -> Change:
    """Read what a PATCH in a bundle changes.

    Args:
        resource: Parameters, or a Binary whose data are the operations of a JSON Patch.

    Raises:
        Malformed: It is no patch; each issue names its place.
    """
    if resource.get("resourceType") != "Binary":
        return fhirpath_patch.read(resource)
    if resource.get("contentType") != JSON_PATCH:
        raise Malformed([Issue("value", f"a patch in a Binary is {JSON_PATCH}", "Binary.contentType")])
    try:
        data = b64decode(resource.get("data", ""), validate=True)
    except (NotBase64, ValueError, TypeError):
        raise Malformed([Issue("value", "the data are not in base64", "Binary.data")]) from None
    return json_patch.read(read_any(data))
