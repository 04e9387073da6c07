"""By priority, in turn among equals: Windows NT.

The highest priority that is ready runs; threads of the same priority take turns, a quantum each. A thread
that wakes up is raised by a little, and loses one level with each quantum that it uses up: what waits much
gets in soon, what computes much sinks back. A thread that a higher one has pushed aside goes to the head of
its queue until its quantum is used up, then to the tail. Source: Windows Internals, chapter 4. Left out: the
longer quanta and boosts of the window in front, the rescue of threads that starve, one queue a CPU and the
balancing between them (see `base`).

Of a thread, `weight` is its base priority, `lag` what it is raised by, `deadline` what it has used of its
quantum.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from simcore.cpu import Cpu, Thread
from simcore.simulation import Simulation
from simcore.trace import NONE

from .base import Scheduler


class Priority(Scheduler):
    def __init__(
        self, sim: Simulation, cpus: Sequence[Cpu], slice_ns: int, highest: int, boost: int, node: int = NONE
    ) -> None:
        """`highest`: the highest priority that a boost can reach; above it there are no boosts."""
        self.highest, self.boost = highest, boost
        self.queues: dict[int, deque[Thread]] = {}
        super().__init__(sim, cpus, slice_ns, node)

    def put(self, thread: Thread, now: int) -> None:
        used = thread.deadline
        if used >= self.slice_ns:
            thread.lag, thread.deadline = max(0, thread.lag - 1), 0
        queue = self.queues.setdefault(thread.weight + thread.lag, deque())
        if 0 < used < self.slice_ns:
            queue.appendleft(thread)
        else:
            queue.append(thread)
        self.waiting += 1

    def take(self) -> Thread | None:
        level = max(level for level, queue in self.queues.items() if queue)
        self.waiting -= 1
        return self.queues[level].popleft()

    def preempts(self, woken: Thread, current: Thread) -> bool:
        return woken.weight + woken.lag > current.weight + current.lag

    def slice_for(self, thread: Thread) -> int:
        return max(1, self.slice_ns - thread.deadline)

    def charge(self, thread: Thread, ran_ns: int) -> None:
        thread.ran_ns += ran_ns
        thread.deadline += ran_ns

    def arrive(self, thread: Thread) -> None:
        thread.lag = max(0, min(self.boost, self.highest - thread.weight))
        thread.deadline = 0
