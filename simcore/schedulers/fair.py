"""Fair by weight, with deadlines: Linux since 6.6 (EEVDF), and before it nearly so (CFS, `Cfs` here).

Every thread has a virtual runtime: CPU time divided by its weight. A thread that has had no more than the
average is *eligible*; of those the one with the earliest virtual deadline (its runtime plus a slice) runs. A
sleeper keeps its lag, within a slice, so that sleeping is neither punished nor a way to hoard CPU. Source:
Stoica and Abdel-Wahab 1995, and Documentation/scheduler/sched-eevdf.rst. Left out: one queue a CPU and the
balancing between them (see `base`).
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from simcore.cpu import Cpu, Thread
from simcore.simulation import Simulation
from simcore.trace import NONE

from .base import Scheduler


class Fair(Scheduler):
    def __init__(
        self, sim: Simulation, cpus: Sequence[Cpu], slice_ns: int, unit_weight: int, node: int = NONE
    ) -> None:
        self.queue: list[tuple[int, int, Thread]] = []
        self.unit = unit_weight
        self.load = self.sum = self.floor = (
            0  # over the runnable: weights, weight x (vruntime - floor); the lowest seen
        )
        self.order = 0
        super().__init__(sim, cpus, slice_ns, node)

    def _average(self) -> int:
        return self.floor + self.sum // self.load if self.load else self.floor

    def put(self, thread: Thread, now: int) -> None:
        if thread.vruntime >= thread.deadline:
            thread.deadline = thread.vruntime + self.slice_ns * self.unit // thread.weight
        self.order += 1
        heappush(self.queue, (thread.deadline, self.order, thread))
        self.waiting += 1

    def take(self) -> Thread | None:
        average, late = self._average(), []
        chosen = None
        while self.queue:
            entry = heappop(self.queue)
            if entry[2].vruntime <= average:
                chosen = entry
                break
            late.append(entry)
        if chosen is None:  # rounding: nobody is eligible
            chosen = min(late, key=lambda entry: (entry[2].vruntime, entry[1]))
            late.remove(chosen)
        for entry in late:
            heappush(self.queue, entry)
        self.waiting -= 1
        return chosen[2]

    def unqueue(self, thread: Thread) -> bool:
        for entry in self.queue:
            if entry[2] is thread:
                self.queue.remove(entry)
                heapify(self.queue)
                self.waiting -= 1
                return True
        return False

    def preempts(self, woken: Thread, current: Thread) -> bool:
        return woken.vruntime <= self._average() and woken.deadline < current.deadline

    def charge(self, thread: Thread, ran_ns: int) -> None:
        thread.ran_ns += ran_ns
        gain = ran_ns if thread.weight == self.unit else ran_ns * self.unit // thread.weight
        thread.vruntime += gain
        self.sum += gain * thread.weight

    def sleep(self, thread: Thread) -> None:
        if self.load == thread.weight:  # alone: there is nobody to be ahead of
            thread.lag = self.load = self.sum = 0
            self.floor = max(self.floor, thread.vruntime)
            return
        limit = self.slice_ns * self.unit // thread.weight
        thread.lag = max(-limit, min(limit, self._average() - thread.vruntime))
        self.sum -= thread.weight * (thread.vruntime - self.floor)
        self.load -= thread.weight

    def arrive(self, thread: Thread) -> None:
        lag = thread.lag  # its own weight pulls the average after it: what is left then shall be its lag
        if self.load:
            lag = lag * (self.load + thread.weight) // self.load
        thread.vruntime = self._average() - lag
        thread.deadline = thread.vruntime + self.slice_ns * self.unit // thread.weight
        self.load += thread.weight
        self.sum += thread.weight * (thread.vruntime - self.floor)


class Cfs(Fair):
    """As Linux had it before 6.6. Who is new to the queue begins a slice behind (START_DEBIT), so that a
    program which makes many processes gains nothing by it. Who wakes up has the runtime with which it slept,
    but at most so much less than the others (GENTLE_FAIR_SLEEPERS), and takes the CPU at once from who has
    had a good deal more: what mostly waits hardly notices what computes. Source: kernel/sched/fair.c, Linux
    6.1. Left out: that CFS knew no deadlines."""

    def __init__(
        self,
        sim: Simulation,
        cpus: Sequence[Cpu],
        slice_ns: int,
        unit_weight: int,
        credit_ns: int,
        granularity_ns: int,
        node: int = NONE,
    ) -> None:
        self.credit_ns, self.granularity_ns = credit_ns, granularity_ns
        super().__init__(sim, cpus, slice_ns, unit_weight, node)

    def arrive(self, thread: Thread) -> None:
        if not thread.ran_ns and not thread.lag:
            thread.lag = -(self.slice_ns * self.unit // thread.weight)
            super().arrive(thread)
            return
        thread.vruntime = max(thread.vruntime, self._average() - self.credit_ns)
        thread.deadline = thread.vruntime + self.slice_ns * self.unit // thread.weight
        self.load += thread.weight
        self.sum += thread.weight * (thread.vruntime - self.floor)

    def preempts(self, woken: Thread, current: Thread) -> bool:
        had = current.vruntime + (self.sim.now - current.cpu.since) * self.unit // current.weight
        return had - woken.vruntime > self.granularity_ns * self.unit // woken.weight

    def account(self, cpu: Cpu, thread: Thread, now: int) -> None:
        """What it ran alone counts: those who slept meanwhile have fallen behind it by so much."""
        if not cpu.contended and cpu.slice_end <= now:
            cpu.slice_end += -(-(now - cpu.slice_end + 1) // self.slice_ns) * self.slice_ns
        self.charge(thread, now - cpu.since)
        cpu.since = now
