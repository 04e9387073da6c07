"""NVMe: a queue for each CPU, a doorbell in memory, no locks; the medium is flash or 3D XPoint.

A drive may be told to spare interrupts (interrupt coalescing): it waits until so many answers are in a CPU's
queue, or until the first of them has been there for so long, and interrupts once for all of them.
"""

from functools import partial

from simcore.cpu import Cpu, Steps
from simcore.devices.disk import Disk
from simcore.requests import Request
from simcore.trace import QUEUE
from simcore.waiting import Batch


class Nvme(Disk):
    medium = ("medium_read", "transfer")
    written = ("medium_write", "transfer")

    def wire(self) -> None:
        super().wire()
        self.announced: dict[Cpu, Batch] = {}  # answers in a CPU's queue that it has not been told of

    def _interrupt(self, request: Request, cpu: Cpu) -> Steps:
        if self.settings["coalesce"] > 1:
            return self._coalesce(request, cpu)
        return super()._interrupt(request, cpu)

    def _coalesce(self, request: Request, cpu: Cpu) -> Steps:
        batch = self.announced.get(cpu)
        if batch is None:
            batch = self.announced[cpu] = Batch(self.engine_what("coalesced", QUEUE))
            self.sim.at(self.settings["coalesce_time"], partial(self._expire, cpu, batch))
        if len(batch.waiting) + 1 < self.settings["coalesce"]:
            yield batch.join, None
            if batch.speaker is not request.flow:
                return
        del self.announced[cpu]
        yield from super()._interrupt(request, cpu)
        batch.take(cpu, self.sim.now, request.flow.span)

    def _expire(self, cpu: Cpu, batch: Batch) -> None:
        if self.announced.get(cpu) is batch:
            batch.expire()
