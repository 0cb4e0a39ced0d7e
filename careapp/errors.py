"""Errors that a caller can act on, by what the caller should do next.

    CareError
    ├── NotFound      ask for something else
    ├── Conflict      look again, then decide: the world has changed
    ├── Invalid       correct the request
    ├── Forbidden     ask someone with the right
    └── Unavailable   try again later, or have the operator mend what the message names

Concrete errors stand beside the function that raises them and inherit from one of these. `api.errors` alone
knows their HTTP status and FHIR issue code.
"""


class CareError(Exception):
    """Base of every error whose message may be shown to the user."""


class NotFound(CareError):
    """The thing that was named does not exist, or not for this viewer."""


class Conflict(CareError):
    """The request was sound when written, but no longer is."""


class Invalid(CareError):
    """The request can never succeed as it stands."""


class Forbidden(CareError):
    """The viewer is known and lacks the right."""


class Unavailable(CareError):
    """Something that is needed does not answer now."""


class Throttled(Unavailable):
    """Somebody asks too often.

    Attributes:
        retry_after_s: Seconds after which it may work, at least 1.
    """

    def __init__(self, sentence: str, *, retry_after_s: int) -> None:
        super().__init__(sentence)
        self.retry_after_s = max(1, retry_after_s)
