"""The plugin that looks for patients' names in what tests print."""

import pytest

from tests.canary import NAMES, Canary


def report_of(*sections: tuple[str, str]) -> pytest.TestReport:
    return pytest.TestReport(
        "tests/test_a.py::test_b", ("a", 1, "b"), {}, "passed", None, "call", list(sections)
    )


class TestCanary:
    @pytest.mark.parametrize("name", NAMES)
    def test_finds_a_name_in_what_a_test_printed(self, name):
        canary = Canary(fails=True)

        canary.pytest_runtest_logreport(report_of(("Captured stderr call", f"tour of {name}\n")))

        assert list(canary.found) == ["tests/test_a.py::test_b (Captured stderr call)"]

    def test_finds_nothing_in_ids(self):
        canary = Canary(fails=True)

        canary.pytest_runtest_logreport(report_of(("Captured log call", "patient 5f0c4bb1 was erased")))

        assert canary.found == {}
