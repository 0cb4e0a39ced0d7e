"""A PATCH within a bundle."""

from fhir.interactions.writing import Change
from fhir.issues import NotSupported
from fhir.mapping.elements import Json


def read_change(resource: Json) -> Change:
    """Read what a PATCH in a bundle changes.

    Raises:
        NotSupported: No patch is read yet.
    """
    raise NotSupported(
        f"a patch as {resource.get('resourceType', 'such a resource')} is not read within bundles"
    )
