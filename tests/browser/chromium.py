"""The system's Chromium: where it is, and `python -m tests.browser.chromium` (`make browser`) to get it.

Playwright cannot be relied on to download its own browser, so the tests drive the one that the system has.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
HOW_TO_GET_IT = (
    "no Chromium found. Install it (Debian: apt-get install chromium fonts-noto-cjk) "
    "or set STRATA_CHROMIUM to the path of one"
)


def find_chromium() -> str | None:
    if chosen := os.environ.get("STRATA_CHROMIUM"):
        return shutil.which(chosen)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def is_required() -> bool:
    """Continuous integration sets CI=true: there a missing browser is a failure, not a skip."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def has_chinese_font() -> bool:
    """Without one, 简体中文 shows as boxes; pages work all the same."""
    if shutil.which("fc-list"):
        return bool(subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, check=False).stdout)
    return sys.platform != "linux" or any(Path("/usr/share/fonts").rglob("*CJK*"))


def _works(command: list[str]) -> bool:
    return (
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode
        == 0
    )


def apt_install(*packages: str) -> bool:
    """Install with apt where that needs no password; False where it is not allowed or does not work."""
    if not shutil.which("apt-get"):
        return False
    sudo: list[str] = []
    if os.geteuid() != 0:
        sudo = ["sudo", "--non-interactive"]
        if not shutil.which("sudo") or not _works([*sudo, "true"]):
            return False
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    print(f"browser: installing {' '.join(packages)} with apt-get ...", file=sys.stderr)
    install = [*apt, "install", "--yes", "--no-install-recommends", *packages]
    return _works([*apt, "update"]) and _works(install)


def main() -> int:
    if not find_chromium() and "STRATA_CHROMIUM" not in os.environ:
        apt_install("chromium", "fonts-noto-cjk")
    elif find_chromium() and not has_chinese_font() and not apt_install("fonts-noto-cjk"):
        print(
            "browser: no Chinese font (Debian: fonts-noto-cjk); 简体中文 will show as boxes", file=sys.stderr
        )
    if find_chromium():
        return 0
    outcome = (
        "CI is set, so this is a failure" if is_required() else "the tests in tests/browser will be skipped"
    )
    print(f"browser: {HOW_TO_GET_IT}; {outcome}.", file=sys.stderr)
    return int(is_required())


if __name__ == "__main__":
    sys.exit(main())
