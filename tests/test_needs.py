"""Tests that cannot run say so, and fail where they must not be left out."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests import needs


class TestCannotRun:
    def test_skips_a_test_loudly_on_a_person_s_machine(self, monkeypatch):
        monkeypatch.delenv("CI", raising=False)

        with pytest.raises(pytest.skip.Exception, match="NOT RUN HERE: there is no oven"):
            needs.cannot_run("there is no oven", can_be_had=True)

    def test_fails_a_test_on_the_gate_where_it_could_have_run(self, monkeypatch):
        monkeypatch.setenv("CI", "true")

        with pytest.raises(pytest.fail.Exception, match="there is no oven"):
            needs.cannot_run("there is no oven", can_be_had=True)

    def test_skips_on_the_gate_what_cannot_be_had_there(self, monkeypatch):
        monkeypatch.setenv("CI", "true")

        with pytest.raises(pytest.skip.Exception):
            needs.cannot_run("there is no oven for this machine", can_be_had=False)


class TestTell:
    def test_names_each_reason_once_with_its_number_of_tests(self):
        def skipped(reason: str) -> SimpleNamespace:
            return SimpleNamespace(longrepr=("file.py", 1, f"Skipped: {reason}"))

        lines: list[str] = []
        reporter: Any = SimpleNamespace(
            stats={
                "skipped": [
                    skipped("NOT RUN HERE: no oven"),
                    skipped("NOT RUN HERE: no oven"),
                    skipped("else"),
                ]
            },
            write_line=lambda line, **_markup: lines.append(line),
        )

        needs.tell(reporter)

        assert lines == ["NOT RUN HERE: 2 tests: no oven"]
