"""What browsers are told about STUN and TURN servers."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from api.calls.ice import Ice, password_of
from careapp.config import Settings, UnsafeSettings

NOW = datetime(2026, 3, 3, 6, tzinfo=UTC)
WHO = UUID("5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d09")
TURN = "turn:turn.example:3478?transport=udp"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text("0123456789abcdef\n")
    path.chmod(0o600)
    return path


def ice(**settings) -> Ice:
    return Ice(Settings.read(**settings))


class TestIce:
    def test_names_no_server_where_none_is_set(self):
        assert ice().configuration(WHO, now=NOW) == {"iceServers": [], "iceTransportPolicy": "all"}

    def test_gives_a_password_that_ends(self, secret):
        servers = ice(ice_urls=f"stun:turn.example, {TURN}", turn_secret_file=secret).configuration(
            WHO, now=NOW
        )

        stun, turn = servers["iceServers"]
        expires, _, pseudonym = turn["username"].partition(":")
        assert stun == {"urls": ["stun:turn.example"]}
        assert turn["urls"] == [TURN]
        # 2026-03-03T06:00:00Z is 1772517600; four hours later is 14400 more.
        assert int(expires) == 1772517600 + 14400
        assert len(pseudonym) == 16
        assert str(WHO)[:8] not in pseudonym
        assert turn["credential"] == password_of(turn["username"], b"0123456789abcdef")

    def test_makes_passwords_as_coturn_does(self):
        # printf '1772532000:who' | openssl dgst -sha1 -hmac secret -binary | base64
        assert password_of("1772532000:who", b"secret") == "EGCoog/Y3JlTRI4HEFUs58cMOZ8="

    def test_leads_through_relays_only_where_that_is_set(self, secret):
        made = ice(ice_urls=TURN, turn_secret_file=secret, relay_only=True)

        assert made.configuration(WHO, now=NOW)["iceTransportPolicy"] == "relay"

    @pytest.mark.parametrize(
        ("settings", "named"),
        [({"relay_only": True}, "CAREAPP_RELAY_ONLY"), ({"ice_urls": TURN}, "CAREAPP_TURN_SECRET_FILE")],
    )
    def test_refuses_what_cannot_work(self, settings, named):
        with pytest.raises(UnsafeSettings, match=named):
            ice(**settings)

    @pytest.mark.parametrize(
        "urls", ["turn.example", "http://turn.example", "turn:a b", "turn:x?transport=tls"]
    )
    def test_refuses_what_is_no_server(self, urls):
        with pytest.raises(UnsafeSettings, match="CAREAPP_ICE_URLS"):
            Settings.read(ice_urls=urls)

    def test_refuses_a_secret_that_is_short_open_or_missing(self, secret, tmp_path):
        for spoil in (
            lambda: secret.write_text("short"),
            lambda: secret.chmod(0o644),
            secret.unlink,
        ):
            spoil()
            with pytest.raises(UnsafeSettings, match="CAREAPP_TURN_SECRET_FILE"):
                ice(ice_urls=TURN, turn_secret_file=secret)
