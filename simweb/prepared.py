"""Whether the compressed static files are those of the checkout: settings ask before Django is there."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

STAMP = "prepared"


def state(folders: Iterable[Path]) -> str:
    """Changes with any file's name, size or time."""
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
    lines = [f"{file} {(stat := file.stat()).st_size} {stat.st_mtime_ns}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_prepared(root: Path, folders: Iterable[Path]) -> bool:
    stamp = root / STAMP
    return stamp.exists() and stamp.read_text() == state(folders)
