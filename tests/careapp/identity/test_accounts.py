"""Accounts, passwords, and how often somebody may try."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from careapp.access import Viewer, ViewerRole
from careapp.identity import accounts, throttling, web_sessions
from careapp.identity.models import Account, Language, Proof, SignInFailure, StepPurpose, WebSession
from careapp.identity.passwords import Passwords, WeakPassword, invent_password, refuse_weak
from tests.careapp.identity.people import CHEAP, MANAGER, PASSWORD, PASSWORD_HASH, an_account
from tests.careapp.worlds import a_doctor, a_nurse, an_organisation

KEY = b"k" * 32
LIFETIMES = web_sessions.Lifetimes(idle=timedelta(hours=1), whole=timedelta(hours=12))


class TestAddAccount:
    @pytest.mark.parametrize("login", ["", "a", "-a", "a b", "ä", "a" * 65, "a\n", "<a>"])
    def test_refuses_a_login_that_nobody_could_type(self, session, login):
        with pytest.raises(accounts.BadAccount):
            an_account(session, login)

    def test_keeps_a_login_in_lower_case_and_once(self, session):
        an_account(session, "Erika")

        with pytest.raises(accounts.LoginTaken):
            an_account(session, "eRIKA")

    @pytest.mark.parametrize("role", [ViewerRole.SYSTEM, ViewerRole.CLIENT])
    def test_refuses_roles_that_are_no_people(self, session, role):
        with pytest.raises(accounts.BadAccount):
            an_account(session, role=role)

    @pytest.mark.parametrize("role", [ViewerRole.NURSE, ViewerRole.DOCTOR])
    def test_asks_who_a_nurse_or_doctor_is(self, session, role):
        with pytest.raises(accounts.BadAccount):
            an_account(session, role=role)

    def test_refuses_a_practitioner_of_somebody_else(self, session):
        nurse, other = a_nurse(session), an_organisation(session)

        with pytest.raises(accounts.BadAccount):
            an_account(session, role=ViewerRole.NURSE, organisation=other, practitioner_role=nurse)

    def test_gives_people_the_viewer_of_their_role(self, session):
        doctor = a_doctor(session)

        viewer = accounts.viewer_of(an_account(session, role=ViewerRole.DOCTOR, practitioner_role=doctor))

        assert (viewer.organisation_id, viewer.practitioner_id) == (
            doctor.organisation_id,
            doctor.practitioner_id,
        )

    def test_is_refused_to_another_organisations_administrator(self, session, now):
        mine, theirs = an_organisation(session), an_organisation(session)
        administrator = Viewer("a", ViewerRole.ADMINISTRATOR, mine.id)
        new = accounts.NewAccount("max", ViewerRole.COORDINATOR, None, organisation_id=theirs.id)

        with pytest.raises(accounts.OutsideOrganisation):
            accounts.add_account(session, new, viewer=administrator, now=now)

    def test_of_another_organisation_cannot_be_found_to_be_changed(self, session):
        an_account(session)
        stranger = Viewer("a", ViewerRole.ADMINISTRATOR, an_organisation(session).id)

        with pytest.raises(accounts.AccountNotFound):
            accounts.get_account(session, "erika", viewer=stranger)
        assert accounts.list_accounts(session, viewer=stranger) == []


class TestDemoAccounts:
    def test_are_refused_in_public_until_they_are_locked(self, session, now):
        demo = an_account(session, is_demo=True)

        with pytest.raises(accounts.DemoAccountsInPublic):
            accounts.refuse_demo_accounts(session)
        accounts.set_active(session, demo, is_active=False, viewer=MANAGER, now=now)
        accounts.refuse_demo_accounts(session)


class TestPasswords:
    def test_are_kept_as_argon2id(self):
        kept = Passwords().hash(PASSWORD)

        # RFC 9106, 4: the second recommended choice.
        assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")

    def test_are_compared(self):
        assert CHEAP.compare(PASSWORD, PASSWORD_HASH).is_right
        assert not CHEAP.compare(PASSWORD + " ", PASSWORD_HASH).is_right
        assert not CHEAP.compare(PASSWORD, "no hash").is_right

    def test_take_as_long_for_nobody(self):
        asked = []

        class Counting(PasswordHasher):
            def verify(self, kept, password):
                asked.append(kept)
                return super().verify(kept, password)

        passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))

        assert not passwords.compare(PASSWORD, None).is_right
        assert len(asked) == 1

    def test_are_kept_anew_with_newer_parameters(self):
        newer = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))

        said = newer.compare(PASSWORD, PASSWORD_HASH)

        assert said.new_hash is not None
        assert newer.compare(PASSWORD, said.new_hash).new_hash is None

    def test_that_are_too_long_are_not_even_compared(self):
        assert not CHEAP.compare("x" * 1_000_000, PASSWORD_HASH).is_right

    @pytest.mark.parametrize(
        "weak",
        [
            "kurz",
            "x" * 129,
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "345678901234",
            "Erikas Garten 12",
            "CareApp-Passwort",
        ],
    )
    def test_are_refused_if_they_are_weak(self, weak):
        with pytest.raises(WeakPassword):
            refuse_weak(weak, login="erika")

    def test_that_are_invented_are_strong(self):
        refuse_weak(invent_password(), login="erika")

        assert len({invent_password() for _ in range(50)}) == 50


class TestThrottling:
    def tries(self, session, now, *, login="erika", address="192.0.2.1"):
        subjects = throttling.subjects_of(login=login, address=address, key=KEY)
        return throttling.count_try(session, subjects, now=now), subjects

    def test_lets_some_tries_go_and_then_doubles_the_wait(self, session, now):
        # 5 are free; after the 5th 4 s, after the 6th 8 s, ...
        waits = []
        for _ in range(9):
            wait, _ = self.tries(session, now)
            if wait is not None:
                waits.append(wait.total_seconds())
                now += wait
                assert self.tries(session, now)[0] is None

        assert waits == [4, 8, 16, 32]

    def test_never_waits_longer_than_a_quarter_of_an_hour(self, session, now):
        longest = timedelta(0)
        for _ in range(40):
            wait, _ = self.tries(session, now)
            longest = max(longest, wait or timedelta(0))
            now += wait or timedelta(0)

        assert longest == timedelta(minutes=15)

    def test_counts_an_address_over_all_accounts(self, session, now):
        waits = [self.tries(session, now, login=f"guess{number}")[0] for number in range(21)]

        assert waits[:20] == [None] * 20
        assert waits[20] is not None

    def test_counts_a_home_of_ipv6_as_one(self):
        one = throttling.subjects_of(login=None, address="2001:db8:1:2::1", key=KEY)
        same = throttling.subjects_of(login=None, address="2001:db8:1:2:ffff::9", key=KEY)
        other = throttling.subjects_of(login=None, address="2001:db8:1:3::1", key=KEY)
        mapped = throttling.subjects_of(login=None, address="::ffff:192.0.2.1", key=KEY)

        assert one == same != other
        assert mapped == throttling.subjects_of(login=None, address="192.0.2.1", key=KEY)

    def test_begins_anew_for_an_account_that_got_in(self, session, now):
        for _ in range(4):
            self.tries(session, now)
        _, subjects = self.tries(session, now)
        throttling.take_back(session, subjects)

        assert self.tries(session, now)[0] is None
        assert self.tries(session, now)[0] is None

    def test_does_not_forgive_an_address_for_one_account_that_got_in(self, session, now):
        for number in range(19):
            self.tries(session, now, login=f"guess{number}")
        _, subjects = self.tries(session, now, login="the-attackers-own")
        throttling.take_back(session, subjects)

        assert self.tries(session, now, login="guess20")[0] is None
        assert self.tries(session, now, login="guess21")[0] is not None

    def test_forgets_after_an_hour(self, session, now):
        for _ in range(5):
            self.tries(session, now)
        later = now + timedelta(hours=1, seconds=5)

        assert [self.tries(session, later)[0] for _ in range(5)] == [None] * 5

    def test_keeps_neither_login_nor_address(self, session, now):
        self.tries(session, now)

        kept = b"".join(session.scalars(select(SignInFailure.subject)))
        assert b"erika" not in kept
        assert b"192.0.2.1" not in kept

    def test_counts_many_at_once(self, sessions, now):
        def one(_: int) -> bool:
            with sessions.begin() as session:
                return self.tries(session, now)[0] is None

        with ThreadPoolExecutor(8) as pool:
            went = sum(pool.map(one, range(16)))

        assert went == 5


class TestWebSessions:
    def open(self, session, account, now):
        return web_sessions.open_web_session(
            session, account, proof=Proof.PASSWORD, language=Language.GERMAN, lifetimes=LIFETIMES, now=now
        )

    def test_of_a_stranger_are_what_the_provider_says(self, session, now):
        organisation = an_organisation(session)
        stranger = web_sessions.Stranger(
            "https://idp.example",
            "4711@idp.example",
            ViewerRole.COORDINATOR,
            organisation.id,
            None,
            b"sealed",
        )
        cookie = self.open(session, stranger, now)

        found = web_sessions.find_web_session(session, cookie, now=now)

        assert found is not None
        assert (found.viewer.role, found.viewer.organisation_id) == (ViewerRole.COORDINATOR, organisation.id)
        assert found.viewer.name == "4711@idp.example"
        closed = web_sessions.close_web_session(session, cookie, now=now)
        assert closed == ("4711@idp.example", b"sealed")

    def test_and_steps_are_forgotten_when_they_are_over(self, session, now):
        account = an_account(session)
        cookie = self.open(session, account, now)
        web_sessions.begin_step(session, StepPurpose.CODE, cookie, {}, account_id=account.id, now=now)

        assert web_sessions.forget_ended(session, now=now + timedelta(minutes=9)) == 0
        assert web_sessions.forget_ended(session, now=now + timedelta(hours=1)) == 2
        assert session.scalars(select(WebSession)).all() == []

    def test_steps_are_taken_by_one_of_many(self, sessions, now):
        with sessions.begin() as session:
            web_sessions.begin_step(session, StepPurpose.CODE, "browser", {"next": None}, now=now)

        def take(_: int) -> bool:
            with sessions.begin() as session:
                return web_sessions.take_step(session, StepPurpose.CODE, "browser", now=now) is not None

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(20))) == 1

    def test_steps_are_for_one_purpose(self, session, now):
        web_sessions.begin_step(session, StepPurpose.CODE, "browser", {}, now=now)

        assert web_sessions.take_step(session, StepPurpose.PASSKEY, "browser", now=now) is None

    def test_end_for_all_but_one_when_the_password_changes(self, session, now):
        account = an_account(session)
        kept, other = self.open(session, account, now), self.open(session, account, now)
        found = web_sessions.find_web_session(session, kept, now=now)
        assert found is not None

        accounts.set_password(
            session, account, password_hash=PASSWORD_HASH, viewer=MANAGER, now=now, keep=found.id
        )

        assert web_sessions.find_web_session(session, kept, now=now) is not None
        assert web_sessions.find_web_session(session, other, now=now) is None


def test_an_account_of_nobody_is_not_found(session):
    assert session.get(Account, uuid4()) is None
    assert accounts.find_account(session, "nobody") is None
