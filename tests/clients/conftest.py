"""A server with a demo region, for all clients; Node and the clients that npm has."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from api.web_build import install
from tests.api import processes

HERE = Path(__file__).parent
FHIR_JSON = "application/fhir+json"
NodeClient = Callable[..., dict[str, Any]]


class Fhir(str):
    """Address of the FHIR part of a server, and a token of its coordinator."""

    __slots__ = ("token",)
    token: str

    @property
    def bearer(self) -> str:
        """The header `Authorization`."""
        return f"Bearer {self.token}"


@pytest.fixture(scope="session")
def fhir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fhir]:
    """A server with a demo region whose slots are to come."""
    folder = tmp_path_factory.mktemp("clients")
    made = processes.run(
        "demo", "--no-serve", "--visits", "24", "--nurses", "2", "--limit", "1", data_dir=folder
    )
    assert made.returncode == 0, made.stderr
    with processes.serving(folder) as server:
        address = Fhir(f"{server.address}/fhir")
        address.token = processes.token(folder)
        yield address


@pytest.fixture(scope="session")
def organisation(fhir: Fhir) -> str:
    """Reference to a care service."""
    found = get(fhir, "Patient?_count=1")["entry"][0]["resource"]["managingOrganization"]["reference"]
    assert isinstance(found, str)
    return found


@pytest.fixture
def patient(organisation: str) -> dict[str, Any]:
    """A patient as another system sends one."""
    return {
        "resourceType": "Patient",
        "active": True,
        "identifier": [{"system": "https://clinic.example/patients", "value": "4711"}],
        "name": [{"use": "official", "family": "Beispiel", "given": ["Berta", "Maria"]}],
        "gender": "female",
        "birthDate": "1941-05-17",
        "managingOrganization": {"reference": organisation},
    }


def get(fhir: Fhir, path: str) -> Any:
    request = Request(f"{fhir}/{path}", headers={"Accept": FHIR_JSON, "Authorization": fhir.bearer})  # noqa: S310 -- loopback
    with urlopen(request) as answer:  # noqa: S310 -- our own server on loopback
        return json.load(answer)


def free_slots(fhir: Fhir, count: int) -> list[dict[str, Any]]:
    """Return free slots, soonest last: clients that book take different ones."""
    found = get(fhir, f"Slot?status=free&_count={count}&_sort=-start")
    return [entry["resource"] for entry in found["entry"]]


def proposed(slot: dict[str, Any], patient_id: str) -> dict[str, Any]:
    """Return the Appointment with which a slot is asked for."""
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "start": slot["start"],
        "end": slot["end"],
        "participant": [
            {
                "actor": {"reference": f"Patient/{patient_id}", "display": "Berta Maria Beispiel"},
                "status": "accepted",
            }
        ],
    }


@pytest.fixture(scope="session")
def node_client() -> NodeClient:
    """Run one of the scripts beside this file with JSON as its argument; it prints JSON."""
    with (HERE / ".lock").open("w") as lock:  # both of pytest's processes may come here at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = install(HERE)

    def run(script: str, **arguments: Any) -> dict[str, Any]:
        done = subprocess.run(
            [node, str(HERE / script), json.dumps(arguments)],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        sys.stderr.write(done.stderr)
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    return run
