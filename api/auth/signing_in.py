"""Sign people in with what they know: compared in a few threads of its own, counted in the database."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from sqlalchemy.orm import Session, sessionmaker

from api.auth.cookie import COOKIE, MOST_COOKIE, STEP_COOKIE
from api.auth.next_page import local_address
from api.auth.texts import language_of
from careapp.access import Viewer, ViewerRole
from careapp.config import Settings
from careapp.errors import Throttled, Unavailable
from careapp.identity import second_factors
from careapp.identity.accounts import MOST_LOGIN, find_account
from careapp.identity.models import Account, Language, Proof, StepPurpose
from careapp.identity.passkeys import Party, PasskeyRefused, ask_for_passkey, find_owner
from careapp.identity.passwords import Passwords
from careapp.identity.sealing import Seal
from careapp.identity.second_factors import take_code
from careapp.identity.throttling import count_try, subjects_of, take_back
from careapp.identity.web_sessions import Lifetimes, begin_step, find_step, open_web_session, take_step
from careapp.keys import Keyring
from careapp.records import audit

DOOR = Viewer("sign-in", ViewerRole.SYSTEM)
"""Who writes down that somebody was refused: it is not known who that was."""
AT_ONCE = 2
"""Comparisons at the same time: each takes 64 MiB and a processor."""
MOST_WAITING = 30


class TooManyTries(Throttled):
    """Somebody was refused too often of late."""


class TooManySignIns(Unavailable):
    """More people sign in at this moment than can be served."""


@dataclass(frozen=True)
class Asker:
    """A browser that wants to be signed in.

    Attributes:
        address: Its IP address.
        step: Its cookie while it signs in.
        cookie: Its cookie if it is signed in already; that session ends.
        next_address: Where it wants to go.
        language: In which it is spoken to.
    """

    address: str
    step: str
    cookie: str | None
    next_address: str | None
    language: Language = Language.GERMAN


def asker_of(request: Request, next_address: str | None) -> Asker | None:
    """Return who wants to be signed in; None if the browser did not bring its cookie back."""
    step = request.cookies.get(STEP_COOKIE)
    if step is None or len(step) > MOST_COOKIE:
        return None
    return new_asker(request, step, local_address(next_address))


def new_asker(request: Request, step: str, next_address: str | None) -> Asker:
    """Return who wants to be signed in, with the cookie that it has or gets."""
    return Asker(
        address=request.client.host if request.client is not None else "unknown",
        step=step,
        cookie=request.cookies.get(COOKIE),
        next_address=next_address,
        language=language_of(request.query_params.get("lang"), request.headers.get("accept-language")),
    )


@dataclass(frozen=True)
class Answer:
    """What became of a try; with none of these the proof was wrong.

    Attributes:
        cookie: The browser is signed in with this one.
        language: Of the person who is signed in.
        role: What that person is.
        next_address: Where the browser wanted to go.
        needs_code: The password was right; a code must follow.
        wait: Too many tries: how long to wait.
        is_over: The sign-in took too long: begin again.
    """

    cookie: str | None = None
    language: Language | None = None
    role: ViewerRole | None = None
    next_address: str | None = None
    needs_code: bool = False
    wait: timedelta | None = None
    is_over: bool = False


class SignIn:
    """Signs people in."""

    def __init__(self, settings: Settings, sessions: sessionmaker[Session], keyring: Keyring) -> None:
        """Get ready.

        Args:
            settings: `session_idle_min`, `session_h`.
            sessions: Factory of writing sessions.
            keyring: Holds the keys of what is sealed.
        """
        self.lifetimes = Lifetimes(
            idle=timedelta(minutes=settings.session_idle_min), whole=timedelta(hours=settings.session_h)
        )
        self.passwords = Passwords()
        self.sessions = sessions
        self._is_public = settings.is_public
        self.factor_seal = Seal(keyring, second_factors.PURPOSE)
        self._key = keyring.purpose("sign-in-failures")
        self._limiter = CapacityLimiter(AT_ONCE)
        self._turns = BoundedSemaphore(AT_ONCE)

    async def with_password(self, login: str, password: str, asker: Asker, *, now: datetime) -> Answer:
        """Sign a browser in with a login and a password.

        Raises:
            TooManySignIns: Too many wait for their comparison.
        """
        if self._limiter.statistics().tasks_waiting >= MOST_WAITING:
            raise TooManySignIns("very many people sign in at this moment: try again in a few seconds")
        work = partial(self._try_password, login[: MOST_LOGIN + 1], password, asker, now)
        return await to_thread.run_sync(work, limiter=self._limiter)

    def _try_password(self, login: str, password: str, asker: Asker, now: datetime) -> Answer:
        subjects = subjects_of(login=login, address=asker.address, key=self._key)
        with self.sessions.begin() as session:
            wait = count_try(session, subjects, now=now)
            account = find_account(session, login)
        if wait is not None:
            return Answer(wait=wait)
        may_try = account is not None and account.is_active and not (account.is_demo and self._is_public)
        kept = account.password_hash if account is not None and may_try else None
        said = self.passwords.compare(password, kept)
        with self.sessions.begin() as session:
            again = None if account is None else session.get(Account, account.id)
            if not said.is_right or again is None or again.password_hash != kept:
                self.write_down(session, None if account is None else account.id, now)
                return Answer()
            again.password_hash = said.new_hash or again.password_hash
            if again.totp_confirmed_at is not None:
                # The try stays counted until the code is right: else the password would buy new codes.
                begin_step(
                    session,
                    StepPurpose.CODE,
                    asker.step,
                    {"next": asker.next_address},
                    account_id=again.id,
                    now=now,
                )
                return Answer(needs_code=True)
            take_back(session, subjects)
            return self.open(session, again, Proof.PASSWORD, asker, now=now)

    async def with_code(self, code: str, asker: Asker, *, now: datetime) -> Answer:
        """Sign a browser in whose password was right, with the code of its person's authenticator app."""
        return await to_thread.run_sync(partial(self._try_code, code, asker, now), limiter=self._limiter)

    def _try_code(self, code: str, asker: Asker, now: datetime) -> Answer:
        with self.sessions.begin() as session:
            step = find_step(session, StepPurpose.CODE, asker.step, now=now)
            account = None if step is None else session.get(Account, step.account_id)
            if step is None or account is None or not account.is_active:
                return Answer(is_over=True)
            subjects = subjects_of(login=account.login, address=asker.address, key=self._key)
            wait = count_try(session, subjects, now=now)
            next_address = step.content["next"]
        if wait is not None:
            return Answer(wait=wait)
        with self.sessions.begin() as session:
            account = session.get_one(Account, account.id)
            if not take_code(session, account, code, seal=self.factor_seal, now=now):
                self.write_down(session, account.id, now)
                return Answer()
            if take_step(session, StepPurpose.CODE, asker.step, now=now) is None:
                return Answer(is_over=True)
            take_back(session, subjects, tries=2)
            return self.open(session, account, Proof.CODE, replace(asker, next_address=next_address), now=now)

    def ask_for_passkey(self, asker: Asker, party: Party, *, now: datetime) -> dict[str, Any]:
        """Begin to sign a browser in with a passkey; returns what its script asks the device."""
        asked = ask_for_passkey(party)
        content = {"challenge": asked.challenge, "next": asker.next_address}
        with self.sessions.begin() as session:
            begin_step(session, StepPurpose.PASSKEY, asker.step, content, now=now)
        return asked.options

    def with_passkey(self, answer: dict[str, Any], asker: Asker, party: Party, *, now: datetime) -> Answer:
        """Sign a browser in with what its device has signed.

        Raises:
            PasskeyRefused: It does not hold.
            Throttled: Too many tries from this address.
        """
        subjects = subjects_of(login=None, address=asker.address, key=self._key)
        with self.sessions.begin() as session:
            wait = count_try(session, subjects, now=now)
            taken = None if wait is not None else take_step(session, StepPurpose.PASSKEY, asker.step, now=now)
        if wait is not None:
            raise TooManyTries("too many attempts: wait", retry_after_s=ceil(wait.total_seconds()))
        if taken is None:
            raise PasskeyRefused("signing in took too long: begin again")
        content = taken[1]
        asker = replace(asker, next_address=content["next"])
        try:
            with self.sessions.begin() as session:
                account = find_owner(session, answer, challenge=content["challenge"], party=party, now=now)
                take_back(session, subjects)
                return self.open(session, account, Proof.PASSKEY, asker, now=now)
        except PasskeyRefused:
            with self.sessions.begin() as session:
                self.write_down(session, None, now)
            raise

    def confirm(self, account_id: UUID, password: str, address: str, *, now: datetime) -> Answer | None:
        """Ask a person who is signed in for the password once more; None if it is right."""
        with self.sessions.begin() as session:
            account = session.get_one(Account, account_id)
            subjects = subjects_of(login=account.login, address=address, key=self._key)
            wait = count_try(session, subjects, now=now)
        if wait is not None:
            return Answer(wait=wait)
        with self._turns:
            if not self.passwords.compare(password, account.password_hash).is_right:
                return Answer()
        with self.sessions.begin() as session:
            take_back(session, subjects)
        return None

    def hash(self, password: str) -> str:
        """Return the hash of a new password."""
        with self._turns:
            return self.passwords.hash(password)

    def open(
        self, session: Session, account: Account, proof: Proof, asker: Asker, *, now: datetime
    ) -> Answer:
        """Sign a browser in, since its person has shown who they are."""
        cookie = open_web_session(
            session,
            account,
            proof=proof,
            language=account.language,
            lifetimes=self.lifetimes,
            now=now,
            instead_of=asker.cookie,
        )
        return Answer(cookie, account.language, account.role, asker.next_address)

    def write_down(self, session: Session, account_id: UUID | None, now: datetime) -> None:
        """Record that somebody was refused."""
        audit.record(
            session,
            viewer=DOOR,
            now=now,
            action="refuse_sign_in",
            subject_kind="account",
            subject_id=account_id,
        )
