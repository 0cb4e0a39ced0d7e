"""The command `careapp`: options, sentences instead of tracebacks, exit codes."""

import sqlite3

import click
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import IntegrityError, OperationalError

from api.cli import Commands, main
from tests.api import processes


@pytest.fixture
def careapp(monkeypatch, tmp_path):
    """Run `careapp` in this process on a folder of its own."""
    monkeypatch.setenv("CAREAPP_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str):
        return CliRunner().invoke(main, arguments)

    return run


class TestOptions:
    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (("demo", "--visits", "0"), "--visits"),
            (("demo", "--nurses", "many"), "--nurses"),
            (("demo", "--limit", "0"), "--limit"),
            (("demo", "--seed", "-1"), "--seed"),
            (("demo", "--date", "03.03.2026"), "--date"),
            (("demo", "--port", "70000"), "--port"),
            (("plan",), "DATE"),
            (("plan", "tomorrow"), "DATE"),
            (("dance",), "dance"),
        ],
    )
    def test_that_make_no_sense_are_named(self, careapp, arguments, word):
        result = careapp(*arguments)

        assert result.exit_code == 2
        assert word in result.stderr
        assert "Traceback" not in result.stderr

    def test_are_listed(self, careapp):
        text = careapp("demo", "--help").stdout

        for option in ("date", "seed", "visits", "nurses", "limit", "port", "data-dir", "no-serve", "json"):
            assert f"--{option}" in text


class TestErrors:
    def test_of_the_database_become_sentences(self):
        @click.command()
        def fail() -> None:
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise OperationalError("INSERT", {}, full)

        result = CliRunner().invoke(Commands(commands={"fail": fail}), ["fail"])

        assert result.exit_code == 2
        assert result.stderr.startswith("careapp: the disk is full")

    def test_that_nobody_foresaw_are_not_hidden(self):
        @click.command()
        def fail() -> None:
            raise IntegrityError("INSERT", {}, sqlite3.IntegrityError("CHECK"))

        result = CliRunner().invoke(Commands(commands={"fail": fail}), ["fail"])

        assert isinstance(result.exception, IntegrityError)

    def test_do_not_follow_an_interrupt(self):
        @click.command()
        def wait() -> None:
            raise KeyboardInterrupt

        result = CliRunner().invoke(Commands(commands={"wait": wait}), ["wait"])

        assert result.exit_code == 130
        assert "`careapp wait` with the same options" in result.stderr


class TestMigrate:
    def test_makes_the_tables_and_then_nothing(self, careapp, tmp_path):
        first, second = careapp("migrate"), careapp("migrate")

        assert (first.exit_code, second.exit_code) == (0, 0)
        assert len(first.stderr.splitlines()) > len(second.stderr.splitlines())
        with sqlite3.connect(tmp_path / "data" / "careapp.sqlite") as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.close()

    def test_names_a_folder_that_cannot_be_made(self, careapp, tmp_path):
        (tmp_path / "file").write_text("")

        result = careapp("migrate", "--data-dir", str(tmp_path / "file" / "data"))

        assert result.exit_code == 2
        assert "name a folder you may write with --data-dir" in result.stderr

    def test_names_a_file_that_is_no_database(self, careapp, tmp_path):
        (tmp_path / "careapp.sqlite").write_text("this is a letter, not a database" * 100)

        result = careapp("migrate", "--data-dir", str(tmp_path))

        assert result.exit_code == 2
        assert result.stderr.startswith("careapp: the database's file is no database")


class TestSettings:
    def test_that_are_unsafe_are_refused_with_a_sentence(self, tmp_path):
        refused = processes.run("serve", data_dir=tmp_path, CAREAPP_HOST="0.0.0.0")  # noqa: S104 -- that is it

        assert refused.returncode == 2
        assert "set CAREAPP_HOST to 127.0.0.1" in refused.stderr
        assert "Traceback" not in refused.stderr


class TestPlan:
    def test_refuses_a_database_without_tables(self, careapp):
        result = careapp("plan", "2026-03-03")

        assert result.exit_code == 2
        assert "run `careapp migrate`" in result.stderr


class TestDemo:
    def test_leaves_a_database_of_real_people_alone(self, careapp, monkeypatch):
        monkeypatch.setenv("CAREAPP_DATABASE_URL", "postgresql+psycopg://localhost/real")

        result = careapp("demo", "--no-serve")

        assert result.exit_code == 2
        assert "unset CAREAPP_DATABASE_URL" in result.stderr
