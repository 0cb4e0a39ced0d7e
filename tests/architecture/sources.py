"""The project's source files, for the tests that look at them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("routing", "careapp", "fhir", "api", "migrations")


def python_files(package: str) -> list[Path]:
    """Return the Python files of one of our packages, or of `tests`."""
    return sorted(path for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts)


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each import of a file: where it stands, and the module's full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            yield from ((where, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield where, "." * node.level + (node.module or "")
            if node.module and node.level == 0:
                yield from ((where, f"{node.module}.{alias.name}") for alias in node.names)
