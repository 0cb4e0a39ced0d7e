"""Sign people in with what they know: compared in a few threads of its own, counted in the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer, ViewerRole
from careapp.config import Settings
from careapp.errors import Unavailable
from careapp.identity.accounts import MOST_LOGIN, find_account
from careapp.identity.models import Account, Language, Proof, StepPurpose
from careapp.identity.passwords import Passwords
from careapp.identity.throttling import count_try, subjects_of, take_back
from careapp.identity.web_sessions import Lifetimes, begin_step, open_web_session
from careapp.records import audit
from careapp.records.keys import shared_key

DOOR = Viewer("sign-in", ViewerRole.SYSTEM)
"""Who writes down that somebody was refused: it is not known who that was."""
AT_ONCE = 2
"""Comparisons at the same time: each takes 64 MiB and a processor."""
MOST_WAITING = 30


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
    """

    address: str
    step: str
    cookie: str | None
    next_address: str | None


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
    """

    cookie: str | None = None
    language: Language | None = None
    role: ViewerRole | None = None
    next_address: str | None = None
    needs_code: bool = False
    wait: timedelta | None = None


class SignIn:
    """Signs people in."""

    def __init__(self, settings: Settings, sessions: sessionmaker[Session]) -> None:
        """Get ready.

        Args:
            settings: `session_idle_min`, `session_h`.
            sessions: Factory of writing sessions.
        """
        self.lifetimes = Lifetimes(
            idle=timedelta(minutes=settings.session_idle_min), whole=timedelta(hours=settings.session_h)
        )
        self.passwords = Passwords()
        self._sessions = sessions
        self._key = shared_key(sessions, "sign-in-failures")
        self._limiter = CapacityLimiter(AT_ONCE)

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
        with self._sessions.begin() as session:
            wait = count_try(session, subjects, now=now)
            account = find_account(session, login)
        if wait is not None:
            return Answer(wait=wait)
        kept = account.password_hash if account is not None and account.is_active else None
        said = self.passwords.compare(password, kept)
        with self._sessions.begin() as session:
            again = None if account is None else session.get(Account, account.id)
            if not said.is_right or again is None or again.password_hash != kept:
                self.write_down(session, None if account is None else account.id, now)
                return Answer()
            take_back(session, subjects)
            again.password_hash = said.new_hash or again.password_hash
            if again.totp_confirmed_at is not None:
                begin_step(
                    session,
                    StepPurpose.CODE,
                    asker.step,
                    {"next": asker.next_address},
                    account_id=again.id,
                    now=now,
                )
                return Answer(needs_code=True)
            return self.open(session, again, Proof.PASSWORD, asker, now=now)

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
