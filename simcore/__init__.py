"""Strata's engine: stacks in, traces out. This module is all that the web, a notebook or a test needs to
call.

scenario = simcore.scenario(simcore.prebuilt()["linux-on-kvm"], workload="random-read")
result = simcore.run(scenario, seed=1)
print(result.outcome["workloads"]["random-read"]["mean_ns"])
print(simcore.journey(result.trace).as_text("en"))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .catalog import Catalog
from .catalog import load_catalog as catalog
from .explain import gap as _gap
from .explain.gap import RACE_STARTS, RaceResult, race_starts
from .explain.journey import Journey, followed, journey
from .explain.narration import Narration, narration, time_parts
from .explain.steps import time_steps
from .explain.type_label import TypeLabel, type_label
from .ledger import Number, Replaced, Source, Use, numbers, numbers_explained, replaced
from .machines import LARGEST_PROFILE, add_machine, machine_profile, profile_text
from .run import ENGINE_VERSION, Budget, Result, Run, provenance
from .stack import rules as _rules
from .stack.draft import Draft, Offer
from .stack.findings import Finding, ScenarioError
from .stack.rules import check
from .stack.scenario import Scenario
from .stack.schema import schema
from .stack.source import load, prebuilt, to_yaml
from .texts import render, show_time, texts
from .timings import EntryError
from .trace import Trace
from .validate import shipped as validation
from .validate import validate

__all__ = [
    "ENGINE_VERSION",
    "LARGEST_PROFILE",
    "RACE_STARTS",
    "Budget",
    "Catalog",
    "Draft",
    "EntryError",
    "Finding",
    "Journey",
    "Narration",
    "Number",
    "Offer",
    "RaceResult",
    "Replaced",
    "Result",
    "Run",
    "Scenario",
    "ScenarioError",
    "Source",
    "Trace",
    "TypeLabel",
    "Use",
    "add_machine",
    "catalog",
    "check",
    "followed",
    "journey",
    "ledger_version",
    "load",
    "machine_profile",
    "narration",
    "numbers",
    "numbers_explained",
    "prebuilt",
    "profile_text",
    "provenance",
    "race",
    "race_starts",
    "render",
    "replaced",
    "run",
    "scenario",
    "schema",
    "show_time",
    "texts",
    "time_parts",
    "time_steps",
    "to_yaml",
    "type_label",
    "validate",
    "validation",
]

Progress = Callable[[int, int], None]


def ledger_version() -> str:
    """Twelve hex digits that change when any number in any entry does."""
    return catalog().version


def scenario(
    raw: Mapping[str, Any],
    *,
    workload: str | None = None,
    until: str | None = None,
    vary: Mapping[str, Any] | None = None,
    machine: str | None = None,
) -> Scenario:
    """The frozen, canonical scenario, after these edits. Raises ScenarioError with all findings if it is not
    legal.

    `machine` is the id of another machine, one of the catalogue or one that `add_machine` has made known."""
    return _rules.legal(raw, workload=workload, until=until, vary=vary, machine=machine)


def run(
    scenario: Scenario,
    seed: int = 1,
    *,
    spread: bool = True,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> Result:
    """Simulate. The same scenario and seed give the same bytes, on any machine.

    `progress` is called now and then with (simulated ns, spans so far). `spread=False` draws every time at
    its mean.
    """
    return Run(scenario, seed, spread=spread, budget=budget, progress=progress).run()


def race(
    scenarios: Sequence[Scenario],
    seed: int = 1,
    start: str = "host-ready",
    *,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> RaceResult:
    """Run each, on one axis from `host-ready`, `power-on` or `first-request`: the order, and gaps whose parts
    sum to them exactly.

    `names` are the lanes' names in the result; by default the scenario ids.
    """
    results = [run(one, seed, progress=progress) for one in scenarios]
    return _gap.race(results, list(names or (one.id(seed) for one in scenarios)), start)
