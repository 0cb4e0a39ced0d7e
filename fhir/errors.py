"""The one kind of error that FHIR knows beside those of `careapp.errors`."""

from careapp.errors import NotFound


class Gone(NotFound):
    """It was here and is not any more; `api` answers 410."""
