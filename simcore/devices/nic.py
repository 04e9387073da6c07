"""A network card, and what is at the other end of its cable.

The driver describes the packet in a ring in memory and rings a doorbell; the card fetches it and sends it.
The machine at the other end is not simulated: its answer takes a time. When that has arrived in memory, the
card raises an interrupt, and the driver takes the packet out of another ring.

A card with SR-IOV looks like several: each of its virtual functions has rings and registers of its own and
can be lent to a guest. Then the guest's driver works it, and nobody stands between them.
"""

from simcore.cpu import Steps
from simcore.devices.hardware import Hardware
from simcore.requests import Request
from simcore.roles import VirtualMachine


class Nic(Hardware):
    journey: tuple[str, ...] = ("transmit", "wire", "far_end", "wire", "receive")

    def wire(self) -> None:
        self.rings = self.station(self.constant("parallel"))

    def send(self, request: Request) -> Steps:
        """A packet out, and the answer to it."""
        cpu = request.flow.thread.cpu
        self.spend(request, "queue_packet", "doorbell")
        yield from self.submit(request, self.rings, *self.journey)
        yield from self._notify(request, cpu)
        self.spend(request, "poll_ring")


class VirtualFunction(Nic):
    owner: VirtualMachine
    journey = ("iommu_translate", *Nic.journey, "iommu_translate")

    def wire(self) -> None:
        super().wire()
        self.owner.pinned = True
