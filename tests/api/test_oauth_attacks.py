"""Attacks on the authorization server: each is refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import perf_counter

import pytest
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import func, select

from api.auth.bearer import bearer
from api.auth.cookie import cookie
from careapp.identity.client_models import Client, Code, RefreshToken
from careapp.identity.clients import CREDENTIALS, ClientNotSound, NewClient, add_client, redirect_fits
from tests.api.browsers import browsing, sign_in, token_of
from tests.api.oauth import BACK, App, assertion, sent_back
from tests.api.tokens import claims_of, unsigned
from tests.careapp.identity.people import an_account
from tests.careapp.worlds import an_organisation

AT_ONCE = 20


@pytest.fixture(scope="module")
def key():
    return ECKey.generate_key("P-384", {"kid": "theirs", "use": "sig", "alg": "ES384"})


@pytest.fixture
def organisation(session, key, now):
    """A care service with a coordinator and three clients."""
    made = an_organisation(session)
    an_account(session, organisation=made)
    app = NewClient("app", "App", "openid offline_access user/*.rs", redirect_uris=[BACK])
    add_client(session, app, now=now)
    other = NewClient("other", "Andere", "openid offline_access user/*.rs", redirect_uris=[BACK])
    add_client(session, other, now=now)
    clinic = NewClient(
        "clinic",
        "Klinik",
        "system/Slot.rs system/Appointment.rs user/*.rs",
        organisation_id=made.id,
        grant_types=[CREDENTIALS],
        jwks={"keys": [key.as_dict(private=False)]},
    )
    add_client(session, clinic, now=now)
    session.commit()
    return made


@pytest.fixture
def browser(app, organisation):
    app.state.ways = (bearer, cookie)
    with browsing(app) as client:
        yield client


@pytest.fixture
def signed_in(browser):
    assert sign_in(browser).status_code == 303
    return App(browser, scope="openid offline_access user/*.rs")


@pytest.fixture
def system(browser, key, now):
    """Ask for a token as the clinic, proving it by an assertion with changes."""

    def ask(algorithm="ES384", scope="system/Slot.rs", signer=None, **changes):
        proof = assertion(signer or key, "clinic", now, algorithm=algorithm, **changes)
        return App(browser).send("/oauth/token", grant_type=CREDENTIALS, scope=scope, **proof)

    return ask


class TestCode:
    def test_serves_one_of_twenty_at_once(self, signed_in, session):
        code = signed_in.code()

        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(lambda _: signed_in.redeem(code), range(AT_ONCE)))

        served = [answer for answer in answers if answer.status_code == 200]
        assert len(served) == 1
        assert {answer.json()["error"] for answer in answers if answer not in served} == {"invalid_grant"}
        assert session.scalar(select(func.count()).select_from(Code)) == 0

    def test_ends_all_it_gave_when_it_comes_again(self, app, signed_in):
        code = signed_in.code()
        tokens = signed_in.redeem(code).json()

        assert signed_in.redeem(code).json()["error"] == "invalid_grant"

        app.state.tokens.forget()
        assert signed_in.who(tokens["access_token"]).status_code == 401
        assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    @pytest.mark.parametrize(
        "changes",
        [
            {"code_verifier": "x" * 43},
            {"code_verifier": None},
            {"redirect_uri": "https://app.example/elsewhere"},
            {"redirect_uri": None},
        ],
    )
    def test_is_lost_with_a_wrong_proof(self, signed_in, changes):
        code = signed_in.code()

        assert signed_in.redeem(code, **changes).status_code == 400
        assert signed_in.redeem(code).json()["error"] == "invalid_grant"

    def test_is_not_given_to_another_client(self, signed_in):
        code = signed_in.code()

        assert signed_in.redeem(code, client_id="other").json()["error"] == "invalid_grant"
        assert signed_in.redeem(code).status_code == 200

    def test_is_good_for_a_minute(self, app, signed_in, now):
        code = signed_in.code()
        app.state.clock = lambda: now + timedelta(seconds=61)

        assert signed_in.redeem(code).json()["error"] == "invalid_grant"


class TestRequest:
    @pytest.fixture
    def engine(self, sqlite_engine):
        return sqlite_engine

    @pytest.mark.parametrize(
        "changes",
        [
            {"code_challenge": None, "code_challenge_method": None},
            {"code_challenge_method": "plain"},
            {"code_challenge_method": None},
            {"code_challenge": "short"},
            {"response_type": "token"},
            {"response_type": "code id_token"},
            {"response_mode": "form_post"},
            {"request": "e30.e30."},
            {"request_uri": "http://169.254.169.254/"},
            {"aud": "https://elsewhere.example/fhir"},
            {"prompt": "none login"},
            {"scope": "system/*.rs"},
            {"scope": "admin"},
            {"scope": None},
        ],
    )
    def test_is_sent_back_with_an_error(self, signed_in, changes):
        said = sent_back(signed_in.ask(**changes))

        assert "code" not in said
        assert said["error"]
        assert said["state"] == "abc"

    @pytest.mark.parametrize(
        "changes",
        [
            {"redirect_uri": "https://evil.example/back"},
            {"redirect_uri": f"{BACK}/more"},
            {"redirect_uri": f"{BACK}?next=1"},
            {"redirect_uri": "https://app.example@evil.example/back"},
            {"redirect_uri": f"{BACK}\r\nSet-Cookie: a=b"},
            {"redirect_uri": None},
            {"client_id": "unknown"},
            {"client_id": "clinic"},
            {"client_id": "a" * 9000},
            {"client_id": 'app"'},
            {"state": "a\r\nLocation: https://evil.example"},
        ],
    )
    def test_sends_nobody_to_an_address_that_is_not_registered(self, signed_in, changes):
        answer = signed_in.ask(**changes)

        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "evil" not in answer.text

    def test_is_refused_with_a_parameter_twice(self, signed_in):
        pairs = [*signed_in.request().items(), ("redirect_uri", "https://evil.example/back")]

        assert signed_in.browser.get("/oauth/authorize", params=pairs).status_code == 400

    def test_is_not_answered_for_a_forged_form(self, signed_in):
        page = signed_in.ask()
        address = f"{page.url.path}?{page.url.query.decode()}"

        for form in ({"decision": "allow"}, {"decision": "allow", "csrf_token": "x" * 43}):
            answer = signed_in.browser.post(address, data=form)
            assert answer.status_code == 403
        foreign = signed_in.browser.post(
            address,
            data={"decision": "allow", "csrf_token": token_of(page)},
            headers={"Origin": "https://evil.example"},
        )
        assert foreign.status_code == 403

    def test_is_not_answered_without_a_sign_in(self, browser):
        address = "/oauth/authorize"

        answer = browser.post(address, params=App(browser).request(), data={"decision": "allow"})

        assert answer.status_code in (303, 401, 403)
        assert "code=" not in answer.headers.get("location", "")

    def test_is_not_answered_for_people_of_another_organisation(self, signed_in, session, now):
        stranger = an_organisation(session)
        closed = NewClient(
            "closed",
            "Zu",
            "user/*.rs",
            organisation_id=stranger.id,
            redirect_uris=[BACK],
            is_first_party=True,
        )
        add_client(session, closed, now=now)
        session.commit()

        assert sent_back(App(signed_in.browser, "closed").ask())["error"] == "access_denied"

    def test_may_not_be_framed(self, signed_in):
        assert "frame-ancestors 'none'" in signed_in.ask().headers["content-security-policy"]


class TestScopes:
    @pytest.fixture
    def engine(self, sqlite_engine):
        return sqlite_engine

    def test_are_narrowed_to_what_the_client_may_ask_for(self, signed_in):
        tokens = signed_in.tokens(scope="openid user/*.cruds system/*.cruds api.write patient/*.rs")

        assert tokens["scope"] == claims_of(tokens["access_token"])["scope"] == "openid user/*.rs"

    @pytest.mark.parametrize(
        "scope", ["user/*.cruds", "system/*.rs", "user/*.rs api.write", "launch/patient"]
    )
    def test_do_not_grow_when_tokens_are_renewed(self, signed_in, scope):
        tokens = signed_in.tokens(scope="offline_access user/Slot.rs")

        assert signed_in.refresh(tokens["refresh_token"], scope=scope).json()["error"] == "invalid_scope"
        assert signed_in.refresh(tokens["refresh_token"]).json()["scope"] == "offline_access user/Slot.rs"

    def test_shrink_with_what_the_client_may_ask_for(self, signed_in, session):
        tokens = signed_in.tokens()
        client = session.get(Client, "app")
        client.scope = "offline_access user/Slot.rs"
        session.commit()

        renewed = signed_in.refresh(tokens["refresh_token"]).json()

        assert renewed["scope"] == "offline_access user/Slot.rs"


class TestRefreshToken:
    def test_serves_one_of_twenty_at_once_and_ends_the_family(self, app, signed_in, session):
        first = signed_in.tokens()

        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(lambda _: signed_in.refresh(first["refresh_token"]), range(AT_ONCE)))

        served = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(served) == 1
        app.state.tokens.forget()
        assert signed_in.refresh(served[0]["refresh_token"]).json()["error"] == "invalid_grant"
        assert signed_in.who(served[0]["access_token"]).status_code == 401
        assert signed_in.who(first["access_token"]).status_code == 401

    def test_is_not_stored_as_it_is(self, signed_in, session):
        tokens = signed_in.tokens()

        stored = session.scalars(select(RefreshToken.token_hash)).all()

        assert [len(each) for each in stored] == [32]
        assert tokens["refresh_token"].encode() not in stored

    def test_is_not_taken_from_another_client(self, signed_in):
        tokens = signed_in.tokens()

        stolen = signed_in.refresh(tokens["refresh_token"], client_id="other")
        assert stolen.json()["error"] == "invalid_grant"
        assert (
            signed_in.send("/oauth/revoke", token=tokens["refresh_token"], client_id="other").status_code
            == 400
        )
        assert signed_in.refresh(tokens["refresh_token"]).status_code == 200

    def test_is_no_access_token(self, signed_in):
        tokens = signed_in.tokens()

        assert signed_in.who(tokens["refresh_token"]).status_code == 401
        assert signed_in.who(tokens["id_token"]).status_code == 401
        assert signed_in.refresh(tokens["access_token"]).json()["error"] == "invalid_grant"


class TestAssertion:
    @pytest.fixture
    def engine(self, sqlite_engine):
        return sqlite_engine

    def test_proves_a_client(self, system, browser, organisation):
        answer = system(scope="system/*.rs").json()

        assert answer["scope"] == "system/Appointment.rs system/Slot.rs"
        assert "refresh_token" not in answer
        said = claims_of(answer["access_token"])
        assert (said["sub"], said["role"]) == ("clinic", "client")
        assert said["organisation"] == str(organisation.id)

    @pytest.mark.parametrize(
        "changes",
        [
            {"aud": "https://elsewhere.example/token"},
            {"aud": None},
            {"iss": "app"},
            {"sub": "app", "iss": "app"},
            {"sub": None},
            {"sub": ["clinic"]},
            {"sub": "unknown", "iss": "unknown"},
            {"exp": 1},
            {"exp": 9_999_999_999},
            {"exp": "soon"},
            {"exp": None},
            {"nbf": 9_999_999_999},
            {"jti": None},
            {"jti": ""},
        ],
    )
    def test_is_refused_for_another_content(self, system, changes):
        answer = system(**changes)

        assert answer.status_code in (400, 401)
        assert answer.json()["error"] == "invalid_client"

    def test_is_refused_with_another_key(self, system):
        for stranger in (
            ECKey.generate_key("P-384", {"kid": "theirs"}),
            ECKey.generate_key("P-384", {"kid": "x"}),
        ):
            assert system(signer=stranger).json()["error"] == "invalid_client"
        rsa = RSAKey.generate_key(2048, {"kid": "theirs"})
        assert system("RS384", signer=rsa).json()["error"] == "invalid_client"

    def test_is_refused_without_a_signature(self, browser, key, now):
        proof = assertion(key, "clinic", now)
        proof["client_assertion"] = unsigned(proof["client_assertion"])

        answer = App(browser).send("/oauth/token", grant_type=CREDENTIALS, scope="system/Slot.rs", **proof)

        assert answer.json()["error"] == "invalid_client"

    @pytest.mark.parametrize("text", ["", "x", "a.b.c", "." * 5000, "e30.W10.", "e30." + "W" * 7000 + "."])
    def test_is_refused_if_it_cannot_be_read(self, browser, text):
        proof = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": text,
        }

        answer = App(browser).send("/oauth/token", grant_type=CREDENTIALS, scope="system/Slot.rs", **proof)

        assert answer.status_code in (400, 401)
        assert answer.json()["error"] == "invalid_client"

    def test_gives_no_scope_of_a_person(self, system):
        assert system(scope="user/*.rs").json()["error"] == "invalid_scope"
        assert system(scope=None).json()["error"] == "invalid_scope"

    def test_is_needed(self, browser):
        answer = App(browser).send(
            "/oauth/token", grant_type=CREDENTIALS, scope="system/Slot.rs", client_id="clinic"
        )

        assert answer.json()["error"] == "invalid_client"

    def test_of_one_client_does_not_serve_another(self, browser, key, now):
        proof = assertion(key, "clinic", now)

        answer = App(browser).send(
            "/oauth/token", grant_type=CREDENTIALS, scope="system/Slot.rs", client_id="app", **proof
        )

        assert answer.json()["error"] in {"invalid_client", "unauthorized_client"}


class TestReplayedAssertion:
    def test_serves_one_of_twenty_at_once(self, browser, key, now):
        proof = assertion(key, "clinic", now)
        form = {"grant_type": CREDENTIALS, "scope": "system/Slot.rs", **proof}

        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(lambda _: App(browser).send("/oauth/token", **form), range(AT_ONCE)))

        assert sorted(answer.status_code for answer in answers)[:2] == [200, 400]


class TestIntrospection:
    @pytest.fixture
    def engine(self, sqlite_engine):
        return sqlite_engine

    @pytest.fixture
    def introspect(self, browser, key, now):
        def introspect(token):
            return App(browser).send("/oauth/introspect", token=token, **assertion(key, "clinic", now)).json()

        return introspect

    def test_tells_a_client_of_its_own_tokens(self, system, introspect):
        said = introspect(system().json()["access_token"])

        assert said["active"]
        assert said["scope"] == "system/Slot.rs"

    def test_tells_nothing_of_others(self, signed_in, introspect):
        tokens = signed_in.tokens()

        assert introspect(tokens["access_token"]) == {"active": False}
        assert introspect(tokens["refresh_token"]) == {"active": False}
        assert introspect("nonsense") == {"active": False}

    def test_tells_a_resource_server_of_all(self, signed_in, introspect, session):
        session.get(Client, "clinic").scope += " introspect"
        session.commit()
        tokens = signed_in.tokens()

        assert introspect(tokens["access_token"])["active"]
        assert introspect(tokens["refresh_token"])["active"]
        signed_in.end(tokens["refresh_token"])
        assert introspect(tokens["access_token"]) == {"active": False}
        assert introspect(tokens["refresh_token"]) == {"active": False}

    def test_asks_who_wants_to_know(self, browser):
        answer = App(browser).send("/oauth/introspect", token="x", client_id="app")  # noqa: S106 -- nobody's

        assert answer.json()["error"] == "invalid_client"


class TestForm:
    @pytest.fixture
    def engine(self, sqlite_engine):
        return sqlite_engine

    @pytest.mark.parametrize("address", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\xff\xfe",
            b"grant_type=authorization_code&grant_type=refresh_token",
            b"grant_type=password&username=a&password=b",
            b"grant_type=%22%00%0a",
            b"&".join(b"a%d=b" % number for number in range(500)),
            b"grant_type=authorization_code&client_id=app&code=" + b"x" * 9000,
            b"x" * 200_000,
        ],
    )
    def test_is_refused_if_it_makes_no_sense(self, browser, address, body):
        began = perf_counter()

        answer = browser.post(
            address, content=body, headers={"Content-Type": "application/x-www-form-urlencoded", "Cookie": ""}
        )

        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]
        assert answer.headers["cache-control"] == "no-store"
        assert perf_counter() - began < 5

    def test_is_refused_as_json(self, browser):
        assert (
            browser.post("/oauth/token", json={"grant_type": "x"}, headers={"Cookie": ""}).status_code == 400
        )


class TestRedirectAddresses:
    @pytest.mark.parametrize(
        ("registered", "asked", "fits"),
        [
            ("http://127.0.0.1/back", "http://127.0.0.1:5123/back", True),
            ("http://127.0.0.1:1/back", "http://127.0.0.1:5123/back", True),
            ("http://[::1]/back", "http://[::1]:5123/back", True),
            ("http://127.0.0.1/back", "http://127.0.0.1:5123/other", False),
            ("http://127.0.0.1/back", "https://127.0.0.1:5123/back", False),
            ("http://127.0.0.1/back", "http://evil.example:5123/back", False),
            ("http://127.0.0.1/back", "http://127.0.0.1:x@evil.example/back", False),
            ("http://localhost/back", "http://localhost:5123/back", False),
            ("https://app.example/back", "https://app.example:444/back", False),
            ("https://app.example/back", "https://APP.example/back", False),
            ("https://app.example/back", "https://app.example/back/../evil", False),
            ("org.example.app:/back", "org.example.app:/back", True),
        ],
    )
    def test_fit_to_the_letter_but_for_the_port_of_loopback(self, registered, asked, fits):
        assert redirect_fits([registered], asked) is fits

    def test_of_a_client_are_safe(self, session, now):
        for bad in (
            "data:text/html,x",
            "http://app.example/",
            "https://",
            "//app.example/",
            "https://a\n.example/",
        ):
            with pytest.raises(ClientNotSound):
                add_client(session, NewClient("bad", "X", "user/*.rs", redirect_uris=[bad]), now=now)
