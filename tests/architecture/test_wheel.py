"""What is installed from a wheel is whole: no module and no data file stays behind in the checkout."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.architecture.sources import PACKAGES, ROOT
from tests.architecture.test_house import tracked_files


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory) -> set[str]:
    checkout, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in tracked_files():
        target = checkout / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index"),
            *("--no-build-isolation", "--no-deps", "--wheel-dir", str(out), str(checkout)),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = out.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_holds_every_file_of_the_packages(wheel_names):
    ours = {
        name
        for name in tracked_files()
        if name.partition("/")[0] in PACKAGES and not name.startswith("api/web/")  # built into api/static
    }

    assert ours - wheel_names == set()


def test_does_not_hide_the_fhir_library(wheel_names):
    assert "fhir/__init__.py" not in wheel_names
    assert not any(name.startswith(("tests/", "fhir/resources/")) for name in wheel_names)
