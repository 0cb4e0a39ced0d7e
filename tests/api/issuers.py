"""A server that publishes keys, as other issuers and clients have one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from joserfc.jwk import ECKey, Key


class Provider(ThreadingHTTPServer):
    """Publishes keys, and counts who asks."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.keys: list[Key] = [ECKey.generate_key("P-256", {"kid": "theirs", "use": "sig"})]
        self.asked = 0
        self.status = 200
        self.body: bytes | None = None
        self.address = f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        provider = self.server
        assert isinstance(provider, Provider)
        provider.asked += 1
        keys = [key.as_dict(private=False) for key in provider.keys]
        body = json.dumps({"keys": keys}).encode() if provider.body is None else provider.body
        self.send_response(provider.status)
        self.send_header("Location", f"{provider.address}/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def publishing() -> Iterator[Provider]:
    """Publish keys until the block ends."""
    server = Provider()
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
