"""The authorization server: what applications get, and how."""

from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from api.auth.bearer import bearer
from api.auth.cookie import cookie
from careapp.access import ViewerRole
from careapp.identity.clients import NewClient, add_client, disable_client
from careapp.identity.grants import revoke_subject
from tests.api.browsers import browsing, sign_in
from tests.api.oauth import ADDRESS, BACK, App, sent_back
from tests.api.tokens import claims_of
from tests.careapp.identity.people import an_account
from tests.careapp.worlds import a_nurse, a_patient, an_organisation


@pytest.fixture
def organisation(session):
    return an_organisation(session)


@pytest.fixture
def account(session, organisation):
    return an_account(session, organisation=organisation)


@pytest.fixture
def app_client(session, account, now):
    """An application of somebody else, for everybody's people."""
    made = NewClient(
        "app",
        "Beispiel <App>",
        "openid fhirUser offline_access launch/patient api.read user/*.rs patient/*.rs",
        redirect_uris=[BACK],
    )
    add_client(session, made, now=now)
    session.commit()
    return made


@pytest.fixture
def browser(app, app_client):
    app.state.ways = (bearer, cookie)
    with browsing(app) as client:
        yield client


@pytest.fixture
def signed_in(browser):
    assert sign_in(browser).status_code == 303
    return App(browser)


class TestDiscovery:
    @pytest.fixture
    def engine(self, sqlite_engine):
        return sqlite_engine

    @pytest.mark.parametrize("name", ["openid-configuration", "oauth-authorization-server"])
    def test_names_addresses_that_answer(self, browser, name):
        said = browser.get(f"/.well-known/{name}").json()

        assert said["issuer"] == ADDRESS
        assert said["code_challenge_methods_supported"] == ["S256"]
        for address in (said[each] for each in said if each.endswith(("_endpoint", "_uri"))):
            assert browser.get(address).status_code != 404, address

    def test_says_the_same_in_smarts_words(self, browser):
        said = browser.get("/fhir/.well-known/smart-configuration").json()

        assert said["authorization_endpoint"] == f"{ADDRESS}/oauth/authorize"
        assert "permission-v2" in said["capabilities"]
        assert "launch-ehr" not in said["capabilities"]  # promised only if it is there

    def test_points_there_from_the_capability_statement(self, browser):
        security = browser.get("/fhir/metadata").json()["rest"][0]["security"]

        found = {each["url"]: each["valueUri"] for each in security["extension"][0]["extension"]}
        assert found["token"] == f"{ADDRESS}/oauth/token"
        assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"


class TestPerson:
    @pytest.fixture
    def engine(self, sqlite_engine):
        return sqlite_engine

    def test_is_asked_to_sign_in_first(self, browser):
        answer = App(browser).ask()

        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=/oauth/authorize")

    def test_comes_back_to_the_question_after_signing_in(self, browser):
        asked = App(browser).ask()
        page = browser.get(asked.headers["location"])
        answer = sign_in(browser, next_address=page.url.params["next"])

        assert answer.status_code in (200, 303)

    def test_is_told_who_asks_for_what(self, signed_in):
        page = signed_in.ask()

        assert page.status_code == 200
        assert "Beispiel &lt;App&gt;" in page.text
        assert "Alle Daten: lesen, suchen" in page.text
        assert "form-action 'self' https://app.example:443;" in page.headers["content-security-policy"]

    def test_reads_the_question_in_english(self, signed_in):
        page = signed_in.browser.get(
            "/oauth/authorize", params=signed_in.request(), headers={"Accept-Language": "en"}
        )

        assert "All data: read, search" in page.text

    def test_can_say_no(self, signed_in):
        answer = signed_in.agree(signed_in.ask(), decision="deny")

        assert sent_back(answer)["error"] == "access_denied"
        assert sent_back(answer)["state"] == "abc"
        assert sent_back(answer)["iss"] == ADDRESS

    def test_is_not_asked_by_our_own_applications(self, signed_in, session, now):
        ours = NewClient("ours", "Unsere", "openid user/*.rs", redirect_uris=[BACK], is_first_party=True)
        add_client(session, ours, now=now)
        session.commit()

        answer = App(signed_in.browser, "ours").ask()

        assert sent_back(answer)["code"]

    def test_is_not_disturbed_by_prompt_none(self, signed_in):
        assert sent_back(signed_in.ask(prompt="none"))["error"] == "consent_required"

    def test_is_not_signed_in_for_prompt_none(self, browser):
        assert sent_back(App(browser).ask(prompt="none"))["error"] == "login_required"

    def test_chooses_whom_it_is_about(self, signed_in, session, organisation):
        patient = a_patient(session, organisation)
        foreign = a_patient(session)
        session.commit()
        scope = "launch/patient patient/*.rs"

        page = signed_in.ask(scope=scope)
        answer = signed_in.agree(page, patient=str(patient.id))
        tokens = signed_in.redeem(sent_back(answer)["code"]).json()

        assert str(patient.id) in page.text
        assert str(foreign.id) not in page.text
        assert tokens["patient"] == claims_of(tokens["access_token"])["patient"] == str(patient.id)
        assert signed_in.agree(signed_in.ask(scope=scope), patient=str(foreign.id)).status_code == 404
        nobody = signed_in.agree(signed_in.ask(scope=scope), patient="")
        assert sent_back(nobody)["error"] == "invalid_request"


class TestTokens:
    def test_say_who_signed_in(self, signed_in, account, organisation):
        tokens = signed_in.tokens()

        assert tokens["expires_in"] == 300
        assert tokens["scope"] == "api.read fhirUser offline_access openid user/*.rs"
        me = signed_in.who(tokens["access_token"]).json()
        assert (me["name"], me["role"]) == (str(account.id), "coordinator")
        assert me["organisation"]["id"] == str(organisation.id)

    def test_tell_the_application_in_an_id_token(self, signed_in, account):
        tokens = signed_in.tokens()

        keys = KeySet.import_key_set(signed_in.browser.get("/oauth/jwks").json())
        said = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims

        assert (said["iss"], said["aud"], said["sub"]) == (ADDRESS, "app", str(account.id))
        assert said["nonce"] == "n-1"
        assert said["at_hash"]

    def test_name_the_practitioner(self, app, session, organisation, app_client, now):
        nurse = a_nurse(session, organisation)
        an_account(session, "nele", role=ViewerRole.NURSE, practitioner_role=nurse)
        session.commit()
        app.state.ways = (bearer, cookie)
        with browsing(app) as browser:
            sign_in(browser, "nele")
            tokens = App(browser).tokens()
            said = browser.get(
                "/oauth/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}", "Cookie": ""}
            ).json()

        assert said["fhirUser"] == f"{ADDRESS}/fhir/Practitioner/{nurse.practitioner_id}"

    def test_are_renewed(self, signed_in):
        first = signed_in.tokens()

        second = signed_in.refresh(first["refresh_token"]).json()

        assert second["refresh_token"] != first["refresh_token"]
        assert signed_in.who(second["access_token"]).status_code == 200

    def test_are_renewed_with_less(self, signed_in):
        first = signed_in.tokens()

        second = signed_in.refresh(first["refresh_token"], scope="user/Slot.rs").json()

        assert second["scope"] == "user/Slot.rs"
        assert signed_in.refresh(second["refresh_token"]).json()["scope"] == first["scope"]

    def test_are_renewed_only_if_that_was_allowed(self, signed_in):
        assert "refresh_token" not in signed_in.tokens(scope="user/*.rs")

    def test_can_be_opaque(self, signed_in, session, now, account):
        other = NewClient(
            "opaque", "Andere", "api.read user/*.rs", redirect_uris=[BACK], wants_opaque_tokens=True
        )
        add_client(session, other, now=now)
        session.commit()
        other_app = App(signed_in.browser, "opaque")

        token = other_app.tokens()["access_token"]

        assert "." not in token
        assert other_app.who(token).json()["name"] == str(account.id)

    def test_end_when_the_application_says_so(self, signed_in):
        tokens = signed_in.tokens()
        assert signed_in.who(tokens["access_token"]).status_code == 200

        ended = signed_in.end(tokens["access_token"])

        assert ended.status_code == 200
        assert signed_in.who(tokens["access_token"]).status_code == 401
        assert signed_in.refresh(tokens["refresh_token"]).status_code == 200

    def test_end_with_their_family(self, signed_in):
        tokens = signed_in.tokens()
        assert signed_in.who(tokens["access_token"]).status_code == 200

        signed_in.end(tokens["refresh_token"])

        assert signed_in.who(tokens["access_token"]).status_code == 401
        assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_are_not_told_whether_a_token_exists(self, signed_in):
        assert signed_in.end("nonsense").status_code == 200

    @pytest.mark.parametrize("ending", ["account", "subject", "client"])
    def test_are_not_renewed_for_whom_is_no_longer_welcome(self, signed_in, session, account, now, ending):
        tokens = signed_in.tokens()
        match ending:
            case "account":
                account.is_active = False
            case "subject":
                revoke_subject(session, str(account.id), now=now)
            case _:
                disable_client(session, "app", now=now)
        session.commit()

        assert signed_in.refresh(tokens["refresh_token"]).status_code == 400

    def test_end_with_time(self, app, signed_in, now):
        tokens = signed_in.tokens()

        app.state.clock = lambda: now + timedelta(seconds=301)
        assert signed_in.who(tokens["access_token"]).status_code == 401
        app.state.clock = lambda: now + timedelta(days=31)
        assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
