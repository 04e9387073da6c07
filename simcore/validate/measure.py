"""What a simulated run says about a case's quantity, and which numbers it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simcore.explain.critical import critical_path
from simcore.run import Budget, Result, Run
from simcore.trace import NONE, Trace

from .cases import RunSpec

__all__ = ["Simulated", "simulate"]

BUDGET = Budget(spans=8_000_000, wall_s=120.0, record_bytes=2 << 30)
"""Generous: a run that is cut predicts nothing, and how fast this machine is must not matter."""
Key = tuple[str, str]
ANSWERED = ("mean_ns", "p50_ns", "p90_ns", "p99_ns", "per_s")
"""Metrics that are the outcome of the first workload as they stand."""


@dataclass(frozen=True)
class Simulated:
    """A run's outcome, its trace's header, and where the time on its critical path went."""

    outcome: Mapping[str, Any]
    stages: Mapping[str, int]
    by_op: Mapping[Key, float] = field(repr=False)  # (component, op) → share of the time, 0…1
    by_node: Mapping[str, float] = field(repr=False)
    statuses: Mapping[Key, str] = field(repr=False)

    def value(self, metric: str) -> float:
        """The number that `metric` names. Raises ValueError if the run does not have it."""
        name, _, of = metric.partition(":")
        found = getattr(self, f"_{name}", None)
        if found is None and name not in ANSWERED:
            raise ValueError(f"unknown metric {metric!r}")
        number = self._answered(name) if found is None else found(of)
        if number is None or number <= 0:
            raise ValueError(f"{metric}: this run has no such value ({number})")
        return float(number)

    def _lane_ns(self, _: str) -> int | None:
        lane = self.outcome["lane"]
        return lane["end_ns"] - lane["start_ns"] if lane["finished"] else None

    def _lanes(self) -> list[int]:
        ready = self.outcome["host_ready_ns"]
        return [w["finished_ns"] - ready for w in self.outcome["workloads"].values() if w["finished_ns"]]

    def _mean_lane_ns(self, _: str) -> float | None:
        lanes = self._lanes()
        complete = len(lanes) == len(self.outcome["workloads"])
        return sum(lanes) / len(lanes) if lanes and complete else None

    def _last_lane_ns(self, _: str) -> int | None:
        lanes = self._lanes()
        return max(lanes) if len(lanes) == len(self.outcome["workloads"]) else None

    def _answered(self, key: str) -> float | None:
        first = next(iter(self.outcome["workloads"].values()))
        found: float | None = first[key]
        return found

    def _total_per_s(self, _: str) -> float:
        return sum(w["per_s"] or 0 for w in self.outcome["workloads"].values())

    def _share(self, workload: str) -> float:
        rate: float = self.outcome["workloads"][workload]["per_s"]
        return rate / self._total_per_s("")

    def _ready_ns(self, node: str) -> int | None:
        ready: int | None = self.outcome["nodes"][node]["ready_ns"]
        started = self.outcome["host_ready_ns"] or 0
        return ready if ready is None or ready <= started else ready - started

    def _memory(self, node: str) -> int | None:
        found: int | None = self.outcome["nodes"][node]["memory"]
        return found

    def _stage(self, name: str) -> int | None:
        return self.stages.get(name)


def simulate(
    spec: RunSpec, machine: str | None = None, scaled: Mapping[Key, float] | None = None
) -> Simulated:
    """Run the scenario with every time at its mean, so that what differs is the stack and not the luck.

    `scaled`: factors on single timings, to see what a conclusion rests on.
    """
    scenario = spec.build(machine)
    result = Run(scenario, spec.seed, spread=False, budget=BUDGET, scaled=scaled).run()
    if result.cut is not None and result.cut["id"] != "until":
        raise ValueError(f"run {spec.id} was cut: {result.cut}")
    by_op, by_node, statuses = ({}, {}, {}) if scaled else _shares(result)
    return Simulated(result.outcome, _stages(result.trace), by_op, by_node, statuses)


def _shares(result: Result) -> tuple[dict[Key, float], dict[str, float], dict[Key, str]]:
    """Who had the time: on the critical path from the first request (or the lane's start) to the finish."""
    trace, lane = result.trace, result.outcome["lane"]
    requests, spans, header = trace.tables["requests"], trace.spans, trace.header
    rows = list(zip(requests["span"], requests["workload"], requests["kind"], strict=True))
    own = [(span, kind) for span, workload, kind in rows if workload == 0 and span != NONE]
    if not own:
        return {}, {}, {}
    kinds = header["request_kinds"]
    asked = [span for span, kind in own[1:] if kinds[kind] != "exec"]
    begin = spans["start_ns"][asked[0]] if asked else lane["start_ns"]
    total = max(1, lane["end_ns"] - begin)
    by_op: dict[Key, float] = {}
    by_node: dict[str, float] = {}
    statuses: dict[Key, str] = {}
    for part in critical_path(trace, begin, lane["end_ns"], own[0][0]):
        if part.span == NONE:
            continue
        share = (part.end_ns - part.start_ns) / total
        node = spans["node"][part.span]
        if node >= 0:
            name = header["nodes"][node]["id"]
            by_node[name] = by_node.get(name, 0) + share
        timing = spans["timing"][part.span]
        if timing != NONE:
            about = header["timings"][timing]
            key = (about["is"], about["op"])
            by_op[key] = by_op.get(key, 0) + share
            statuses[key] = about["status"]
    return by_op, by_node, statuses


def _stages(trace: Trace) -> dict[str, int]:
    """A boot by its console: firmware, loader, kernel, user space of the last kernel that booted."""
    header, logs = trace.header, trace.tables["logs"]
    nodes, texts = header["nodes"], header["texts"]
    marks: dict[str, dict[str, int]] = {}
    for at, node, text in zip(logs["at_ns"], logs["node"], logs["text"], strict=True):
        marks.setdefault(nodes[node]["id"], {}).setdefault(texts[text]["text"], at)
    kernels = [node for node in nodes if node["role"] == "kernel" and "run_init" in marks.get(node["id"], {})]
    if not kernels:
        return {}
    kernel = max(kernels, key=lambda node: marks[node["id"]]["run_init"])
    mine = marks[kernel["id"]]
    owner = nodes[kernel["parent"]]["id"]
    firmware = marks.get(f"{owner}.firmware", {})
    stages = {"kernel": mine["run_init"] - mine["linux_version"]}
    if "target" in mine:
        stages["userspace"] = mine["target"] - mine["run_init"]
    if "start" in firmware and "boot" in firmware:
        stages["firmware"] = firmware["boot"] - firmware["start"]
        stages["loader"] = mine["linux_version"] - firmware["boot"]
    stages["total"] = sum(stages.values())
    return stages
