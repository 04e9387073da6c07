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
from simcore.toml_text import toml_lines

__all__ = ["CONDITIONS", "LARGEST_PROFILE", "add_machine", "machine_profile", "profile_text"]

LARGEST_PROFILE = 256 * 1024
MODEL = "simcore.hardware.machine:Machine"
LIKE = "laptop"
"""The entry that gives a profile its settings and what calibrate cannot measure."""
CAPABILITIES = ("x86-64", "arm64", "hw-virtualization", "posted-interrupts", "iommu")
CONDITIONS = (
    "label", "date", "system", "kernel", "arch", "cpu", "cpus", "memory", "clock", "clock_source",
    "hypervisor", "mitigations", "load", "root", "quick", "tools",
)  # fmt: skip
"""What a profile may say of the machine. A host name is not among it."""
COMPOSITE = ("time", "value", "per", "spread", "spread_status", "n", "outliers", "status", "probe", "note")
MISSING = ("probe", "quantity", "reason")
TABLES = ("machine", "settings", "timings", "constants", "composites")
MOST_CPUS = 1024
CLOCKS = (10**6, 10**11)
LONGEST_TEXT, MOST_ITEMS = 1000, 1000


def add_machine(text: str) -> str:
    """Make a profile's machine known in this process; returns the id under which scenarios name it."""
    entry = machine_profile(text)
    welcome(entry)
    return entry.id


def profile_text(text: str) -> str:
    """A profile as it may be kept and passed on: what `calibrate` writes and nothing else."""
    machine_profile(text)
    return "\n".join(toml_lines(_kept(tomllib.loads(text)))) + "\n"


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
    if not all(isinstance(raw.get(name, {}), Mapping) for name in TABLES):
        raise EntryError(faults)
    kept = _kept(raw)
    name = f"m-{hashlib.sha256(_canonical(kept).encode()).hexdigest()[:12]}"
    words = {} if faults else {lang: _words(lang, kept["machine"]) for lang in LANGUAGES}
    try:
        entry = make_entry(HERE / "hardware" / f"{name}.toml", _filled(kept), words)
    except EntryError as error:
        faults += [fault.removeprefix(f"{name}.toml: ") for fault in error.faults]
    else:
        faults += _too_large(entry)
    if faults:
        raise EntryError(faults)
    return entry


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
    faults += [
        f"{key} must be tables: [{key}.<name>]" for key in TABLES if not isinstance(raw.get(key, {}), Mapping)
    ]
    return faults


def _too_large(entry: Entry) -> list[str]:
    """A run makes every core and counts in whole ns."""
    faults = []
    cpus, clock = entry.settings.get("cpus"), entry.constants["clock"].value
    if cpus is None or not isinstance(cpus.default, int) or not 1 <= cpus.default <= MOST_CPUS:
        faults.append(f"[settings.cpus] default must be from 1 to {MOST_CPUS}")
    if not isinstance(clock, int) or not CLOCKS[0] <= clock <= CLOCKS[1]:
        faults.append("[constants.clock] value must be a frequency from 1 MHz to 100 GHz, like '3.0 GHz'")
    return faults


def _kept(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Only what `calibrate` writes."""
    machine, provides, missing = (raw.get(key, []) for key in ("machine", "provides", "missing"))
    return {
        "role": "machine",
        "family": str(raw.get("family", ""))[:LONGEST_TEXT],
        "provides": [one for one in CAPABILITIES if isinstance(provides, list) and one in provides],
        "machine": {key: _plain(machine[key]) for key in CONDITIONS if key in machine},
        **{key: _plain(raw[key]) for key in ("settings", "timings", "constants") if key in raw},
        "composites": {
            str(name): {key: _plain(one[key]) for key in COMPOSITE if key in one}
            for name, one in raw.get("composites", {}).items()
            if isinstance(one, Mapping)
        },
        "missing": [
            {key: _plain(one[key]) for key in MISSING if key in one}
            for one in (missing if isinstance(missing, list) else [])
            if isinstance(one, Mapping)
        ],
    }


def _filled(kept: Mapping[str, Any]) -> dict[str, Any]:
    """With what every machine has and nobody can measure. It is no part of the id, which stays when these
    numbers become better known."""
    like = load_catalog()[LIKE].raw
    entry = {**kept, "model": MODEL, "family": kept["family"] or None, "sits_on": [], "needs": []}
    for table in ("settings", "timings", "constants"):
        entry[table] = {**like[table], **kept.get(table, {})}
    return entry


def _plain(value: Any) -> Any:
    """Without what only TOML knows, and with nothing endless."""
    if isinstance(value, Mapping):
        return {str(key)[:LONGEST_TEXT]: _plain(one) for key, one in list(value.items())[:MOST_ITEMS]}
    if isinstance(value, list):
        tables = all(isinstance(one, Mapping) for one in value)
        return [
            _plain(one if tables or not isinstance(one, Mapping) else str(one)) for one in value[:MOST_ITEMS]
        ]
    return value if isinstance(value, (bool, int, float)) else str(value)[:LONGEST_TEXT]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


def _words(lang: str, machine: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of a machine that nobody has written any for."""
    words = dict(load_catalog()[LIKE].texts(lang))
    label = str(machine["label"])
    words |= {
        "label": label,
        "short": str(machine["cpu"])[:22],
        "sub": str(machine["cpu"])[:48],
        "era": str(machine["date"]),
    }
    said = read_texts(HERE / f"machines.{lang}.toml")
    words["note"] = render(said["note"], {key: machine[key] for key in ("cpu", "cpus", "memory")})
    if machine.get("hypervisor") not in (None, "none"):
        words["note"] += said["inside"]
    return words
