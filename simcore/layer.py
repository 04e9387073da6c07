"""A layer of the diagram, and the verbs it is written in. Read this first.

A layer's method is named after the kind of request it answers, and reads like the diagram: what it does on
the way down, one line that crosses into the layer below, what it does on the way back up. What a layer does
not answer it passes down, so a layer that adds nothing has no code.

    def read(self, request):
        self.spend(request, "syscall_entry", "vfs_read")   # this layer's own code: CPU time, owed
        yield from self.disk.serve(request)                # the crossing
        self.spend(request, "unpin_pages", "syscall_exit")

`spend` is a plain call; `wait`, `hop`, `interrupt`, `submit`, `down` are crossed with `yield from`: they
first let the CPU pay what is owed. How long an operation takes stands in the component's entry, never here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from .component import Entry
from .cpu import SETTLE, Cpu, Effect, Flow, Steps, Thread, tell
from .requests import KINDS, Request
from .simulation import LENGTHS, Op, Simulation, mix, shuffled
from .timings import Timing, choose, quantiles
from .trace import CPU, DEVICE, END, INSTANT_KINDS, NONE, OPEN, QUEUE, SERVE, START, WAIT, WIDTH, span_bytes
from .waiting import Gate, Lock, Station, hopped, hopped_leaving, interrupted, paused

INTERRUPT = INSTANT_KINDS.index("interrupt")
OFF, BOOTING, READY, KILLED = "off", "booting", "ready", "killed"
INSIDE = ("firmware", "kernel", "container", "workload")
"""Roles whose instructions are those of the computer that they stand on."""
RUNNING = ("kernel", "hypervisor", "engine")
"""Roles that run already in a computer that goes on from a snapshot."""
Crossing = Iterable[Effect | None]


class Layer:
    """One node of the stack at work. The builder gives it neighbours, then calls `wire`, lowest first."""

    below: Layer  # what it stands on; of a device or firmware: its owner
    owner: Layer  # the machine or vm whose devices it uses
    kernel: Layer | None  # of a device: the kernel that drives it
    backing: Layer  # of a guest's disk: who keeps its bytes
    runtime: Layer | None = None  # the engine that makes it, beside it
    offered: frozenset[str] = frozenset()  # the capabilities of all that is below
    devices: dict[str, Layer]
    linked: Mapping[str, Layer] = {}  # the nodes that its settings name, by id
    restored = False  # of a vm: it goes on from a snapshot
    cpus: list[Cpu]

    def __init__(
        self, sim: Simulation, node_id: str, node: int, entry: Entry, settings: Mapping[str, Any]
    ) -> None:
        self.sim, self.id, self.node, self.entry = sim, node_id, node, entry
        self.settings = dict(settings)
        self.devices = {}
        self.holds: list[Layer] = []
        self.threads: list[Thread] = []  # those that end with it
        self.state, self.ready_ns = OFF, NONE
        self.when_ready: list[Callable[[], None]] = []
        self.memory_bytes: int | None = None
        self.volatile: list[tuple[int, int]] = []  # workloads' writes that end with it, unless passed on
        self.starts = 0
        self.up_ns = NONE  # when it was ready the last time
        self.ready = self.gate()
        self._record = sim.record
        self._data = sim.record.data
        self._plans: dict[tuple[str, ...], tuple[Op, ...]] = {}
        self._ops: dict[tuple[str, int], Op] = {}
        self._serve = {kind: sim.what(node, "", kind, SERVE) for kind in KINDS}
        self._answers = {kind: getattr(self, kind) for kind in KINDS if hasattr(self, kind)}
        self._before = self._answers
        self._instead: dict[str, str] = {}
        self._locks: dict[str, Lock] = {}

    def wire(self) -> None:
        """Make what lives as long as the stack: CPUs, schedulers, threads, queues."""

    def boot(self, request: Request) -> Steps:
        """Start: first what is below, then this layer's own steps."""
        yield from self.down(request)

    @property
    def root(self) -> str:
        """Whose files a program on it finds: two of the same name are the same to the kernel."""
        return "/"

    @property
    def write_cache(self) -> bool:
        """Of a disk: does it say that it has one, which a flush empties?"""
        return True

    # --------------------------------------------------------------------------------------------- requests

    def serve(self, request: Request) -> Steps:
        """Carry a request through this layer, or let it pass."""
        answer = self._answers.get(request.kind)
        if answer is None:
            return self.below.serve(request)
        if request.kind == "boot":
            return self._start(request)
        return self._carry(request, answer)

    def _carry(self, request: Request, answer: Any) -> Steps:
        flow, record = request.flow, self._record
        thread = flow.thread
        outer, rid = flow.span, flow.rid
        place = len(self._data)
        flow.span = span = place // WIDTH
        flow.rid = request.id
        if request.span < 0:
            request.span = record.requests[request.id * 5 + 3] = span
            record.asked[span] = request.id
            if (cause := record.requests[request.id * 5 + 4]) != NONE:
                record.causes[span] = cause
        self._data += span_bytes(outer, self._serve[request.kind], thread.id, thread.clock, OPEN)
        result = yield from answer(request)
        thread = flow.thread
        record.put(place + END, thread.clock)
        if place < thread.burst:
            thread.closed.append(place)
        flow.span, flow.rid = outer, rid
        return result

    def _start(self, request: Request) -> Steps:
        """Boot once; who comes later waits for the same start."""
        if self.state == OFF:
            self.state = BOOTING
            self.starts += 1
            again = self.owner.restored and self.entry.role in RUNNING
            yield from self._carry(request, self.go_on if again else self._answers["boot"])
            yield SETTLE
            if self.state == KILLED:
                yield from self._silence(request)
            self.state, self.up_ns = READY, self.sim.now
            if self.ready_ns < 0:
                self.ready_ns = self.up_ns
            self.ready.open(self.sim.now, request.flow.thread, request.span)
            for call in self.when_ready:
                call()
        elif self.state == BOOTING:
            yield from self.until(request, self.ready)
        elif self.state == KILLED:
            yield from self._silence(request)

    def go_on(self, request: Request) -> Steps:
        """It ran when the snapshot of its computer was taken: there is nothing to start but what is below."""
        yield from self.down(request)

    def down(self, request: Request) -> Steps:
        """Into the layer below, and back."""
        return self.below.serve(request)

    def ask(self, request: Request, kind: str, layer: Layer, size_bytes: int = 0) -> Steps:
        """A request of this layer's own, on the same flow: `yield from self.ask(request, "read", self.disk,
        4096)`."""
        child = Request(self.sim, kind, request.flow, layer.node, size_bytes)
        child.program = self.entry.id
        return layer.serve(child)

    def spawn(
        self, kind: str, thread: Thread, now: int, cause: Request | None = None, workload: int = NONE
    ) -> Request:
        """A flow of its own for this layer, ready on `thread`; its `done` gate opens when it is over.

        Call it only where nothing is owed: right after a crossing, or `yield from self.settle()`.
        """
        flow = Flow(thread)
        request = Request(
            self.sim,
            kind,
            flow,
            self.node,
            workload=workload,
            cause=NONE if cause is None else cause.flow.span,
        )
        request.done = self.gate()
        if cause is not None:
            tell(cause.flow.thread, thread)
        flow.start(self._whole(request), now)
        return request

    def _whole(self, request: Request) -> Steps:
        yield from self.serve(request)
        yield SETTLE
        assert request.done is not None
        request.done.open(self.sim.now, request.flow.thread, request.span)

    # ------------------------------------------------------------------------------------------------ verbs

    def spend(self, request: Request, *ops: str, per: int = 1) -> None:
        """This layer's own code: CPU time owed by the thread that the request is on.

        `per` is the quantity for ops that have one: bytes, or a count (see `per` in the entry).
        """
        plan = self._plans.get(ops) or self._plan(ops)
        flow = request.flow
        thread = flow.thread
        clock, span, tid, data = thread.clock, flow.span, thread.id, self._data
        for op in plan:
            op.at = at = op.at - 1 or op.size
            end = clock + op.table[at]
            if op.divisor:
                end = clock + (end - clock) * per // op.divisor
            data += span_bytes(span, op.what, tid, clock, end)
            clock = end
        thread.clock = clock

    def repeat(self, request: Request, times: int, *ops: str) -> None:
        """The same ops in turn, many times over: each is drawn every time; its times stand in one span."""
        thread = request.flow.thread
        for op in self.plan(*ops):
            length = sum(op.draw_ns() for _ in range(times))
            self._record.counts[self._record.spans] = times
            end = thread.clock + length
            self._data += span_bytes(request.flow.span, op.what, thread.id, thread.clock, end)
            thread.clock = end

    def work(self, request: Request, op: str, length_ns: int) -> None:
        """CPU time whose length a setting gives, not a timing: a workload's own computing."""
        flow = request.flow
        thread = flow.thread
        end = thread.clock + (length_ns if self._pace == 1 else int(length_ns * self._pace))
        what = self.sim.what(self.node, self.entry.id, op, CPU)
        self._data += span_bytes(flow.span, what, thread.id, thread.clock, end)
        thread.clock = end

    def settle(self) -> Crossing:
        """Let the CPU pay what is owed."""
        return (SETTLE,)

    def wait(self, request: Request, op: str, per: int = 1) -> Crossing:
        """Time that uses no CPU: a platter, a wire, a power supply."""
        return ((paused, (self.op(op, WAIT).what, self.draw_ns(op, WAIT, per))),)

    def sleep(self, request: Request, op: str, length_ns: int) -> Crossing:
        """As `wait`, for a length that a setting gives."""
        return ((paused, (self.sim.what(self.node, self.entry.id, op, WAIT), length_ns)),)

    def hop(self, request: Request, thread: Thread, *leaving: str) -> Crossing:
        """The request moves to another thread and wakes it; its old CPU still does the ops `leaving`."""
        if leaving:
            return ((hopped_leaving, (thread, self._plans.get(leaving) or self._plan(leaving))),)
        return ((hopped, thread),)

    def leaving(self, request: Request, *ops: str) -> None:
        """When the request leaves this CPU, by whatever crossing, the CPU still does these ops: back into the
        guest, for one."""
        request.flow.leaving += self._plans.get(ops) or self._plan(ops)

    def interrupt(self, request: Request, cpu: Cpu) -> Crossing:
        """The request goes on in interrupt context on a CPU, whose time it steals."""
        return ((interrupted, (cpu, INTERRUPT)),)

    def noticed(self, request: Request, cpu: Cpu) -> Crossing:
        """As `interrupt`, but nobody does: the CPU is in interrupt context and looks for more by itself."""
        return ((interrupted, (cpu, NONE)),)

    def submit(self, request: Request, station: Station, *ops: str, per: int = 1) -> Crossing:
        """Into a device's queue, through the device's stages `ops`; then it is in the device, and must
        interrupt a CPU."""
        stages = [(self.op(op, DEVICE).what, self.draw_ns(op, DEVICE, per)) for op in ops]
        return ((station.accept, stages),)

    def gate(self) -> Gate:
        """Something that flows can wait for; it is closed."""
        return Gate(self.engine_what("waiting", WAIT))

    def until(self, request: Request, gate: Gate) -> Crossing:
        """Wait for a gate to open."""
        return ((gate.pass_through, None),)

    def join(self, request: Request, other: Request) -> Crossing:
        """Wait until a spawned flow is over."""
        assert other.done is not None
        return self.until(request, other.done)

    def lock(self, request: Request, name: str) -> Crossing:
        """Take one of this layer's sleeping locks, or queue for it."""
        return ((self._lock(name).acquire, None),)

    def unlock(self, request: Request, name: str) -> Crossing:
        return ((self._lock(name).release, None),)

    def log(self, request: Request, text: str, **params: Any) -> None:
        """A console line, at the end of the last operation."""
        record, thread = self._record, request.flow.thread
        at = ~thread.clock  # nothing is owed: the line stands now
        last = record.here() - WIDTH
        if last >= thread.burst:  # its time moves with that mark until the burst is paid
            at = last + (END if record.get(last + END) != OPEN else START)
        record.logs += (at, self.node, self.sim.text_id(self.entry.id, text, params), request.flow.rid)

    def count(self, name: str, value: int) -> None:
        """A counter of this node changes: memory, for one."""
        series = self.sim.series_id(f"{name}/{self.id}", {"name": name, "node": self.node})
        if name == "memory":
            self.memory_bytes = value
        self._record.counters += (self.sim.now, series, value)

    # -------------------------------------------------------------------------------------- entry to engine

    def offers(self, capability: str) -> bool:
        """Does it offer this itself, always or as it is set?"""
        on = (name for name, one in self.entry.settings.items() if one.provides == capability)
        return capability in self.entry.provides or any(self.settings[name] for name in on)

    def constant(self, name: str) -> Any:
        """A constant of the entry, in base units, as measured on this machine's family if it was."""
        return choose(self.entry.constants[name], self.sim.family, self.sim.own).value

    def pace(self, instructions: str, isa: str = "") -> float:
        """Of what it holds: how many times as long instructions of that class take as on the real CPU."""
        return 1

    @cached_property
    def _pace(self) -> float:
        if self.owner is self or self.entry.role not in INSIDE:
            return 1
        return self.owner.pace(self.entry.data.get("instructions", "memory"))

    def op(self, name: str, kind: int = CPU) -> Op:
        """An operation of this node, its timing and its stream of draws."""
        known = self._ops.get((name, kind))
        if known is None:
            timing: Timing = choose(
                self.entry.timings[self._instead.get(name, name)], self.sim.family, self.sim.own
            )
            if self.sim.scaled:
                timing = timing.times(self.sim.scaled.get((self.entry.id, name), 1))
            if kind == CPU and (pace := self._pace) != 1:
                timing = timing.times(pace)
            marks = INSTANT_KINDS.index(timing.marks) if timing.marks else NONE
            shown = self.sim.timing_id(shown_timing(self.entry.id, timing, self.sim.clock_hz))
            what = self.sim.what(self.node, self.entry.id, name, kind, shown, marks)
            table = draws_of(timing, self.entry.id, self.sim.clock_hz, self.sim.spread)
            divisor = timing.unit_divisor if timing.per else 0
            known = Op(name, what, mix(self.sim.seed, self.id, name), table, divisor)
            self._ops[name, kind] = known
        return known

    def instead(self, name: str, other: str) -> None:
        """This operation goes by another timing of the entry, because of a setting; it is still the same."""
        self._instead[name] = other

    def draw_ns(self, name: str, kind: int, per: int = 1) -> int:
        op = self.op(name, kind)
        length = op.draw_ns()
        return length * per // op.divisor if op.divisor else length

    def plan(self, *names: str) -> tuple[Op, ...]:
        """These ops, with those of others that are done for each of them."""
        return self._plans.get(names) or self._plan(names)

    def _plan(self, names: tuple[str, ...]) -> tuple[Op, ...]:
        plan = self._plans[names] = tuple(self.op(name) for name in names)
        return plan

    def engine_what(self, op: str, kind: int) -> int:
        """What spans of the engine's own are about: a run queue, a wait, a device's queue."""
        return self.sim.what(self.node, "", op, kind)

    def station(self, parallel: int, link: int = NONE) -> Station:
        """A device's queue, with `parallel` requests in service at once, but one at a time in the stage that
        is about `link`."""
        assert self.owner.cpus
        thread = Thread(self.owner.cpus[0].sched, self.id, self.node, 1)
        return Station(self.sim, thread, parallel, self.engine_what("device_queue", QUEUE), link)

    def process(self, name: str) -> Thread:
        """A new thread of a program that runs on this layer: the kernel makes it, a container puts it under
        its limits."""
        return self.below.process(name)

    def _lock(self, name: str) -> Lock:
        if name not in self._locks:
            self._locks[name] = Lock(self.engine_what(f"lock_{name}", QUEUE))
        return self._locks[name]

    def sweep(self, now: int) -> None:
        """Threads have been killed: what they held of its locks is free."""
        for lock in self._locks.values():
            lock.sweep(now)

    # ---------------------------------------------------------------------------------------- interventions

    def change(self, setting: str, value: Any, now: int) -> None:
        """`set` in mid-run: the new value holds from now on."""
        self.settings[setting] = value

    def fail(self, fault: str, now: int) -> Iterable[Layer]:
        """A fault strikes this node: which layers end with it. A killed layer takes what it holds."""
        return self.everything()

    def end(self) -> None:
        """Killed: it answers nothing any more."""
        if self.state != KILLED:
            self._before = self._answers
        self.state = KILLED
        self._answers = dict.fromkeys(KINDS, self._silence)

    def back_in(self) -> int | None:
        """In how long somebody starts it again once it has been killed, in ns; None if nobody does."""
        return None

    def revive(self) -> None:
        """Killed, and about to be started again: it is off, and has nothing of what it had."""
        self.state, self._answers = OFF, self._before
        self.threads, self.ready = [], self.gate()

    def _silence(self, request: Request) -> Steps:
        """Who asks waits for ever."""
        yield from self.until(request, Gate(self.engine_what("waiting", WAIT)))

    def everything(self) -> list[Layer]:
        """This layer, its devices and all that stands on it."""
        found = [self, *self.devices.values()]
        for held in self.holds:
            found += held.everything()
        return found


_tables: dict[tuple[object, ...], tuple[int, ...]] = {}


def draws_of(timing: Timing, component: str, clock_hz: int, spread: bool) -> tuple[int, ...]:
    """The table that draws of a timing walk through, made once."""
    amount = timing.amount, timing.in_cycles  # not the text: it is rounded
    key = (component, timing.op, amount, timing.per, timing.spread_text, clock_hz, spread)
    table = _tables.get(key)
    if table is None:
        order = mix(component, timing.op)
        length = LENGTHS[order % len(LENGTHS)]
        table = _tables[key] = shuffled(quantiles(timing, clock_hz, spread, count=length), order)
    return table


def shown_timing(component: str, timing: Timing, clock_hz: int) -> dict[str, Any]:
    """A timing as the trace's header carries it: the number and its birth certificate."""
    return {
        "is": component,
        "op": timing.op,
        "time": timing.text,
        "ns": timing.mean_ns(clock_hz),
        "per": timing.per,
        "spread": timing.spread_text,
        "status": timing.status,
        "source": timing.source,
        "where": timing.where,
        "machine": timing.machine,
        "borrowed": timing.borrowed,
        "reason": timing.reason,
    }
