"""The settings: the only reader of the environment."""

import os
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from careapp import settings_rules as rules
from careapp.errors import Invalid
from careapp.notices.settings import NoticeSettings
from careapp.origins import Network, origin_of, read_networks

USUAL_ADDRESS_RATE, USUAL_VIEWER_RATE = 1200, 600
"""Requests in a minute. Behind one address there may be a whole office."""


class UnsafeSettings(Invalid):
    """A setting is missing, malformed or would expose patients' data."""


class Settings(NoticeSettings, BaseSettings):
    """All settings; each is read from the environment variable `CAREAPP_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="CAREAPP_", frozen=True, extra="forbid")

    data_dir: Path = Field(default=Path("data"), description="Folder of the embedded database.")
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy address of a PostgreSQL database (`postgresql+psycopg://…`); "
        "unset: SQLite in the data folder.",
    )
    database_role: str | None = Field(
        default=None,
        description="PostgreSQL's role as which the server works; `careapp migrate`, run as the owner, gives "
        "it the rights that it needs.",
    )
    keys_file: Path | None = Field(
        default=None,
        description="File with the keys that seal patients' data; unset: `keys/keys.json` in the data "
        "folder, made at first use. Keep a copy elsewhere: without it nobody can read a patient.",
    )
    audit_anchor_file: Path | None = Field(
        default=None,
        description="File with the end of the record of who saw what, which tells whether it was cut off; "
        "unset: `keys/audit-anchor.json` in the data folder.",
    )
    public_url: str | None = Field(
        default=None,
        description="Where browsers and other systems reach the service, like https://care.example: the "
        "reverse proxy that ends TLS; unset: this machine only.",
    )
    proxies: str = Field(
        default="127.0.0.1, ::1",
        description="Addresses or networks of that proxy, with commas between: whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed.",
    )
    host: str = Field(
        default="127.0.0.1",
        validate_default=True,
        description="Address to listen on; other than loopback only with CAREAPP_PUBLIC_URL and "
        "CAREAPP_PROXIES.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    requests_per_address: int | None = Field(
        default=None,
        ge=10,
        le=1_000_000,
        description="Requests from one address in a minute, this machine's own not counted; unset: 1200 "
        "where the service is public, else as many as come.",
    )
    requests_per_viewer: int | None = Field(
        default=None,
        ge=10,
        le=1_000_000,
        description="Requests of one account or client in a minute; unset: 600 where the service is public, "
        "else as many as come.",
    )
    zone: str = Field(default="Europe/Berlin", description="Time zone of the region's local days.")
    holidays: str = Field(default="DE-NW", description="Public holidays: country and subdivision.")
    plan_at: str = Field(
        default="18:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="Local time after which tomorrow is planned once.",
    )
    plan_limit_s: float = Field(
        default=20.0, gt=0, le=3600, description="Seconds of search for a day's plan."
    )
    travel_safety: float = Field(
        default=1.15, ge=1.0, le=3.0, description="Factor on estimated travel times (hills, parking)."
    )
    roads: Literal["estimate", "osrm", "osrm-http", "valhalla-http"] = Field(
        default="estimate",
        description="Where travel times come from: a formula, OSRM on this machine, or a server.",
    )
    roads_url: str | None = Field(
        default=None,
        validate_default=True,
        description="Address of the server of `osrm-http` or `valhalla-http`; "
        "`{profile}` in it stands for car, bicycle or foot.",
    )
    roads_data_name: str = Field(
        default="",
        description="Name of the server's data, changed with them: times kept from another are not used.",
    )
    roads_table_size: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Places in one request to the server; 0: what servers allow (OSRM 100, Valhalla 50).",
    )
    snap_radius_m: int = Field(
        default=500, ge=1, le=20_000, description="How far from a road a home or base may lie, in metres."
    )
    travel_speed_factor: float = Field(
        default=1.0, ge=0.2, le=5.0, description="Factor on all speeds: at 0.9 every way takes 1/0.9 as long."
    )
    access_s: int = Field(
        default=0, ge=0, le=3600, description="Seconds added to each way for parking and walking to the door."
    )
    geocoder: Literal["local", "nominatim", "photon"] = Field(
        default="local",
        description="Who finds addresses: our own gazetteer, or a server, which then hears what is searched.",
    )
    geocoder_url: str | None = Field(
        default=None,
        validate_default=True,
        description="Address of the server of `nominatim` or `photon`, without `/search` or `/api`.",
    )
    hold_s: float = Field(
        default=300.0, ge=10, le=3600, description="Seconds for which a video slot is held for one person."
    )
    chance_min: int = Field(
        default=60,
        ge=5,
        le=2880,
        description="Minutes for which a time is kept for somebody who waits for one.",
    )
    tick_s: float = Field(default=15.0, gt=0, le=3600, description="Seconds between two looks at due work.")
    lease_s: float = Field(
        default=60.0, ge=1, le=3600, description="Seconds after which silent work may be taken over."
    )
    fhir_body_mb: int = Field(
        default=50, ge=1, le=1000, description="Megabytes of the largest body that is read under `/fhir`."
    )
    answers_keep_h: float = Field(
        default=24.0,
        gt=0,
        le=720,
        description="Hours for which exports and answers to `Prefer: respond-async` can be fetched.",
    )
    outbox_keep_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="Days after which messages and events are forgotten, sent or not.",
    )
    records_keep_years: int = Field(
        default=10,
        ge=1,
        le=100,
        description="Years after the last appointment until patients who left are erased (§ 630f BGB: 10).",
    )
    calls_keep_days: int = Field(
        default=90,
        ge=1,
        le=90,
        description="Days for which what others sent about a video call is kept after it; 90 at most.",
    )
    rankings_keep_days: int = Field(
        default=365,
        ge=1,
        le=3650,
        description="Days for which is kept in which order times were proposed to a patient, and why.",
    )
    coverage_operator: str = Field(
        default="",
        max_length=40,
        description="Whose network counts where figures tell of several operators; unset: the best.",
    )
    calls_url: str | None = Field(
        default=None,
        description="Where a certified video provider lets people in, with `{token}` in it; unset: our own.",
    )
    calls_key_file: Path | None = Field(
        default=None, description="File with the key that is shared with that provider, 32 bytes or more."
    )
    jobs_keep_days: int = Field(default=90, ge=1, le=3650, description="Days for which ended jobs are kept.")
    subscription_hosts: str = Field(
        default="",
        description="Servers that notifications of subscriptions may be sent to, with commas between, like "
        "https://hospital.example; none: nothing is sent.",
    )
    session_idle_min: int = Field(
        default=60, ge=1, le=1440, description="Minutes after which an unused sign-in in a browser ends."
    )
    session_h: float = Field(
        default=12.0, gt=0, le=720, description="Hours after which every sign-in in a browser ends."
    )
    private_networks: str = Field(
        default="",
        description="Private networks with commas between, like 10.1.0.0/16, into which the names of servers "
        "that we ask may lead; none: only to the internet.",
    )
    issuers: Path | None = Field(
        default=None,
        description="JSON file of other issuers whose access tokens are taken, such as a Keycloak; see "
        "`api/auth/issuers.py`.",
    )
    access_token_s: int = Field(
        default=300, ge=30, le=3600, description="Seconds for which an access token that we issue is good."
    )
    refresh_days: int = Field(
        default=30, ge=1, le=365, description="Days for which a client may renew its tokens after a sign-in."
    )
    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged."
    )

    _is_encrypted = field_validator("public_url")(rules.encrypted)
    _are_networks = field_validator("proxies", "private_networks")(rules.networks)
    _is_guarded = field_validator("host")(rules.guarded)
    _is_an_address = field_validator("roads_url")(rules.roads_server)
    _is_named = field_validator("geocoder_url")(rules.geocoder_server)
    _are_origins = field_validator("subscription_hosts")(rules.origins)
    _is_known = field_validator("zone")(rules.zone)

    @classmethod
    def read(cls, **overrides: object) -> Self:
        """Read the environment; `overrides` win over it, None means not given.

        Raises:
            UnsafeSettings: A value is refused, or a variable is none of ours; the message names each variable
                and what to set.
        """
        known = {f"CAREAPP_{name.upper()}" for name in cls.model_fields}
        misspelt = sorted(name for name in os.environ if name.startswith("CAREAPP_") and name not in known)
        if misspelt:
            raise UnsafeSettings(
                "; ".join(f"{name}: there is no such setting, the README lists them" for name in misspelt)
            )
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls(**given)  # type: ignore[arg-type]  # each value is validated by the field's own type
        except ValidationError as refused:
            sentences = "; ".join(
                f"CAREAPP_{str(error['loc'][0]).upper()}: {error['msg'].removeprefix('Value error, ')}"
                for error in refused.errors()
            )
            raise UnsafeSettings(sentences) from refused

    @property
    def subscription_origins(self) -> frozenset[str]:
        """The servers of `subscription_hosts` in one spelling."""
        written = filter(None, map(str.strip, self.subscription_hosts.split(",")))
        return frozenset(origin for each in written if (origin := origin_of(each)) is not None)

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """Where the reverse proxy is."""
        return read_networks(self.proxies)

    @property
    def outbound_networks(self) -> tuple[Network, ...]:
        """Private networks into which the names of servers may lead."""
        return read_networks(self.private_networks)

    @property
    def is_public(self) -> bool:
        """Whether others than whoever sits at this machine can reach the service."""
        return self.public_url is not None

    @property
    def address_rate(self) -> int | None:
        """How many requests may come from one address in a minute; None: any number."""
        return self.requests_per_address or (USUAL_ADDRESS_RATE if self.is_public else None)

    @property
    def viewer_rate(self) -> int | None:
        """How many requests an account or client may send in a minute; None: any number."""
        return self.requests_per_viewer or (USUAL_VIEWER_RATE if self.is_public else None)

    @property
    def zone_info(self) -> ZoneInfo:
        """The time zone of local days."""
        return ZoneInfo(self.zone)

    @property
    def audit_anchor_path(self) -> Path:
        """The file with the end of the record."""
        return self.audit_anchor_file or self.data_dir / "keys" / "audit-anchor.json"

    @property
    def keys_path(self) -> Path:
        """The file of the key ring."""
        return self.keys_file or self.data_dir / "keys" / "keys.json"

    @property
    def roads_dir(self) -> Path:
        """Where road data and tiles are kept."""
        return self.data_dir / "roads"

    @property
    def exports_dir(self) -> Path:
        """Where the files of exports are kept until they expire."""
        return self.data_dir / "exports"

    @property
    def gazetteer_path(self) -> Path:
        """The file that searches for addresses."""
        return self.roads_dir / "gazetteer.sqlite"

    @property
    def database_address(self) -> str:
        """The SQLAlchemy address of the database in use."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'careapp.sqlite').absolute()}"
