"""What a simulated run says about a case's quantity, and which numbers it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simcore.explain.critical import critical_path
from simcore.run import Budget, Result, Run
from simcore.trace import NONE, Trace

from .cases import RunSpec

__all__ = ["Key", "Simulated", "simulate"]

BUDGET = Budget(spans=8_000_000, wall_s=600.0, record_bytes=2 << 30)
"""Generous: a run that is cut predicts nothing, and how fast this machine is must not matter."""
Key = tuple[str, str]
ANSWERED = ("mean_ns", "p50_ns", "p90_ns", "p99_ns", "per_s")
"""Metrics that are the outcome of the first workload as they stand."""
OF_THE_BOOT = ("stage", "line", "until")
"""Metrics that are about a boot, which may be the host's own."""


@dataclass(frozen=True)
class Boot:
    """When each stage of a kernel's boot began, and its console lines: ns since power-on."""

    began_ns: int  # the order to start the computer
    stages: Mapping[str, tuple[int, int]]
    lines: Mapping[str, int]


@dataclass(frozen=True)
class Simulated:
    """A run's outcome, how its last kernel booted, and where the time on its critical path went.

    Shares are of the time, 0…1, by (component, op) and by node: of the lane, and of the host's own boot.
    """

    outcome: Mapping[str, Any]
    sizes: Mapping[str, int]  # the memory that a machine or guest was given, by node
    boot: Boot | None
    started: Mapping[str, int]
    took: tuple[int | None, ...]  # from the order to start what each copied workload is on to its finish
    ended: tuple[int, ...]  # when each workload was over, and all that was made for it cleared away
    lane_shares: Mapping[Key, float] = field(repr=False)
    boot_shares: Mapping[Key, float] = field(repr=False)
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

    def share(self, metric: str, key: Key) -> float:
        """How much of the metric's time an operation has, roughly."""
        of_boot = metric.partition(":")[0] in OF_THE_BOOT
        return (self.boot_shares if of_boot else self.lane_shares).get(key, 0)

    def _answered(self, key: str) -> float | None:
        first = next(iter(self.outcome["workloads"].values()))
        found: float | None = first[key]
        return found

    def _lane_ns(self, _: str) -> int | None:
        lane = self.outcome["lane"]
        return lane["end_ns"] - lane["start_ns"] if lane["finished"] else None

    def _lanes(self) -> list[int]:
        """From host-ready to each workload's finish; none if one of them has not finished."""
        ready = self.outcome["host_ready_ns"]
        finished = [workload["finished_ns"] for workload in self.outcome["workloads"].values()]
        return [] if None in finished else [end - ready for end in finished]

    def _mean_start_ns(self, _: str) -> float | None:
        """From the order to start what a workload is on until that workload has finished."""
        took = [one for one in self.took if one is not None]
        return sum(took) / len(took) if len(took) == len(self.took) else None

    def _last_lane_ns(self, _: str) -> int | None:
        return max(self._lanes(), default=None)

    def _gone_since(self, node: str) -> int | None:
        """From the order to start a node until the last workload is over and its container cleared away."""
        complete = len(self.ended) == len(self.outcome["workloads"])
        return max(self.ended) - self.started[node] if complete and node in self.started else None

    def _total_per_s(self, _: str) -> float:
        return sum(w["per_s"] or 0 for w in self.outcome["workloads"].values())

    def _share(self, workload: str) -> float:
        rate: float = self.outcome["workloads"][workload]["per_s"]
        return rate / self._total_per_s("")

    def _boot_ns(self, node: str) -> int | None:
        """From the order to start the node until it is ready."""
        ready = self.outcome["nodes"][node]["ready_ns"]
        return None if ready is None or node not in self.started else ready - self.started[node]

    def _memory(self, node: str) -> int | None:
        found: int | None = self.outcome["nodes"][node]["memory"]
        return found

    def _size(self, node: str) -> int | None:
        return self.sizes.get(node)

    def _stage(self, name: str) -> int | None:
        """How long a stage of the boot took; `total` is all of them."""
        stages = self.boot.stages if self.boot else {}
        if name == "total":  # what systemd-analyze adds up: the initrd is part of the kernel's stage here
            return sum(end - start for stage, (start, end) in stages.items() if stage != "initrd")
        start, end = stages.get(name, (0, 0))
        return end - start

    def _until(self, name: str) -> int | None:
        """From the order to start the computer until a stage begins."""
        if self.boot is None or name not in self.boot.stages:
            return None
        return self.boot.stages[name][0] - self.boot.began_ns

    def _line(self, name: str) -> int | None:
        """When the kernel wrote that line, by its own clock."""
        if self.boot is None or name not in self.boot.lines:
            return None
        return self.boot.lines[name] - self.boot.lines["linux_version"]


def simulate(
    spec: RunSpec, machine: str | None = None, seed: int = 1, scaled: Mapping[Key, float] | None = None
) -> Simulated:
    """Run the scenario with every time at its mean, so that what differs is the stack and not the luck.

    `scaled`: factors on single timings, to see what a conclusion rests on.
    """
    scenario = spec.build(machine)
    result = Run(scenario, seed, spread=False, budget=BUDGET, scaled=scaled).run()
    if result.cut is not None and result.cut["id"] != "until":
        raise ValueError(f"it was cut: {result.cut}")
    started = _started(result.trace)
    booted = _boot(result.trace, started)
    took = _took(result, spec, started)
    ended = _ended(result.trace)
    nodes = result.scenario.nodes.values()
    sizes = {node.id: node.settings["memory"] for node in nodes if node.settings.get("memory")}
    if scaled:
        return Simulated(result.outcome, sizes, booted, started, took, ended, {}, {}, {}, {})
    lane, by_node, statuses = _shares(result.trace, *_lane(result))
    host, _, others = _shares(result.trace, *_host_boot(result))
    known = {**others, **statuses}
    return Simulated(result.outcome, sizes, booted, started, took, ended, lane, host, by_node, known)


def _took(result: Result, spec: RunSpec, started: Mapping[str, int]) -> tuple[int | None, ...]:
    """None for one that has not finished."""
    beside = {work["id"] for work in spec.beside}
    outcome = result.outcome["workloads"]
    return tuple(
        None if (end := outcome[work.id]["finished_ns"]) is None else end - started[work.on]
        for work in result.scenario.workloads
        if work.id not in beside and work.on in started
    )


def _lane(result: Result) -> tuple[int, int, int]:
    """From the first request, or the lane's start if it asks for none, to the finish, and what finished."""
    requests, spans = result.trace.tables["requests"], result.trace.spans
    kinds = result.trace.header["request_kinds"]
    rows = zip(requests["span"], requests["workload"], requests["kind"], strict=True)
    own = [(span, kinds[kind]) for span, workload, kind in rows if workload == 0 and span != NONE]
    lane = result.outcome["lane"]
    asked = [spans["start_ns"][span] for span, kind in own if kind not in ("run", "exec", "exit")]
    return min(asked, default=lane["start_ns"]), lane["end_ns"], own[0][0] if own else NONE


def _host_boot(result: Result) -> tuple[int, int, int]:
    """From power-on until the host is ready, and what was ready last."""
    header, requests = result.trace.header, result.trace.tables["requests"]
    boot = header["request_kinds"].index("boot")
    rows = zip(requests["kind"], requests["span"], requests["end_ns"], strict=True)
    ready = result.outcome["host_ready_ns"] or 0
    last = [span for kind, span, end in rows if kind == boot and span != NONE and end == ready]
    return 0, ready, last[0] if last else NONE


def _shares(
    trace: Trace, begin: int, end: int, finish: int
) -> tuple[dict[Key, float], dict[str, float], dict[Key, str]]:
    """Who had the time on the critical path: shares by operation and by node; how each number is known."""
    header, spans = trace.header, trace.spans
    by_op: dict[Key, float] = {}
    by_node: dict[str, float] = {}
    statuses: dict[Key, str] = {}
    for part in critical_path(trace, begin, end, finish) if finish != NONE else ():
        if part.span == NONE:
            continue
        share = (part.end_ns - part.start_ns) / max(1, end - begin)
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


def _started(trace: Trace) -> dict[str, int]:
    """When each node was told to start; a virtual machine, by way of its kernel."""
    header, requests = trace.header, trace.tables["requests"]
    boot, nodes = header["request_kinds"].index("boot"), header["nodes"]
    found: dict[str, int] = {}
    rows = zip(requests["kind"], requests["node"], requests["start_ns"], strict=True)
    for kind, node, start in rows:
        if kind == boot and node >= 0:
            found.setdefault(nodes[node]["id"], start)
            below = nodes[node]["parent"]
            if below >= 0 and nodes[below]["role"] == "vm":
                found.setdefault(nodes[below]["id"], start)
    return found


def _ended(trace: Trace) -> tuple[int, ...]:
    """The end of each workload's whole run."""
    requests = trace.tables["requests"]
    run = trace.header["request_kinds"].index("run") if "run" in trace.header["request_kinds"] else NONE
    rows = zip(requests["kind"], requests["workload"], requests["end_ns"], strict=True)
    return tuple(end for kind, workload, end in rows if kind == run and workload != NONE and end != NONE)


def _boot(trace: Trace, started: Mapping[str, int]) -> Boot | None:
    """The last kernel's boot by its console: firmware, loader, kernel, initrd, user space."""
    header, logs = trace.header, trace.tables["logs"]
    nodes, texts = header["nodes"], header["texts"]
    lines: dict[str, dict[str, int]] = {}
    for at, node, text in zip(logs["at_ns"], logs["node"], logs["text"], strict=True):
        lines.setdefault(nodes[node]["id"], {}).setdefault(texts[text]["text"], at)
    kernels = [node for node in nodes if node["role"] == "kernel" and "run_init" in lines.get(node["id"], {})]
    if not kernels:
        return None
    kernel = max(kernels, key=lambda node: lines[node["id"]]["run_init"])
    mine, owner = lines[kernel["id"]], nodes[kernel["parent"]]["id"]
    firmware = lines.get(f"{owner}.firmware", {})
    stages = {"kernel": (mine["linux_version"], mine["run_init"])}
    if "free_initramfs" in mine:
        stages["initrd"] = mine["free_initramfs"], mine["run_init"]
    stages["userspace"] = mine["run_init"], mine.get("target", mine["run_init"])
    if (begun := started.get(f"{owner}.firmware")) is not None:
        handed = firmware.get("boot", mine["linux_version"])
        stages["firmware"] = begun, handed
        stages["loader"] = handed, mine["linux_version"]
    ready = trace.header["outcome"]["host_ready_ns"] or 0
    began = ready if kernel["tenant"] else 0
    return Boot(began, stages, mine)
