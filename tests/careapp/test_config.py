"""The settings: read once, refused with a sentence."""

from pathlib import Path

import pytest

from careapp.config import Settings, UnsafeSettings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CAREAPP_{name.upper()}", raising=False)


class TestSettings:
    def test_need_nothing(self):
        settings = Settings.read()

        assert (settings.host, settings.port, settings.zone) == ("127.0.0.1", 8000, "Europe/Berlin")
        assert settings.database_address == f"sqlite:///{Path.cwd() / 'data' / 'careapp.sqlite'}"

    @pytest.mark.parametrize("name", Settings.model_fields)
    def test_say_what_each_is_for(self, name):
        description = Settings.model_fields[name].description

        assert description is not None
        assert description.endswith(".")

    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("data_dir", "/srv/care", Path("/srv/care")),
            ("host", "::1", "::1"),
            ("host", "localhost", "localhost"),
            ("host", "127.0.0.2", "127.0.0.2"),
            ("port", "0", 0),
            ("zone", "Europe/Vienna", "Europe/Vienna"),
            ("plan_at", "02:30", "02:30"),
            ("plan_limit_s", "0.5", 0.5),
            ("lease_s", "1", 1.0),
            ("log_level", "DEBUG", "DEBUG"),
        ],
    )
    def test_come_from_the_environment(self, monkeypatch, name, text, value):
        monkeypatch.setenv(f"CAREAPP_{name.upper()}", text)

        assert getattr(Settings.read(), name) == value

    def test_name_postgresql_by_its_address(self, monkeypatch):
        monkeypatch.setenv("CAREAPP_DATABASE_URL", "postgresql+psycopg://care@db/care")

        assert Settings.read().database_address == "postgresql+psycopg://care@db/care"

    def test_yield_to_what_is_given(self, monkeypatch):
        monkeypatch.setenv("CAREAPP_PORT", "9000")

        assert Settings.read(port=9001).port == 9001
        assert Settings.read(port=None).port == 9000

    def test_cannot_be_changed(self):
        with pytest.raises(ValueError, match="frozen"):
            Settings.read().port = 1  # type: ignore[misc]  # the point

    @pytest.mark.parametrize(
        ("name", "text", "sentence"),
        [
            ("host", "0.0.0.0", "CAREAPP_HOST: 0.0.0.0 can be reached from other machines"),  # noqa: S104
            ("host", "192.168.1.7", "set CAREAPP_HOST to 127.0.0.1 or ::1"),
            ("host", "care.example", "CAREAPP_HOST: 'care.example' is no address of this machine"),
            ("public_url", "http://care.example", "like https://care.example"),
            ("public_url", "https://care.example/app", "without a path"),
            ("public_url", "https://u:p@care.example", "CAREAPP_PUBLIC_URL"),
            ("public_url", "care.example", "CAREAPP_PUBLIC_URL"),
            ("proxies", "proxy.example", "CAREAPP_PROXIES: name addresses or networks"),
            ("private_networks", "10.1.0.1/16", "CAREAPP_PRIVATE_NETWORKS: name addresses or networks"),
            ("requests_per_address", "9", "CAREAPP_REQUESTS_PER_ADDRESS"),
            ("requests_per_viewer", "0", "CAREAPP_REQUESTS_PER_VIEWER"),
            ("host", "", "CAREAPP_HOST"),
            ("zone", "Europe/Arnsberg", "there is no time zone 'Europe/Arnsberg': name one like"),
            ("zone", "", "CAREAPP_ZONE"),
            ("zone", "Europe", "there is no time zone"),
            ("zone", "../../etc/passwd", "CAREAPP_ZONE"),
            ("plan_at", "24:00", "CAREAPP_PLAN_AT"),
            ("plan_at", "6pm", "CAREAPP_PLAN_AT"),
            ("plan_limit_s", "0", "CAREAPP_PLAN_LIMIT_S"),
            ("plan_limit_s", "nan", "CAREAPP_PLAN_LIMIT_S"),
            ("travel_safety", "0.9", "CAREAPP_TRAVEL_SAFETY"),
            ("tick_s", "0", "CAREAPP_TICK_S"),
            ("lease_s", "inf", "CAREAPP_LEASE_S"),
            ("port", "65536", "CAREAPP_PORT"),
            ("port", "http", "CAREAPP_PORT"),
            ("log_level", "LOUD", "CAREAPP_LOG_LEVEL"),
        ],
    )
    def test_are_refused_by_name(self, monkeypatch, name, text, sentence):
        monkeypatch.setenv(f"CAREAPP_{name.upper()}", text)

        with pytest.raises(UnsafeSettings) as refused:
            Settings.read()

        assert sentence in str(refused.value)

    def test_let_others_reach_the_service_only_through_a_named_proxy(self):
        outside = {"host": "0.0.0.0", "public_url": "https://Care.example:443/"}  # noqa: S104 -- the point

        with pytest.raises(UnsafeSettings, match="set CAREAPP_PROXIES to its address"):
            Settings.read(**outside)
        settings = Settings.read(**outside, proxies="10.0.0.7")

        assert settings.is_public
        assert settings.public_url == "https://care.example"
        assert not Settings.read().is_public

    def test_name_every_refused_one_at_once(self, monkeypatch):
        monkeypatch.setenv("CAREAPP_PORT", "http")
        monkeypatch.setenv("CAREAPP_ZONE", "nowhere")

        with pytest.raises(UnsafeSettings, match=r"CAREAPP_PORT: .+; CAREAPP_ZONE: "):
            Settings.read()

    def test_refuse_one_that_does_not_exist(self):
        with pytest.raises(UnsafeSettings, match="CAREAPP_PROT"):
            Settings.read(prot=1)

    def test_refuse_a_misspelt_one_in_the_environment(self, monkeypatch):
        monkeypatch.setenv("CAREAPP_PROT", "9000")

        with pytest.raises(UnsafeSettings, match="CAREAPP_PROT: there is no such setting"):
            Settings.read()
