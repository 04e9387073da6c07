"""The engine's figures: reads a second in a guest, events a read, against a bare SimPy skeleton, and the boot
race."""

from __future__ import annotations

import gc
import statistics
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

import simpy

import simcore
from simcore.run import Run

from .figure import row

READS = 20_000
ROUNDS = 5
FOUR = ("linux", "docker-on-linux", "linux-on-kvm", "linux-on-virtualbox")


def guest_reads(count: int) -> tuple[float, float, float, Run]:
    """Wall seconds, events and spans a read of direct 4 KiB reads in a KVM guest, its boot not counted."""
    raw = simcore.prebuilt()["linux-on-kvm"]
    scenario = simcore.scenario(raw, workload="random-read", vary={"random-read.count": count})
    run = Run(scenario)
    env, record = run.sim.env, run.sim.record
    workload = run.stack.workloads[0]
    while (
        not workload.threads or not any(kind == "read" for kind in run.sim.request_kinds) or _reads(run) < 1
    ):
        env.step()
    before, spans = _reads(run), record.spans
    events = 0
    step, peek = env.step, env.peek
    began = time.perf_counter()
    while peek() < 1 << 60:
        step()
        events += 1
    wall = time.perf_counter() - began
    done = _reads(run) - before
    return wall / done, events / done, (record.spans - spans) / done, run


def _reads(run: Run) -> int:
    """How many requests the workload has made so far."""
    requests, number = run.sim.record.requests, run.stack.workloads[0].number
    return sum(1 for at in range(1, len(requests), 5) if requests[at] == number)


def skeleton(count: int, waits: list[int], device_ns: int) -> tuple[float, float]:
    """The same run on bare SimPy: a process a request, a timeout a wait, the device a counter and a deque."""
    env = simpy.Environment(0)
    busy, queue = 0, deque[simpy.Event]()

    def read() -> Generator[simpy.Event, Any, None]:
        nonlocal busy
        for ns in waits[: len(waits) // 2]:
            yield env.timeout(ns)
        if busy:
            mine = env.event()
            queue.append(mine)
            yield mine
        busy += 1
        yield env.timeout(device_ns)
        busy -= 1
        if queue:
            queue.popleft().succeed()
        for ns in waits[len(waits) // 2 :]:
            yield env.timeout(ns)

    def run() -> Generator[simpy.Event, Any, None]:
        for _ in range(count):
            yield env.process(read())

    env.process(run())
    events = 0
    began = time.perf_counter()
    while env.peek() != float("inf"):
        env.step()
        events += 1
    return (time.perf_counter() - began) / count, events / count


def reads() -> dict[str, dict[str, Any]]:
    """Strata and the skeleton take turns, so that a slow moment of the machine strikes both."""
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        gc.collect()
        wall, events, spans, _ = guest_reads(READS)
        ours.append(wall)
        waits = [1_000] * (round(events) - 1)
        wall, bare_events = skeleton(READS, waits, 6_000)
        bare.append(wall)
    best = statistics.median(ours)
    ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    note = f"{spans:.0f} spans a read, median of {ROUNDS} x {READS:,} reads, fastest {1 / min(ours):,.0f}"
    return {
        "virtual_reads_per_s": row(round(1 / best), "reads/s", ">= 30000", note),
        "events_per_read": row(round(events, 3), "events", "<= 9", "SimPy events"),
        "reads_vs_bare_simpy": row(
            round(ratio, 3),
            "x",
            "<= 3",
            f"skeleton: {bare_events:.0f} events, {1 / statistics.median(bare):,.0f} reads/s",
        ),
    }


def race4() -> dict[str, dict[str, Any]]:
    """The four-stack boot race, in process, warm."""
    stacks = [simcore.scenario(simcore.prebuilt()[name], workload="boot") for name in FOUR]
    took = [_timed(lambda: simcore.race(stacks, seed=1)) for _ in range(21)][1:]
    return {
        "race4_ms": row(
            round(statistics.median(took) * 1e3, 1),
            "ms",
            "<= 100",
            f"median of 20, fastest {min(took) * 1e3:.0f}",
        )
    }


def _timed(call: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
