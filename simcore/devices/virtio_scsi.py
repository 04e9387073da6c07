"""virtio-scsi: SCSI commands in a ring of requests; QEMU carries them out, or the host's kernel (vhost-scsi).

As virtio-blk, with the guest's SCSI layer above the ring. With vhost a worker thread of the kernel takes the
command from the ring, and the kernel's own SCSI target (LIO) turns it into a request to the block layer. When
that is done, the interrupt leaves the rest to a work queue of the target, and that to the worker.
"""

from simcore.cpu import Steps
from simcore.devices.vhost import Vhost
from simcore.devices.virtio_blk import VirtioBlk
from simcore.requests import Request


class VirtioScsi(VirtioBlk, Vhost):
    def wire(self) -> None:
        super().wire()
        if self.settings["backend"] == "vhost":
            self._start_worker()
            self.target = self.backing.process(f"{self.id}/target")
            self.threads.append(self.target)

    def read(self, request: Request) -> Steps:
        self.spend(request, "scsi_build")
        if self.settings["backend"] == "vhost":
            yield from self._by_worker(request)
        else:
            yield from super().read(request)
        self.spend(request, "scsi_done")

    write = flush = read

    def _carry_out(self, request: Request) -> Steps:
        self.spend(request, "target_submit")
        yield from self.backing.submit_bio(request)
        yield from self._wake(request, self.target)
        self.spend(request, "target_complete")
        yield from self._wake(request, self.worker)
