"""Fair by weight and core by core: Hyper-V's core scheduler.

The two hardware threads of a core run virtual CPUs of one guest at a time, so that no guest can learn from a
shared core what another one does. Both begin and end their slice together. If the guest has no second virtual
CPU that wants to run, the second thread stays idle, whoever waits. Source: "Managing Hyper-V hypervisor
scheduler types", Microsoft. Without hardware threads it is fair by weight and nothing else. Left out: showing
a guest that two of its CPUs share a core.
"""

from __future__ import annotations

from simcore.cpu import Cpu, Thread

from .base import Scheduler
from .fair import Fair


def whose(thread: Thread) -> Scheduler | None:
    """The guest whose CPU it carries, by that guest's own scheduler."""
    return None if thread.inner is None else thread.inner.sched


def beside(cpu: Cpu) -> Thread | None:
    """Who is on the core's other hardware thread, or is about to be."""
    other = cpu.sibling
    return None if other is None else other.current or other.handoff


def fits(cpu: Cpu, thread: Thread) -> bool:
    neighbour = beside(cpu)
    return neighbour is None or whose(neighbour) is whose(thread)


class CoreScheduler(Fair):
    at: Cpu  # for which somebody is sought

    def place(self, thread: Thread) -> Cpu | None:
        if not self.threaded:
            return super().place(thread)
        fit = 0
        for cpu in self.cpus:
            if self.idle & cpu.bit and fits(cpu, thread):
                fit |= cpu.bit
        idle, self.idle = self.idle, fit
        found = super().place(thread)
        self.idle = idle
        return found

    def pick(self, cpu: Cpu, now: int) -> Thread | None:
        self.at = cpu
        found = super().pick(cpu, now)
        if found is not None and cpu.sibling is not None and self.waiting:
            cpu.sibling.poke()
        return found

    def take(self) -> Thread | None:
        """Who is next, if the core's other thread allows it. Another of the guest that is there may pass him
        only as that one begins: else whoever waits would wait for ever."""
        chosen = super().take()
        if chosen is None or fits(self.at, chosen):
            return chosen
        passed = []
        while chosen is not None and not fits(self.at, chosen):
            passed.append(chosen)
            chosen = super().take() if self.waiting else None
        neighbour = beside(self.at)
        if chosen is not None and (neighbour is None or neighbour.cpu.began != self.sim.now):
            passed.append(chosen)
            chosen = None
        for thread in passed:
            self.put(thread, self.sim.now)
        return chosen

    def preempts(self, woken: Thread, current: Thread) -> bool:
        return fits(current.cpu, woken) and super().preempts(woken, current)

    def slice_for(self, thread: Thread) -> int:
        neighbour = beside(thread.cpu)
        left = 0 if neighbour is None else neighbour.cpu.slice_end - self.sim.now
        return left if left > 0 else super().slice_for(thread)

    def leave(self, cpu: Cpu, thread: Thread, now: int) -> None:
        super().leave(cpu, thread, now)
        if cpu.sibling is not None and self.waiting:
            cpu.sibling.poke()
