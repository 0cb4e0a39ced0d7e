"""Codes of authenticator apps (TOTP, RFC 6238): six digits that change every 30 seconds."""

from datetime import datetime

import pyotp
from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.errors import Conflict
from careapp.identity.accounts import viewer_of
from careapp.identity.models import Account
from careapp.identity.sealing import Seal
from careapp.records import audit

PURPOSE = "second-factors"
STEP_S = 30
DIGITS = 6
TOLERATED_STEPS = 1
"""Clocks of telephones differ: the code before and the one after count too (RFC 6238, 5.2)."""
_ISSUER = "careapp"


class AppInUse(Conflict):
    """An authenticator app is set up already."""


def begin_app(session: Session, account: Account, *, seal: Seal) -> str:
    """Invent a secret for an authenticator app; codes are asked for once the first was right.

    Returns:
        The secret, base32, for the app alone.

    Raises:
        AppInUse: Codes of an app are asked for already.
    """
    if account.totp_confirmed_at is not None:
        raise AppInUse("an authenticator app is set up already: remove it first")
    secret = pyotp.random_base32()
    account.totp_sealed = seal.seal(secret.encode(), _about(account))
    account.totp_last_step = None
    session.flush()
    return secret


def address_of(secret: str, *, login: str) -> str:
    """Return what the QR code says (`otpauth://…`)."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=_ISSUER)


def secret_of(account: Account, *, seal: Seal) -> str | None:
    """Return the secret that was begun with and not confirmed yet, to show it once more."""
    if account.totp_sealed is None or account.totp_confirmed_at is not None:
        return None
    return seal.open(account.totp_sealed, _about(account)).decode()


def confirm_app(session: Session, account: Account, code: str, *, seal: Seal, now: datetime) -> bool:
    """Ask for codes from now on, if the first one is right."""
    if account.totp_confirmed_at is not None or not take_code(session, account, code, seal=seal, now=now):
        return False
    account.totp_confirmed_at = now
    audit.record(session, viewer=viewer_of(account), now=now, action="add_second_factor", subject=account)
    return True


def remove_app(session: Session, account: Account, *, viewer: Viewer, now: datetime) -> None:
    """Ask for no codes any more."""
    account.totp_sealed = account.totp_confirmed_at = account.totp_last_step = None
    audit.record(session, viewer=viewer, now=now, action="remove_second_factor", subject=account)


def take_code(session: Session, account: Account, code: str, *, seal: Seal, now: datetime) -> bool:
    """Tell whether a code is right, and take it: nobody can use it, or an older one, again.

    Of many who bring the same code at once, one is told yes.
    """
    digits = "".join(code.split())
    if account.totp_sealed is None or len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return False
    totp = pyotp.TOTP(seal.open(account.totp_sealed, _about(account)).decode())
    this = int(now.timestamp()) // STEP_S
    for step in range(this - TOLERATED_STEPS, this + TOLERATED_STEPS + 1):
        if not pyotp.utils.strings_equal(totp.at(step * STEP_S), digits):
            continue
        taken = session.scalar(
            update(Account)
            .where(
                Account.id == account.id,
                or_(Account.totp_last_step.is_(None), Account.totp_last_step < step),
            )
            .values(totp_last_step=step)
            .returning(Account.id),
            execution_options={"synchronize_session": False},
        )
        return taken is not None
    return False


def _about(account: Account) -> str:
    return f"account|{account.id}|totp"
