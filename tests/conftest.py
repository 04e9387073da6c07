"""Every test process writes down how its tests ended, for the one summary of `python -m tests`."""

import inspect
import json
import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from simcore import Budget

# A machine that is busy is no fault: how long an example takes is measured by `make bench`, not by tests.
# A failure is told at once, as it was found; `pytest --hypothesis-profile=shrink` makes it small, in minutes.
FOUND = [Phase.explicit, Phase.reuse, Phase.generate]
settings.register_profile("strata", deadline=None, phases=FOUND)
settings.register_profile("shrink", deadline=None, phases=[*FOUND, Phase.shrink])
settings.load_profile("strata")

# Nor is a simulation that takes longer there: it is cut only where a test asks for that.
_defaults = inspect.signature(Budget).parameters.values()
Budget.__init__.__defaults__ = tuple(3600.0 if one.name == "wall_s" else one.default for one in _defaults)

REPORT_FILE = "STRATA_TEST_REPORT"
OUTCOMES = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")


def _line(report: pytest.TestReport | pytest.CollectReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return f"{report.nodeid} - {report.longrepr[2]}"
    return report.nodeid


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if path := os.environ.get(REPORT_FILE):
        ended = {name: [_line(r) for r in terminalreporter.stats.get(name, [])] for name in OUTCOMES}
        Path(path).write_text(json.dumps(ended))
