"""Does anything that the tests print name a patient? A plugin that reads along; `--canary` makes it fail.

What pytest has captured of a test is read: what it and its child programs wrote, and what was logged. Files
that end in `.log` in the tests' folders are read at the end.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("Probst", "X000000001", "Geheimrat", "Zuzanna", "02931-774411", "K123456789")
"""Of patients whom tests make: `tests.careapp.worlds`, `tests.api.test_privacy`."""
MOST_TOLD = 20


class Canary:
    """Gathers where a name was printed.

    Attributes:
        found: Tests and files that printed one.
    """

    def __init__(self, *, fails: bool) -> None:
        self.found: dict[str, set[str]] = {}
        self._fails = fails

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Read what a test has printed; of those that failed the assertion may quote a name."""
        for title, text in report.sections:
            self._read(f"{report.nodeid} ({title})", text)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Read the log files, and fail if that is asked for."""
        for path in _log_files(session.config):
            self._read(path.name, path.read_text(encoding="utf-8", errors="replace"))
        if self.found and self._fails and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell who printed a name, and not the name."""
        if self.found:
            terminalreporter.section("names of patients were printed")
            for where in sorted(self.found)[:MOST_TOLD]:
                terminalreporter.line(where)

    def _read(self, where: str, text: str) -> None:
        names = {name for name in NAMES if name in text}
        if names:
            self.found.setdefault(where, set()).update(names)


def _log_files(config: pytest.Config) -> Iterator[Path]:
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None and not hasattr(config, "workerinput"):
        yield from (path for path in factory.getbasetemp().rglob("*.log") if path.is_file())
