"""The architecture as a table: an arrow that is not here is not allowed (DESIGN.md section 2)."""

import pytest

from tests.architecture.sources import PACKAGES, ROOT, imports_of, python_files

MAY_IMPORT: dict[str, set[str]] = {
    "routing": set(),
    "careapp": {"routing"},
    "fhir": {"careapp"},
    "api": {"careapp", "fhir"},
    "migrations": {"careapp"},
}
WEB = {"fastapi", "starlette", "uvicorn"}
DATABASE = {"sqlalchemy", "alembic", "psycopg", "sqlite3"}
NEVER: dict[str, set[str]] = {
    "routing": WEB | DATABASE | {"fhir", "pydantic", "authlib", "os.environ", "datetime.datetime"},
    "careapp": WEB | {"fhir", "ortools", "numba"},
    "fhir": WEB | {"ortools", "numba"},
    "api": {"ortools", "numba", "fhir.resources"},
    "migrations": WEB | {"fhir", "ortools", "numba", "routing"},
}


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES and not module.startswith("fhir.resources")


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_only_what_lies_below(package):
    allowed = MAY_IMPORT[package] | {package}

    upward = [
        f"{where} imports {module}"
        for path in python_files(package)
        for where, module in imports_of(path)
        if is_ours(module) and module.partition(".")[0] not in allowed
    ]

    assert python_files(package)
    assert upward == []


@pytest.mark.parametrize("package", NEVER)
def test_keeps_clear_of_what_it_must_not_know(package):
    known = [
        f"{where} imports {module}"
        for path in python_files(package)
        for where, module in imports_of(path)
        for unknown in NEVER[package]
        if (module == unknown or module.startswith(unknown + "."))
        and not (is_ours(module) and module.partition(".")[0] == package)
    ]

    assert known == []


def test_only_sources_of_travel_times_ask_the_world():
    # Whoever else in routing needs a net has no business there.
    askers = {
        str(path.relative_to(ROOT))
        for path in python_files("routing")
        for _, module in imports_of(path)
        if module.partition(".")[0] in {"httpx2", "urllib", "http", "socket"}
        and module != "urllib.parse"
        and not module.startswith("urllib.parse.")
    }

    assert askers == {"routing/travel/http.py"}


def test_no_import_is_relative():
    relative = [
        f"{where} imports {module}"
        for package in PACKAGES
        for path in python_files(package)
        for where, module in imports_of(path)
        if module.startswith(".")
    ]

    assert relative == []


def test_a_migration_imports_only_alembic_and_sqlalchemy():
    foreign = [
        f"{where} imports {module}"
        for path in python_files("migrations/versions")
        for where, module in imports_of(path)
        if module.partition(".")[0] not in {"alembic", "sqlalchemy", "collections"}
    ]

    assert foreign == []


def test_our_fhir_folder_stays_a_namespace_beside_the_library():
    assert not (ROOT / "fhir" / "__init__.py").exists()


def test_only_its_room_reads_the_clock_or_the_environment():
    # A moment is an argument everywhere else, so that a test and a replay can say when it is.
    rooms = {"careapp/clock.py", "careapp/config.py"}
    reads = [
        str(path.relative_to(ROOT))
        for package in ("careapp", "fhir", "api", "routing")
        for path in python_files(package)
        if str(path.relative_to(ROOT)) not in rooms
        for needle in (
            "datetime.now(",
            "date.today(",
            "datetime.utcnow(",
            "time.time(",
            "os.environ",
            "getenv(",
        )
        if needle in path.read_text(encoding="utf-8")
    ]

    assert reads == []
