"""The crux: flows on threads, threads on CPUs, and CPUs that are themselves threads.

A *flow* is one request's chain of generators; it migrates, and whichever thread it is on pays. A *thread* is
a CPU context with a queue of ready flows. A *Cpu* runs one thread at a time for one scheduler; it is a
physical *Core*, or virtual: then it is carried by a thread of the scheduler below (`thread.inner` is that
Cpu, `cpu.host` is that thread). That pair of pointers is all the nesting there is: at any moment a core runs
one chain core -> vCPU -> ... -> leaf thread.

CPU time is *owed*: code between two yields runs at one instant, `spend` moves its thread's clock forward, and
the core sets one timer for the moment when the debt is paid. A yield hands over an *effect*, a pair
(function, argument), that is carried out at that moment: nothing that another thread could observe happens
earlier. When a CPU is lost meanwhile, the interval is noted as a *gap* and the clocks above it move by its
length; at payment the spans written since move past the gaps (`mend`), and each gap becomes a span that names
who had the CPU.

Rules and invariants: docs/decisions/0003-owed-time.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any

from .simulation import Alarm, Op, Simulation
from .trace import END, NONE, PARENT, START, WIDTH, span_bytes

if TYPE_CHECKING:
    from .schedulers.base import Group, Scheduler
    from .spinning import PauseLoop, SpinLock
    from .trace import Recorder

NEVER = 1 << 62
BLOCKED, QUEUED, RUNNING, PARKED, DEAD = range(5)  # a thread's state
GUEST, HALTING, POLLING, HALTED = range(
    4
)  # what a vCPU's thread does: its guest, the way out, look again, sleep

Effect = tuple[Callable[["Flow", "Thread", int, Any], bool], Any]
Steps = Generator[Effect | None, None, Any]


def settle(flow: Flow, thread: Thread, now: int, _: Any) -> bool:
    """The effect of waiting only until what is owed is paid."""
    return True


SETTLE: Effect = (settle, None)


class Flow:
    """One request's chain of generators, on its way from thread to thread."""

    __slots__ = ("dead", "leaving", "rid", "since", "span", "steps", "thread")

    def __init__(self, thread: Thread, span: int = NONE, rid: int = NONE) -> None:
        self.steps: Callable[[None], Effect | None]
        self.thread = thread
        self.span, self.rid = span, rid  # the innermost open span and request
        self.since = 0  # when it became ready on its thread
        self.leaving: tuple[Op, ...] = ()  # what the CPU that it leaves next does after it
        self.dead = False

    def start(self, steps: Steps, now: int) -> None:
        self.steps = steps.send
        self.arrive(self.thread, now)

    def arrive(self, thread: Thread, now: int) -> None:
        """Be ready on a thread, and wake it."""
        self.thread, self.since = thread, now
        thread.flows.append(self)
        if thread.state == BLOCKED:
            thread.sched.wake(thread, now)


class Thread:
    """A CPU context: an application's thread, an interrupt handler, an I/O back end, or a vCPU's carrier."""

    __slots__ = (
        "burst", "burst_end", "busy", "clock", "closed", "cpu", "cut_ns", "deadline", "effect", "entry_ops",
        "exit_ops", "flow", "flows", "gaps", "group", "halt_ops", "id", "in_kernel", "inner", "ipi_ops",
        "lag", "late_ns", "locked", "mate", "name", "node", "off_since", "off_what", "pause", "poke_ops",
        "poll_end", "poll_ns", "poll_since", "poll_what", "ran_ns", "sched", "sim", "spins", "stage", "state",
        "vruntime", "wake_ops", "weight",
    )  # fmt: skip

    def __init__(
        self, sched: Scheduler, name: str, node: int, weight: int, group: Group | None = None
    ) -> None:
        self.sched, self.sim, self.name, self.node = sched, sched.sim, name, node
        self.id = sched.sim.thread_id(name, node)
        sched.sim.crew.append(self)
        self.weight, self.group = weight, group
        self.in_kernel = False  # a kernel's own: it has no page tables, and uses those that are there
        if group is not None:
            group.threads.append(self)
        self.state = BLOCKED
        self.cpu: Cpu = sched.cpus[0]  # where it runs, or ran last
        self.mate: Thread | None = None  # whose CPU it is pinned to
        self.flows: deque[Flow] = deque()
        self.flow: Flow | None = None
        self.effect: Effect | None = None
        self.busy = False  # in a burst: it owes CPU time for spans already written
        self.clock = 0
        self.burst = self.burst_end = 0
        self.closed: list[int] = []
        self.gaps: list[tuple[int, int, int]] = []  # start, length, what
        self.off_since = NONE  # since when a burst, or a carried Cpu, has been without CPU
        self.off_what = NONE
        self.late_ns = self.cut_ns = 0  # ready without CPU so long: after it woke, in the middle of its work
        self.vruntime = self.deadline = self.lag = self.ran_ns = 0
        self.inner: Cpu | None = None
        self.locked = False  # in its kernel, which for the moment preempts nobody on this CPU
        self.spins: SpinLock | None = None  # what its burst, which has no end of its own, waits for
        self.stage = GUEST
        self.pause: PauseLoop | None = None  # of a vCPU's carrier: what happens when its guest spins
        self.entry_ops: tuple[Op, ...] = ()  # the ops of a vCPU's carrier: into the guest, out of it,
        self.exit_ops: tuple[Op, ...] = ()
        self.halt_ops: tuple[Op, ...] = ()  # out of it because it has nothing to do,
        self.wake_ops: tuple[Op, ...] = ()  # back after that,
        self.poke_ops: tuple[Op, ...] = ()  # an interrupt that finds it running,
        self.ipi_ops: tuple[Op, ...] = ()  # and the way out to have another vCPU look
        self.poll_ns = self.poll_since = self.poll_end = 0
        self.poll_what = NONE

    @property
    def asleep(self) -> bool:
        """Has it given up its CPU? A vCPU's carrier may have done so unnoticed, when its poll was over."""
        return self.state == BLOCKED or (self.stage == POLLING and self.sim.now >= self.poll_end)

    def wake(self, now: int) -> None:
        """From asleep to ready; it runs when its core looks again, never inside this call."""
        self.sched.wake(self, now)

    def carry(self, cpu: Cpu) -> None:
        """Become the thread that carries a virtual CPU."""
        self.inner, cpu.host, self.stage = cpu, self, HALTED


class Cpu:
    """A place where one thread of a scheduler runs at a time."""

    __slots__ = (
        "began", "bit", "contended", "current", "handoff", "host", "index", "irq", "irq_since", "last",
        "late", "left", "overran", "quota_end", "resched", "sched", "sibling", "sim", "since", "slice_end",
        "tail",
    )  # fmt: skip

    sched: Scheduler
    irq: Thread  # interrupt context: runs before any thread of this CPU

    def __init__(self, sim: Simulation, index: int) -> None:
        self.sim, self.index, self.bit = sim, index, 1 << index
        self.host: Thread | None = None
        self.sibling: Cpu | None = None  # the other hardware thread of its core
        self.current: Thread | None = None
        self.last: Thread | None = None  # whose page tables it holds
        self.handoff: Thread | None = None  # a woken thread that this idle CPU runs next
        self.resched = self.contended = self.overran = False
        self.since = self.slice_end = 0
        self.began = 0  # when its thread got it; time without CPU does not count
        self.quota_end = NEVER
        self.irq_since = NONE
        self.late = (
            NONE,
            NONE,
            NONE,
        )  # when its carrier last waited, awake for a halted CPU: start, end, what
        self.left = NONE  # the span that left it with that to do
        self.tail: list[Op] = []  # what this CPU still has to do for a flow that has left it

    @property
    def core(self) -> Core:
        """The physical one beneath it."""
        cpu = self
        while cpu.host is not None:
            cpu = cpu.host.cpu
        assert isinstance(cpu, Core)
        return cpu

    @property
    def interrupted(self) -> bool:
        """Is it in interrupt context, or will be next? Then a driver looks at its ring before it leaves."""
        return self.irq_since >= 0 or bool(self.irq.flows)

    def come_up(self, now: int) -> None:
        """A kernel has it from now on, which sends it to sleep when there is nothing to do."""

    def has_work(self) -> bool:
        """Is there anything that it runs, or would run next?"""
        sched = self.sched
        return (
            self.current is not None
            or self.handoff is not None
            or self.irq_since >= 0
            or bool(self.irq.flows)
            or sched.waiting > 0
            or (sched.handed > 0 and sched.stuck() is not None)
        )

    def poke(self) -> None:
        """Something changed for this CPU: have its core look again, waking carriers on the way down."""
        cpu = self
        while (host := cpu.host) is not None:
            if host.state == BLOCKED:
                host.wake(cpu.sim.now)
                return
            if host.state != RUNNING:
                return
            cpu = host.cpu
        assert isinstance(cpu, Core)
        if not cpu.poked:
            cpu.poked = True
            cpu.sim.poked.append(cpu)

    def lose(self, begin: int, end: int, what: int) -> None:
        """This CPU's thread was without it from `begin` to `end`: its time, slice and quota stood still."""
        length = end - begin
        self.since += length
        self.began += length
        self.slice_end += length
        self.quota_end += length
        if self.current is not None:
            lose(self.current, begin, end, what)
        else:
            self.late = begin, end, what

    def deliver(self, flow: Flow, now: int) -> None:
        """An interrupt: the flow goes on in this CPU's interrupt context."""
        flow.thread, flow.since = self.irq, now
        self.irq.flows.append(flow)
        self.poke()


def lose(thread: Thread, begin: int, end: int, what: int) -> None:
    """All that `thread` carries was without CPU from `begin` to `end`: move its clocks, down to the leaf."""
    if begin == end:
        while thread.inner is not None and thread.inner.current is not None:
            thread = thread.inner.current
        if thread.spins is not None:
            thread.spins.look(thread, end)
        return
    if thread.busy:
        thread.clock += end - begin
        thread.gaps.append((begin, end - begin, what))
        if thread.spins is not None:
            thread.spins.look(thread, end)
        return
    cpu = thread.inner
    if cpu is None:
        return
    if thread.stage == POLLING:
        polled(thread, begin)
        thread.poll_since = end
    if cpu.irq_since >= 0:  # what lies beneath the interrupt had lost its time up to here already
        cpu.lose(cpu.irq_since, begin, cpu.sched.irq_what)
        cpu.irq_since = end
        lose(cpu.irq, begin, end, what)
    cpu.lose(begin, end, what)


def was_off(thread: Thread, now: int) -> None:
    """It has been ready, without CPU, up to now. Of a vCPU's carrier that is steal."""
    if thread.stage == HALTED:
        thread.late_ns += now - thread.off_since
    else:
        thread.cut_ns += now - thread.off_since
    lose(thread, thread.off_since, now, thread.off_what)


def polled(host: Thread, now: int) -> int:
    """Write down how long a carrier has polled; returns when that ended."""
    end = max(host.poll_since, min(now, host.poll_end))
    if end > host.poll_since:
        host.sim.record.data += span_bytes(NONE, host.poll_what, host.id, host.poll_since, end)
    return end


class Core(Cpu):
    """A physical CPU, and the one timer that its chain needs."""

    __slots__ = (
        "alarm", "armed", "c_states", "deadline", "idle_since", "idle_states", "leaf", "poked", "tolls",
    )  # fmt: skip

    def __init__(self, sim: Simulation, index: int) -> None:
        super().__init__(sim, index)
        self.alarm = Alarm(sim.env, self.ring)
        self.armed = NONE
        self.poked = False
        self.leaf: Thread | None = None
        self.deadline = NEVER
        self.tolls: list[Op] = []  # switches and entries that the next burst begins with
        self.idle_since = 0
        self.c_states: tuple[tuple[int, Op], ...] = ()  # deepest first: idle how long, leaving
        self.idle_states: tuple[tuple[int, Op], ...] = ()  # those that somebody sends it to

    def ring(self, alarm: Alarm) -> None:
        alarm.callbacks = alarm.calls
        now = self.sim.env._now  # the property costs as much as the comparison
        if now != self.armed:
            return  # armed again since, for another time
        self.armed = NONE
        leaf = self.leaf
        self.run(leaf is None or leaf.clock != now or self.deadline <= now or self.poked)
        if self.sim.poked:
            self.sim.drain()

    def come_up(self, now: int) -> None:
        self.idle_states = self.c_states
        if self.idle_since >= 0:
            self.idle_since = now

    def divide(self, now: int) -> None:
        """Nobody shares this core: its time is its leaf's."""

    def arm(self, at: int) -> None:
        if at != self.armed:
            self.armed = at
            env = self.sim.env
            env.schedule(self.alarm, delay=at - env._now)

    # --------------------------------------------------------------------------------------------- the walk

    def run(self, walk: bool) -> None:
        """Do what is due on this core now, then set its timer. `walk`: the chain may have changed."""
        now: int = self.sim.env._now
        record = self.sim.record
        data = record.data
        leaf = self.leaf
        while True:
            if walk:
                self.poked = False
                leaf = self._walk(now)
                self.leaf = leaf
                if leaf is None:
                    if self.idle_since < 0 and self.current is None:
                        self.idle_since = now
                    if self.deadline < NEVER:
                        self.arm(self.deadline)
                    else:
                        self.armed = NONE
                    return
                if self.tolls and leaf.busy:
                    self._toll(leaf, now)
            assert leaf is not None
            if leaf.clock > now and leaf.busy:
                self.arm(leaf.clock if leaf.clock < self.deadline else self.deadline)
                return
            # The debt is paid.
            if leaf.gaps:
                mend(leaf, record)
            flow = leaf.flow
            if flow is not None:
                if flow.dead:
                    leaf.flow, leaf.busy, walk = None, False, True
                    continue
                effect = leaf.effect
                if effect is not None and effect is not SETTLE:
                    if not effect[0](flow, leaf, now, effect[1]):
                        if flow.leaving:
                            leaf.cpu.tail += flow.leaving
                            leaf.cpu.left, flow.leaving = flow.span, ()
                        leaf.flow, leaf.busy, walk = None, False, True
                        if not leaf.flows and leaf is not leaf.cpu.irq:
                            self._block(leaf, now)
                        continue
                    if leaf.effect is not effect:  # it takes something first
                        walk = self.poked
                        continue
                    if self.poked:
                        leaf.effect, walk = SETTLE, True
                        continue
                leaf.burst = len(data)
            else:
                leaf.busy = False
                flows = leaf.flows
                if not flows:
                    if leaf.stage == HALTING:
                        self._halted(leaf, now)
                        if (
                            leaf.stage == POLLING
                            and self.deadline == NEVER
                            and leaf.cpu is self
                            and not self.poked
                        ):
                            self.leaf, self.armed = None, NONE
                            return
                    elif leaf is not leaf.cpu.irq:
                        self._block(leaf, now)
                    walk = True
                    continue
                flow = flows.popleft()
                if flow.dead:
                    walk = True
                    continue
                leaf.flow = flow
                leaf.clock = now
                leaf.burst = len(data)
                if flow.since < now:
                    self._waited(leaf, flow, now)
                leaf.off_what = NONE
                if self.tolls:
                    self._pay(leaf, flow.span)
                leaf.busy = True
            if leaf.closed:
                leaf.closed.clear()
            try:
                leaf.effect = flow.steps(None)
            except StopIteration:
                leaf.effect = FINISH
            leaf.burst_end = len(data)
            walk = False

    def _walk(self, now: int) -> Thread | None:
        """From this core up to the leaf that runs on it, switching where a switch is due; None: nothing to
        run."""
        cpu: Cpu = self
        deadline = NEVER
        entered = False  # a carrier has just (re)entered its guest
        while True:
            if cpu.tail:  # first what it owes for who has left it
                self.tolls += cpu.tail
                cpu.tail.clear()
            irq = cpu.irq
            if irq.busy or irq.flows:
                if cpu.irq_since < 0:
                    self._interrupt(cpu, now, entered)
                self.deadline = deadline
                return irq
            if cpu.irq_since >= 0:
                entered |= self._resume(cpu, now)
            thread = cpu.current
            if thread is not None and (
                cpu.contended
                or cpu.resched
                or thread.state != RUNNING
                or thread.stage == POLLING
                or cpu.quota_end <= now
                or cpu.sched.waiting
            ):
                thread = self._keep(cpu, thread, now)
            if thread is None:
                thread = self._dispatch(cpu, now)
                if thread is None:
                    host = cpu.host
                    self.deadline = deadline
                    if host is not None:
                        return self._halt(host, now)
                    return self._wind_up(now) if self.tolls else None
                entered = True
            if cpu.contended and cpu.slice_end < deadline:
                deadline = cpu.slice_end
            if cpu.quota_end < deadline:
                deadline = cpu.quota_end
            inner = thread.inner
            if inner is None or thread.busy:
                self.deadline = deadline
                return thread
            if inner.current is None and not inner.has_work():
                if thread.stage != POLLING:
                    self.deadline = deadline
                    return self._halt(thread, now)
                if cpu is not self and thread.poll_end < deadline:  # a core's own may end unnoticed
                    deadline = thread.poll_end
                self.deadline = deadline
                return None
            if thread.stage != GUEST:
                if thread.stage == POLLING:
                    self._end_poll(thread, now)
                    self.tolls += thread.wake_ops
                elif thread.stage == HALTED:
                    self.tolls += thread.wake_ops
                thread.stage = GUEST
                self.tolls += thread.entry_ops
                entered = True
            cpu = inner

    def _keep(self, cpu: Cpu, thread: Thread, now: int) -> Thread | None:
        """Shall the current thread go on? If not, put it back and return None."""
        sched = cpu.sched
        if thread.state == DEAD:
            cpu.current = None
            return None
        if thread.stage == POLLING and self._poll(thread, now):
            return None
        if cpu.quota_end <= now and not sched.renew(cpu, thread, now):
            self._put_off(cpu, thread, now)
            return None
        if not sched.waiting:
            cpu.contended = cpu.resched = False
            sched.alone |= cpu.bit
            return thread
        if not cpu.contended:  # alone until now
            sched.account(cpu, thread, now)
            cpu.contended = True
        if cpu.resched or cpu.slice_end <= now:
            if thread.locked:  # when it unlocks
                cpu.resched, cpu.slice_end = False, NEVER
                return thread
            self._put_off(cpu, thread, now)
            return None
        return thread

    def _dispatch(self, cpu: Cpu, now: int) -> Thread | None:
        sched = cpu.sched
        cpu.resched = False
        thread = cpu.handoff
        if thread is not None:
            cpu.handoff = None
            sched.handed &= ~cpu.bit
            if thread.state == DEAD or not (thread.group is None or sched.admit(cpu, thread, now)):
                thread = None
        if thread is None:
            if sched.waiting or sched.handed:
                thread = sched.pick(cpu, now)
            if thread is None:
                sched.idle |= cpu.bit
                return None
        sched.idle &= ~cpu.bit
        cpu.current = thread
        thread.state, thread.cpu = RUNNING, cpu
        cpu.since = cpu.began = now
        cpu.slice_end = now + sched.slice_for(thread)
        cpu.contended = sched.waiting > 0
        if not cpu.contended:
            sched.alone |= cpu.bit
        if cpu is self and self.idle_since >= 0:
            self._leave_idle(now)
        self.tolls += sched.switch_ops
        if sched.space_ops and cpu.last is not thread and not thread.in_kernel:
            cpu.last = thread
            self.tolls += sched.space_ops
        if thread.off_since >= 0:
            begin, end, late = cpu.late
            if begin == thread.off_since and end > begin:
                lose(thread, begin, end, late)
                thread.off_since = end
            was_off(thread, now)
            thread.off_since = thread.off_what = NONE
        if thread.inner is not None and thread.stage == GUEST:
            self.tolls += thread.entry_ops
        return thread

    def _put_off(self, cpu: Cpu, thread: Thread, now: int) -> None:
        """The thread loses its CPU and stays ready."""
        sched = cpu.sched
        cpu.current = None
        cpu.resched = False
        if thread.stage == POLLING:
            self._sleep(thread, now)
            return
        sched.leave(cpu, thread, now)
        thread.off_what = sched.queue_what
        thread.state = QUEUED
        if thread.busy or thread.inner is not None:
            thread.off_since = now
        if thread.inner is not None and thread.stage == GUEST and not thread.busy:
            self.tolls += thread.exit_ops
        sched.put(thread, now)
        if (heir := cpu.handoff) is not None:  # its mate, which was to follow when it sleeps
            cpu.handoff = None
            sched.handed &= ~cpu.bit
            sched.enqueue(heir, now)

    def _waited(self, leaf: Thread, flow: Flow, now: int) -> None:
        """A flow begins that was ready before: it waited for its CPU, or its CPU for one itself."""
        data, since = self.sim.record.data, flow.since
        what = leaf.off_what if leaf.off_what >= 0 else leaf.sched.queue_what
        begin, end, late = leaf.cpu.late
        if begin >= since:
            if begin > since:
                data += span_bytes(flow.span, what, leaf.id, since, begin)
            data += span_bytes(flow.span, late, leaf.id, begin, end)
            since = end
        if since < now:
            data += span_bytes(flow.span, what, leaf.id, since, now)

    def _block(self, thread: Thread, now: int) -> None:
        """The thread has nothing to do and gives up its CPU."""
        cpu = thread.cpu
        cpu.current = None
        cpu.sched.leave(cpu, thread, now)
        cpu.sched.sleep(thread)
        thread.state = BLOCKED

    def _leave_idle(self, now: int) -> None:
        if self.idle_since >= 0:
            idle_ns = now - self.idle_since
            for after_ns, op in self.idle_states:
                if idle_ns >= after_ns:
                    self.tolls.append(op)
                    break
            self.idle_since = NONE

    # ------------------------------------------------------------------------------------------- interrupts

    def _interrupt(self, cpu: Cpu, now: int, entered: bool) -> None:
        """The CPU turns from its thread to its interrupt context."""
        cpu.irq_since = now
        thread = cpu.current
        if thread is not None:
            if thread.stage == POLLING:
                if not self._poll(thread, now):
                    self._end_poll(thread, now)
                    thread.stage = HALTING  # the poll goes on after it, as a fresh one
            elif thread.inner is not None and thread.stage == GUEST and not thread.busy:
                self.tolls += thread.exit_ops
        if cpu is self and cpu.current is None:
            self._leave_idle(now)
        if cpu.host is not None and not entered:
            self.tolls += cpu.host.poke_ops
        self.tolls += cpu.sched.irq_ops

    def _resume(self, cpu: Cpu, now: int) -> bool:
        """Interrupt context is empty: the thread beneath it goes on, having lost that time. True if that
        enters a guest: what has come for it meanwhile is delivered on the way."""
        begin, cpu.irq_since = cpu.irq_since, NONE
        cpu.lose(begin, now, cpu.sched.irq_what)
        thread = cpu.current
        if thread is not None and thread.inner is not None and thread.stage == GUEST and not thread.busy:
            self.tolls += thread.entry_ops
            return True
        return False

    # ---------------------------------------------------------------------------- a vCPU with nothing to do

    def _halt(self, host: Thread, now: int) -> Thread | None:
        """The guest is idle: its carrier takes it out (HLT), polls a while, sleeps. Returns the carrier if it
        owes."""
        inner = host.inner
        assert inner is not None
        inner.sched.idle |= inner.bit
        if host.stage == GUEST:
            host.stage = HALTING
            self.tolls += inner.tail
            inner.tail.clear()
            self.tolls += host.halt_ops
            self._owe(host, now, inner)
        return host

    def _halted(self, host: Thread, now: int) -> None:
        """The way out is paid for: poll if nobody else wants this CPU, else sleep."""
        sched, inner = host.sched, host.inner
        assert inner is not None
        if inner.has_work():
            return  # it came on the way out: back in
        if host.poll_ns and not sched.waiting and host.cpu.handoff is None:
            host.stage, host.poll_since, host.poll_end = POLLING, now, now + host.poll_ns
            sched.polling |= host.cpu.bit
        else:
            host.stage = HALTED
            self._block(host, now)

    def _poll(self, host: Thread, now: int) -> bool:
        """A polling carrier that nobody has woken. True when it has just given up and gone to sleep."""
        if now < host.poll_end and host.cpu.handoff is None and not host.sched.waiting:
            return False
        self._sleep(host, now)
        return True

    def _sleep(self, host: Thread, now: int) -> None:
        """A polling carrier gives up its CPU; what came for its guest since then wakes it at once."""
        end = self._end_poll(host, now)
        if host.cpu is self and end < now:
            self.idle_since = end
        host.stage = HALTED
        self._block(host, end)
        assert host.inner is not None
        if host.inner.has_work():
            if host.cpu.handoff is None:
                host.sched.idle |= host.cpu.bit
            host.wake(now)

    def _end_poll(self, host: Thread, now: int) -> int:
        host.sched.polling &= ~host.cpu.bit
        return polled(host, now)

    # ------------------------------------------------------------------------------------------------ tolls

    def _owe(self, leaf: Thread, now: int, cpu: Cpu) -> None:
        """A burst that is nothing but tolls, for no flow; what a flow left behind on `cpu` caused it."""
        record = self.sim.record
        leaf.clock, leaf.burst = now, record.here()
        self._pay(leaf, NONE)
        leaf.burst_end = record.here()
        leaf.busy = True
        if cpu.left >= 0:
            for place in range(leaf.burst, leaf.burst_end, WIDTH):
                record.causes[place // WIDTH] = cpu.left
            cpu.left = NONE

    def _wind_up(self, now: int) -> Thread:
        """Nothing to run, but something left to do for who has gone: interrupt context does it, then the core
        idles."""
        self._owe(self.irq, now, self)
        self.irq_since = now
        return self.irq

    def _pay(self, leaf: Thread, span: int) -> None:
        """A burst begins with its tolls: its first ops."""
        clock, data = leaf.clock, self.sim.record.data
        for op in self.tolls:
            op.at = at = op.at - 1 or op.size
            end = clock + op.table[at]
            data += span_bytes(span, op.what, leaf.id, clock, end)
            clock = end
        leaf.clock = clock
        self.tolls.clear()

    def _toll(self, leaf: Thread, now: int) -> None:
        """Tolls in mid-burst are gaps of CPU."""
        at = now
        for op in self.tolls:
            length = op.draw_ns()
            leaf.gaps.append((at, length, op.what))
            at += length
        leaf.clock += at - now
        self.tolls.clear()


def owe_first(flow: Flow, thread: Thread, ops: tuple[Op, ...], then: Effect) -> bool:
    """What an effect returns that takes CPU time before it can happen: the ops are owed, `then` comes
    after."""
    data, clock = thread.sim.record.data, thread.clock
    thread.burst = len(data)
    thread.closed.clear()
    for op in ops:
        end = clock + op.draw_ns()
        data += span_bytes(flow.span, op.what, thread.id, clock, end)
        clock = end
    thread.clock, thread.burst_end, thread.effect = clock, len(data), then
    return True


def ipi(waker: Thread, woken: Thread) -> Thread | None:
    """The carrier of the vCPU that has another one run a thread: to send it an interrupt, it leaves its
    guest.

    None, if the CPU is real, or if the thread will run on this one, or has to queue. Who wakes the thread may
    be a hypervisor in a guest: then the vCPU is the one that carries its own guest's.
    """
    cpu = waker.cpu
    while cpu.sched is not woken.sched:
        if cpu.host is None:
            return None
        cpu = cpu.host.cpu
    if cpu.host is None or not cpu.host.ipi_ops or woken.state != BLOCKED:
        return None
    goal = woken.sched.place(woken)
    return None if goal is None or goal is cpu else cpu.host


def tell(waker: Thread, woken: Thread) -> None:
    """As `ipi`, where the waker does not stop for it: it pays when its CPU is looked at next.

    Nobody pays for a timer: then the waker does not run.
    """
    cpu = waker.cpu
    runs = cpu.current is waker or cpu.irq is waker
    if runs and cpu.host is not None and (sender := ipi(waker, woken)) is not None:
        cpu.tail += sender.ipi_ops + sender.entry_ops


def kill(threads: Iterable[Thread], now: int) -> None:
    """End threads where they stand: what they had not paid for by now has not happened; their flows are gone.

    With a vCPU's carrier its interrupt context ends; what else runs on it must be named.
    """
    threads = [thread for thread in threads if thread.state != DEAD]
    threads += [thread.inner.irq for thread in threads if thread.inner is not None]
    for thread in threads:
        catch_up(thread, now)
    for thread in threads:
        was, thread.state, end = thread.state, DEAD, now
        if was == RUNNING:
            if thread.stage == POLLING:
                thread.sched.polling &= ~thread.cpu.bit
                end = polled(thread, now)
            thread.sched.leave(thread.cpu, thread, end)
        if was in (QUEUED, RUNNING):
            thread.sched.sleep(thread)
        if was == RUNNING or thread.busy:
            thread.cpu.poke()
        if thread.busy:
            record = thread.sim.record
            written = mend(thread, record)
            record.truncate(thread.burst, thread.burst_end, thread.closed, now)
            record.truncate(written, record.here(), (), now)
            thread.busy = False
        for flow in (thread.flow, *thread.flows):
            if flow is not None:
                flow.dead = True
        thread.flows.clear()


def catch_up(thread: Thread, now: int) -> None:
    """Tell a thread now what it has lost so far: by itself, or because a CPU beneath it is elsewhere."""
    lost: list[Thread | Cpu] = []
    at: Thread | None = thread
    while at is not None:
        if at.off_since >= 0:
            lost.append(at)
            break
        cpu = at.cpu
        if cpu.current is not at and cpu.irq is not at:
            break
        lost.append(cpu)
        at = cpu.host
    else:
        thread.cpu.core.divide(now)
    for who in reversed(lost):
        if isinstance(who, Thread):
            was_off(who, now)
            who.off_since = now
        elif who.irq_since >= 0:
            begin, who.irq_since = who.irq_since, now
            who.lose(begin, now, who.sched.irq_what)


def stop(threads: Iterable[Thread], now: int) -> None:
    """The run ends at `now`: what is owed then has not happened, and who is without CPU has been so until
    then."""
    kill(threads, now)


def finish(flow: Flow, thread: Thread, now: int, _: Any) -> bool:
    """The effect of a flow's end: it leaves its thread."""
    return False


FINISH: Effect = (finish, None)


def mend(thread: Thread, record: Recorder) -> int:
    """Make a burst's marks final: move them past its gaps, and write a span for each gap, from where it says.

    A gap that begins inside an op becomes that op's child; a gap between ops stands beside them. A later gap
    that falls into an earlier toll splits it, as it splits any op.
    """
    gaps = thread.gaps
    place, stop = thread.burst, thread.burst_end
    record.shift(place, stop, thread.closed, [(begin, length) for begin, length, _ in gaps])
    flow = thread.flow
    pieces: list[tuple[int, int, int]] = []
    last = 0  # where the last of them ends
    for begin, length, what in gaps:
        if begin < last:
            cut: list[tuple[int, int, int]] = []
            for start, end, of in pieces:
                if start >= begin:
                    cut.append((start + length, end + length, of))
                elif end > begin:
                    cut += [(start, begin, of), (begin + length, end + length, of)]
                else:
                    cut.append((start, end, of))
            pieces = cut
        pieces.append((begin, begin + length, what))
        last = max(begin, last) + length
    pieces.sort()
    written = record.here()
    inside = [*thread.closed, *range(place, stop, WIDTH)]
    for start, end, what in pieces:
        parent = NONE
        for at in inside:
            if record.get(at + START) <= start and (end <= record.get(at + END) or record.get(at + END) < 0):
                parent = max(parent, at // WIDTH)
        if parent == NONE and flow is not None:
            parent = flow.span
            while parent != NONE and record.get(parent * WIDTH + START) > start:
                parent = record.get(parent * WIDTH + PARENT)
        record.data += span_bytes(parent, what, thread.id, start, end)
    gaps.clear()
    return written
