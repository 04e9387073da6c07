"""virtio over MMIO, played by one thread: the disk of a microVM.

The ring is virtio's. There is no PCI bus and so no vector for each queue: the interrupt says only that there
is something, and the guest must read what, and acknowledge it, which are two more exits. The monitor's thread
reads the image through the host's page cache, one request after another, and sleeps with each.
"""

from simcore.cpu import Steps
from simcore.devices.image import Image
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class VirtioMmio(Image):
    owner: VirtualMachine
    backing: Kernel

    def read(self, request: Request) -> Steps:
        vcpu, hypervisor = request.flow.thread.cpu, self.owner.below
        self.spend(request, "ring_add")
        yield from hypervisor.kick(request, self.owner.back_end)
        yield from self.lock(request, "device_thread")
        self.spend(request, "eventfd_read", "pop_request")
        yield from self._ask_image(request)
        self.spend(request, "push_used")
        yield from self.unlock(request, "device_thread")
        yield from hypervisor.announce(request, vcpu)
        hypervisor.access(request, self.constant("interrupt_accesses"))
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked
