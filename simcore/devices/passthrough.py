"""A real device lent to a guest: the guest's own driver works it, and nobody stands between them.

Its registers are mapped into the guest, so ringing the doorbell is a write like any other. The device reads
and writes the guest's memory by itself; an IOMMU turns the guest's addresses into real ones, so all of that
memory must be there and stay where it is. Only the interrupt still needs somebody: hardware that posts it
into the running guest, or the hypervisor, which takes it and passes it on.
"""

from simcore.cpu import Steps
from simcore.devices.disk import Drive
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.trace import DEVICE


class Passthrough(Layer):
    owner: VirtualMachine
    device: Drive

    def wire(self) -> None:
        device = self.linked[self.settings["device"]]
        assert isinstance(device, Drive)
        self.device = device
        device.kernel = self.kernel
        device.reads.before = device.writes.before = self._translate
        self.owner.pinned = True

    @property
    def write_cache(self) -> bool:
        return self.device.write_cache

    def boot(self, request: Request) -> Steps:
        """The guest's kernel finds a device that has been on since the machine was switched on."""
        yield from self.down(request)
        yield from self.ask(request, "boot", self.device)

    def read(self, request: Request) -> Steps:
        yield from self.device.serve(request)

    write = flush = read  # the same way, whatever is asked

    def _translate(self) -> tuple[int, int]:
        """On its way to the guest's memory each request passes the IOMMU."""
        return self.op("iommu_translate", DEVICE).what, self.draw_ns("iommu_translate", DEVICE)
