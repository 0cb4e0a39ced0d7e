"""Who takes messages away: a mail server or a folder, an SMS gateway or a folder."""

import os
import secrets
import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import httpx2

from careapp import outbound
from careapp.config import Settings
from careapp.errors import CareError
from careapp.notices.entries import Method
from careapp.notices.models import Language, Way
from careapp.origins import origin_of

TIMEOUT_S = 20.0
USUAL_SENDER = "careapp@localhost"
_REFUSED_FROM = 500
_SMTPS, _SUBMISSION = 465, 587
_TRY_LATER = frozenset({408, 425, 429})


class NotTaken(CareError):
    """A message was not taken; why is said without naming anybody.

    Attributes:
        is_final: It will not be taken later either.
    """

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.is_final = is_final


@dataclass(frozen=True, repr=False)
class Letter:
    """What is to be sent.

    Attributes:
        notice_id: Whose repetition a receiver knows by it.
        way: E-mail or SMS.
        to: An address or a number.
        language: Of the text.
        subject: Of an e-mail.
        text: All it says.
        written_at: When it leaves.
        calendar: An invitation that goes with it, and what it asks for.
    """

    notice_id: UUID
    way: Way
    to: str
    language: Language
    subject: str
    text: str
    written_at: datetime
    calendar: tuple[Method, bytes] | None = None


class Carrier(Protocol):
    """Takes messages away; several threads may use one."""

    def carry(self, letter: Letter) -> None:
        """Take one.

        Raises:
            NotTaken: It was refused, or nobody was there.
        """
        ...


class MailFolder:
    """Writes e-mails into a folder, where a person or another program may read them.

    Args:
        folder: Made when the first one comes; nobody else may read it.
        sender: As of `Smtp`.
    """

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def carry(self, letter: Letter) -> None:
        """Write a message in the format of RFC 5322; a repetition takes the place of the first one."""
        content = compose(letter, self._sender).as_bytes(policy=SMTP)
        _put(self._folder / f"{letter.notice_id}.eml", content)


class SmsFolder:
    """Writes SMS into a folder.

    Args:
        folder: As of `MailFolder`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def carry(self, letter: Letter) -> None:
        """Write the number and the text."""
        _put(self._folder / f"{letter.notice_id}.txt", f"{letter.to}\n{letter.text}\n".encode())


class Smtp:
    """Hands e-mails to a mail server, encrypted only; the one server that the settings name.

    Args:
        url: `smtps://…` is encrypted from the first byte, `smtp://…` by STARTTLS.
        sender: Mailbox from which they come.
        tls: What the server's certificate is checked with; None: as the system does.
    """

    def __init__(self, url: str, sender: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._parts = urlsplit(url)
        self._sender = sender
        self._tls = tls or ssl.create_default_context()

    def carry(self, letter: Letter) -> None:
        """Send one e-mail, on a connection of its own."""
        message = compose(letter, self._sender)
        try:
            with self._connect() as server:
                if self._parts.username:
                    server.login(unquote(self._parts.username), unquote(self._parts.password or ""))
                server.send_message(message, from_addr=self._sender, to_addrs=[letter.to])
        except smtplib.SMTPRecipientsRefused as refused:
            codes = [code for code, _ in refused.recipients.values()]
            raise NotTaken(
                "the mail server refuses this recipient", is_final=min(codes) >= _REFUSED_FROM
            ) from None
        except smtplib.SMTPResponseException as refused:
            # A wrong password is the operator's to mend, not the end of this message.
            is_final = refused.smtp_code >= _REFUSED_FROM and isinstance(refused, smtplib.SMTPDataError)
            raise NotTaken(f"the mail server answers {refused.smtp_code}", is_final=is_final) from None
        except (smtplib.SMTPException, OSError) as broken:
            raise NotTaken(f"the mail server cannot be reached ({type(broken).__name__})") from None

    def _connect(self) -> smtplib.SMTP:
        host = self._parts.hostname or ""
        if self._parts.scheme == "smtps":
            port = self._parts.port or _SMTPS
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=self._tls)
        server = smtplib.SMTP(host, self._parts.port or _SUBMISSION, timeout=TIMEOUT_S)
        try:
            server.starttls(context=self._tls)
        except BaseException:
            server.close()
            raise
        return server


class SmsGateway:
    """Hands SMS to a gateway over HTTP.

    Args:
        url: Takes `{"to", "text"}` by POST.
        token: Goes with each as a bearer token.
        client: From `careapp.outbound.open_client`, which reaches the gateway's server.
    """

    def __init__(self, url: str, token: str | None, client: httpx2.Client) -> None:
        self._url = url
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def carry(self, letter: Letter) -> None:
        """Send one SMS; `Idempotency-Key` names it, so that a repetition can be known."""
        headers = {**self._headers, "Idempotency-Key": str(letter.notice_id)}
        body = {"to": letter.to, "text": letter.text}
        try:
            # Streamed: what the gateway answers beside its status is not even read.
            with self._client.stream("POST", self._url, json=body, headers=headers) as response:
                status = response.status_code
        except outbound.NotAllowed as refused:
            raise NotTaken(str(refused)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as broken:
            raise NotTaken(f"the gateway cannot be reached ({type(broken).__name__})") from None
        if not httpx2.codes.is_success(status):
            # 401, 403 and 404 are the operator's to mend; of this number or text speak 400 and 422.
            raise NotTaken(f"the gateway answers {status}", is_final=status in {400, 422})


def compose(letter: Letter, sender: str) -> EmailMessage:
    """Write an e-mail."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = f"<{letter.notice_id}@{sender.rpartition('@')[2]}>"
    message["Content-Language"] = letter.language.value
    message["Auto-Submitted"] = "auto-generated"  # no answer of an answering machine (RFC 3834)
    message.set_content(letter.text)
    if letter.calendar is not None:
        method, content = letter.calendar
        # As bytes, so that every line ends as RFC 5545 says.
        params = {"method": method.value, "charset": "utf-8"}
        message.add_alternative(content, maintype="text", subtype="calendar", params=params)
    return message


def carriers_of(settings: Settings, client: httpx2.Client) -> dict[Way, Carrier]:
    """Return who takes e-mails and SMS away, as the settings say.

    Args:
        settings: See `careapp.notices.settings`.
        client: From `open_gateway_client`.
    """
    sender = settings.mail_from or USUAL_SENDER
    mail: Carrier = MailFolder(settings.data_dir / "mail", sender)
    if settings.smtp_url is not None:
        mail = Smtp(settings.smtp_url, sender)
    sms: Carrier = SmsFolder(settings.data_dir / "sms")
    if settings.sms_url is not None:
        sms = SmsGateway(settings.sms_url, settings.sms_token, client)
    return {Way.EMAIL: mail, Way.SMS: sms}


def open_gateway_client(settings: Settings) -> httpx2.Client:
    """Open what reaches the SMS gateway, and nothing else."""
    origin = origin_of(settings.sms_url or "")
    origins = frozenset() if origin is None else frozenset({origin})
    return outbound.open_client(outbound.Reach(origins, settings.outbound_networks), timeout_s=TIMEOUT_S)


def _put(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError as refused:
        raise NotTaken(f"the folder cannot be written ({refused.strerror})") from None
