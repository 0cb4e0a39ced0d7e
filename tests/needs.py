"""Tests that need a program which not every machine has: loud where it is missing.

A test that cannot run is skipped and named in the last lines of the summary. On the gate (`CI=true`) it fails
instead, if the machine is one where the program can be had.
"""

import os
import platform
import sys
from typing import NoReturn

import pytest

MARK = "NOT RUN HERE: "

IS_LINUX_X86_64 = sys.platform == "linux" and platform.machine() == "x86_64"


def cannot_run(reason: str, *, can_be_had: bool = IS_LINUX_X86_64) -> NoReturn:
    """End a test that cannot run on this machine.

    Args:
        reason: What is missing and how to get it.
        can_be_had: Whether it can be installed on this machine; then it is a fault on the gate.
    """
    if can_be_had and os.environ.get("CI") == "true":
        pytest.fail(f"the gate must not leave this out: {reason}", pytrace=False)
    pytest.skip(f"{MARK}{reason}")


def tell(reporter: pytest.TerminalReporter) -> None:
    """Print what was not run, at the end of the summary."""
    reasons: dict[str, int] = {}
    for report in reporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple) and MARK in report.longrepr[2]:
            reason = report.longrepr[2].partition(MARK)[2]
            reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in reasons.items():
        reporter.write_line(f"{MARK}{count} tests: {reason}", red=True, bold=True)
