"""One CPU for one thread that never sleeps: it looks for work all the time, and nobody else may run there.

To the engine that thread sleeps between two pieces of work. But nothing has to be paid for waking it, and the
time in between is written down as what it is, its looking.
"""

from __future__ import annotations

from simcore.cpu import NEVER, Core, Thread
from simcore.simulation import Simulation
from simcore.trace import NONE, span_bytes

from .base import Scheduler


class Dedicated(Scheduler):
    def __init__(self, sim: Simulation, core: Core, poll_what: int, node: int = NONE) -> None:
        super().__init__(sim, [], NEVER, node)
        self.cpus, self.idle = [core], 1
        core.bit, core.sched, core.idle_states = 1, self, ()
        core.irq.sched = self
        self.poll_what = poll_what
        self.since = NONE  # since when it has found nothing

    def sleep(self, thread: Thread) -> None:
        self.since = self.sim.now

    def arrive(self, thread: Thread) -> None:
        if self.since >= 0:
            self.sim.record.data += span_bytes(NONE, self.poll_what, thread.id, self.since, self.sim.now)
