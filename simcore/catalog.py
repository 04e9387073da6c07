"""All components, found by looking into the role folders: existing as a file is being registered."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

from simcore.component import LANGUAGES, Entry, read_entry
from simcore.timings import EntryError

__all__ = ["FOLDERS", "Catalog", "load_catalog", "nearest", "welcome"]

LONGEST_SEARCH = 1000
HERE = Path(__file__).parent
FOLDERS = tuple(
    HERE / name
    for name in ("hardware", "firmware", "kernels", "hypervisors", "devices", "containers", "workloads")
)


@dataclass(frozen=True)
class Catalog:
    """Entries by id, in alphabetical order; old ids lead to the entry that bears the name now."""

    entries: Mapping[str, Entry]

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        return {alias: entry.id for entry in self.entries.values() for alias in entry.aliases}

    def get(self, name: str) -> Entry | None:
        return self.entries.get(self.aliases.get(name, name)) or _guests.get(name)

    def __getitem__(self, name: str) -> Entry:
        entry = self.get(name)
        if entry is None:
            near = ", ".join(self.nearest(name)) or "see `python -m simcore catalog`"
            raise KeyError(f"no component {name!r}; nearest: {near}")
        return entry

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def of_role(self, *roles: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.role in roles]

    def nearest(self, name: str, roles: Iterable[str] | None = None) -> list[str]:
        """Up to three ids that were perhaps meant, the likeliest first."""
        wanted = None if roles is None else set(roles)
        return nearest(name, [e.id for e in self.entries.values() if wanted is None or e.role in wanted])

    @cached_property
    def version(self) -> str:
        """12 hex digits that change when any number, rule or setting of any entry changes."""
        canonical = json.dumps(
            {name: dict(entry.raw) for name, entry in sorted(self.entries.items())},
            sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str,
        )  # fmt: skip
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


_guests: dict[str, Entry] = {}
MOST_GUESTS = 1000


def welcome(entry: Entry) -> None:
    """Let an entry that is in no folder be found by its id, in this process: an uploaded machine."""
    _guests.pop(entry.id, None)
    while len(_guests) >= MOST_GUESTS:  # the one that came first leaves
        del _guests[next(iter(_guests))]
    _guests[entry.id] = entry


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of the known names that were perhaps meant, the likeliest first."""
    return difflib.get_close_matches(name[:100], sorted(known)[:LONGEST_SEARCH], n=3, cutoff=0.5)


def load_catalog(folders: Iterable[Path] = FOLDERS) -> Catalog:
    """The catalogue of these folders, read once. Raises EntryError with the faults of all files together."""
    return _load(tuple(folders))


@lru_cache(maxsize=64)
def _load(folders: tuple[Path, ...]) -> Catalog:
    faults: list[str] = []
    found: dict[str, Entry] = {}
    for file in sorted(file for folder in folders for file in folder.glob("*.toml")):
        if any(file.name.endswith(f".{lang}.toml") for lang in LANGUAGES):
            continue
        try:
            entry = read_entry(file)
        except EntryError as error:
            faults += error.faults
            continue
        for name in (entry.id, *entry.aliases):
            if name in found:
                faults.append(f"{file.name}: the id {name!r} is taken by {found[name].file.name}")
            found[name] = entry
    if faults:
        raise EntryError(faults)
    return Catalog(MappingProxyType({e.id: e for e in sorted(found.values(), key=lambda e: e.id)}))
