"""Passkeys (WebAuthn): a device signs a challenge for this service's name, so no other site can ask for it.

A passkey signs in alone: the device asks its person for a finger, a face or a PIN (user verification).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import webauthn
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from careapp.errors import Conflict, Forbidden
from careapp.identity.accounts import viewer_of
from careapp.identity.models import Account, Passkey
from careapp.records import audit

MOST = 10
"""Passkeys of one account."""
MOST_NAME = 40
_SERVICE = "careapp"
_TRY_AGAIN = "the device's answer does not hold: try again"


class PasskeyRefused(Forbidden):
    """What a device sent does not prove what it should."""


class TooManyPasskeys(Conflict):
    """An account has as many passkeys as it may."""


@dataclass(frozen=True)
class Party:
    """As whom devices know this service.

    Attributes:
        id: Its host name, without port; an IP address has no passkeys.
        origin: Scheme, host and port of its pages.
    """

    id: str
    origin: str


@dataclass(frozen=True)
class Ceremony:
    """What a device is asked.

    Attributes:
        options: JSON for the browser.
        challenge: What it must sign, base64url.
    """

    options: dict[str, Any]
    challenge: str


def ask_for_passkey(party: Party) -> Ceremony:
    """Ask whichever passkey of this service the device has to sign in."""
    asked = webauthn.generate_authentication_options(
        rp_id=party.id, user_verification=UserVerificationRequirement.REQUIRED
    )
    return Ceremony(json.loads(webauthn.options_to_json(asked)), bytes_to_base64url(asked.challenge))


def find_owner(
    session: Session, answer: dict[str, Any], *, challenge: str, party: Party, now: datetime
) -> Account:
    """Return whose passkey has signed the challenge.

    Raises:
        PasskeyRefused: It is not known, its account is locked, or the signature does not hold.
    """
    found = session.execute(
        select(Passkey, Account)
        .join(Account, Account.id == Passkey.account_id)
        .where(Passkey.credential_id == _credential_id(answer), Account.is_active)
    ).one_or_none()
    if found is None:
        raise PasskeyRefused("this passkey is not known here: sign in with your password")
    passkey, account = found
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception as refused:
        raise PasskeyRefused(_TRY_AGAIN) from refused
    session.execute(
        update(Passkey)
        .where(Passkey.id == passkey.id)
        .values(sign_count=verified.new_sign_count, used_at=now)
    )
    return account


def ask_for_new(session: Session, account: Account, party: Party) -> Ceremony:
    """Ask a device to make a passkey for an account.

    Raises:
        TooManyPasskeys: The account has `MOST` already.
    """
    known = list_passkeys(session, account.id)
    if len(known) >= MOST:
        raise TooManyPasskeys(f"an account has at most {MOST} passkeys: remove one first")
    asked = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=_SERVICE,
        user_name=account.login,
        user_id=account.id.bytes,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in known],
    )
    return Ceremony(json.loads(webauthn.options_to_json(asked)), bytes_to_base64url(asked.challenge))


def add_passkey(
    session: Session,
    account: Account,
    answer: dict[str, Any],
    *,
    name: str,
    challenge: str,
    party: Party,
    now: datetime,
) -> Passkey:
    """Keep the public half of a passkey that a device has made.

    Raises:
        PasskeyRefused: What it sent does not hold, or somebody has this passkey already.
    """
    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except Exception as refused:
        raise PasskeyRefused(_TRY_AGAIN) from refused
    passkey = Passkey(
        id=uuid4(),
        account_id=account.id,
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        name="".join(filter(str.isprintable, name)).strip()[:MOST_NAME] or "Passkey",
        added_at=now,
    )
    try:
        with session.begin_nested():
            session.add(passkey)
    except IntegrityError as taken:
        raise PasskeyRefused("this passkey is known already") from taken
    audit.record(session, viewer=viewer_of(account), now=now, action="add_second_factor", subject=passkey)
    return passkey


def list_passkeys(session: Session, account_id: UUID) -> Sequence[Passkey]:
    """Return an account's passkeys, oldest first."""
    return session.scalars(
        select(Passkey).where(Passkey.account_id == account_id).order_by(Passkey.added_at, Passkey.id)
    ).all()


def remove_passkey(session: Session, account: Account, passkey_id: UUID, *, now: datetime) -> bool:
    """Forget one of an account's passkeys; tells whether there was one."""
    removed = session.scalar(
        delete(Passkey)
        .where(Passkey.id == passkey_id, Passkey.account_id == account.id)
        .returning(Passkey.id)
    )
    if removed is None:
        return False
    audit.record(
        session,
        viewer=viewer_of(account),
        now=now,
        action="remove_second_factor",
        subject_kind="passkey",
        subject_id=removed,
    )
    return True


def _credential_id(answer: dict[str, Any]) -> bytes:
    written = answer.get("rawId")
    if not isinstance(written, str) or len(written) > 2000:
        raise PasskeyRefused(_TRY_AGAIN)
    try:
        return base64url_to_bytes(written)
    except ValueError as malformed:
        raise PasskeyRefused(_TRY_AGAIN) from malformed
