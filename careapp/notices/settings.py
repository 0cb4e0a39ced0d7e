"""Settings of what leaves by e-mail and SMS; `careapp.config.Settings` has them among its own."""

import re
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from careapp.origins import origin_of

_ADDRESS = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII | re.IGNORECASE)
LONGEST_ADDRESS = 254
"""Of RFC 5321."""


class NoticeSettings(BaseModel):
    """Where messages to patients go; unset, they are written into folders and nothing leaves."""

    mail_from: str | None = Field(default=None, description="Sender of e-mails to patients.")
    smtp_url: str | None = Field(
        default=None,
        description="Mail server, like smtps://user:password@mail.example:465, or smtp:// with STARTTLS; "
        "unset: e-mails are written into the folder `mail` of the data folder.",
    )
    sms_url: str | None = Field(
        default=None,
        description="SMS gateway that takes `to` and `text` as JSON by POST; unset: messages are written "
        "into the folder `sms` of the data folder.",
    )
    sms_token: str | None = Field(default=None, description="Bearer token for the SMS gateway.")

    @field_validator("mail_from")
    @classmethod
    def _is_a_mailbox(cls, value: str | None) -> str | None:
        if value is not None and not is_mailbox(value):
            raise ValueError("name a mailbox like termine@pflege.example")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            is_server = parts.scheme in {"smtp", "smtps"} and parts.hostname and parts.port != 0
        except ValueError:  # the port is no number
            is_server = False
        if not is_server or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("name the mail server like smtps://user:password@mail.example:465")
        if info.data.get("mail_from") is None:
            raise ValueError("e-mails need a sender: set CAREAPP_MAIL_FROM")
        return value

    @field_validator("sms_url")
    @classmethod
    def _is_a_gateway(cls, value: str | None) -> str | None:
        if value is None:
            return None
        origin = origin_of(value)
        if origin is None or not (origin.startswith("https:") or _is_here(origin)):
            raise ValueError("name the gateway like https://sms.example/send: telephone numbers go there")
        return value


def is_mailbox(text: str) -> bool:
    """Tell whether a text is one e-mail address, without a name beside it."""
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def _is_here(origin: str) -> bool:
    return urlsplit(origin).hostname in {"localhost", "127.0.0.1", "::1"}
