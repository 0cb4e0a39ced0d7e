"""Whatever is served can be had as XML, and is the same there."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.db import make_sessions
from careapp.demo.region import build_region
from fhir import capability, projector
from fhir.formats.json import read_json
from fhir.formats.xml_reader import read_xml
from fhir.formats.xml_writer import write_xml
from fhir.mapping.registry import RESOURCES
from fhir.outcome import outcome
from fhir.validation.structure import model_of
from tests.careapp.worlds import EVERYONE
from tests.keys import all_contents

NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
OWN = {
    "CapabilityStatement": capability.statement("https://care.example/fhir", "1.0", date(2026, 3, 2)),
    "OperationOutcome": outcome("error", "invalid", 'say "start" & <end>', ["Slot.start", "Slot.end"]),
}


class TestXml:
    def test_is_the_same_for_all_of_a_demo_region(self, sqlite_engine, tmp_path: Path):
        sessions = make_sessions(sqlite_engine)
        projector.attach(sessions, lambda: NOW)
        with sessions.begin() as session:
            build_region(
                session,
                seed=1,
                visits=10,
                nurses=2,
                first_date=date(2026, 3, 3),
                calendar=Calendar.of(Settings.read(data_dir=tmp_path)),
                viewer=EVERYONE,
                now=NOW,
            )
        with sessions() as session:
            contents = all_contents(session)

        changed = [content for content in contents if read_xml(write_xml(content)) != orjson.loads(content)]

        assert len(contents) > 100
        assert changed == []

    @pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
    def test_is_the_same_for_every_searchset(self, searched, resource):
        bundle = searched.find(resource.kind)

        assert read_xml(write_xml(orjson.dumps(bundle))) == bundle

    @pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
    def test_is_understood_by_another_reader_and_understands_it(self, searched, resource):
        for entry in searched.find(resource.kind).get("entry", ()):
            reader: Any = model_of(resource.kind)  # the library's own XML has no types
            model = reader.model_validate(entry["resource"])

            xml = write_xml(orjson.dumps(entry["resource"]))

            assert reader.model_validate_xml(xml) == model
            assert reader.model_validate(read_xml(model.model_dump_xml())) == model

    @pytest.mark.parametrize("kind", OWN)
    def test_is_the_same_for_what_has_no_row(self, kind):
        assert read_xml(write_xml(OWN[kind])) == read_json(OWN[kind])
