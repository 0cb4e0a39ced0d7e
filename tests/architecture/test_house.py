"""Rules of the house that a program can see: sizes, names, places, documents that must not drift."""

import re
import subprocess
import tomllib

import pytest

from careapp.config import Settings
from tests.architecture.sources import PACKAGES, ROOT, python_files

MOST_LINES = {"source": 400, "test": 600}
TOP_LEVEL = {*PACKAGES, "tests", "pyproject.toml", "README.md", "LICENSE", "requirements.lock"}


def tracked_files() -> list[str]:
    listing = subprocess.run(  # the paths that a clone would hold
        ["/usr/bin/env", "git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listing.stdout.splitlines() if (ROOT / name).exists()]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_no_file_is_too_long_to_read(package):
    limit = MOST_LINES["test" if package == "tests" else "source"]

    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files(package)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > limit
    }

    assert too_long == {}


def test_only_the_named_things_stand_at_the_top():
    found = {name.partition("/")[0] for name in tracked_files()}

    assert {name for name in found if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_has_its_page(package):
    assert len(text_of(f"{package}/README.md").splitlines()) >= 10


def test_each_setting_stands_in_the_readme_with_its_default():
    readme = text_of("README.md")

    missing = [
        f"CAREAPP_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if not re.search(
            rf"^\| `CAREAPP_{name.upper()}` \| `?{re.escape(str(field.default))}`? \|", readme, re.MULTILINE
        )
    ]

    assert missing == []


def test_no_path_of_one_machine_and_no_download_host_is_written_down():
    needle = re.compile(
        r"/work/|/root/|/home/\w+/|files\.pythonhosted\.org|registry\.npmjs\.org|pypi\.org/simple"
    )

    found = [
        name
        for name in tracked_files()
        if not name.endswith(("LICENSE", "test_house.py")) and needle.search(text_of(name))
    ]

    assert found == []


def test_the_lock_files_pin_every_requirement_with_a_hash():
    for name in ("requirements.lock", "tests/requirements.lock"):
        entries = re.split(r"\n(?=\S)", text_of(name).strip())

        loose = [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]

        assert entries
        assert loose == []


def test_the_lock_file_holds_what_the_project_asks_for():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    runtime, everything = text_of("requirements.lock"), text_of("tests/requirements.lock")

    def missing(requirements: list[str], lock: str) -> list[str]:
        names = [re.split(r"[\[<>=; ]", requirement)[0] for requirement in requirements]
        return [
            name
            for name in names
            if not re.search(rf"^{re.escape(name.replace('.', '-'))}==", lock, re.MULTILINE)
        ]

    assert missing(project["dependencies"], runtime) == []
    assert missing([*project["dependencies"], *project["optional-dependencies"]["test"]], everything) == []


def test_the_gate_runs_the_command_that_the_readme_shows():
    # .ci/run reads the second command out of the README, so a newcomer types what the gate runs.
    commands = re.findall(r"^```sh\n(.+?)\n```$", text_of("README.md"), re.MULTILINE | re.DOTALL)

    assert len(commands) >= 2
    assert all("\n" not in command for command in commands[:2])
    assert "careapp demo" in commands[0]
    assert commands[1].endswith("bin/pytest")
    assert "README.md" in text_of(".ci/run")
