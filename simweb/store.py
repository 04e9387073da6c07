"""Scenarios, machines and traces kept by the site, and the runs that make them.

A run is asked for by its scenario, a race by its scenarios or by its id; all are found again after a restart
because everything needed to repeat them is in the address, or kept under the id that is.
"""

import base64
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

import simcore
from simweb.models import MachineProfile, Race, Scenario, Trace
from simweb.workers import Job, Ticket, pool

__all__ = [
    "LARGEST_SEED",
    "RACES",
    "VIEWS",
    "Found",
    "FoundRace",
    "Plan",
    "asimulate_again",
    "chosen",
    "evict",
    "find",
    "find_race",
    "is_sent_in",
    "job_of",
    "keep",
    "keep_machine",
    "keep_race",
    "kept",
    "ledger_version",
    "machine",
    "meet",
    "older",
    "outcome_of",
    "record_of",
    "scenario",
    "simulate_again",
    "start",
    "text_of",
    "trace_bytes",
    "trace_file",
    "view_of",
    "write",
]  # fmt: skip

VIEWS = {
    "own": None,
    "boot": "boot",
    "read": "random-read",
    "send": "request-response",
    "call": "system-call",
    "touch": "page-touch",
}
"""A tab of the player and the workload that it puts on the subject; `own`: those of the scenario."""
LARGEST_SEED = 2**63 - 1
RACES = {"first-instruction": ("linux", "docker-on-linux", "linux-on-kvm", "linux-on-virtualbox")}
"""Prebuilt races by their ids, in one namespace with stacks, scenarios and races that were shown."""
UPLOADED = re.compile(r"m-[0-9a-f]{12}")
"""The id of a machine that was sent in."""


@lru_cache(maxsize=1)
def ledger_version() -> str:
    return simcore.ledger_version()


@dataclass(frozen=True)
class Found:
    """What an address names: a raw scenario, the seed that goes with it, and the prebuilt id if it is one."""

    raw: dict[str, Any]
    seed: int
    prebuilt: str = ""

    def origin_on(self, machine: str | None) -> str:
        """The prebuilt stack that it still is on this machine."""
        return self.prebuilt if machine in (None, _machine_named(self.raw)) else ""


def find(ref: str) -> Found | None:
    """A prebuilt stack by its id, else a stored scenario, else a prebuilt one by its scenario id."""
    if raw := simcore.prebuilt().get(ref):
        return Found(raw, 1, ref)
    if row := Scenario.objects.filter(id=ref).first():
        return Found(row.raw, row.seed, row.origin)
    if prebuilt := _prebuilt_scenarios().get(ref):
        name, workload = prebuilt
        return Found(simcore.scenario(simcore.prebuilt()[name], workload=workload).canonical(), 1, name)
    return None


@lru_cache(maxsize=1)
def _prebuilt_scenarios() -> dict[str, tuple[str, str | None]]:
    """The permanent ids of the prebuilt stacks with each view's workload and seed 1."""
    return {
        simcore.scenario(raw, workload=workload).id(1): (name, workload)
        for name, raw in simcore.prebuilt().items()
        for workload in VIEWS.values()
        if workload or raw.get("workloads")
    }


@dataclass(frozen=True)
class FoundRace:
    """What the address of a race names: its lanes, and what it shows where the address says no more; without
    a start, that which suits the view."""

    refs: tuple[str, ...]
    start: str = ""
    view: str = "boot"


def find_race(ref: str) -> FoundRace | None:
    """A prebuilt race, or one that was shown before."""
    if refs := RACES.get(ref):
        return FoundRace(refs)
    if row := Race.objects.filter(id=ref).first():
        lanes = [found for id_ in row.scenarios if (found := find(id_))]
        views = {view_of(found) for found in lanes}
        return FoundRace(tuple(row.scenarios), row.start, views.pop() if len(views) == 1 else "own")
    return None


def view_of(found: Found) -> str:
    """The tab on which a stored scenario stays what it is."""
    loads = found.raw.get("workloads")
    if not loads:
        return "boot"
    view = next((view for view, workload in VIEWS.items() if workload == loads[0]["is"]), "own")
    return view if chosen(found, view).canonical() == chosen(found, "own").canonical() else "own"


def chosen(found: Found, view: str, machine: str | None = None) -> Any:
    """The scenario that a tab shows, on another machine if one is named. Raises ScenarioError where that
    workload cannot be put there, or the stack not onto that machine."""
    return scenario(found.raw, workload=VIEWS[view], machine=machine)


# Machines that somebody measured


def scenario(raw: Mapping[str, Any], *, workload: str | None = None, machine: str | None = None) -> Any:
    """`simcore.scenario` that knows the machines which were sent in."""
    meet(machine or _machine_named(raw))
    return simcore.scenario(raw, workload=workload, machine=machine)


def _machine_named(raw: object) -> str:
    """The id of the machine that a scenario stands on, whatever else it is."""
    stack = raw.get("stack") if isinstance(raw, Mapping) else None
    named = stack.get("is") if isinstance(stack, Mapping) else None
    return named if isinstance(named, str) else ""


def meet(raw_or_id: object) -> None:
    """Make a machine that was sent in known in this process, if a scenario or an id names one."""
    name = raw_or_id if isinstance(raw_or_id, str) else _machine_named(raw_or_id)
    if is_sent_in(name) and name not in simcore.catalog():
        row = MachineProfile.objects.filter(id=name).first()
        if row:
            simcore.add_machine(row.text)


def machine(ref: str) -> Any:
    """The entry of a machine, of the catalogue or sent in; None if there is none of this name."""
    meet(ref)
    entry = simcore.catalog().get(ref)
    return entry if entry is not None and entry.role == "machine" else None


def keep_machine(text: str) -> MachineProfile:
    """Store what `calibrate` writes of a profile, once. Raises EntryError with all that is wrong with it."""
    kept = simcore.profile_text(text)
    entry = simcore.machine_profile(kept)
    row, _ = MachineProfile.objects.get_or_create(
        id=entry.id,
        defaults={
            "text": kept,
            "label": entry.texts("en")["label"][:200],
            "conditions": entry.raw["machine"],
        },
    )
    return row


def is_sent_in(name: str) -> bool:
    return UPLOADED.fullmatch(name) is not None


def text_of(machine: Any) -> str:
    """The profile of a measured machine, as TOML."""
    if is_sent_in(machine.id):
        return MachineProfile.objects.get(id=machine.id).text
    text: str = machine.file.read_text(encoding="utf-8")
    return text


def profiles_of(rows: Iterable[Scenario]) -> list[str]:
    """The texts of the machines sent in that scenarios stand on, for a worker process."""
    names = {name for row in rows if is_sent_in(name := _machine_named(row.raw))}
    return list(MachineProfile.objects.filter(id__in=names).order_by("id").values_list("text", flat=True))


def label_of(raw: dict[str, Any]) -> str:
    label = raw.get("label") or ""
    if isinstance(label, dict):
        label = label.get("en") or next(iter(label.values()), "")
    return str(label)[:200]


def keep(scenario: Any, seed: int, origin: str = "") -> Scenario:
    """Store a legal scenario, once."""
    canonical = scenario.canonical()
    row, _ = Scenario.objects.get_or_create(
        id=scenario.id(seed),
        defaults={
            "canonical": json.dumps(canonical, sort_keys=True, separators=(",", ":")),
            "seed": seed,
            "label": label_of(canonical),
            "origin": origin,
        },
    )
    return row


@dataclass(frozen=True)
class Plan:
    """What a page shows once simulated: one stored scenario, or two to four of one seed to race."""

    scenarios: tuple[Scenario, ...]
    start: str = simcore.RACE_STARTS[0]

    @property
    def is_race(self) -> bool:
        return len(self.scenarios) > 1

    @property
    def id(self) -> str:
        """The permanent id of what it shows; of a race in the form that scenarios' ids have."""
        if not self.is_race:
            return self.scenarios[0].id
        text = json.dumps(
            {"from": self.start, "scenarios": self.lanes}, sort_keys=True, separators=(",", ":")
        )
        return base64.b32encode(hashlib.sha256(text.encode()).digest()[:10]).decode().lower()

    @property
    def lanes(self) -> list[str]:
        return [row.id for row in self.scenarios]

    @property
    def key(self) -> str:
        parts = [simcore.ENGINE_VERSION, ledger_version(), self.start, *self.lanes]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def kept(plan: Plan) -> dict[str, Any] | None:
    """The result if this engine has it: `lanes` with the hash of each trace, for a race also the gaps."""
    if plan.is_race:
        version = {"engine": simcore.ENGINE_VERSION, "ledger": ledger_version()}
        race = Race.objects.filter(id=plan.id, **version).first()
        return race.result if race else None
    trace = record_of(plan.scenarios[0])
    return {"lanes": [_lane(trace.hash, trace.outcome)]} if trace else None


def keep_race(plan: Plan) -> Race:
    """Store which scenarios race from where, once."""
    row, _ = Race.objects.get_or_create(id=plan.id, defaults={"scenarios": plan.lanes, "start": plan.start})
    return row


def record_of(row: Scenario) -> Trace | None:
    """What this engine recorded of a scenario, if it has."""
    version = {"engine": simcore.ENGINE_VERSION, "ledger": ledger_version()}
    return Trace.objects.filter(scenario=row, **version).first()


def older(row: Scenario) -> Trace | None:
    """The latest record of a scenario by another engine or ledger, if there is one."""
    version = {"engine": simcore.ENGINE_VERSION, "ledger": ledger_version()}
    return Trace.objects.filter(scenario=row).exclude(**version).order_by("-created").first()


def _lane(trace_hash: str, outcome: dict[str, Any]) -> dict[str, Any]:
    lane = outcome.get("lane") or {}
    return {"trace": trace_hash, "start_ns": lane.get("start_ns", 0), "end_ns": lane.get("end_ns", 0)}


def start(plan: Plan) -> Ticket:
    """Have it simulated, or join in if that is under way. The ticket's result is what `kept` would give."""
    return pool().submit(job_of(plan))


def outcome_of(raw: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """What a scenario that is not kept comes to; waits for it. Raises JobError."""
    profiles = [MachineProfile.objects.get(id=name).text] if is_sent_in(name := _machine_named(raw)) else []
    text = json.dumps([raw, seed, simcore.ENGINE_VERSION, ledger_version()], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()
    found: dict[str, Any] = pool().result(
        pool().submit(Job(key, "simweb.jobs:outcome", (raw, seed, profiles)))
    )
    return found


def job_of(plan: Plan) -> Job:
    rows = plan.scenarios
    profiles = profiles_of(rows)
    if plan.is_race:
        args: tuple[Any, ...] = ([row.raw for row in rows], rows[0].seed, plan.start, profiles)
        return Job(plan.key, "simweb.jobs:race", args, then=lambda done: _store_race(plan, done))
    args = (rows[0].raw, rows[0].seed, profiles)
    return Job(plan.key, "simweb.jobs:run", args, then=lambda done: _store_run(rows[0], done))


def _store_run(row: Scenario, done: dict[str, Any]) -> dict[str, Any]:
    _store_trace(row, done)
    evict()
    return {"lanes": [_lane(done["hash"], done["outcome"])]}


def _store_race(plan: Plan, done: dict[str, Any]) -> dict[str, Any]:
    lanes = []
    for row, run, lane, start_ns in zip(
        plan.scenarios, done["runs"], done["lanes"], done["starts"], strict=True
    ):
        _store_trace(row, run)
        end_ns = start_ns + lane["end_ns"]
        finished = {"start_ns": start_ns, "end_ns": end_ns, "finished": lane["finished"]}
        lanes.append({"trace": run["hash"], **finished})
    result = {"lanes": lanes, "order": done["order"], "gaps": done["gaps"], "gap": done["gap"]}
    keep_race(plan)
    version = {"engine": simcore.ENGINE_VERSION, "ledger": ledger_version()}
    Race.objects.filter(id=plan.id).update(**version, result=result)
    evict()
    return result


def _store_trace(row: Scenario, done: dict[str, Any]) -> None:
    write(trace_file(done["hash"]), done["gz"])
    Trace.objects.update_or_create(
        hash=done["hash"],
        defaults={
            "scenario": row,
            "engine": simcore.ENGINE_VERSION,
            "ledger": ledger_version(),
            "size": done["size"],
            "stored": len(done["gz"]),
            "outcome": done["outcome"] | {name: done[name] for name in ("parts", "steps", "starts")},
            "used": timezone.now(),
        },
    )


def trace_file(trace_hash: str) -> Path:
    return Path(settings.TRACES) / trace_hash[:2] / f"{trace_hash}.gz"


def write(file: Path, data: bytes) -> None:
    """All or nothing: a reader never sees half a trace."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as output:
            output.write(data)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def trace_bytes(trace: Trace) -> bytes | None:
    """The gzip bytes, or None when evicted. Counts as a use, written down at most once a minute."""
    try:
        data = trace_file(trace.hash).read_bytes()
    except FileNotFoundError:
        return None
    if (timezone.now() - trace.used).total_seconds() > 60:
        Trace.objects.filter(hash=trace.hash).update(used=timezone.now())
    return data


def simulate_again(trace: Trace) -> Ticket:
    """Make an evicted trace again; only the engine that recorded it can."""
    plan = Plan((trace.scenario,))
    pool().forget(plan.key)
    return start(plan)


asimulate_again = sync_to_async(simulate_again)


def evict() -> int:
    """Remove the least recently used traces beyond the quota, never the newest. The number removed."""
    removed = 0
    with transaction.atomic():
        held = Trace.objects.filter(stored__gt=0)
        excess = (held.aggregate(total=Sum("stored"))["total"] or 0) - settings.TRACE_QUOTA_BYTES
        for trace in held.order_by("used")[: max(0, held.count() - 1)]:
            if excess <= 0:
                break
            excess -= trace.stored
            trace_file(trace.hash).unlink(missing_ok=True)
            Trace.objects.filter(hash=trace.hash).update(stored=0)
            removed += 1
    return removed
