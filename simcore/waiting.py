"""What a flow waits for: a time, a gate, a lock, a device's queue.

Each is an *effect* (see `cpu`): the flow leaves its thread, the thread goes on with its next flow or blocks,
and when the wait is over the flow is ready on its thread again and wakes it. The wait is one span of the
flow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .cpu import DEAD, Cpu, Effect, Flow, Thread, ipi, owe_first, tell
from .simulation import Alarm, Op, Simulation
from .trace import NONE, span_bytes

Stages = list[tuple[int, int]]  # of a device's service: what, length in ns


def paused(flow: Flow, thread: Thread, now: int, pause: tuple[int, int]) -> bool:
    """Wait for a time: (what, length in ns)."""
    what, length = pause
    flow.thread.sim.record.data += span_bytes(flow.span, what, thread.id, now, now + length)
    thread.sim.at(length, lambda: None if flow.dead else flow.arrive(thread, now + length))
    return False


def hopped(flow: Flow, thread: Thread, now: int, goal: Thread) -> bool:
    """Go on on another thread, and wake it."""
    if goal is thread:
        return True
    if thread.cpu.host is not None and (sender := ipi(thread, goal)) is not None:
        return owe_first(flow, thread, sender.ipi_ops, (sent, (goal, sender.entry_ops)))
    return moved(flow, thread, now, goal)


def hopped_leaving(flow: Flow, thread: Thread, now: int, goal: tuple[Thread, tuple[Op, ...]]) -> bool:
    """As `hopped`, and leave the CPU with something to do for it."""
    virtual = thread.cpu.host is not None and goal[0] is not thread
    if virtual and (sender := ipi(thread, goal[0])) is not None:
        then = (sent, (goal[0], sender.entry_ops + goal[1]))
        return owe_first(flow, thread, sender.ipi_ops, then)
    thread.cpu.tail += goal[1]
    thread.cpu.left = flow.span
    return goal[0] is thread or moved(flow, thread, now, goal[0])


def sent(flow: Flow, thread: Thread, now: int, goal: tuple[Thread, tuple[Op, ...]]) -> bool:
    """The interrupt for another vCPU is sent: this one goes back into its guest while that one comes up."""
    thread.cpu.tail += goal[1]
    thread.cpu.left = flow.span
    return moved(flow, thread, now, goal[0])


def moved(flow: Flow, thread: Thread, now: int, goal: Thread) -> bool:
    record = thread.sim.record
    record.wakeups += (now, thread.id, goal.id, flow.rid, flow.span)
    flow.arrive(goal, now)
    return False


def interrupted(flow: Flow, thread: Thread, now: int, goal: tuple[Cpu, int]) -> bool:
    """Go on in a CPU's interrupt context."""
    cpu, mark = goal
    record = thread.sim.record
    irq = cpu.irq
    if mark != NONE and irq.sched.irq_ops:  # what runs before a kernel looks by itself
        record.marks += (now, mark, irq.node, flow.rid, flow.span)
    record.wakeups += (now, thread.id, irq.id, flow.rid, flow.span)
    cpu.deliver(flow, now)
    return False


class Gate:
    """Closed until `open`; who comes later walks through."""

    def __init__(self, what: int) -> None:
        self.what = what
        self.is_open = False
        self.waiting: list[tuple[Flow, Thread, int]] = []

    def pass_through(self, flow: Flow, thread: Thread, now: int, _: object) -> bool:
        if self.is_open:
            return True
        self.waiting.append((flow, thread, now))
        return False

    def open(self, now: int, waker: Thread, span: int = NONE) -> None:
        self.is_open = True
        waiting, self.waiting = self.waiting, []
        for flow, thread, since in waiting:
            record = thread.sim.record
            if since < now:
                record.data += span_bytes(flow.span, self.what, thread.id, since, now)
            record.wakeups += (now, waker.id, thread.id, flow.rid, span)
            if not flow.dead:
                tell(waker, thread)
                flow.arrive(thread, now)


class Batch:
    """What one interrupt announces beside the flow that raised it: whatever came until it was taken."""

    def __init__(self, what: int) -> None:
        self.what = what
        self.waiting: list[tuple[Flow, Thread, int]] = []
        self.speaker: Flow | None = None  # who joined it, and then has to interrupt for all

    def join(self, flow: Flow, thread: Thread, now: int, _: object) -> bool:
        self.waiting.append((flow, thread, now))
        return False

    def take(self, cpu: Cpu, now: int, span: int) -> None:
        """The interrupt is there: its handler finds them all."""
        for flow, thread, since in self.waiting:
            record = thread.sim.record
            record.data += span_bytes(flow.span, self.what, thread.id, since, now)
            record.wakeups += (now, cpu.irq.id, cpu.irq.id, flow.rid, span)
            cpu.deliver(flow, now)

    def expire(self) -> None:
        """In a device: who came first has waited for as long as it may, and goes on to interrupt."""
        flow, thread, since = self.waiting.pop(0)
        if not flow.dead:
            now = thread.sim.env._now
            thread.sim.record.data += span_bytes(flow.span, self.what, thread.id, since, now)
            self.speaker, flow.thread, thread.clock = flow, thread, now
            carry_on(flow, thread, now)


class Lock:
    """A sleeping lock: first come, first served; the releaser hands it over."""

    def __init__(self, what: int) -> None:
        self.what = what
        self.holder: Flow | None = None
        self.owner: Thread | None = None  # where the holder got it: if that is killed, nobody holds it
        self.waiting: deque[tuple[Flow, Thread, int]] = deque()

    def acquire(self, flow: Flow, thread: Thread, now: int, _: object) -> bool:
        if self.holder is None:
            self.holder, self.owner = flow, thread
            return True
        self.waiting.append((flow, thread, now))
        return False

    def release(self, flow: Flow, thread: Thread, now: int, _: object) -> bool:
        if self.holder is flow:  # it may have lost it with its thread
            self._pass_on(now, thread, flow.span)
        return True

    def sweep(self, now: int) -> None:
        """Whose thread was killed holds it no more."""
        if self.owner is not None and self.owner.state == DEAD:
            self._pass_on(now, None, NONE)

    def _pass_on(self, now: int, thread: Thread | None, span: int) -> None:
        while self.waiting:
            heir, where, since = self.waiting.popleft()
            if heir.dead or where.state == DEAD:
                continue
            record = where.sim.record
            record.data += span_bytes(heir.span, self.what, where.id, since, now)
            if thread is not None:
                record.wakeups += (now, thread.id, where.id, heir.rid, span)
                tell(thread, where)
            self.holder, self.owner = heir, where
            heir.arrive(where, now)
            return
        self.holder = self.owner = None


class Completion(Alarm):
    """The moment when a device is done with a request; used again and again."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.flow: Flow
        super().__init__(station.sim.env, station.complete)


class Station:
    """A device's queue: so many requests in service at once, the others wait in order.

    A request that is done goes on "in the device": on a thread that no scheduler knows and that can only
    interrupt.
    """

    def __init__(
        self, sim: Simulation, thread: Thread, parallel: int, queue_what: int, link: int = NONE
    ) -> None:
        self.sim, self.thread, self.parallel, self.queue_what = sim, thread, parallel, queue_what
        self.link, self.link_free = (
            link,
            0,
        )  # a stage that only one request at a time can be in, and since when
        self.busy = 0
        self.before: Callable[[], tuple[int, int]] | None = None  # a stage that comes first: what, length
        self.waiting: deque[tuple[Flow, int, Stages]] = deque()
        self.free: list[Completion] = []

    def accept(self, flow: Flow, thread: Thread, now: int, job: Stages) -> bool:
        """Take a request in, for its stages of service."""
        if self.before is not None:
            job = [self.before(), *job]
        if self.busy < self.parallel:
            self._serve(flow, now, job)
        else:
            self.waiting.append((flow, now, job))
        return False

    def _serve(self, flow: Flow, now: int, job: Stages) -> None:
        self.busy += 1
        at = now
        for what, length in job:
            if length:
                if what == self.link:
                    if self.link_free > at:
                        self.sim.record.data += span_bytes(
                            flow.span, self.queue_what, self.thread.id, at, self.link_free
                        )
                        at = self.link_free
                    self.link_free = at + length
                self.sim.record.data += span_bytes(flow.span, what, self.thread.id, at, at + length)
                at += length
        done = self.free.pop() if self.free else Completion(self)
        done.flow = flow
        self.sim.env.schedule(done, delay=at - now)

    def complete(self, done: Completion) -> None:
        done.callbacks = done.calls
        flow, now, thread = done.flow, self.sim.env._now, self.thread
        self.free.append(done)
        self.busy -= 1
        while self.waiting and self.busy < self.parallel:
            heir, since, job = self.waiting.popleft()
            if not heir.dead:
                self.sim.record.data += span_bytes(heir.span, self.queue_what, thread.id, since, now)
                self._serve(heir, now, job)
        if not flow.dead:
            flow.thread, thread.clock = thread, now
            carry_on(flow, thread, now)
        if self.sim.poked:
            self.sim.drain()


def carry_on(flow: Flow, thread: Thread, now: int) -> None:
    """Run a flow that is on no CPU to its next effect; it must not owe any CPU time."""
    while True:
        try:
            effect: Effect | None = flow.steps(None)
        except StopIteration:
            return
        assert thread.clock == now, (
            f"{thread.name} is a device: it cannot spend CPU time; interrupt a CPU first"
        )
        if effect is not None and not effect[0](flow, thread, now, effect[1]):
            return
