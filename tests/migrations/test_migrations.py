"""What the migrations build is what the models say, and what no model can say."""

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, delete, event, inspect, text, update
from sqlalchemy.exc import IntegrityError

from careapp import migrate
from careapp.db import make_engine
from careapp.db_errors import DatabaseDamaged, DatabaseFull, DatabaseReadOnly
from careapp.models import METADATA
from careapp.records import audit
from careapp.records.models import AuditEvent
from tests import databases

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


def constraints_of(engine: Engine) -> dict[str, Any]:
    """All that is reflected of each table but its columns."""
    found: dict[str, Any] = {}
    inspector = inspect(engine)
    for table in METADATA.tables:
        primary = inspector.get_pk_constraint(table)
        found[table] = {
            "checks": {(c["name"], c["sqltext"]) for c in inspector.get_check_constraints(table)},
            "uniques": {(c["name"], *c["column_names"]) for c in inspector.get_unique_constraints(table)},
            "keys": {
                (c["name"], *c["constrained_columns"], c["referred_table"], *c["referred_columns"])
                for c in inspector.get_foreign_keys(table)
            },
            "primary": (primary["name"], *primary["constrained_columns"]),
            "indexes": {(c["name"], *c["column_names"]) for c in inspector.get_indexes(table)},
        }
    # PostgreSQL keeps the exclusion of overlaps in an index, which no model can say.
    found["occupancy"]["indexes"].discard(("ex_occupancy_overlap", "practitioner_id", None, None))
    return found


class TestAgreement:
    def test_of_models_and_migrations_on_columns_and_indexes(self, engine):
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            assert compare_metadata(context, METADATA) == []

    def test_of_models_and_migrations_on_checks_and_keys(self, engine, new_engine_like):
        METADATA.create_all(new_engine_like)

        # Two checks of its own and one for each of its two enumerations.
        assert len(constraints_of(engine)["appointment"]["checks"]) == 4
        assert constraints_of(engine) == constraints_of(new_engine_like)

    def test_is_broken_by_a_table_that_no_model_knows(self, owner_engine):
        with owner_engine.begin() as connection:
            connection.execute(text("CREATE TABLE extra (id INTEGER PRIMARY KEY)"))
            context = MigrationContext.configure(connection)
            found = compare_metadata(context, METADATA)
            connection.execute(text("DROP TABLE extra"))

        assert [difference[0] for difference in found] == ["remove_table"]


@pytest.fixture
def new_engine_like(engine, tmp_path, request):
    """A second database of the same kind, empty."""
    with ExitStack() as stack:
        if engine.dialect.name == "sqlite":
            address = f"sqlite:///{tmp_path / 'second.sqlite'}"
        else:
            server = request.getfixturevalue("postgresql_server")
            address = stack.enter_context(databases.created_database(server))
        second = make_engine(address)
        stack.callback(second.dispose)
        yield second


class TestWhatNoModelSays:
    def test_postgresql_has_a_deferred_exclusion_and_its_trigger(self, postgresql_engine):
        with postgresql_engine.connect() as connection:
            exclusions = connection.execute(
                text("SELECT conname, condeferrable, condeferred FROM pg_constraint WHERE contype = 'x'")
            ).all()
            triggers = connection.scalars(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")).all()

        assert [tuple(row) for row in exclusions] == [("ex_occupancy_overlap", True, True)]
        assert sorted(triggers) == [
            "audit_event_append_only",
            "audit_event_to_be_sealed",
            "audit_seal_append_only",
        ]

    def test_sqlite_has_its_triggers(self, sqlite_engine):
        with sqlite_engine.connect() as connection:
            names = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()

        assert sorted(names) == [
            "audit_event_append_only_delete",
            "audit_event_append_only_update",
            "audit_event_to_be_sealed",
            "audit_seal_append_only_delete",
            "audit_seal_append_only_update",
            "occupancy_overlap_insert",
            "occupancy_overlap_update",
        ]

    @pytest.mark.parametrize("edit", [update(AuditEvent).values(viewer="nobody"), delete(AuditEvent)])
    def test_the_audit_cannot_be_edited(self, session, viewer, now, edit):
        audit.record(session, viewer=viewer, now=now, action="look", subject_kind="visit")
        session.commit()

        with pytest.raises(IntegrityError, match="append-only"):
            session.execute(edit)

    def test_the_audit_cannot_be_truncated(self, postgresql_owner):
        with postgresql_owner.begin() as connection, pytest.raises(IntegrityError, match="append-only"):
            connection.execute(text("TRUNCATE audit_event"))


class TestUpgrade:
    def test_tells_each_step_and_does_nothing_the_second_time(self, new_engine):
        told: list[str] = []

        migrate.upgrade(new_engine, told.append)
        first = list(told)
        migrate.upgrade(new_engine, told.append)

        assert first[0] == "Make the first tables"
        assert len(first) == len(list(VERSIONS.glob("*.py")))
        assert told == first
        migrate.require_current(new_engine)

    def test_may_be_done_by_two_processes_at_once(self, new_engine):
        program = (
            "import sys; from careapp.db import make_engine; from careapp.migrate import upgrade; "
            "sys.stdin.readline(); upgrade(make_engine(sys.argv[1]))"
        )
        address = new_engine.url.render_as_string(hide_password=False)
        racers = [
            subprocess.Popen([sys.executable, "-W", "error", "-c", program, address], stdin=subprocess.PIPE)
            for _ in range(2)
        ]
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write(b"\n")
            racer.stdin.close()

        assert [racer.wait(60) for racer in racers] == [0, 0]
        migrate.require_current(new_engine)

    def test_leaves_nothing_behind_when_the_disk_is_full(self, tmp_path):
        address = f"sqlite:///{tmp_path / 'small.sqlite'}"
        small = make_engine(address)
        # 40 pages hold some of the tables; the next page is refused with SQLite's own "disk is full".
        event.listen(small, "connect", lambda driver, _: driver.execute("PRAGMA max_page_count=40"))

        with pytest.raises(DatabaseFull, match="make room"):
            migrate.upgrade(small)
        small.dispose()

        engine = make_engine(address)
        assert inspect(engine).get_table_names() == []
        migrate.upgrade(engine)
        migrate.require_current(engine)
        engine.dispose()

    def test_keeps_the_settings_of_the_connection(self, tmp_path):
        engine = make_engine(f"sqlite:///{tmp_path / 'new.sqlite'}")
        migrate.upgrade(engine)

        with engine.connect() as connection:
            pragmas = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("foreign_keys", "busy_timeout", "journal_mode", "synchronous")
            ]

        assert pragmas == [1, 15000, "wal", 2]
        engine.dispose()

    def test_refuses_a_database_that_cannot_be_written(self, sqlite_engine, tmp_path):
        readonly = make_engine(f"sqlite:///{tmp_path / 'readonly.sqlite'}")
        event.listen(readonly, "connect", lambda driver, _: driver.execute("PRAGMA query_only=ON"))

        with pytest.raises(DatabaseReadOnly, match="right to write"):
            migrate.upgrade(readonly)
        readonly.dispose()


@pytest.mark.parametrize("act", [migrate.upgrade, migrate.require_current])
class TestRefusal:
    def test_of_a_newer_database(self, new_engine, act):
        migrate.upgrade(new_engine)
        with new_engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'fromthefuture'"))

        with pytest.raises(migrate.DatabaseTooNew, match=r"fromthefuture.*install that version"):
            act(new_engine)

    def test_of_another_programs_database(self, new_engine, act):
        with new_engine.begin() as connection:
            connection.execute(text("CREATE TABLE customers (id INTEGER PRIMARY KEY)"))

        with pytest.raises(migrate.NotOurDatabase, match="another program"):
            act(new_engine)

    def test_of_a_file_that_is_no_database(self, tmp_path, act):
        (tmp_path / "careapp.sqlite").write_bytes(b"this is a letter, not a database" * 100)
        engine = make_engine(f"sqlite:///{tmp_path / 'careapp.sqlite'}")

        with pytest.raises(DatabaseDamaged, match="no database"):
            act(engine)
        engine.dispose()

    def test_of_a_torn_file(self, sqlite_engine, tmp_path, act):
        path = tmp_path / "careapp.sqlite"
        sqlite_engine.dispose()
        content = bytearray(path.read_bytes())
        content[100:8192] = b"\xff" * (8192 - 100)
        path.write_bytes(content)

        with pytest.raises(DatabaseDamaged, match="damaged"):
            act(sqlite_engine)


class TestRequireCurrent:
    def test_sends_an_empty_database_to_the_migration(self, new_engine):
        with pytest.raises(migrate.DatabaseTooOld, match="careapp migrate"):
            migrate.require_current(new_engine)

    def test_sends_an_older_one_there_too(self, new_engine):
        migrate.upgrade(new_engine)
        with new_engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '482640ff4bf0'"))

        with pytest.raises(migrate.DatabaseTooOld):
            migrate.require_current(new_engine)


class TestVersions:
    @pytest.mark.parametrize("path", sorted(VERSIONS.glob("*.py")), ids=lambda path: path.stem)
    def test_say_what_happens_to_the_running_release(self, path):
        deploy = re.search(r"^Deploy: (.+)", path.read_text(encoding="utf-8"), re.MULTILINE)

        assert deploy is not None
        assert "<" not in deploy.group(1)

    @pytest.mark.parametrize("path", sorted(VERSIONS.glob("*.py")), ids=lambda path: path.stem)
    def test_import_nothing_of_ours(self, path):
        imports = re.findall(r"^(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)

        assert set(imports) <= {"sqlalchemy", "alembic", "collections", "datetime", "uuid"}

    def test_are_one_line_of_descent(self):
        config = Config()
        config.set_main_option("script_location", str(VERSIONS.parent))

        scripts = ScriptDirectory.from_config(config)

        assert len(scripts.get_heads()) == 1
        for script in scripts.walk_revisions():
            with pytest.raises(NotImplementedError, match="backup"):
                script.module.downgrade()

    def test_are_found_by_a_program_that_runs_elsewhere(self, tmp_path):
        program = (
            "from careapp.db import make_engine; from careapp.migrate import upgrade; "
            "upgrade(make_engine('sqlite:///here.sqlite'))"
        )

        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)

        engine = make_engine(f"sqlite:///{tmp_path / 'here.sqlite'}")
        migrate.require_current(engine)
        engine.dispose()


def test_subject_ids_need_not_exist(session, viewer, now):
    # An audit row outlives what it is about: no foreign key.
    audit.record(session, viewer=viewer, now=now, action="look", subject_kind="visit", subject_id=uuid4())
    session.commit()
