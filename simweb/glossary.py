"""The terms of the trade, each explained once: `/glossary/`, and a link from every operation shown."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

__all__ = ["GROUPS", "Term", "groups", "terms_of_ops"]

LANGUAGES = ("en", "zh-hans")
HERE = Path(__file__).parent
GROUPS = {
    "basics": gettext_noop("The machine and its kernel"),
    "vms": gettext_noop("Virtual machines"),
    "memory": gettext_noop("Memory"),
    "devices": gettext_noop("Devices and the ways to them"),
    "containers": gettext_noop("Containers"),
    "reading": gettext_noop("Reading a run"),
}


@dataclass(frozen=True)
class Term:
    id: str
    name: str
    say: str
    see: list[tuple[str, str]]
    words: str
    """What it is found by: its names in both languages, what is said of it, and whose term it is."""


@lru_cache(maxsize=8)
def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))


def groups(lang: str) -> list[tuple[str, str, list[Term]]]:
    """Id, title and terms of each group, in the order of the file."""
    words = _read(f"glossary.{lang}")
    names = [_read(f"glossary.{other}") for other in LANGUAGES]
    found: dict[str, list[Term]] = {group: [] for group in GROUPS}
    for name, entry in _read("glossary").items():
        see = [(other, words[other]["name"]) for other in entry["see"]]
        title, say = words[name]["name"], words[name]["say"]
        found_by = [*(known[name]["name"] for known in names), say, *entry.get("also", [])]
        found[entry["group"]].append(Term(name, title, say, see, " · ".join(found_by)))
    return [(group, _(GROUPS[group]), terms) for group, terms in found.items()]


@lru_cache(maxsize=1)
def terms_of_ops() -> dict[str, str]:
    """By operation, the term that it is an instance of: the first that names it."""
    found: dict[str, str] = {}
    for name, entry in _read("glossary").items():
        for op in entry["ops"]:
            found.setdefault(op, name)
    return found
