"""Round robin: first come, first served, a fixed slice each. What textbooks start from, and a machine before
its kernel."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from simcore.cpu import Cpu, Thread
from simcore.simulation import Simulation
from simcore.trace import NONE

from .base import Scheduler


class RoundRobin(Scheduler):
    def __init__(self, sim: Simulation, cpus: Sequence[Cpu], slice_ns: int, node: int = NONE) -> None:
        self.queue: deque[Thread] = deque()
        super().__init__(sim, cpus, slice_ns, node)

    def put(self, thread: Thread, now: int) -> None:
        self.queue.append(thread)
        self.waiting += 1

    def take(self) -> Thread | None:
        self.waiting -= 1
        return self.queue.popleft()

    def unqueue(self, thread: Thread) -> bool:
        if thread not in self.queue:
            return False
        self.queue.remove(thread)
        self.waiting -= 1
        return True
