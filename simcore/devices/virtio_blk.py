"""virtio-blk: guest and hypervisor share a ring of requests in memory; only two notifications cross.

The guest's driver adds a request and notifies the back end, unless that is at work anyway; the back end, a
thread of the monitor, reads from the host like any program, then interrupts the guest.
"""

from simcore.cpu import BLOCKED, SETTLE, Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import VirtualMachine


class VirtioBlk(Layer):
    owner: VirtualMachine
    backing: Layer  # who holds the bytes: the host's kernel

    def read(self, request: Request) -> Steps:
        vcpu = request.flow.thread.cpu
        back_end = self.owner.back_end
        self.spend(request, "ring_add")
        yield SETTLE  # whether the back end sleeps is seen now, not before
        if back_end.state == BLOCKED:
            yield from self.owner.below.kick(request, back_end)
        else:
            yield from self.hop(request, back_end)
        self.spend(request, "eventfd_read", "pop_request")
        yield from self.backing.serve(request)
        self.spend(request, "aio_complete", "push_used")
        yield from self.owner.below.inject(request, vcpu)
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked
