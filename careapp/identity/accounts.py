"""People's accounts: add, find, change, lock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from careapp.access import BELONG_NOWHERE, Viewer, ViewerRole
from careapp.errors import Conflict, Forbidden, Invalid, NotFound
from careapp.identity.grants import revoke_subject
from careapp.identity.models import Account, Language, Passkey, WebSession
from careapp.organisations.models import Organisation
from careapp.people.models import Practitioner
from careapp.records import audit

MOST_LOGIN = 64
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
PEOPLE = frozenset(ViewerRole) - {ViewerRole.SYSTEM, ViewerRole.CLIENT}
"""Roles that a person may sign in with."""
WITH_PRACTITIONER = frozenset({ViewerRole.NURSE, ViewerRole.DOCTOR})


class AccountNotFound(NotFound):
    """No account has this login."""


class LoginTaken(Conflict):
    """Another account has this login."""


class BadAccount(Invalid):
    """What an account is to be does not fit together."""


class OutsideOrganisation(Forbidden):
    """An account of another organisation, or of the region, was to be changed."""


class DemoAccountsInPublic(Invalid):
    """Accounts whose passwords lie in a demo's folder could be reached from other machines."""


@dataclass(frozen=True)
class NewAccount:
    """An account that is to be.

    Attributes:
        login: 2 to 64 characters: letters, digits and `._@+-`; kept in lower case.
        role: Any of `PEOPLE`.
        password_hash: Made by `careapp.identity.passwords`.
        organisation_id: To whom the person belongs; None only for an analyst.
        practitioner_id: Who a nurse or doctor is; one of that organisation.
        language: Of our pages.
        is_demo: The password lies in the demo's folder.
    """

    login: str
    role: ViewerRole
    password_hash: str | None
    organisation_id: UUID | None = None
    practitioner_id: UUID | None = None
    language: Language = Language.GERMAN
    is_demo: bool = False


def add_account(session: Session, new: NewAccount, *, viewer: Viewer, now: datetime) -> Account:
    """Add an account.

    Raises:
        BadAccount: Login, role, organisation and practitioner do not fit together.
        LoginTaken: Another account has this login.
        OutsideOrganisation: The viewer acts for another organisation.
    """
    login = spelled(new.login)
    if not _LOGIN.fullmatch(login):
        raise BadAccount(
            "choose a user name of 2 to 64 letters, digits and . _ @ + - that begins with one of the former"
        )
    if new.role not in PEOPLE:
        raise BadAccount(f"nobody signs in as {new.role.value}: choose another role")
    _refuse_outside(viewer, new.organisation_id)
    _check_belonging(session, new)
    account = Account(
        id=uuid4(),
        login=login,
        password_hash=new.password_hash,
        role=new.role,
        organisation_id=new.organisation_id,
        practitioner_id=new.practitioner_id,
        language=new.language,
        is_active=True,
        is_demo=new.is_demo,
        made_at=now,
        password_set_at=now,
    )
    if find_account(session, login) is not None:
        raise LoginTaken("another account has this user name: choose another one")
    try:
        with session.begin_nested():
            session.add(account)
    except IntegrityError as taken:
        raise LoginTaken("another account has this user name: choose another one") from taken
    audit.record(session, viewer=viewer, now=now, action="add_account", subject=account, role=new.role.value)
    return account


def _check_belonging(session: Session, new: NewAccount) -> None:
    if (new.organisation_id is None) != (new.role in BELONG_NOWHERE):
        which = "belong to none" if new.role in BELONG_NOWHERE else "belong to one"
        raise BadAccount(f"name an organisation or leave it out: {new.role.value}s {which}")
    if new.organisation_id is not None and session.get(Organisation, new.organisation_id) is None:
        raise BadAccount("there is no such organisation")
    if (new.practitioner_id is None) == (new.role in WITH_PRACTITIONER):
        which = "are practitioners: name which" if new.practitioner_id is None else "are no practitioners"
        raise BadAccount(f"{new.role.value}s {which}")
    if new.practitioner_id is not None:
        practitioner = session.get(Practitioner, new.practitioner_id)
        if practitioner is None or practitioner.organisation_id != new.organisation_id:
            raise BadAccount("the organisation has no such practitioner")


def find_account(session: Session, login: str) -> Account | None:
    """Return the account with a login, whatever its case; also one that is locked."""
    asked = spelled(login)
    if not _LOGIN.fullmatch(asked):
        return None
    return session.scalar(select(Account).where(Account.login == asked))


def get_account(session: Session, login: str, *, viewer: Viewer) -> Account:
    """Return the account with a login.

    Raises:
        AccountNotFound: There is none, or it is another organisation's.
    """
    account = find_account(session, login)
    if account is None or viewer.organisation_id not in (None, account.organisation_id):
        raise AccountNotFound("there is no account with this user name")
    return account


def list_accounts(session: Session, *, viewer: Viewer) -> Sequence[Account]:
    """Return all accounts that the viewer may manage, by login."""
    statement = select(Account).order_by(Account.login)
    if viewer.organisation_id is not None:
        statement = statement.where(Account.organisation_id == viewer.organisation_id)
    return session.scalars(statement).all()


def set_active(session: Session, account: Account, *, is_active: bool, viewer: Viewer, now: datetime) -> None:
    """Let an account sign in, or no longer; then its web sessions and tokens end too.

    Raises:
        OutsideOrganisation: The viewer acts for another organisation.
    """
    _refuse_outside(viewer, account.organisation_id)
    account.is_active = is_active
    if not is_active:
        session.execute(delete(WebSession).where(WebSession.account_id == account.id))
        revoke_subject(session, str(account.id), now=now)
    action = "enable_account" if is_active else "disable_account"
    audit.record(session, viewer=viewer, now=now, action=action, subject=account)


def set_password(
    session: Session,
    account: Account,
    *,
    password_hash: str,
    viewer: Viewer,
    now: datetime,
    keep: UUID | None = None,
) -> None:
    """Replace the password; all web sessions and tokens of the account end, but one session.

    Args:
        session: A writing transaction.
        account: Whose.
        password_hash: Made by `careapp.identity.passwords`.
        viewer: Who does it: the person, or who manages the account.
        now: This moment.
        keep: The web session in which the person does it.

    Raises:
        OutsideOrganisation: The viewer acts for another organisation.
    """
    _refuse_outside(viewer, account.organisation_id)
    account.password_hash = password_hash
    account.password_set_at = now
    others = delete(WebSession).where(WebSession.account_id == account.id)
    session.execute(others if keep is None else others.where(WebSession.id != keep))
    revoke_subject(session, str(account.id), now=now)
    audit.record(session, viewer=viewer, now=now, action="set_password", subject=account)


def remove_second_factors(session: Session, account: Account, *, viewer: Viewer, now: datetime) -> None:
    """Forget an account's authenticator app and passkeys, for a person who has lost them.

    Raises:
        OutsideOrganisation: The viewer acts for another organisation.
    """
    _refuse_outside(viewer, account.organisation_id)
    account.totp_sealed = account.totp_confirmed_at = account.totp_last_step = None
    session.execute(delete(Passkey).where(Passkey.account_id == account.id))
    audit.record(session, viewer=viewer, now=now, action="remove_second_factors", subject=account)


def refuse_demo_accounts(session: Session) -> None:
    """Refuse to work in public with accounts of the demo.

    Raises:
        DemoAccountsInPublic: There is one that may sign in.
    """
    demo = session.scalar(select(Account.login).where(Account.is_demo, Account.is_active).limit(1))
    if demo is not None:
        raise DemoAccountsInPublic(
            "the database holds sign-ins of the demo: serve another database in public, "
            f"or disable them (`careapp account disable {demo}`)"
        )


def viewer_of(account: Account) -> Viewer:
    """Return the viewer that an account signs in as, with what its role allows."""
    return Viewer(
        str(account.id),
        account.role,
        organisation_id=account.organisation_id,
        practitioner_id=account.practitioner_id,
    )


def spelled(login: str) -> str:
    """Return a login as it is kept."""
    return login.strip().lower()[: MOST_LOGIN + 1]


def _refuse_outside(viewer: Viewer, organisation_id: UUID | None) -> None:
    if viewer.organisation_id not in (None, organisation_id):
        raise OutsideOrganisation("accounts are managed by their own organisation: ask its administrator")
