"""virtio-blk: guest and hypervisor share a ring of requests in memory; only two notifications cross.

The guest's driver adds a request and notifies the back end, unless that is at work anyway; the back end, a
thread of the monitor, reads from the host like any program, then interrupts the guest. Through the host's
page cache it cannot read without waiting, so it has a thread of a pool wait: one more wake-up each way.
"""

from simcore.cpu import BLOCKED, SETTLE, Steps, Thread
from simcore.devices.image import Image
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class VirtioRing(Layer):
    """The ring, with a thread of the monitor at its other end."""

    owner: VirtualMachine
    under_way = 0  # requests in the ring that no handler has begun to take out

    def read(self, request: Request) -> Steps:
        vcpu = request.flow.thread.cpu
        back_end = self.owner.back_end
        self.spend(request, "ring_add")
        yield SETTLE  # whether the back end sleeps is seen now, not before
        self.under_way += 1
        if back_end.state == BLOCKED:
            yield from self.owner.below.kick(request, back_end)
        else:
            yield from self.hop(request, back_end)
        self.spend(request, "eventfd_read", "pop_request")
        yield from self._answer(request)
        self.spend(request, "aio_complete", "push_used")
        yield from self.owner.below.announce(request, vcpu, alone=self.under_way == 1)
        self.under_way -= 1
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked

    def _answer(self, request: Request) -> Steps:
        """What that thread does to have the request answered; it is on that thread again."""
        raise NotImplementedError


class VirtioBlk(VirtioRing, Image):
    backing: Kernel  # who holds the bytes: the host's

    def wire(self) -> None:
        self.pool: list[Thread] = []  # those that wait for work

    def _answer(self, request: Request) -> Steps:
        return self._ask_image(request)

    def _ask_host(self, request: Request) -> Steps:
        if self.settings["aio"] == "threads":
            return self._by_pool(request, self.owner.back_end)
        return self.backing.serve(request)

    def _by_pool(self, request: Request, back_end: Thread) -> Steps:
        """Another thread makes the host's call and sleeps in it."""
        if not self.pool:
            self.pool.append(self.owner.below.helper(f"{self.id}/pool{len(self.threads)}"))
            self.threads += self.pool
        worker = self.pool.pop()
        self.spend(request, "pool_submit")
        self.backing.spend(request, "wake_up")
        yield from self.hop(request, worker)
        yield from self.backing.serve(request)
        self.spend(request, "pool_done")
        self.backing.spend(request, "wake_up")
        yield from self.hop(request, back_end)
        self.pool.append(worker)
