"""A network card, and what is at the other end of its cable.

The driver describes the packet in a ring in memory and rings a doorbell; the card fetches it and sends it.
The machine at the other end is not simulated: its answer takes a time. When that has arrived in memory, the
card raises an interrupt, and the driver takes the packet out of another ring.

It takes whatever else is there as well (NAPI): what comes while it is at that, or while an interrupt is on
its way, needs none of its own. With moderation the card waits a while before it raises one, so that more
packets share it, each the later for that.

A card with SR-IOV looks like several: each of its virtual functions has rings and registers of its own and
can be lent to a guest. Then the guest's driver works it, and nobody stands between them.
"""

from simcore.cpu import Cpu, Steps
from simcore.devices.hardware import Hardware
from simcore.requests import Request
from simcore.roles import Hypervisor, VirtualMachine
from simcore.trace import DEVICE
from simcore.waiting import Batch


class Nic(Hardware):
    journey: tuple[str, ...] = ("transmit", "serialize", "wire", "far_end", "wire", "receive")

    def wire(self) -> None:
        self.rings = self.station(self.constant("parallel"), self.op("serialize", DEVICE).what)
        self.timers = self.station(self.constant("parallel"))
        self.in_ring = self.sim.what(self.node, self.entry.id, "in_ring", DEVICE)
        self.announced: dict[Cpu, Batch] = {}  # interrupts that are due or on their way

    def send(self, request: Request) -> Steps:
        """A packet out, and the answer to it."""
        self.spend(request, "queue_packet", "doorbell")
        cpu = request.flow.thread.cpu
        if isinstance(self.kernel, Hypervisor):  # its driver is not the guest's
            cpu = cpu.core
        yield from self.submit(request, self.rings, *self.journey, per=request.bytes)
        yield from self._announce(request, cpu)
        self.spend(request, "poll_ring")

    def _announce(self, request: Request, cpu: Cpu) -> Steps:
        """The driver learns of a packet that is in the ring."""
        batch = self.announced.get(cpu)
        if cpu.interrupted:
            yield from self.noticed(request, cpu)
        elif batch is not None:
            yield batch.join, None
        else:
            batch = self.announced[cpu] = Batch(self.in_ring)
            if delay := self.settings["moderation"]:
                yield self.timers.accept, [(self.in_ring, delay)]
            yield from self._notify(request, cpu)
            del self.announced[cpu]
            batch.take(cpu, self.sim.now, request.flow.span)


class VirtualFunction(Nic):
    owner: VirtualMachine
    journey = ("iommu_translate", *Nic.journey, "iommu_translate")

    def wire(self) -> None:
        super().wire()
        self.owner.pinned = True
