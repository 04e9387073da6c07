"""`python -m tests`: every test, in two pytest processes side by side, closed by one summary.

The browser tests run in a process of their own: Playwright keeps an event loop running there, which Django's
database code refuses to work under. What it prints is shown when the other one has ended. The others share
themselves out among the processors, a file at a time: what a file has simulated, its tests share. Arguments
are handed to both.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from tests.conftest import OUTCOMES, REPORT_FILE

SUITES = {"tests": ("-n", "auto", "--dist", "loadfile"), "tests/browser": ()}
TESTS_FAILED, NO_TESTS_COLLECTED = 1, 5
WIDTH = 100


def begin(path: str, arguments: list[str], report: Path, output: IO[str] | None) -> subprocess.Popen[bytes]:
    environment = os.environ | {REPORT_FILE: str(report)}
    command = [sys.executable, "-m", "pytest", path, *arguments]
    return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


def rule(text: str) -> str:
    return f" {text} ".center(WIDTH, "=")


def main(arguments: list[str]) -> int:
    started = time.monotonic()
    codes, reports = [], []
    with tempfile.TemporaryDirectory() as folder, Path(folder, "output").open("w+") as kept:
        files = [Path(folder, f"{number}.json") for number in range(len(SUITES))]
        outputs = (None, kept)
        running = [
            begin(path, [*own, *arguments], file, output)
            for (path, own), file, output in zip(SUITES.items(), files, outputs, strict=True)
        ]
        for path, file, output, process in zip(SUITES, files, outputs, running, strict=True):
            print(rule(path), flush=True)
            code = process.wait()
            if output is not None:
                output.seek(0)
                print(output.read(), flush=True)
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
