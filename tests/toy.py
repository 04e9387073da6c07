"""Schedulers, CPUs and flows without any component: what the property tests of the engine are made of."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from simcore.cpu import SETTLE, Core, Cpu, Effect, Flow, Steps, Thread, stop
from simcore.schedulers.base import Group, Scheduler
from simcore.schedulers.cores import CoreScheduler
from simcore.schedulers.credit import Credit, Credit2
from simcore.schedulers.fair import Cfs, Fair
from simcore.schedulers.priority import Priority
from simcore.schedulers.round_robin import RoundRobin
from simcore.schedulers.shares import Shares
from simcore.simulation import Op, Simulation
from simcore.smt import HardwareThread, pair
from simcore.spinning import PauseLoop, SpinLock
from simcore.trace import (
    CPU,
    DEVICE,
    END,
    OPEN,
    PARENT,
    QUEUE,
    SERVE,
    START,
    THREAD,
    WAIT,
    WHAT,
    WIDTH,
    span_bytes,
)
from simcore.waiting import Gate, Lock, Station, hopped, hopped_leaving, interrupted, paused

US, MS, S = 1_000, 1_000_000, 1_000_000_000
UNIT = 1024
HANG_S = 30
Make = Callable[[Simulation, list[Cpu]], Scheduler]
Crossing = Iterable[Effect | None]


@contextmanager
def no_hang() -> Iterator[None]:
    """A core that finds something to do for ever at one instant never returns to SimPy."""

    def ring(*_: object) -> None:
        raise AssertionError(f"no end in {HANG_S} s: livelock")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(HANG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fair(slice_ns: int = 3 * MS) -> Make:
    return lambda sim, cpus: Fair(sim, cpus, slice_ns, UNIT)


def cfs(slice_ns: int = 3 * MS) -> Make:
    return lambda sim, cpus: Cfs(sim, cpus, slice_ns, UNIT, 4 * slice_ns, slice_ns)


def by_core(slice_ns: int = 3 * MS) -> Make:
    return lambda sim, cpus: CoreScheduler(sim, cpus, slice_ns, UNIT)


def round_robin(slice_ns: int = 3 * MS) -> Make:
    return lambda sim, cpus: RoundRobin(sim, cpus, slice_ns)


def credit(slice_ns: int = 30 * MS, ratelimit_ns: int = 1 * MS) -> Make:
    return lambda sim, cpus: Credit(sim, cpus, slice_ns, ratelimit_ns, slice_ns // 3)


def credit2(credit_ns: int = 10 * MS, ratelimit_ns: int = 1 * MS) -> Make:
    return lambda sim, cpus: Credit2(sim, cpus, credit_ns, ratelimit_ns, credit_ns // 20)


def by_priority(slice_ns: int = 3 * MS) -> Make:
    return lambda sim, cpus: Priority(sim, cpus, slice_ns, 15, 1)


def shares(slice_ns: int = 3 * MS) -> Make:
    return lambda sim, cpus: Shares(sim, cpus, slice_ns, 100 * MS, 5 * MS)


def fixed(sim: Simulation, name: str, ns: int, kind: int = CPU) -> Op:
    return Op(name, sim.what(0, "toy", name, kind), 1, (0, ns))


@dataclass
class World:
    """A machine with nested schedulers, and the flows on it."""

    sim: Simulation = field(default_factory=Simulation)
    schedulers: list[Scheduler] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    carriers: list[list[Thread]] = field(default_factory=list)  # of each scheduler; the machine's has none
    paid: dict[int, int] = field(default_factory=dict)  # span -> what its op asked for
    events: int = 0

    def __post_init__(self) -> None:
        what = self.sim.what
        self.op_what = what(0, "toy", "op", CPU)
        self.pause_what = what(0, "toy", "pause", WAIT)
        self.medium_what = what(0, "toy", "medium", DEVICE)
        self.serve_what = what(0, "", "serve", SERVE)
        self.slow_what = what(0, "", "shared_core", QUEUE)
        self.poll_what = what(0, "toy", "poll", CPU)

    # --------------------------------------------------------------------------------------- what there is

    def top(self, make: Make, cores: int = 1, toll: int = 0, rate: float = 0) -> Scheduler:
        """`rate`: how fast each of two hardware threads of a core is beside the other; 0: it has one."""
        cpus: list[Cpu] = [Core(self.sim, index) for index in range(cores)]
        if rate:
            threads = [HardwareThread(self.sim, index, rate, self.slow_what) for index in range(2 * cores)]
            for one, other in zip(threads[:cores], threads[cores:], strict=True):
                pair(one, other)
            cpus = [*threads]
        self.carriers.append([])
        return self._known(make(self.sim, cpus), toll)

    def guest(
        self,
        host: Scheduler,
        make: Make,
        cpus: int = 1,
        toll: int = 0,
        weight: int = UNIT,
        group: Group | None = None,
        poll_ns: int = 0,
    ) -> Scheduler:
        inner = [Cpu(self.sim, index) for index in range(cpus)]
        sched = self._known(make(self.sim, inner), toll)
        self.carriers.append([self.thread(host, weight, group) for _ in inner])
        loop = PauseLoop((fixed(self.sim, "pause", toll + 7),), US)
        loop.carriers += self.carriers[-1]
        for cpu, carrier in zip(inner, self.carriers[-1], strict=True):
            carrier.carry(cpu)
            carrier.pause = loop if toll else None
            carrier.poll_ns, carrier.poll_what = poll_ns, self.poll_what
            if toll:
                carrier.entry_ops = (fixed(self.sim, "entry", toll),)
                carrier.exit_ops = (fixed(self.sim, "exit", toll + 1),)
                carrier.halt_ops = (fixed(self.sim, "halt", toll + 2),)
                carrier.wake_ops = (fixed(self.sim, "wake", toll + 3),)
                carrier.poke_ops = (fixed(self.sim, "poke", toll + 4),)
                carrier.ipi_ops = (fixed(self.sim, "exit", toll + 1), fixed(self.sim, "ipi", toll + 6))
        return sched

    def _known(self, sched: Scheduler, toll: int) -> Scheduler:
        self.schedulers.append(sched)
        level = len(self.schedulers) - 1
        sched.queue_what = self.sim.what(level, "", "run_queue", QUEUE)
        sched.irq_what = self.sim.what(level, "", "interrupted", QUEUE)
        sched.throttle_what = self.sim.what(level, "", "throttled", QUEUE)
        self.threads += [cpu.irq for cpu in sched.cpus]
        if toll:
            sched.switch_ops = (fixed(self.sim, "switch", toll),)
            sched.irq_ops = (fixed(self.sim, "irq", toll + 5),)
        return sched

    def group(self, quota_ns: int, period_ns: int, chunk_ns: int = 5 * MS, phase_ns: int = 0) -> Group:
        group = Group(self.sim, period_ns, chunk_ns, phase_ns)
        group.limit(quota_ns)
        return group

    def thread(self, sched: Scheduler, weight: int = UNIT, group: Group | None = None) -> Thread:
        self.threads.append(Thread(sched, f"t{len(self.threads)}", 0, weight, group))
        return self.threads[-1]

    def station(self, sched: Scheduler, parallel: int = 1) -> Station:
        thread = Thread(sched, "device", 0, 1)
        return Station(self.sim, thread, parallel, self.sim.what(0, "", "device_queue", QUEUE))

    def gate(self) -> Gate:
        return Gate(self.pause_what)

    def spinlock(self, halt_ns: int) -> SpinLock:
        spin, halted = self.sim.what(0, "toy", "spin", CPU), self.sim.what(0, "", "halted", QUEUE)
        return SpinLock(spin, halted, halt_ns)

    def lock(self) -> Lock:
        return Lock(self.sim.what(0, "", "lock", QUEUE))

    # ---------------------------------------------------------------------------------------- what it does

    def flow(self, thread: Thread, steps: Callable[[Flow], Steps], now: int = 0) -> Flow:
        """A flow that starts now; its root span encloses all it does."""
        flow = Flow(thread)
        flow.start(self.serve(flow, steps(flow)), now)
        return flow

    def hog(self, thread: Thread, op_ns: int = 70 * US, after_ns: int = 0) -> Flow:
        """A flow that computes for ever."""

        def steps(flow: Flow) -> Steps:
            yield from self.pause(after_ns) if after_ns else ()
            while True:
                self.spend(flow, op_ns)
                yield SETTLE

        return self.flow(thread, steps)

    def serve(self, flow: Flow, steps: Steps) -> Steps:
        """A layer carries the flow: an enclosing span, as `Layer` writes it."""
        record, thread, outer = self.sim.record, flow.thread, flow.span
        place = record.here()
        record.data += span_bytes(outer, self.serve_what, thread.id, thread.clock, OPEN)
        flow.span = place // WIDTH
        yield from steps
        thread = flow.thread
        record.put(place + END, thread.clock)
        if place < thread.burst:
            thread.closed.append(place)
        flow.span = outer

    def spend(self, flow: Flow, ns: int) -> None:
        thread, record = flow.thread, self.sim.record
        self.paid[record.spans] = ns
        record.data += span_bytes(flow.span, self.op_what, thread.id, thread.clock, thread.clock + ns)
        thread.clock += ns

    def pause(self, ns: int) -> Crossing:
        return ((paused, (self.pause_what, ns)),)

    def hop(self, thread: Thread, leaving: int = 0) -> Crossing:
        if leaving:
            return ((hopped_leaving, (thread, (fixed(self.sim, "tail", leaving),))),)
        return ((hopped, thread),)

    def interrupt(self, cpu: Cpu) -> Crossing:
        return ((interrupted, (cpu, 1)),)

    def disk(self, station: Station, ns: int) -> Crossing:
        """The flow is in the device afterwards and must interrupt a CPU."""
        return ((station.accept, ((self.medium_what, ns),)),)

    def run(self, until: int, check: Callable[[], None] | None = None) -> None:
        with no_hang():
            self._run(until, check)
        stop(self.threads, until)
        self.sim.record.cut(until)

    def _run(self, until: int, check: Callable[[], None] | None) -> None:
        env = self.sim.env
        self.sim.drain()
        if check is not None:
            check()
        while env.peek() <= until:
            env.step()
            self.events += 1
            if check is not None:
                check()

    # --------------------------------------------------------------------------------------- what came out

    def rows(self) -> list[dict[int, int]]:
        """Every span, its fields by PARENT, WHAT, THREAD, START and END."""
        record, fields = self.sim.record, (PARENT, WHAT, THREAD, START, END)
        return [{f: record.get(at + f) for f in fields} for at in range(0, record.here(), WIDTH)]

    def total(self, threads: Thread | Sequence[Thread], what: int | None = None) -> int:
        """Time in these threads' spans, without what lies inside them: their CPU, or what `what` is about."""
        if isinstance(threads, Thread):
            threads = [threads]
        ids, rows, whats = {thread.id for thread in threads}, self.rows(), self.sim.record.whats
        total = 0
        for row in rows:
            if row[THREAD] in ids and (
                row[WHAT] == what if what is not None else whats[row[WHAT]].kind == CPU
            ):
                total += row[END] - row[START]
            over = rows[row[0]] if row[0] >= 0 else None
            if over is not None and over[THREAD] in ids and whats[over[WHAT]].kind == CPU and what is None:
                total -= row[END] - row[START]
        return total
