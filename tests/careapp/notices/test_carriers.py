"""How letters leave: into folders, to a mail server, to a gateway."""

import email
import socket
import stat
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from careapp.config import Settings, UnsafeSettings
from careapp.notices.carriers import (
    Letter,
    MailFolder,
    NotTaken,
    SmsFolder,
    SmsGateway,
    Smtp,
    carriers_of,
    compose,
    open_gateway_client,
)
from careapp.notices.entries import Method
from careapp.notices.forgetting import forget_notices
from careapp.notices.models import Language, Way
from tests.mail_servers import a_mail_server
from tests.receivers import receiving

NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
SENDER = "termine@pflege.example"


def a_letter(way: Way = Way.EMAIL, *, calendar: tuple[Method, bytes] | None = None) -> Letter:
    return Letter(
        notice_id=uuid4(),
        way=way,
        to="erna@mail.example" if way is Way.EMAIL else "+491712345678",
        language=Language.GERMAN,
        subject="Ihr Termin",
        text="Sie haben am Dienstag, 3. März 2026, um 10:20 Uhr einen Termin.",
        written_at=NOW,
        calendar=calendar,
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for `localhost`, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(pem)
    )
    return path


class TestCompose:
    def test_writes_a_mail_that_machines_do_not_answer(self):
        letter = a_letter()

        read = email.message_from_bytes(compose(letter, SENDER).as_bytes(), policy=default)

        assert {name: read[name] for name in ("From", "To", "Subject", "Auto-Submitted")} == {
            "From": SENDER,
            "To": "erna@mail.example",
            "Subject": "Ihr Termin",
            "Auto-Submitted": "auto-generated",
        }
        assert read["Message-ID"] == f"<{letter.notice_id}@pflege.example>"
        assert read.get_content().strip() == letter.text

    def test_carries_an_invitation_beside_the_text(self):
        letter = a_letter(calendar=(Method.REQUEST, b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"))

        read = email.message_from_bytes(compose(letter, SENDER).as_bytes(), policy=default)

        text, calendar = read.iter_parts()
        assert text.get_content().strip() == letter.text
        assert calendar.get_content_type() == "text/calendar"
        assert calendar["Content-Type"].params["method"] == "REQUEST"
        assert calendar.get_content() == "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


class TestFolders:
    def test_keep_each_letter_once_and_for_the_owner_alone(self, tmp_path):
        folder, letter = tmp_path / "mail", a_letter()

        for _ in range(2):
            MailFolder(folder, SENDER).carry(letter)

        (path,) = folder.iterdir()
        assert UUID(path.stem) == letter.notice_id
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert b"To: erna@mail.example\r\n" in path.read_bytes()

    def test_write_sms_with_their_number(self, tmp_path):
        letter = a_letter(Way.SMS)

        SmsFolder(tmp_path).carry(letter)

        assert (tmp_path / f"{letter.notice_id}.txt").read_text("utf-8") == f"+491712345678\n{letter.text}\n"

    def test_say_when_they_cannot_be_written(self, tmp_path):
        (tmp_path / "mail").write_text("in the way")

        with pytest.raises(NotTaken, match="folder cannot be written"):
            MailFolder(tmp_path / "mail", SENDER).carry(a_letter())

    def test_lose_what_nobody_knows_any_more(self, session, now, tmp_path):
        MailFolder(tmp_path / "mail", SENDER).carry(a_letter())
        (tmp_path / "mail" / "README").write_text("not ours")

        forget_notices(session, now=now, settings=Settings.read(data_dir=tmp_path))

        assert [path.name for path in (tmp_path / "mail").iterdir()] == ["README"]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
class TestSmtp:
    def test_hands_mails_over_encrypted_and_signed_in(self, certificate, scheme):
        with a_mail_server(certificate, is_encrypted=scheme == "smtps") as server:
            url = f"{scheme}://careapp:se%23cret@localhost:{server.port}"
            Smtp(url, SENDER, tls=server.tls).carry(a_letter())

        assert ("STARTTLS" in server.commands) == (scheme == "smtp")
        assert server.commands.index("AUTH") < server.commands.index("MAIL")
        assert b"To: erna@mail.example" in server.mails[0]

    @pytest.mark.parametrize(
        ("verb", "answer", "is_final"),
        [
            ("RCPT", "550 nobody here", True),
            ("RCPT", "450 full", False),
            ("DATA", "554 spam", True),
            ("AUTH", "535 wrong", False),
            ("MAIL", "451 later", False),
        ],
    )
    def test_tells_what_is_final_without_quoting(self, certificate, scheme, verb, answer, is_final):
        with a_mail_server(certificate, is_encrypted=scheme == "smtps") as server:
            server.answers[verb] = answer
            url = f"{scheme}://careapp:secret@localhost:{server.port}"
            with pytest.raises(NotTaken) as refused:
                Smtp(url, SENDER, tls=server.tls).carry(a_letter())

        assert refused.value.is_final == is_final
        assert not {"erna", "secret", *answer.split()[1:]} & set(str(refused.value).split())

    def test_trusts_no_unknown_certificate(self, certificate, scheme):
        with a_mail_server(certificate, is_encrypted=scheme == "smtps") as server:
            stranger = Smtp(f"{scheme}://localhost:{server.port}", SENDER)
            with pytest.raises(NotTaken, match="SSLCertVerificationError"):
                stranger.carry(a_letter())

        assert server.mails == []


class TestSmtpWithoutEncryption:
    def test_hands_nothing_over(self, certificate):
        with a_mail_server(certificate, is_encrypted=False) as server:
            server.answers["EHLO"] = "250 plain only"
            with pytest.raises(NotTaken):
                Smtp(f"smtp://localhost:{server.port}", SENDER, tls=server.tls).carry(a_letter())

        assert not {"AUTH", "MAIL"} & set(server.commands)

    def test_says_when_nobody_is_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]

            with pytest.raises(NotTaken, match="cannot be reached"):
                Smtp(f"smtp://localhost:{port}", SENDER).carry(a_letter())


class TestSmsGateway:
    def test_is_asked_with_number_text_and_token(self):
        letter = a_letter(Way.SMS)
        with receiving() as receiver:
            settings = Settings.read(sms_url=receiver.endpoint, sms_token="secret")  # noqa: S106 -- of a test
            with open_gateway_client(settings) as client:
                carriers_of(settings, client)[Way.SMS].carry(letter)

        assert orjson.loads(receiver.bodies[0]) == {"to": "+491712345678", "text": letter.text}
        headers = {name.lower(): value for name, value in receiver.headers[0].items()}
        assert headers["authorization"] == "Bearer secret"
        assert headers["idempotency-key"] == str(letter.notice_id)

    @pytest.mark.parametrize(("status", "is_final"), [(503, False), (401, False), (422, True), (302, False)])
    def test_refuses_for_now_or_for_good(self, status, is_final):
        with receiving() as receiver:
            receiver.status = status
            settings = Settings.read(sms_url=receiver.endpoint)
            with open_gateway_client(settings) as client, pytest.raises(NotTaken) as refused:
                SmsGateway(receiver.endpoint, None, client).carry(a_letter(Way.SMS))

        assert refused.value.is_final == is_final

    def test_is_the_only_server_that_is_reached(self):
        with receiving() as receiver:
            with open_gateway_client(Settings.read()) as client, pytest.raises(NotTaken):
                SmsGateway(receiver.endpoint, None, client).carry(a_letter(Way.SMS))

            assert receiver.bodies == []


class TestSettings:
    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ({"smtp_url": "smtps://mail.example"}, "CAREAPP_MAIL_FROM"),
            ({"smtp_url": "https://mail.example", "mail_from": SENDER}, "CAREAPP_SMTP_URL"),
            ({"smtp_url": "smtp://mail.example:99999", "mail_from": SENDER}, "CAREAPP_SMTP_URL"),
            ({"mail_from": "Pflege <a@b.example>"}, "CAREAPP_MAIL_FROM"),
            ({"mail_from": "a@b.example\r\nBcc: c@d.example"}, "CAREAPP_MAIL_FROM"),
            ({"sms_url": "http://sms.example/send"}, "CAREAPP_SMS_URL"),
            ({"sms_url": "sms.example"}, "CAREAPP_SMS_URL"),
        ],
    )
    def test_refuse_what_would_not_work_or_not_be_safe(self, values, named):
        with pytest.raises(UnsafeSettings, match=named):
            Settings.read(**values)

    def test_choose_servers_where_they_are_named_and_folders_elsewhere(self, tmp_path):
        named = Settings.read(
            smtp_url="smtps://mail.example", mail_from=SENDER, sms_url="https://sms.example/x"
        )
        unset = Settings.read(data_dir=tmp_path)

        found = []
        for settings in (named, unset):
            with open_gateway_client(settings) as client:
                found.append([type(each) for each in carriers_of(settings, client).values()])

        assert found == [[Smtp, SmsGateway], [MailFolder, SmsFolder]]
