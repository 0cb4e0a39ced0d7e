"""Why a write was refused, said as FHIR says it.

Commands speak of rows. Whoever sent a resource gets to know that it is the resource which cannot be taken
(422), whichever kind of error told so.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, IntegrityError, StatementError

from careapp.errors import Conflict, Invalid, NotFound
from fhir.issues import Issue, Rejected
from fhir.validation.check import InvalidDocument

LOG = logging.getLogger("careapp.fhir")


class AgainstStoredData(Conflict):
    """A constraint of the database refuses what was sent, and no command has foreseen it."""


@contextmanager
def refusing(place: str) -> Iterator[None]:
    """Turn what a writer, its commands and the database refuse into FHIR's refusals.

    Args:
        place: FHIRPath of the resource that is written, e.g. `Patient`.

    Raises:
        Rejected: The resource breaks a rule.
        AgainstStoredData: It clashes with what is stored.
    """
    try:
        yield
    except Rejected:
        raise
    except Invalid as refused:
        raise Rejected([Issue("business-rule", str(refused), place)]) from refused
    except NotFound as missing:
        raise Rejected([Issue("not-found", str(missing), place)]) from missing
    except IntegrityError as refused:
        LOG.warning("a constraint refuses a written %s: %s", place, type(refused.orig).__name__)
        raise AgainstStoredData(f"{place}: it clashes with data that are stored already") from refused
    except InvalidDocument as refused:
        LOG.warning("what a written %s makes of the documents breaks a rule", place)
        raise Rejected(
            [Issue("processing", "stored with what is here already, it would break a rule of FHIR", place)]
        ) from refused
    except StatementError as refused:
        if not isinstance(refused, DataError) and not isinstance(refused.orig, (OverflowError, ValueError)):
            raise
        raise Rejected(
            [Issue("value", "one of its values is larger or longer than can be stored", place)]
        ) from refused
