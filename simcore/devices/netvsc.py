"""netvsc: Hyper-V's network card, a channel of the VMBus whose other end is the virtual switch.

The guest's driver (netvsc, the service client) puts a message into a ring in shared memory and signals the
channel with one hypercall, unless the other side is at work anyway. The other end is a driver in the root
partition's kernel (vmswitch): it is service provider and switch in one, finds out where the packet goes and
hands it to the real card's driver, without copying it. What arrives is copied into buffers that the guest has
shared from the start, in the deferred call in which the real card's packet was taken, and signalled to it.
"""

from simcore.cpu import Steps
from simcore.devices.virtual_net import VirtualCard
from simcore.requests import Request
from simcore.roles import Kernel


class Netvsc(VirtualCard):
    backing: Kernel  # the root partition's

    def wire(self) -> None:
        self.worker = self.backing.process(f"{self.id}/vmswitch")
        self.threads.append(self.worker)

    def send(self, request: Request) -> Steps:
        vcpu = request.flow.thread.cpu
        self.spend(request, "ring_put")
        yield from self._hand_over(request, self.worker)
        self.spend(request, "take_message")
        request.over = "switch"
        yield from self.backing.serve(request)
        self.spend(request, "copy_packet")
        yield from self._announce(request, vcpu)
        self.spend(request, "complete")
