"""The commands `careapp audit …`."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from api.audit import BROKEN, audit
from api.database import chain_of, open_sessions, opened
from careapp.access import OPERATOR
from careapp.config import Settings
from careapp.migrate import upgrade
from careapp.records.audit import record


@pytest.fixture
def data(tmp_path: Path, now: datetime) -> Path:
    """A data folder with three rows in its record."""
    settings = Settings.read(data_dir=tmp_path)
    with opened(settings) as engine:
        upgrade(engine)
        with open_sessions(engine, chain_of(settings)).begin() as session:
            for _ in range(3):
                record(session, viewer=OPERATOR, now=now, action="look", subject_kind="visit")
    return tmp_path


def run(data: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(audit, [*arguments, "--data-dir", str(data)])
    return result.exit_code, result.output


def sabotage(data: Path, *statements: str) -> None:
    with opened(Settings.read(data_dir=data)) as engine, engine.begin() as connection:
        for statement in (
            "DROP TRIGGER audit_event_append_only_update",
            "DROP TRIGGER audit_event_append_only_delete",
            "DROP TRIGGER audit_seal_append_only_delete",
            *statements,
        ):
            connection.execute(text(statement))


class TestVerify:
    def test_says_that_the_record_is_whole(self, data):
        run(data, "seal")

        code, told = run(data, "verify")

        assert (code, told) == (0, "3 rows, 1 seals, 0 rows not sealed yet: whole\n")

    def test_says_that_there_is_no_anchor_yet(self, data):
        code, told = run(data, "verify")

        assert code == 0
        assert told.startswith("no anchor")

    def test_fails_and_names_what_was_changed(self, data):
        run(data, "seal")
        sabotage(
            data, "UPDATE audit_event SET viewer = 'nobody' WHERE id = (SELECT min(id) FROM audit_event)"
        )

        code, told = run(data, "verify", "--json")

        assert code == BROKEN
        (finding,) = json.loads(told)["findings"]
        assert finding.endswith("was changed (seal 1)")

    def test_fails_if_all_of_it_was_taken_away(self, data):
        run(data, "seal")
        _, kept = run(data, "anchor")
        sabotage(data, "DELETE FROM audit_seal", "DELETE FROM audit_event")

        by_file = run(data, "verify")
        by_hand = run(data, "verify", "--anchor", kept.strip())

        assert [code for code, _ in (by_file, by_hand)] == [BROKEN, BROKEN]
        assert "the end is missing: there were 1 seals, now there are 0" in by_file[1]

    def test_refuses_what_is_no_anchor(self, data):
        code, told = run(data, "verify", "--anchor", "yesterday")

        assert code == 2
        assert "careapp audit anchor" in told


class TestAnchor:
    def test_accepts_an_end_after_a_backup_was_restored(self, data):
        run(data, "seal")
        sabotage(data, "DELETE FROM audit_seal", "DELETE FROM audit_event")

        run(data, "anchor", "--accept")

        assert run(data, "verify")[0] == 0
