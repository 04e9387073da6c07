"""storvsc: a channel of the VMBus, whose other end (storvsp) is a thread in the root partition.

The guest's driver puts a packet into a ring in shared memory and signals the channel, unless the other side
is at work anyway. There the packet becomes a request for the file that is the disk (VHDX on NTFS). The answer
is put into the ring from the deferred call in which the real disk's answer was taken, and signalled to the
guest.
"""

from simcore.cpu import BLOCKED, SETTLE, Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class Storvsc(Layer):
    owner: VirtualMachine
    backing: Kernel  # the root partition's

    def read(self, request: Request) -> Steps:
        vcpu, back_end, hypervisor = request.flow.thread.cpu, self.owner.back_end, self.owner.below
        self.spend(request, "ring_put")
        yield SETTLE  # whether the back end sleeps is seen now, not before
        if back_end.state == BLOCKED:
            yield from hypervisor.kick(request, back_end)
        else:
            yield from self.hop(request, back_end)
        self.spend(request, "take_packet", "vhdx_map")
        yield from self.backing.submit_bio(request)
        self.spend(request, "complete_packet")
        yield from hypervisor.announce(request, vcpu)
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked
