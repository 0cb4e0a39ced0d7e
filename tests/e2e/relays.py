"""coturn, where it is installed: a relay on loopback with the secret that our server has too."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests import needs

SECRET = "a secret of tests, long enough"  # noqa: S105 -- of nobody
WITHIN_S = 20


@contextmanager
def relaying(folder: Path) -> Iterator[dict[str, str]]:
    """Run a relay; yields the settings with which a server of ours sends everybody through it."""
    program = shutil.which("turnserver")
    if program is None:
        needs.cannot_run("calls through a relay need coturn: apt-get install coturn")
    port, secret = _free_port(), folder / "turn.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    arguments = [
        *("--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=test", "--fingerprint"),
        *("--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}"),
        *("--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers"),  # loopback: of tests only
        *(f"--pidfile={folder / 'turn.pid'}", f"--userdb={folder / 'turn.db'}", "--log-file=stdout"),
    ]
    with (folder / "turn.log").open("w") as log:
        process = subprocess.Popen([program, "-n", *arguments], stdout=log, stderr=log, cwd=folder)
        try:
            _wait_for(port, process)
            yield {
                "CAREAPP_ICE_URLS": f"turn:127.0.0.1:{port}?transport=udp",
                "CAREAPP_TURN_SECRET_FILE": str(secret),
                "CAREAPP_RELAY_ONLY": "true",
            }
        finally:
            process.terminate()
            process.wait(WITHIN_S)


def _free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(WITHIN_S * 10):
        with closing(socket.socket()) as asker:
            if asker.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the relay ended at once"
        time.sleep(0.1)
    raise AssertionError("the relay does not listen")
