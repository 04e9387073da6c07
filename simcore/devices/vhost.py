"""vhost: the ring is served by a thread of the host's kernel, and the monitor is not asked at all.

The guest's notification wakes that thread, which takes the request from the ring and hands it to the block
layer itself: no system call, no file. The drive's interrupt wakes it again, and it interrupts the guest.
"""

from simcore.cpu import BLOCKED, SETTLE, Steps, Thread
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class Vhost(Layer):
    owner: VirtualMachine
    backing: Kernel
    worker: Thread

    def _start_worker(self) -> None:
        self.worker = self.backing.process(f"{self.id}/vhost")
        self.threads.append(self.worker)

    def _by_worker(self, request: Request) -> Steps:
        """Through the ring to the worker, and back."""
        vcpu = request.flow.thread.cpu
        self.spend(request, "ring_add")
        yield SETTLE  # whether the worker sleeps is seen now, not before
        if self.worker.state == BLOCKED:
            yield from self.owner.below.kick(request, self.worker)
        else:
            yield from self.hop(request, self.worker)
        self.spend(request, "vhost_pop")
        self.backing.spend(request, "pin_pages")
        yield from self._carry_out(request)
        self.backing.spend(request, "unpin_pages")
        self.spend(request, "vhost_push")
        yield from self.owner.below.announce(request, vcpu)
        self.spend(request, "complete")

    def _carry_out(self, request: Request) -> Steps:
        """To the disk, past all files; its interrupt leaves the rest to the worker."""
        yield from self.backing.submit_bio(request)
        yield from self._wake(request, self.worker)

    def _wake(self, request: Request, thread: Thread) -> Steps:
        """One thread of the host's kernel wakes another."""
        self.backing.spend(request, "wake_up")
        yield from self.backing.hop(request, thread, "irq_exit")


class VhostBlk(Vhost):
    def wire(self) -> None:
        self._start_worker()

    def read(self, request: Request) -> Steps:
        yield from self._by_worker(request)

    write = flush = read  # the same way, whatever is asked
