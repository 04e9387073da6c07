"""`python -m tests`: every test, in two pytest processes, closed by one summary.

The browser tests run in a process of their own: Playwright keeps an event loop running there, which Django's
database code refuses to work under. Arguments are handed to both processes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import OUTCOMES, REPORT_FILE

SUITES = ("tests", "tests/browser")
TESTS_FAILED, NO_TESTS_COLLECTED = 1, 5
WIDTH = 100


def run_suite(path: str, arguments: list[str], report: Path) -> int:
    environment = os.environ | {REPORT_FILE: str(report)}
    return subprocess.call([sys.executable, "-m", "pytest", path, *arguments], env=environment)


def rule(text: str) -> str:
    return f" {text} ".center(WIDTH, "=")


def main(arguments: list[str]) -> int:
    started = time.monotonic()
    codes, reports = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(SUITES):
            file = Path(folder, f"{number}.json")
            print(rule(path), flush=True)
            code = run_suite(path, arguments, file)
            report = json.loads(file.read_text()) if file.exists() else {}
            if code not in (0, TESTS_FAILED, NO_TESTS_COLLECTED):
                report.setdefault("error", []).append(f"{path} - pytest ended with exit code {code}")
            codes.append(code)
            reports.append(report)

    total = {name: [line for report in reports for line in report.get(name, [])] for name in OUTCOMES}
    print(rule(f"{' and '.join(SUITES)}: summary"))
    for outcome in ("skipped", "xfailed", "failed", "error"):
        for line in total[outcome]:
            print(outcome.upper(), line)
    counted = [f"{len(lines)} {outcome}" for outcome, lines in total.items() if lines] or ["no tests ran"]
    counted = [f"{count}s" if count.endswith("error") and count != "1 error" else count for count in counted]
    print(rule(f"{', '.join(counted)} in {time.monotonic() - started:.2f}s"), flush=True)

    failed = [code for code in codes if code not in (0, NO_TESTS_COLLECTED)]
    return failed[0] if failed else min(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
