"""A measured machine as hardware: what `calibrate` wrote, somebody's own laptop for one.

A profile is an entry like any other, but it comes from outside: only what `calibrate` writes is kept of it,
it always behaves like `hardware.machine`, and its id is the hash of what is kept.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from simcore.catalog import HERE, load_catalog, welcome
from simcore.component import LANGUAGES, Entry, make_entry, read_texts
from simcore.texts import render
from simcore.timings import EntryError

__all__ = ["CONDITIONS", "LARGEST_PROFILE", "add_machine", "machine_profile"]

LARGEST_PROFILE = 256 * 1024
MODEL = "simcore.hardware.machine:Machine"
LIKE = "laptop"
"""The entry that gives a profile its settings and what calibrate cannot measure."""
CAPABILITIES = ("x86-64", "aarch64", "hw-virtualization", "posted-interrupts", "iommu")
CONDITIONS = (
    "label", "date", "system", "kernel", "arch", "cpu", "cpus", "memory", "clock", "clock_source",
    "hypervisor", "mitigations", "load", "root", "quick", "tools",
)  # fmt: skip
"""What a profile may say of the machine. A host name is not among it."""
_KEPT = ("provides", "settings", "timings", "constants", "composites", "missing")
LONGEST_TEXT = 300


def add_machine(text: str) -> str:
    """Make a profile's machine known in this process; returns the id under which scenarios name it."""
    entry = machine_profile(text)
    welcome(entry)
    return entry.id


@lru_cache(maxsize=64)
def machine_profile(text: str) -> Entry:
    """The entry of a profile. Raises EntryError with everything that is wrong with it."""
    if len(text) > LARGEST_PROFILE:
        raise EntryError([f"the profile has {len(text):,} characters; at most {LARGEST_PROFILE:,} are taken"])
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise EntryError([f"the profile is not TOML: {error}"]) from None
    faults = _faults(raw)
    if faults:
        raise EntryError(faults)
    kept = _kept(raw)
    name = f"m-{hashlib.sha256(_canonical(kept).encode()).hexdigest()[:12]}"
    try:
        words = {lang: _words(lang, kept["machine"]) for lang in LANGUAGES}
        return make_entry(HERE / "hardware" / f"{name}.toml", kept, words)
    except EntryError as error:
        raise EntryError([fault.removeprefix(f"{name}.toml: ") for fault in error.faults]) from None


def _faults(raw: Mapping[str, Any]) -> list[str]:
    machine = raw.get("machine")
    if not isinstance(machine, Mapping):
        return ["there is no [machine] table: this is not a profile written by `python -m simcore calibrate`"]
    faults = [
        f"[machine] {key} is missing"
        for key in ("label", "cpu", "cpus", "memory", "date")
        if key not in machine
    ]
    if raw.get("role") != "machine":
        faults.append(f"role {raw.get('role')!r} must be 'machine'")
    if not isinstance(raw.get("constants", {}), Mapping) or "clock" not in raw.get("constants", {}):
        faults.append("[constants.clock] is missing: cycles need the machine's clock")
    for key in ("timings", "composites"):
        if not isinstance(raw.get(key, {}), Mapping):
            faults.append(f"{key} must be tables: [{key}.<name>]")
    return faults


def _kept(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Only what `calibrate` writes, and what every machine has."""
    like = load_catalog()[LIKE].raw
    provides = raw.get("provides", [])
    kept = {key: raw[key] for key in _KEPT if key in raw}
    kept |= {
        "model": MODEL,
        "role": "machine",
        "family": str(raw.get("family", ""))[:LONGEST_TEXT] or None,
        "sits_on": [],
        "needs": [],
        "provides": [one for one in CAPABILITIES if isinstance(provides, list) and one in provides],
        "machine": {key: _short(raw["machine"][key]) for key in CONDITIONS if key in raw["machine"]},
        "settings": raw.get("settings") or like["settings"],
    }
    for table in ("timings", "constants"):
        own = kept.get(table, {})
        kept[table] = {**{name: value for name, value in like[table].items() if name not in own}, **own}
    return kept


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key)[:LONGEST_TEXT]: _short(one) for key, one in list(value.items())[:LONGEST_TEXT]}
    if isinstance(value, list):
        return [_short(one) for one in value[:LONGEST_TEXT]]
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


def _words(lang: str, machine: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of a machine that nobody has written any for."""
    words = dict(load_catalog()[LIKE].texts(lang))
    label = str(machine["label"])
    words |= {
        "label": label,
        "short": label[:22],
        "sub": str(machine["cpu"])[:48],
        "era": str(machine["date"]),
    }
    said = read_texts(HERE / f"machines.{lang}.toml")
    words["note"] = render(said["note"], {key: machine[key] for key in ("cpu", "cpus", "memory")})
    if machine.get("hypervisor") not in (None, "none"):
        words["note"] += said["inside"]
    return words
