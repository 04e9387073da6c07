"""The real site in a process of its own, as `make run` starts it, on a free port, with a fresh database."""

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UVICORN_FLAGS = (
    "--timeout-graceful-shutdown=5",
    "--ws-per-message-deflate=false",
    "--ws-max-size=1048576",
)
START_WITHIN_S = 60.0


class ServerDidNotStartError(Exception):
    pass


def _listening_at(log: Path) -> str | None:
    """The port is the kernel's choice (`--port 0`); uvicorn writes it into its log."""
    found = re.search(r"Uvicorn running on (http://[0-9.:]+)", log.read_text(errors="replace"))
    return found[1] if found else None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def serve_site(folder: Path, **settings: str) -> Iterator[str]:
    """Run the site until the block ends and give its address. `folder` gets its files and its log."""
    log = folder / "server.log"
    environment = os.environ | {
        "STRATA_VAR": str(folder),
        "STRATA_DB": str(folder / "strata.sqlite3"),
        "STRATA_SECRET_KEY": "only-for-tests",
        "STRATA_DEBUG": "0",
        "STRATA_ALLOWED_HOSTS": "127.0.0.1",
        "STRATA_WORKERS": "1",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    python = sys.executable
    subprocess.run([python, "manage.py", "prepare"], cwd=ROOT, env=environment, check=True)
    uvicorn = [python, "-m", "uvicorn", "simweb.asgi:application", "--host=127.0.0.1", "--port=0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*uvicorn, *UVICORN_FLAGS], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while not ((url := _listening_at(log)) and _answers(f"{url}/healthz")):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerDidNotStartError(log.read_text(errors="replace")[-4000:])
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
