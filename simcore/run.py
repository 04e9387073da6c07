"""One run: a scenario and a seed in, a trace and an outcome out.

Time 0 is power-on. Everything that is no tenant boots; when all of it is ready (*host-ready*) the tenants
start, each with what it holds; a workload starts when what it runs on is ready. `step` executes one event of
the queue; `run` executes all of them, and gives the same bytes.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from .catalog import load_catalog
from .cpu import kill, stop
from .cputime import clocks, cpu_times
from .layer import KILLED, OFF, READY, Layer
from .roles import Kernel, VirtualMachine, Workload
from .stack.build import Stack, build, simulation
from .stack.scenario import Intervention, Node, Scenario
from .trace import INSTANT_KINDS, KINDS, NONE, Trace, columns_of

ENGINE_VERSION = "0.1.0"
HOUR_NS = 3_600_000_000_000
STARTERS = ("kernel", "hypervisor", "engine")  # roles that boot by themselves on a computer
LOOK_EVERY = 1024  # events between two looks at the budget


@dataclass(frozen=True)
class Budget:
    """How much a run may cost before it is cut: what was recorded until then is kept, and marked."""

    spans: int = 2_000_000
    wall_s: float = 10.0
    record_bytes: int = 512 << 20
    until_ns: int = HOUR_NS


class Result:
    """What a run leaves: its trace, its outcome, and how it was made."""

    def __init__(self, run: Run) -> None:
        self.scenario, self.seed = run.scenario, run.seed
        self.trace = run.trace
        self.outcome: dict[str, Any] = self.trace.header["outcome"]
        self.events, self.wall_s = run.events, run.wall_s
        self.spans = len(self.trace.spans["id"])
        self.cut: dict[str, Any] | None = self.trace.header["cut"]

    @cached_property
    def trace_bytes(self) -> bytes:
        return self.trace.to_bytes()

    @cached_property
    def trace_sha256(self) -> str:
        return hashlib.sha256(self.trace_bytes).hexdigest()

    @cached_property
    def scenario_id(self) -> str:
        return self.scenario.id(self.seed)

    @cached_property
    def provenance(self) -> dict[str, float]:
        """How the time from host-ready is known: the share of it that rests on timings of each status."""
        return provenance(self.trace)


def provenance(trace: Trace) -> dict[str, float]:
    lane = trace.header["outcome"]["lane"]
    start, end = lane["start_ns"], lane["end_ns"]
    statuses = [timing["status"] for timing in trace.header["timings"]]
    spent = dict.fromkeys(("measured", "published", "derived", "assumed"), 0)
    columns = trace.spans
    timings = columns["timing"]
    rows = zip(timings, columns["parent"], columns["start_ns"], columns["end_ns"], strict=True)
    for timing, parent, begin, finish in rows:
        length = max(0, min(finish, end) - max(begin, start))
        if timing != NONE:
            spent[statuses[timing]] += length
        if parent != NONE and timings[parent] != NONE:  # somebody else's time inside an operation
            spent[statuses[timings[parent]]] -= length
    total = sum(spent.values()) or 1
    return {status: round(ns / total, 6) for status, ns in spent.items()}


class Run:
    """A run in progress. `step()` until it returns False, or `run()`; then `result()`."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 1,
        *,
        spread: bool = True,
        budget: Budget | None = None,
        progress: Callable[[int, int], None] | None = None,
        scaled: Mapping[tuple[str, str], float] | None = None,
    ) -> None:
        self.scenario, self.seed, self.budget = scenario, seed, budget or Budget()
        self.sim = simulation(scenario, seed, spread)
        self.sim.scaled = scaled or {}
        self.sim.kill = self._kill_node
        self.stack: Stack = build(scenario, self.sim)
        self._clocks = clocks(self.stack.layers.values())
        self.progress = progress
        self.events = 0
        self.wall_s = 0.0
        self.host_ready_ns = NONE
        self.cut: dict[str, Any] | None = None
        self.until_ns = min(scenario.until_ns or self.budget.until_ns, self.budget.until_ns)
        self._ended: Trace | None = None
        self._killed: dict[int, int] = {}  # thread -> when
        self._killed_ns: dict[str, int] = {}  # layer or workload -> when, the last time
        self._waiting: dict[str, set[str]] = {}  # computer -> its layers that are not ready yet
        for intervention in scenario.interventions:
            self.sim.at(intervention.at_ns, partial(self._intervene, intervention))
        for node in scenario.nodes.values():
            if isinstance(node.start, int):
                self.sim.at(node.start, partial(self._start, node))
        by_hand = [
            (self.stack.layers[node.id], partial(self._start, node))
            for node in scenario.nodes.values()
            if node.start == "manual"
        ]
        for spec, workload in zip(scenario.workloads, self.stack.workloads, strict=True):
            workload.by_hand = by_hand
            launch = partial(self._launch, workload, spec.for_ns)
            if spec.start == "ready":
                workload.below.when_ready.append(launch)
            elif isinstance(spec.start, int):
                self.sim.at(spec.start, launch)
        self._power_on(scenario.stack)
        self.sim.drain()

    # -------------------------------------------------------------------------------------------- the clock

    def step(self) -> bool:
        """Execute one event. False when nothing is left to do before the run's end."""
        if self._ended is not None or self.sim.env.peek() > self.until_ns:
            return False
        self.sim.env.step()
        self.events += 1
        return True

    def run(self) -> Result:
        """Execute everything, within the budget."""
        began = time.perf_counter()
        env, until, budget = self.sim.env, self.until_ns, self.budget
        peek, step = env.peek, env.step
        events = 0
        while peek() <= until:
            step()
            events += 1
            if not events % LOOK_EVERY and self._look(time.perf_counter() - began, budget):
                break
        self.events += events
        self.wall_s = time.perf_counter() - began
        return self.result()

    def _look(self, wall_s: float, budget: Budget) -> bool:
        """Is the budget used up? A good moment, too, to say how far we are."""
        if self.progress is not None:
            self.progress(self.sim.now, self.sim.record.spans)
        spans = self.sim.record.spans
        if spans > budget.spans:
            self.cut = {"id": "budget-spans", "at_ns": self.sim.now, "limit": budget.spans}
        elif wall_s > budget.wall_s:
            self.cut = {"id": "budget-wall", "at_ns": self.sim.now, "limit": budget.wall_s}
        elif self.sim.record.size_bytes > budget.record_bytes:
            self.cut = {"id": "budget-memory", "at_ns": self.sim.now, "limit": budget.record_bytes}
        return self.cut is not None

    # --------------------------------------------------------------------------------------------- starting

    def _power_on(self, computer: Node) -> None:
        """Start what a computer holds except its tenants; when all of that is ready, they follow."""
        layers = self.stack.layers
        starters = [node for node in _within(computer) if node.role in STARTERS]
        waiting = self._waiting[computer.id] = {node.id for node in starters}
        for node in starters:
            layers[node.id].when_ready.append(partial(self._ready, computer, node))
        assert waiting, f"{computer.id} holds no kernel"
        for node in sorted(starters, key=lambda node: node.role != "kernel"):
            layer = layers[node.id]
            layer.spawn("boot", self._starter(layer, computer), self.sim.now)

    def _starter(self, layer: Layer, computer: Node) -> Any:
        """The thread on which a layer's boot begins."""
        if isinstance(layer, Kernel):
            below = layer.below
            return below.main if isinstance(below, VirtualMachine) else layer.first
        thread = layer.process(f"{layer.id}/start")
        layer.threads.append(thread)
        return thread

    def _ready(self, computer: Node, node: Node) -> None:
        waiting = self._waiting[computer.id]
        waiting.discard(node.id)
        if waiting:
            return
        if computer is self.scenario.stack:
            self.host_ready_ns = self.sim.now
        for tenant in _tenants(computer):
            if tenant.start is None:
                self._start(tenant)

    def _start(self, tenant: Node) -> None:
        layer = self.stack.layers[tenant.id]
        if layer.state != OFF:
            return
        if tenant.role == "vm":
            self._power_on(tenant)
        else:
            thread = layer.below.process(_numbered(f"{tenant.id}/start", layer.starts))
            layer.spawn("boot", thread, self.sim.now)

    def _launch(self, workload: Workload, for_ns: int | None) -> None:
        if workload.state == KILLED:
            return
        if workload.below.state != READY:  # its time has come before what it runs on
            workload.below.when_ready.append(partial(self._launch, workload, for_ns))
            return
        if for_ns is not None:
            workload.ends_ns = self.sim.now + for_ns
        thread = workload.below.process(_numbered(workload.id, workload.below.starts - 1))
        workload.prepare(thread)
        workload.threads.append(thread)
        workload.spawn("run", thread, self.sim.now, workload=workload.number)

    # ---------------------------------------------------------------------------------------- interventions

    def _intervene(self, intervention: Intervention) -> None:
        layer = self.stack.layers[intervention.on]
        now = self.sim.now
        if intervention.do == "set":
            for setting, value in intervention.settings.items():
                layer.change(setting, value, now)
        elif intervention.do == "fail":
            self._kill(layer.fail(intervention.fault or "kill", now), now)
        elif intervention.do == "stop":
            self._kill(layer.everything(), now)
        elif intervention.do == "start":
            self._start(self.scenario.nodes[intervention.on])

    def _kill_node(self, node: int) -> None:
        """A kernel has chosen it: memory is short."""
        layer = list(self.stack.layers.values())[node]
        self._kill([layer] if isinstance(layer, Workload) else layer.everything(), self.sim.now)

    def _kill(self, layers: Any, now: int) -> None:
        ended = {id(layer) for layer in layers}
        for workload in self.stack.workloads:
            if id(workload.below) in ended:
                layers = [*layers, workload]
        again = [(layer, wait) for layer in layers if layer.state == READY and (wait := layer.back_in())]
        threads = []
        for layer in layers:
            if layer.state != KILLED:
                self._killed_ns[layer.id] = now
            layer.end()
            threads += layer.threads
        kill(threads, now)
        for layer in self.stack.layers.values():
            layer.sweep(now)
        self._killed.update((thread.id, now) for thread in threads if thread.id not in self._killed)
        for layer, wait in again:
            self.sim.at(wait, partial(self._again, layer))

    def _again(self, layer: Layer) -> None:
        """Somebody starts a killed layer again, and with it the programs that were not through."""
        if layer.back_in() is None:
            return  # whoever would has been killed meanwhile
        layer.revive()
        layer.when_ready = []
        for spec, workload in zip(self.scenario.workloads, self.stack.workloads, strict=True):
            if workload.below is layer and spec.start != "manual" and workload.finished_ns < 0:
                workload.revive()
                layer.when_ready.append(partial(self._launch, workload, spec.for_ns))
        self._start(self.scenario.nodes[layer.id])

    # ----------------------------------------------------------------------------------------------- result

    def result(self) -> Result:
        """The run's end: nothing is recorded after this."""
        if self._ended is None:
            now = self.sim.now if self.cut is not None or self.sim.env.peek() > HOUR_NS else self.until_ns
            end_ns = min(now, self.until_ns)
            stop(self.sim.crew, end_ns)
            cut_spans = self.sim.record.cut(end_ns, self._killed)
            if self.cut is None and cut_spans and self.scenario.until_ns is not None:
                self.cut = {"id": "until", "at_ns": end_ns}
            tables = columns_of(self.sim.record)
            self._ended = Trace(self._header(end_ns, tables), tables)
        return Result(self)

    @property
    def trace(self) -> Trace:
        assert self._ended is not None
        return self._ended

    def _header(self, end_ns: int, tables: dict[str, Any]) -> dict[str, Any]:
        sim = self.sim
        names = [node["id"] for node in self.stack.nodes]
        return {
            "version": 1,
            "scenario_id": self.scenario.id(self.seed),
            "seed": self.seed,
            "engine": ENGINE_VERSION,
            "ledger": load_catalog().version,
            "end_ns": end_ns,
            "cut": self.cut,
            "nodes": self.stack.nodes,
            "ops": [{"node": node, "is": component, "op": op} for node, component, op in sim.ops],
            "timings": sim.timings,
            "threads": [
                {"id": f"{names[node] if node >= 0 else ''}/{name}", "node": node, "name": name}
                for name, node in sim.threads
            ],
            "kinds": list(KINDS),
            "request_kinds": sim.request_kinds,
            "instant_kinds": list(INSTANT_KINDS),
            "workloads": [workload.id for workload in self.stack.workloads],
            "texts": [{"is": is_, "text": text, "params": params} for is_, text, params in sim.texts],
            "series": sim.series,
            "outcome": self._outcome(end_ns, tables),
        }

    def _outcome(self, end_ns: int, tables: dict[str, Any]) -> dict[str, Any]:
        nodes: dict[str, dict[str, Any]] = {
            name: {"ready_ns": layer.ready_ns if layer.ready_ns >= 0 else None, "state": layer.state}
            | {"restarts": max(0, layer.starts - 1), "memory": layer.memory_bytes}
            | ({"again_ns": layer.up_ns if layer.state == READY else None} if layer.starts > 1 else {})
            | self._death(name)
            | ({"page_cache": layer.cached_bytes} if isinstance(layer, Kernel) and layer.cached_bytes else {})
            for name, layer in self.stack.layers.items()
            if not isinstance(layer, Workload)
        }
        layers = self.stack.layers.values()
        times = cpu_times(self._clocks, layers, self.sim.record, end_ns, self._killed)
        for name, spent in times.items():
            nodes[name]["cpu"] = spent
        workloads = {
            w.id: self._answered(w, tables)
            | {"finished_ns": w.finished_ns if w.finished_ns >= 0 else None}
            | self._death(w.id)
            | ({"writes": self._kept(w)} if w.written else {})
            for w in self.stack.workloads
        }
        first = self.stack.workloads[0] if self.stack.workloads else None
        finish = first.finished_ns if first is not None and first.finished_ns >= 0 else end_ns
        start = self.host_ready_ns if self.host_ready_ns >= 0 else end_ns
        return {
            "nodes": nodes,
            "workloads": workloads,
            "host_ready_ns": self.host_ready_ns if self.host_ready_ns >= 0 else None,
            "lane": {
                "power_on_ns": 0,
                "start_ns": min(start, finish),
                "end_ns": finish,
                "finished": first is not None and first.finished_ns >= 0,
            },
        }

    def _death(self, name: str) -> dict[str, int]:
        return {"killed_ns": self._killed_ns[name]} if name in self._killed_ns else {}

    def _kept(self, workload: Workload) -> dict[str, Any]:
        """What has become of a workload's writes: how many were written, how many of those it was promised,
        by a flush that was answered, and where the promised ones are. Those that only a layer had which has
        ended are lost, wherever it stood."""
        durable = self.sim.durable
        held = Counter[str]()
        lost = 0
        open_ones = workload.acknowledged - durable
        for layer in self.stack.layers.values():
            found = open_ones.intersection(layer.volatile)
            if found:
                held[layer.id] += len(found)
                lost += len(found) if layer.state == KILLED else 0
        return {
            "written": len(workload.written),
            "acknowledged": len(workload.acknowledged),
            "durable": len(workload.acknowledged) - len(open_ones),
            "lost": lost,
            "held_by": dict(held),
        }

    def _answered(self, workload: Workload, tables: dict[str, Any]) -> dict[str, Any]:
        """n, latency and rate of a workload's requests; of the run itself if it asks for none."""
        requests, unfinished = tables["requests"], self.sim.record.unfinished
        kinds = self.sim.request_kinds
        asked: list[int] = []
        whole: list[int] = []
        first, last = self.until_ns, 0
        columns = (requests[name] for name in ("workload", "kind", "span", "start_ns", "end_ns"))
        for number, kind, span, start, end in zip(*columns, strict=True):
            if number != workload.number or span < 0 or kinds[kind] in ("exec", "exit"):
                continue
            if span not in unfinished:
                (whole if kinds[kind] == "run" else asked).append(end - start)
            if kinds[kind] != "run":
                first, last = min(first, start), max(last, end)
        took = sorted(asked or whole)
        if not took:
            return {"n": 0, "mean_ns": None, "p50_ns": None, "p90_ns": None, "p99_ns": None, "per_s": None}
        n, total = len(took), last - first if asked else sum(whole)
        ranks = {f"p{p}_ns": took[max(0, -(-n * p // 100) - 1)] for p in (50, 90, 99)}
        return {"n": n, "mean_ns": sum(took) // n, **ranks, "per_s": round(n * 1e9 / max(1, total), 3)}


def _numbered(name: str, before: int) -> str:
    """A thread's name, different for each time that the same is started."""
    return name if before <= 0 else f"{name}/{before + 1}"


def _within(computer: Node) -> list[Node]:
    """The nodes that a computer holds directly or through others, down to its tenants."""
    found: list[Node] = []
    for held in computer.holds:
        if not held.is_tenant:
            found += [held, *_within(held)]
    return found


def _tenants(computer: Node) -> list[Node]:
    found: list[Node] = []
    for held in computer.holds:
        found += [held] if held.is_tenant else _tenants(held)
    return found


__all__ = ["ENGINE_VERSION", "READY", "Budget", "Result", "Run", "provenance"]
