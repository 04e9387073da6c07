"""What disks have in common: a driver that queues a command, a medium that takes its time, an interrupt.

The interrupt comes in on the CPU that submitted: multi-queue drivers give each CPU its own queue and vector.
"""

from simcore.cpu import Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.waiting import Station


class Disk(Layer):
    queue: Station
    medium: tuple[str, ...] = ()  # the stages of a read inside the device, in order

    def wire(self) -> None:
        self.queue = self.station(self.constant("parallel"), link="transfer")
        self.base_bytes = self.constant("base_bytes")

    def read(self, request: Request) -> Steps:
        cpu = request.flow.thread.cpu
        self.spend(request, "queue_command", "doorbell")
        beyond = max(0, request.bytes - self.base_bytes)  # what `medium_read` does not cover
        yield from self.submit(request, self.queue, *self.medium, per=beyond)
        yield from self.interrupt(request, cpu)
        self.spend(request, "complete_command")
