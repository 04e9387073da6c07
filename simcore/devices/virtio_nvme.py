"""QEMU's own NVMe driver (nvme://): the monitor drives a real drive from user space, behind a virtio ring.

As virtio-blk, but the monitor's thread makes no system call for a request. VFIO has mapped the drive's
registers into its process, and the guest's memory for the drive: the thread writes the command into the
drive's queue and rings its doorbell itself. The drive's interrupt still comes to the host's kernel, where
VFIO's handler signals an eventfd on which the thread sleeps. Having found the answer, the driver does not
go on with the request but leaves that to a bottom half, for which the thread's loop turns once more.
"""

from simcore.cpu import Steps
from simcore.devices.disk import Drive
from simcore.devices.virtio_blk import VirtioRing
from simcore.requests import Request
from simcore.roles import Kernel
from simcore.trace import DEVICE


class VirtioNvme(VirtioRing):
    backing: Kernel
    device: Drive

    def wire(self) -> None:
        device = self.linked[self.settings["device"]]
        assert isinstance(device, Drive)
        self.device = device
        device.kernel, device.told = None, self._told
        device.reads.before = device.writes.before = self._translate
        self.owner.pinned = True

    @property
    def write_cache(self) -> bool:
        return self.device.write_cache

    def boot(self, request: Request) -> Steps:
        """The guest's kernel finds it; its drive has been on since the machine was switched on."""
        yield from self.down(request)
        yield from self.ask(request, "boot", self.device)

    def _answer(self, request: Request) -> Steps:
        yield from self.device.serve(request)
        self.spend(request, "bottom_half")

    def _told(self, request: Request) -> Steps:
        """The interrupt is the host's; its handler wakes the thread."""
        self.spend(request, "vfio_signal")
        self.backing.spend(request, "wake_up")
        yield from self.backing.hop(request, self.owner.back_end, "irq_exit")

    def _translate(self) -> tuple[int, int]:
        """On its way to the guest's memory each request passes the IOMMU."""
        return self.op("iommu_translate", DEVICE).what, self.draw_ns("iommu_translate", DEVICE)
