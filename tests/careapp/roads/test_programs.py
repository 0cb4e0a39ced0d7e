"""Finding and fetching OSRM's programs."""

import platform
import subprocess
import tomllib
import zipfile

import pytest

from careapp.roads import programs
from careapp.roads.programs import NAMES, ProgramsMissing, fetch_programs, find_programs, get_programs
from routing.travel.source import Profile
from tests.architecture.sources import ROOT


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine without the package and with an empty PATH, whose pip has no index."""
    monkeypatch.setattr(programs, "PACKAGE", "osrm-bindings-of-nobody")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path


class TestFindPrograms:
    def test_gives_programs_that_run(self, osrm_programs):
        answer = subprocess.run(
            [osrm_programs.program("osrm-extract"), "--version"], capture_output=True, text=True, check=True
        )

        assert answer.stdout.strip().removeprefix("v") == osrm_programs.version

    @pytest.mark.parametrize("profile", Profile)
    def test_gives_the_rules_of_each_kind_of_vehicle(self, osrm_programs, profile):
        assert osrm_programs.rules(profile).is_file()

    def test_finds_what_lies_in_the_data_folder(self, osrm_programs, nowhere):
        folder = nowhere / "programs" / f"osrm-{programs.VERSION}"
        folder.mkdir(parents=True)
        (folder / "bin").symlink_to(osrm_programs.folder)
        (folder / "share").mkdir()
        (folder / "share" / "profiles").symlink_to(osrm_programs.profiles)

        found = find_programs(nowhere)

        assert found is not None
        assert found.origin == "data folder"

    def test_finds_what_lies_on_the_path(self, osrm_programs, nowhere, monkeypatch):
        (nowhere / "usr" / "share").mkdir(parents=True)
        (nowhere / "usr" / "bin").symlink_to(osrm_programs.folder)
        (nowhere / "usr" / "share" / "profiles").symlink_to(osrm_programs.profiles)
        monkeypatch.setenv("PATH", str(nowhere / "usr" / "bin"))

        found = find_programs(nowhere / "data")

        assert found is not None
        assert found.origin == "path"

    def test_finds_nothing_where_programs_do_not_run(self, nowhere):
        folder = nowhere / "programs" / f"osrm-{programs.VERSION}"
        (folder / "bin").mkdir(parents=True)
        (folder / "share" / "profiles").mkdir(parents=True)
        (folder / "share" / "profiles" / "car.lua").write_text("")
        for name in NAMES:
            (folder / "bin" / name).write_text("#!/bin/sh\nexit 127\n")
            (folder / "bin" / name).chmod(0o755)

        assert find_programs(nowhere) is None


class TestGetPrograms:
    def test_says_what_to_do_where_none_can_be_had(self, nowhere):
        told = []

        with pytest.raises(ProgramsMissing, match="CAREAPP_ROADS=osrm-http"):
            get_programs(nowhere, on_fetch=lambda: told.append("fetching"))

        assert told == ["fetching"]
        assert list((nowhere / "programs").iterdir()) == []

    def test_names_the_machine_that_has_no_wheel(self, nowhere, monkeypatch):
        monkeypatch.setattr(platform, "machine", lambda: "riscv64")

        with pytest.raises(ProgramsMissing, match="riscv64"):
            fetch_programs(nowhere)

    def test_runs_nothing_of_a_file_that_is_not_the_pinned_one(self, nowhere, monkeypatch):
        (tag,) = {wheel.tag for machine, wheel in programs.WHEELS.items() if machine == this_machine()}
        index = nowhere / "index"
        index.mkdir()
        name = f"osrm_bindings-{programs.VERSION}"
        with zipfile.ZipFile(index / f"{name}-cp312-abi3-{tag}.whl", "w") as wheel:
            wheel.writestr("osrm/bin/osrm-routed", "#!/bin/sh\ntouch ran\n")
            wheel.writestr(
                f"{name}.dist-info/METADATA", f"Name: osrm-bindings\nVersion: {programs.VERSION}\n"
            )
            wheel.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        monkeypatch.setattr(programs, "PACKAGE", "osrm-bindings")
        monkeypatch.setenv("PIP_FIND_LINKS", str(index))

        with pytest.raises(ProgramsMissing, match="not the file that we know"):
            fetch_programs(nowhere)

        assert list((nowhere / "programs").iterdir()) == []

    def test_names_the_folder_that_cannot_be_written(self, nowhere):
        (nowhere / "programs").write_text("a file, no folder")

        with pytest.raises(ProgramsMissing, match="--data-dir"):
            fetch_programs(nowhere)

    def test_fetches_the_same_for_every_python(self, osrm_programs, tmp_path):
        if osrm_programs.origin == "path":  # this machine has no need of the wheel
            return

        found = fetch_programs(tmp_path)

        assert found.version == programs.VERSION
        assert (tmp_path / "programs" / f"osrm-{programs.VERSION}" / "LICENSE.TXT").is_file()


def this_machine() -> tuple[str, str]:
    return (platform.system().lower(), platform.machine().lower())


def test_the_extra_asks_for_no_older_version_than_the_pinned():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert f"osrm-bindings>={programs.VERSION}; python_version >= '3.12'" in extras["roads"]
