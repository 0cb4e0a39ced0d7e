"""The server as a process: its port, its start line, its end."""

import signal
import socket
import time
from pathlib import Path

import httpx2
import pytest

from api.database import open_sessions
from api.server import AddressUnusable, PortInUse, address_of, listen
from careapp.config import Settings
from tests.api import processes
from tests.careapp.worlds import an_organisation
from tests.keys import put_keys


@pytest.fixture
def data_dir(sqlite_engine, tmp_path: Path) -> Path:
    """A folder with a migrated database."""
    return tmp_path


class TestListen:
    def test_takes_the_port_before_anything_is_served(self):
        with listen(Settings.read(port=0)) as listener:
            port = listener.getsockname()[1]

            with pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 is in use.*--port {port + 1}"):
                listen(Settings.read(port=port))

    def test_finds_a_port_that_another_program_has_on_all_addresses(self):
        with socket.socket() as other:
            other.bind(("0.0.0.0", 0))  # noqa: S104 -- the other program's choice
            other.listen()

            with pytest.raises(PortInUse):
                listen(Settings.read(port=other.getsockname()[1]))

    def test_gives_the_port_back(self):
        first = listen(Settings.read(port=0))
        port = first.getsockname()[1]
        first.close()

        with listen(Settings.read(port=port)) as again:
            assert address_of(again) == f"http://127.0.0.1:{port}"

    def test_names_an_address_that_this_machine_lacks(self, monkeypatch):
        def refuse(*_given: object) -> None:
            raise OSError(99, "Cannot assign requested address")

        # Loopback addresses cannot be taken from this machine; the system's refusal can.
        monkeypatch.setattr(socket.socket, "bind", refuse)

        with pytest.raises(AddressUnusable, match="CAREAPP_HOST"):
            listen(Settings.read(port=0))


class TestServe:
    def test_tells_its_address_and_why_it_is_loopback_only(self, data_dir):
        with processes.serving(data_dir) as server:
            about = httpx2.get(f"{server.address}/api/about").json()

            assert server.address.startswith("http://127.0.0.1:")
            assert "no sign-in yet" in about["sign_in"]
            assert server.stop(signal.SIGINT, within_s=10) == 0

    def test_speaks_to_the_world_through_its_proxy(self, data_dir):
        through_proxy = {
            "host": "care.example",
            "x-forwarded-for": "203.0.113.9",
            "x-forwarded-proto": "https",
        }

        with processes.serving(data_dir, CAREAPP_PUBLIC_URL="https://care.example") as server:
            metadata = httpx2.get(f"{server.address}/fhir/metadata", headers=through_proxy)
            unsaid = httpx2.get(f"{server.address}/fhir/metadata", headers={"host": "care.example"})
            patients = httpx2.get(f"{server.address}/api/patients", headers=through_proxy)

        assert metadata.json()["implementation"]["url"] == "https://care.example/fhir"
        assert metadata.headers["strict-transport-security"] == "max-age=63072000"
        assert (unsaid.status_code, patients.status_code) == (403, 401)

    def test_refuses_a_port_in_use_with_a_sentence(self, data_dir, tmp_path):
        with processes.serving(data_dir) as server:
            second = processes.run("serve", "--port", server.port, data_dir=data_dir)

        assert second.returncode == 2
        assert f"port {server.port} on 127.0.0.1 is in use" in second.stderr
        assert "Traceback" not in second.stderr

    def test_ends_open_event_streams_on_sigterm(self, data_dir, sqlite_engine):
        put_keys(data_dir)
        with open_sessions(sqlite_engine).begin() as session:
            an_organisation(session)
        bearer = {"authorization": f"Bearer {processes.token(data_dir)}"}
        with (
            processes.serving(data_dir) as server,
            httpx2.Client(base_url=server.address, headers=bearer) as client,
        ):
            job = client.post("/api/days/2030-01-01/plan").json()
            client.post(f"/api/jobs/{job['id']}/cancellation")
            job = client.post("/api/days/2030-01-01/plan", json={"limit_s": 600}).json()
            with client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
                lines = stream.iter_lines()
                assert next(lines).startswith("event: ")
                began = time.monotonic()

                code = server.stop(signal.SIGTERM, within_s=15)

                list(lines)
            assert code == 0
            assert time.monotonic() - began < 12

    def test_refuses_a_database_without_tables(self, tmp_path):
        empty = tmp_path / "empty"

        refused = processes.run("serve", "--port", "0", data_dir=empty)

        assert refused.returncode == 2
        assert "run `careapp migrate`" in refused.stderr
        assert "Traceback" not in refused.stderr
