"""A server that takes e-mails, with TLS or STARTTLS."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_REPLIES = {
    "EHLO": "250-here\r\n250-AUTH PLAIN\r\n250 STARTTLS",
    "STARTTLS": "220 go on",
    "AUTH": "235 welcome",
    "DATA": "354 go on",
    "QUIT": "221 bye",
}


@dataclass
class MailServer:
    """What a mail server heard.

    Attributes:
        tls: What its certificate is checked with.
        port: Where it listens.
        answers: Instead of the usual ones, by verb.
        commands: The verb of every line.
        mails: What was sent.
    """

    tls: ssl.SSLContext
    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)


@contextmanager
def a_mail_server(certificate: Path, *, is_encrypted: bool) -> Iterator[MailServer]:
    """Serve one mail after the other, as RFC 5321 asks for at least.

    Args:
        certificate: Key and certificate in one file.
        is_encrypted: From the first byte; otherwise after STARTTLS.
    """
    heard = MailServer(ssl.create_default_context(cafile=str(certificate)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            talk = _Talk(self.request, heard, context)
            try:
                talk.hold(is_encrypted=is_encrypted)
            except OSError:
                return  # the client went away
            finally:
                talk.connection.close()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        heard.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()


class _Talk:
    def __init__(self, connection: socket.socket, heard: MailServer, context: ssl.SSLContext) -> None:
        self.connection = connection
        self._heard = heard
        self._context = context

    def hold(self, *, is_encrypted: bool) -> None:
        if is_encrypted:
            self.connection = self._context.wrap_socket(self.connection, server_side=True)
        self._stream = self.connection.makefile("rwb")
        self._say("220 here")
        while line := self._stream.readline().decode().strip():
            verb = line.split()[0].upper()
            self._heard.commands.append(verb)
            special = self._heard.answers.get(verb)
            self._say(special or _REPLIES.get(verb, "250 fine"))
            if verb == "QUIT":
                return
            if verb == "STARTTLS" and special is None:
                self._stream.close()
                self.connection = self._context.wrap_socket(self.connection, server_side=True)
                self._stream = self.connection.makefile("rwb")
            if verb == "DATA" and special is None:
                self._heard.mails.append(b"".join(iter(self._stream.readline, b".\r\n")))
                self._say("250 taken")

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\r\n".encode())
        self._stream.flush()
