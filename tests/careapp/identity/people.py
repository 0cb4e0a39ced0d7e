"""Accounts for tests, with passwords that are quickly compared."""

from datetime import UTC, datetime

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.identity.accounts import NewAccount, add_account
from careapp.identity.models import Account, Language
from careapp.identity.passwords import Passwords
from careapp.organisations.models import Organisation
from careapp.people.models import Role
from tests.careapp.worlds import an_organisation

PASSWORD = "gelbe Tonne am Donnerstag"  # noqa: S105 -- of nobody
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""Compares in well under a millisecond what takes a tenth of a second otherwise."""
PASSWORD_HASH = CHEAP.hash(PASSWORD)
MANAGER = Viewer("manager", ViewerRole.SYSTEM)
MADE_AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


def an_account(
    session: Session,
    login: str = "erika",
    *,
    role: ViewerRole = ViewerRole.COORDINATOR,
    organisation: Organisation | None = None,
    practitioner_role: Role | None = None,
    language: Language = Language.GERMAN,
    is_demo: bool = False,
) -> Account:
    """Add an account that signs in with `PASSWORD`; without an organisation one is made."""
    belongs = organisation or (practitioner_role.organisation if practitioner_role is not None else None)
    if belongs is None and role is not ViewerRole.ANALYST:
        belongs = an_organisation(session)
    new = NewAccount(
        login,
        role,
        PASSWORD_HASH,
        organisation_id=None if belongs is None else belongs.id,
        practitioner_id=None if practitioner_role is None else practitioner_role.practitioner_id,
        language=language,
        is_demo=is_demo,
    )
    return add_account(session, new, viewer=MANAGER, now=MADE_AT)
