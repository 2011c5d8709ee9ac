"""The table of the corpora at the end of the run: what was tried, expected, found, missed, and found where nothing is."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [
        value
        for kind in ("passed", "failed")
        for report in terminalreporter.getreports(kind)
        for name, value in report.user_properties
        if name == "corpus"
    ]
    if rows:
        terminalreporter.section("corpora: problems in files of our own making")
        heads = ("", "tried", "expected", "found", "missed", "false alarms")
        for first, *numbers in (heads, *sorted(rows)):
            terminalreporter.write_line(f"{first:<28}" + "".join(f"{number!s:>14}" for number in numbers))
