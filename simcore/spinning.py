"""Spinlocks: who finds one taken keeps its CPU and looks again and again, until it is free.

That is cheap while the holder runs, and a disaster in a virtual machine whose CPU has just been taken away
while it held the lock: the others spin for nothing until it gets a core again (lock-holder preemption). Two
remedies. With *pause-loop exiting* the processor notices a spinning guest and takes it out; the hypervisor
then lets another CPU of the same machine go first, perhaps the holder's. With *paravirtual spinlocks* who has
spun for long enough halts its CPU, and whoever frees the lock wakes it.

While a kernel holds or waits for a spinlock it preempts nobody on that CPU. A free lock goes to the one that
has waited longest of those that are on a core, else to the first that gets one. Spinning is one operation: an
event when it ends, none for a look. Source: kernel/locking/qspinlock.c and qspinlock_paravirt.h,
virt/kvm/kvm_main.c (kvm_vcpu_on_spin). Left out: the way of the lock's cache line from core to core; of a
fair lock that the next in line is not on a core (lock-waiter preemption); what else a halted CPU could run.
"""

from __future__ import annotations

from collections import deque

from .cpu import DEAD, NEVER, QUEUED, RUNNING, Flow, Thread, ipi, owe_first
from .simulation import Op
from .trace import END, span_bytes

LOOK_NS = 1_000_000
"""Who only spins is looked after once in this time."""
Waiter = tuple[Flow, Thread, int]  # and since when


class PauseLoop:
    """A virtual machine whose CPUs are taken out of it when they seem to spin."""

    def __init__(self, ops: tuple[Op, ...], window_ns: int) -> None:
        self.ops, self.window_ns = ops, window_ns
        self.carriers: list[Thread] = []
        self.gave_way: set[Thread] = set()  # and have not run since
        self.last = 0

    def give_way(self, spinner: Thread) -> None:
        """Of the machine's CPUs that wait for a core, the next in turn goes first, rather one that has not
        given way itself. If there is none, the spinner goes on."""
        others = self.carriers[self.last :] + self.carriers[: self.last]
        waiting = [one for one in others if one.state == QUEUED and one.sched is spinner.sched]
        waiting.sort(key=lambda one: one in self.gave_way)
        if waiting:
            self.last = self.carriers.index(waiting[0]) + 1
            self.gave_way.add(spinner)
            spinner.sched.yield_to(spinner, waiting[0])


class SpinLock:
    """`spin_what`: the operation of spinning; `halt_ns`: how long until a CPU that may do so halts, and
    `halt_what`, the wait that it then is."""

    def __init__(self, spin_what: int, halt_what: int, halt_ns: int = NEVER) -> None:
        self.spin_what, self.halt_what, self.halt_ns = spin_what, halt_what, halt_ns
        self.holder: Flow | None = None
        self.owner: Thread | None = None
        self.spinning: dict[Thread, int] = {}  # longest first, and until when (of their own time) they will
        self.halted: deque[Waiter] = deque()

    def acquire(self, flow: Flow, thread: Thread, now: int, _: object) -> bool:
        """Take it or spin. Who halts meanwhile goes on without it: look at `holder`, and ask again."""
        thread.locked = True
        if self.holder is None:
            self._take(flow, thread)
        else:
            self._spin(flow, thread, now, self._window(thread), self.halt_ns)
        return True

    def _take(self, flow: Flow, thread: Thread) -> None:
        self.holder, self.owner = flow, thread

    def _window(self, thread: Thread) -> int:
        host = thread.cpu.host
        return host.pause.window_ns if host is not None and host.pause is not None else LOOK_NS

    def _spin(self, flow: Flow, thread: Thread, now: int, window_ns: int, halt_ns: int) -> None:
        """Spin for a window; `halt_ns`: how much longer until it halts."""
        data, length = thread.sim.record.data, min(window_ns, halt_ns)
        thread.burst = len(data)
        thread.closed.clear()
        data += span_bytes(flow.span, self.spin_what, thread.id, now, now + length)
        thread.clock, thread.burst_end = now + length, len(data)
        thread.spins = self
        self.spinning[thread] = halt_ns
        thread.effect = (self._spun, (window_ns, halt_ns - length))

    def _spun(self, flow: Flow, thread: Thread, now: int, state: tuple[int, int]) -> bool:
        """The lock has come, or the window is over."""
        if self.holder is flow:
            return True
        self._leave(thread)
        if self.holder is None:
            self._take(flow, thread)
            return True
        window_ns, halt_ns = state
        if not halt_ns:
            self._unlocked(thread, now)
            self.halted.append((flow, thread, now))
            return False
        host = thread.cpu.host
        if host is None or host.pause is None:
            self._spin(flow, thread, now, window_ns, halt_ns)
            return True
        return owe_first(flow, thread, host.pause.ops, (self._out, state))

    def _out(self, flow: Flow, thread: Thread, now: int, state: tuple[int, int]) -> bool:
        """The hypervisor has it: the next window is twice as long, if it still has to wait."""
        if self.holder is None:
            self._take(flow, thread)
            return True
        window_ns, halt_ns = state
        self._spin(flow, thread, now, 2 * window_ns, halt_ns)
        host = thread.cpu.host
        assert host is not None
        assert host.pause is not None
        host.pause.give_way(host)
        return True

    def _leave(self, thread: Thread) -> None:
        thread.spins = None
        del self.spinning[thread]

    def look(self, thread: Thread, now: int) -> None:
        """A spinner may have got a core again."""
        if runs(thread):
            host = thread.cpu.host
            if host is not None and host.pause is not None:
                host.pause.gave_way.discard(host)
            if self.holder is None:
                self._grant(thread, now)

    def _grant(self, thread: Thread, now: int) -> None:
        """It has been spinning until now, or until it is through with what its return takes."""
        flow, record = thread.flow, thread.sim.record
        assert flow is not None
        thread.cpu.core.divide(now)
        until = lost = 0
        for begin, length, _ in thread.gaps:  # one that falls into a toll makes that end later
            until = max(begin, until) + length
            lost += length
        until = max(until, now)
        record.put(thread.burst + END, until - lost)
        thread.clock = until
        self._leave(thread)
        self._take(flow, thread)

    def release(self, flow: Flow, thread: Thread, now: int, _: object) -> bool:
        self._unlocked(thread, now)
        heir = self._free(now)
        if heir is not None and (sender := ipi(thread, heir[1])) is not None:
            return owe_first(flow, thread, sender.ipi_ops, (self._kick, (sender.entry_ops, heir)))
        return heir is None or self._wake(flow, thread, now, heir)

    def _unlocked(self, thread: Thread, now: int) -> None:
        """It may be preempted again: at once, if that was due."""
        thread.locked = False
        if thread.cpu.slice_end >= NEVER:
            thread.cpu.slice_end = now
            thread.cpu.poke()

    def _free(self, now: int) -> Waiter | None:
        """The lock is free: who is on a core takes it. Otherwise, who has to be woken?"""
        self.holder = self.owner = None
        for thread in self.spinning:
            if runs(thread):
                self._grant(thread, now)
                thread.cpu.poke()
                return None
        while self.halted:
            heir = self.halted.popleft()
            if not heir[0].dead and heir[1].state != DEAD:
                return heir
        return None

    def _kick(self, flow: Flow, thread: Thread, now: int, then: tuple[tuple[Op, ...], Waiter]) -> bool:
        """The hypercall is done; back into the guest."""
        thread.cpu.tail += then[0]
        return self._wake(flow, thread, now, then[1])

    def _wake(self, flow: Flow, thread: Thread, now: int, heir: Waiter) -> bool:
        who, where, since = heir
        record = where.sim.record
        record.data += span_bytes(who.span, self.halt_what, where.id, since, now)
        record.wakeups += (now, thread.id, where.id, who.rid, flow.span)
        who.arrive(where, now)
        return True

    def sweep(self, now: int) -> None:
        """Whose thread was killed holds it no more."""
        for thread in [one for one in self.spinning if one.state == DEAD]:
            self._leave(thread)
        owner = self.owner
        if owner is not None and owner.state == DEAD and (heir := self._free(now)) is not None:
            who, where, since = heir
            where.sim.record.data += span_bytes(who.span, self.halt_what, where.id, since, now)
            who.arrive(where, now)


def runs(thread: Thread) -> bool:
    """Is it on a core, and not under an interrupt?"""
    at: Thread | None = thread
    while at is not None:
        cpu = at.cpu
        if at.state != RUNNING or cpu.current is not at or cpu.irq_since >= 0 or cpu.irq.flows:
            return False
        at = cpu.host
    return True
