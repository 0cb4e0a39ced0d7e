"""Exports: files of one moment, whole and only the viewer's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.consultations.models import Slot
from careapp.people.models import Patient
from careapp.records.models import Document
from fhir.operations.export import ExportStopped, NoRoomToExport, Order, manifest, read_order, write_export
from fhir.search.parameter import InvalidSearch
from tests.careapp.worlds import EVERYONE, a_patient, an_organisation
from tests.fhir.operations.asking import member_of
from tests.fhir.rows import Served, a_served_world

ZONE = ZoneInfo("Europe/Berlin")


def order(level="system", query=(), **more) -> Order:
    return read_order(level, list(query), viewer=EVERYONE, zone=ZONE, **more)


@pytest.fixture
def served(sessions: sessionmaker[Session]) -> Served:
    with sessions.begin() as session:
        return a_served_world(session)


@pytest.fixture
def export(sessions, served, clock, tmp_path):
    """Export, and read the files: each kind's resources by id."""

    def export(wanted: Order, viewer: Viewer = EVERYONE, folder: Path = tmp_path / "export"):
        written = write_export(
            sessions,
            folder,
            wanted,
            viewer=viewer,
            now=clock,
            tell=lambda _: None,
            is_cancelled=lambda: False,
        )
        found = {}
        for file in written["files"]:
            lines = (folder / file["name"]).read_bytes().splitlines()
            assert len(lines) == file["count"]
            found[file["kind"]] = [orjson.loads(line) for line in lines]
        assert {path.name for path in folder.iterdir()} == {file["name"] for file in written["files"]}
        return found, datetime.fromisoformat(written["moment"])

    return export


def ids(found, kind: str) -> set[str]:
    return {resource["id"] for resource in found.get(kind, [])}


class TestWriteExport:
    def test_of_the_system_holds_every_document(self, export, sessions):
        found, _ = export(order())

        with sessions() as session:
            rows = session.execute(select(Document.kind, func.count()).group_by(Document.kind)).all()
        kept_back = {"Subscription"}
        counts = {kind: count for kind, count in rows if kind not in kept_back}
        assert {kind: len(resources) for kind, resources in found.items()} == counts

    def test_holds_only_what_the_viewer_sees(self, export, served):
        found, _ = export(order(), viewer=member_of(served.world.practice).viewer)

        assert ids(found, "Patient") == set()
        assert ids(found, "Slot") != set()

    def test_of_patients_leaves_out_what_belongs_to_none(self, export, served):
        found, _ = export(order("patient"))

        assert ids(found, "Patient") >= {str(patient.id) for patient in served.world.patients}
        assert str(served.booking.id) in ids(found, "Appointment")
        assert "Slot" not in found
        assert "Schedule" not in found
        assert "Practitioner" in found

    def test_of_a_group_holds_one_organisations_patients(self, export, sessions, served):
        with sessions.begin() as session:
            other = an_organisation(session, name="Another")
            stranger = a_patient(session, other)

        found, _ = export(order("group", group=other.id))

        assert ids(found, "Patient") == {str(stranger.id)}
        assert ids(found, "Organization") == {str(other.id)}
        assert "Appointment" not in found

    def test_since_a_moment_holds_what_changed_and_what_went(self, export, sessions, served, clock, tmp_path):
        _, moment = export(order())
        clock.advance(minutes=1)
        with sessions.begin() as session:
            patient = session.get_one(Patient, served.world.patients[0].id)
            patient.family_name = "Neuer"
            session.execute(delete(Slot).where(Slot.id == served.free_slot.id))

        found, _ = export(
            order(query=[("_since", (moment + timedelta(seconds=1)).isoformat())]),
            folder=tmp_path / "second",
        )

        assert ids(found, "Patient") == {str(served.world.patients[0].id)}
        (bundle,) = found["deleted"]
        assert bundle["type"] == "transaction"
        assert bundle["entry"] == [{"request": {"method": "DELETE", "url": f"Slot/{served.free_slot.id}"}}]

    def test_since_the_moment_of_the_last_one_misses_nothing(
        self, export, sessions, served, clock, tmp_path, engine
    ):
        if (
            engine.dialect.name == "sqlite"
        ):  # nobody can be in the middle of writing while the moment is taken
            _, moment = export(order())
            assert moment == clock.now
            return
        with sessions() as session:  # dated now, committed after the export
            session.get_one(Patient, served.world.patients[0].id).family_name = "Spät"
            session.flush()
            began = session.scalar(select(func.now()))
            clock.now = datetime.now(UTC) + timedelta(minutes=1)
            _, moment = export(order())
            session.commit()

        assert moment <= began

    def test_until_a_moment_leaves_out_what_came_later(self, export, served, clock):
        found, _ = export(order(query=[("_until", "2026-03-02T16:59:59Z")]))

        assert found == {}

    def test_stops_when_asked(self, sessions, served, clock, tmp_path):
        with pytest.raises(ExportStopped):
            write_export(
                sessions,
                tmp_path / "export",
                order(),
                viewer=EVERYONE,
                now=clock,
                tell=lambda _: None,
                is_cancelled=lambda: True,
            )

    def test_says_that_the_files_cannot_be_written(self, export, served, tmp_path):
        (tmp_path / "file").write_text("")

        with pytest.raises(NoRoomToExport):
            export(order(), folder=tmp_path / "file" / "export")


class TestReadOrder:
    def test_survives_as_a_jobs_arguments(self):
        wanted = order("patient", [("_type", "Patient"), ("_since", "2026-03-02T17:00:00Z")])

        assert Order.from_arguments(orjson.loads(orjson.dumps(wanted.as_arguments()))) == wanted
        assert wanted.kinds == ("Patient",)

    @pytest.mark.parametrize(
        ("level", "query"),
        [
            ("system", [("_type", "Dragon")]),
            ("patient", [("_type", "Slot")]),
            ("system", [("_since", "never")]),
            ("system", [("_outputFormat", "text/csv")]),
            ("system", [("_typeFilter", "Patient?active=true")]),
        ],
    )
    def test_refuses_what_is_not_done_here(self, level, query):
        with pytest.raises(InvalidSearch):
            order(level, query)

    def test_ignores_what_a_lenient_client_sends(self):
        assert order("system", [("_elements", "id")], lenient=True) == order("system")

    @pytest.mark.parametrize("name", ["application/fhir+ndjson", "application/fhir ndjson", "ndjson"])
    def test_takes_every_name_of_the_format(self, name):
        assert order("system", [("_outputFormat", name)]) == order("system")


class TestManifest:
    def test_lists_files_and_deletions_apart(self):
        moment = datetime(2026, 3, 2, 17, tzinfo=UTC)
        files = [
            {"kind": "Patient", "name": "Patient.ndjson", "count": 2},
            {"kind": "deleted", "name": "deleted.ndjson", "count": 1},
        ]

        found = orjson.loads(
            manifest(moment=moment, request="r", files=files, address="a", requires_token=False)
        )

        assert found == {
            "transactionTime": "2026-03-02T17:00:00Z",
            "request": "r",
            "requiresAccessToken": False,
            "output": [{"type": "Patient", "url": "a/Patient.ndjson", "count": 2}],
            "deleted": [{"type": "Bundle", "url": "a/deleted.ndjson", "count": 1}],
            "error": [],
        }
