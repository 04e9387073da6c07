"""What every scheduler has: the CPUs it hands out, who waits for them, and groups with a quota.

One queue serves all CPUs of a scheduler: real kernels keep one each and balance between them all the time;
here the balance is perfect and costs nothing. A woken thread goes to the CPU it ran on last if that is idle,
else to an idle one, else to one whose vCPU only polls; else it waits, and takes its old CPU at once where the
policy says so. Two threads that are pinned to one CPU take turns on it, as long as nobody queues.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from simcore.cpu import DEAD, NEVER, PARKED, POLLING, QUEUED, RUNNING, Cpu, Thread
from simcore.simulation import Op, Simulation
from simcore.trace import NONE


class Group:
    """Threads that share a CPU quota (cgroup `cpu.max`): `quota_ns` of CPU in each `period_ns`, over all
    CPUs.

    A thread takes a chunk at dispatch and returns what it did not use. That the pool is empty a kernel sees
    at its tick: what ran over until then is a debt, which the next refills pay. Then the thread is parked
    until the period's timer, which is set only then; refills that fell due unnoticed are applied at the next
    dispatch.
    """

    def __init__(self, sim: Simulation, period_ns: int, chunk_ns: int, phase_ns: int) -> None:
        self.sim, self.period_ns, self.chunk_ns = sim, period_ns, chunk_ns
        self.quota_ns = self.pool_ns = NEVER
        self.next_refill = phase_ns
        self.threads: list[Thread] = []
        self.parked: deque[Thread] = deque()
        self.armed = False

    def limit(self, quota_ns: int | None) -> None:
        """Set the quota for a period; None lifts it."""
        unlimited = self.quota_ns == NEVER
        self.quota_ns = NEVER if quota_ns is None else quota_ns
        self.pool_ns = self.quota_ns if unlimited else min(self.pool_ns, self.quota_ns)
        if quota_ns is None:
            self.pool_ns = NEVER
            self._release()
        for thread in self.threads:
            if thread.state == RUNNING:  # what it has taken is not its own any more: ask again
                thread.cpu.quota_end = self.sim.now
                thread.cpu.poke()

    def take(self, now: int) -> int:
        """A chunk of the pool (0: empty), after the refills that are due."""
        if self.quota_ns == NEVER:
            return NEVER
        if now >= self.next_refill:
            periods = 1 + (now - self.next_refill) // self.period_ns
            self.next_refill += periods * self.period_ns
            self.pool_ns = min(self.quota_ns, min(0, self.pool_ns) + periods * self.quota_ns)
        chunk = max(0, min(self.chunk_ns, self.pool_ns))
        self.pool_ns -= chunk
        return chunk

    def park(self, thread: Thread, now: int) -> None:
        thread.state = PARKED
        thread.off_what = thread.sched.throttle_what
        thread.sched.sleep(thread)
        self.parked.append(thread)
        if not self.armed:
            self.armed = True
            self.sim.at(self.next_refill - now, self._refill)

    def _refill(self) -> None:
        self.armed = False
        self._release()

    def _release(self) -> None:
        parked, self.parked = self.parked, deque()
        for thread in parked:
            if thread.state == PARKED:
                thread.wake(self.sim.now)


def comes_up(cpu: Cpu) -> bool:
    """Does a CPU run, or will it as soon as its core looks: is its carrier next on one that does?"""
    host = cpu.host
    return host is None or host.state == RUNNING or (host.cpu.handoff is host and comes_up(host.cpu))


class Scheduler:
    """Hands the CPUs of one kernel or hypervisor to its threads. Subclasses decide whom to take and for how
    long."""

    def __init__(self, sim: Simulation, cpus: Sequence[Cpu], slice_ns: int, node: int = NONE) -> None:
        self.sim, self.cpus, self.node = sim, list(cpus), node
        self.slice_ns = slice_ns  # how long a thread may run while others wait
        self.waiting = 0
        self.idle = (1 << len(self.cpus)) - 1
        self.tick_ns = 0  # how often it looks at quotas; 0: it never runs over
        self.polling = self.alone = 0
        self.favoured: Thread | None = None  # whom somebody has given way to
        self.handed = 0  # virtual CPUs with a thread handed to them that they have not begun to run
        self.switch_ops: tuple[Op, ...] = ()  # what a switch costs,
        self.space_ops: tuple[Op, ...] = ()  # and what comes to it if the CPU ran another thread before
        self.irq_ops: tuple[Op, ...] = ()
        self.queue_what = self.irq_what = self.throttle_what = NONE
        self.threaded = any(cpu.sibling is not None for cpu in self.cpus)
        for index, cpu in enumerate(self.cpus):
            cpu.index, cpu.bit, cpu.sched = index, 1 << index, self
            cpu.irq = Thread(self, f"cpu{index}-interrupts", node, 1)
            cpu.irq.cpu = cpu

    def take_over(
        self, switch_ops: tuple[Op, ...], irq_ops: tuple[Op, ...], space_ops: tuple[Op, ...] = ()
    ) -> None:
        """Its kernel runs from now on, and what it does with the CPUs takes time. Before, they are a
        firmware's and a boot loader's: one program, which is not interrupted but looks by itself."""
        self.switch_ops, self.irq_ops, self.space_ops = switch_ops, irq_ops, space_ops
        for cpu in self.cpus:
            cpu.come_up(self.sim.now)

    # ---- the policy: what a subclass says

    def put(self, thread: Thread, now: int) -> None:
        """Queue a ready thread."""
        raise NotImplementedError

    def take(self) -> Thread | None:
        """Unqueue the thread that should run next."""
        raise NotImplementedError

    def unqueue(self, thread: Thread) -> bool:
        """Take this thread out of the queue, if it is there. A policy that cannot has no `yield_to`."""
        return False

    def preempts(self, woken: Thread, current: Thread) -> bool:
        """Does a thread that has just woken take the CPU of `current`?"""
        return False

    def slice_for(self, thread: Thread) -> int:
        """How long the thread, about to begin, may run while others wait."""
        return self.slice_ns

    def charge(self, thread: Thread, ran_ns: int) -> None:
        """The thread has had the CPU for so long."""
        thread.ran_ns += ran_ns

    def sleep(self, thread: Thread) -> None:
        """The thread blocks."""

    def arrive(self, thread: Thread) -> None:
        """The thread has woken and is about to be queued or run."""

    # ---- what all share

    def wake(self, thread: Thread, now: int) -> None:
        assert thread is not thread.cpu.irq, f"{thread.name} is interrupt context: it cannot sleep; hop first"
        if thread.inner is not None and thread.off_since < 0:
            thread.off_since, thread.off_what = now, self.queue_what
        self.arrive(thread)
        self.enqueue(thread, now)

    def enqueue(self, thread: Thread, now: int) -> None:
        """Find a CPU for a ready thread, or a place in the queue."""
        thread.state = QUEUED
        cpu = self.place(thread)
        if cpu is not None:
            self.idle &= ~cpu.bit
            cpu.handoff, thread.cpu = thread, cpu
            if cpu.host is not None:
                self.handed |= cpu.bit
            cpu.poke()
            return
        cpu = thread.cpu
        current = cpu.current
        self.put(thread, now)
        if current is not None and self.preempts(thread, current):
            cpu.resched = True
            cpu.poke()
        alone, self.alone = self.alone, 0
        while alone:
            low = alone & -alone
            alone ^= low
            self.cpus[low.bit_length() - 1].poke()

    def place(self, thread: Thread) -> Cpu | None:
        """The CPU that is free for a thread which wakes now."""
        mate = thread.mate
        if mate is not None and not self.waiting:  # pinned with it: next, when that one sleeps
            cpu = mate.cpu
            if cpu.current is mate and not mate.flows and cpu.handoff is None:
                return cpu
        idle = self.idle
        if idle:
            if self.threaded and (whole := self._whole(idle)):
                idle = whole
            return thread.cpu if idle & thread.cpu.bit else self.cpus[(idle & -idle).bit_length() - 1]
        polling = self.polling
        while polling:
            low = polling & -polling
            polling ^= low
            cpu = self.cpus[low.bit_length() - 1]
            if cpu.handoff is None and cpu.current is not None and cpu.current.stage == POLLING:
                return cpu
        return None

    def _whole(self, idle: int) -> int:
        """Of these CPUs, those whose sibling idles, too: first fill the cores, then their second threads."""
        found = 0
        for cpu in self.cpus:
            other = cpu.sibling
            if idle & cpu.bit and (other is None or other.sched is not self or idle & other.bit):
                found |= cpu.bit
        return found

    def account(self, cpu: Cpu, thread: Thread, now: int) -> None:
        """Charge the running thread up to now. Whole slices in which it was alone do not count against it."""
        if not cpu.contended and cpu.slice_end <= now:
            slice_ns = self.slice_ns
            cpu.slice_end += -(-(now - cpu.slice_end + 1) // slice_ns) * slice_ns
            alone = cpu.slice_end - slice_ns - cpu.since
            cpu.since += alone
            thread.ran_ns += alone
        self.charge(thread, now - cpu.since)
        cpu.since = now

    def leave(self, cpu: Cpu, thread: Thread, now: int) -> None:
        """The thread gives up its CPU: its time is charged, the rest of its chunk goes back to the pool."""
        self.charge(thread, now - cpu.since)
        if cpu.quota_end < NEVER:
            group = thread.group
            if group is not None and group.quota_ns != NEVER:
                group.pool_ns += max(0, cpu.quota_end - now)
            cpu.quota_end = NEVER

    def yield_to(self, thread: Thread, other: Thread) -> None:
        """`thread`, which runs, gives way, and `other`, which is queued, goes before all others."""
        self.favoured = other
        thread.cpu.resched = True
        thread.cpu.poke()

    def pick(self, cpu: Cpu, now: int) -> Thread | None:
        if (other := self.favoured) is not None:
            self.favoured = None
            if other.state == QUEUED and self.unqueue(other) and self.admit(cpu, other, now):
                return other
        while self.waiting:
            thread = self.take()
            if thread is None:
                return None
            if thread.state != DEAD and self.admit(cpu, thread, now):
                return thread
        while (victim := self.stuck()) is not None:
            thread, victim.handoff = victim.handoff, None
            self.handed &= ~victim.bit
            self.idle |= victim.bit
            if thread is not None and thread.state != DEAD and self.admit(cpu, thread, now):
                return thread
        return None

    def stuck(self) -> Cpu | None:
        """A virtual CPU that was handed a thread but has no CPU: whoever is free may take the thread."""
        handed = self.handed
        while handed:
            low = handed & -handed
            handed ^= low
            cpu = self.cpus[low.bit_length() - 1]
            if not comes_up(cpu):
                return cpu
        return None

    def renew(self, cpu: Cpu, thread: Thread, now: int) -> bool:
        """The running thread's chunk is used up: another one, or False if the pool is empty."""
        group = thread.group
        assert group is not None
        chunk = group.take(now)
        if (
            not chunk and self.tick_ns and (thread.locked or not cpu.overran)
        ):  # the kernel sees it at its tick
            chunk = self.tick_ns - now % self.tick_ns
            group.pool_ns -= chunk
            cpu.overran = True
        cpu.quota_end = NEVER if chunk == NEVER else now + chunk
        return chunk > 0

    def admit(self, cpu: Cpu, thread: Thread, now: int) -> bool:
        """May the thread's group run now? If not, the thread is parked."""
        cpu.overran = False
        group = thread.group
        if group is None:
            cpu.quota_end = NEVER
            return True
        chunk = group.take(now)
        if chunk == 0:
            group.park(thread, now)
            return False
        cpu.quota_end = NEVER if chunk == NEVER else now + chunk
        return True
