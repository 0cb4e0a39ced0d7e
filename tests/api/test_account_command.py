"""The command `careapp account`, and the demo's sign-ins."""

import stat

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from api.app import create_app
from api.cli import main
from api.demo_accounts import FILE, ROLES, DemoFileUnusable, make_sign_ins
from careapp.access import ViewerRole
from careapp.config import Settings
from careapp.db import make_sessions
from careapp.identity.accounts import DemoAccountsInPublic
from careapp.identity.models import Account
from careapp.identity.passwords import Passwords
from tests.api.browsers import browsing, sign_in
from tests.api.tours import a_proposed_day
from tests.careapp.worlds import DAY, EVERYONE, a_world


@pytest.fixture
def organisation_id(sqlite_engine):
    with make_sessions(sqlite_engine).begin() as session:
        return str(a_world(session).organisation.id)


@pytest.fixture
def run(tmp_path, organisation_id):
    def run(*arguments, given=None):
        return CliRunner().invoke(main, ["account", *arguments, "--data-dir", str(tmp_path)], input=given)

    return run


@pytest.fixture
def added(run, organisation_id):
    result = run("add", "erika", "--role", "coordinator", "--organisation", organisation_id, "--generate")
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


@pytest.fixture
def browser(tmp_path, sqlite_engine):
    app = create_app(Settings.read(data_dir=tmp_path), engine=sqlite_engine, runs_jobs=False)
    with browsing(app) as client:
        yield client


class TestAdd:
    def test_prints_an_invented_password_that_signs_in(self, added, browser):
        assert sign_in(browser, password=added).status_code == 303

    def test_takes_a_password_on_standard_input(self, run, organisation_id, browser):
        options = ("--role", "coordinator", "--organisation", organisation_id)

        run("add", "max", *options, given="ein Satz, den keiner kennt\n")

        assert sign_in(browser, "max", "ein Satz, den keiner kennt").status_code == 303

    @pytest.mark.parametrize("given", ["", "kurz\n"])
    def test_refuses_no_password_and_a_weak_one(self, run, organisation_id, given):
        refused = run("add", "max", "--role", "coordinator", "--organisation", organisation_id, given=given)

        assert refused.exit_code == 2
        assert "password" in refused.stderr

    def test_says_what_does_not_fit(self, run):
        refused = run("add", "max", "--role", "nurse", "--generate")

        assert refused.exit_code == 2
        assert "nurses belong to one" in refused.stderr


class TestList:
    def test_shows_who_may_sign_in(self, run, added, organisation_id):
        result = run("list")
        shown = result.stdout
        assert result.exit_code == 0, result.exception

        assert "erika" in shown
        assert organisation_id in shown
        assert added not in shown


class TestDisable:
    def test_ends_it_until_it_is_enabled(self, run, added, browser):
        assert run("disable", "erika").exit_code == 0
        assert sign_in(browser, password=added).status_code == 403
        assert run("enable", "Erika").exit_code == 0
        assert sign_in(browser, password=added).status_code == 303

    def test_says_if_there_is_nobody(self, run):
        assert "no account with this user name" in run("disable", "nobody").stderr


class TestPassword:
    def test_is_replaced(self, run, added, browser):
        new = run("password", "erika", "--generate").stdout.strip()

        assert sign_in(browser, password=added).status_code == 403
        assert sign_in(browser, password=new).status_code == 303

    def test_alone_is_asked_for_after_the_factors_are_forgotten(self, run, added):
        assert run("forget-factors", "erika").exit_code == 0


@pytest.fixture
def planned(sqlite_engine, calendar, now):
    sessions = make_sessions(sqlite_engine)
    with sessions.begin() as session:
        a_world(session)
        a_proposed_day(session, calendar=calendar, viewer=EVERYONE, now=now)
    return sessions


class TestDemoSignIns:
    def test_are_one_for_each_role_of_people(self, planned, tmp_path, now, browser):
        made = make_sign_ins(planned, tmp_path, day=DAY, now=now)

        assert {each.role for each in made} == set(ViewerRole) - {ViewerRole.SYSTEM, ViewerRole.CLIENT}
        browser.app.state.sign_in.passwords = Passwords()
        for each in made:
            assert sign_in(browser, each.login, each.password).status_code == 303
            assert browser.get("/api/me").json()["role"] == each.role.value

    def test_keep_their_passwords_in_a_file_for_its_owner(self, planned, tmp_path, now):
        first = make_sign_ins(planned, tmp_path, day=DAY, now=now)

        assert make_sign_ins(planned, tmp_path, day=DAY, now=now) == first
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600

    def test_get_new_passwords_if_the_file_is_lost(self, planned, tmp_path, now):
        first = make_sign_ins(planned, tmp_path, day=DAY, now=now)
        (tmp_path / FILE).unlink()

        second = make_sign_ins(planned, tmp_path, day=DAY, now=now)

        assert {each.password for each in first}.isdisjoint(each.password for each in second)
        with planned.begin() as session:
            kept = session.scalar(select(Account.password_hash).where(Account.login == second[0].login))
        assert Passwords().compare(second[0].password, kept).is_right

    def test_say_if_the_file_is_damaged(self, planned, tmp_path, now):
        (tmp_path / FILE).write_text("{")

        with pytest.raises(DemoFileUnusable):
            make_sign_ins(planned, tmp_path, day=DAY, now=now)

    def test_are_refused_in_public(self, planned, tmp_path, now, sqlite_engine):
        make_sign_ins(planned, tmp_path, day=DAY, now=now)
        settings = Settings.read(data_dir=tmp_path, public_url="https://care.example")

        with (
            pytest.raises(DemoAccountsInPublic),
            browsing(create_app(settings, engine=sqlite_engine, runs_jobs=False)),
        ):
            pass

    def test_belong_to_the_service_that_has_tours(self, planned, tmp_path, now):
        make_sign_ins(planned, tmp_path, day=DAY, now=now)

        with planned.begin() as session:
            found = {each.role: each for each in session.scalars(select(Account))}
        assert len(found) == len(ROLES)
        assert found[ViewerRole.NURSE].organisation_id == found[ViewerRole.COORDINATOR].organisation_id
        assert found[ViewerRole.DOCTOR].organisation_id != found[ViewerRole.COORDINATOR].organisation_id
        assert all(each.is_demo for each in found.values())
