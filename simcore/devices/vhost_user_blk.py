"""vhost-user: the ring is served by another process of the host, which looks into it all the time (SPDK).

Nobody is notified: the process has a CPU of its own, on which it polls the guest's ring and the drive's queue
in turn. It drives the drive itself, from user space, so the host's kernel has no part in a read. What is left
is the interrupt of the guest. The price is that CPU, which is busy whether there is anything to do or not,
and the guest's memory, all of which must be there, since drive and process reach into it.
"""

from simcore.cpu import Steps, Thread
from simcore.devices.disk import Drive
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class VhostUserBlk(Layer):
    owner: VirtualMachine
    backing: Kernel
    device: Drive
    poller: Thread

    def wire(self) -> None:
        device = self.linked[self.settings["device"]]
        assert isinstance(device, Drive)
        self.device = device
        self.poller = device.poller = self.backing.dedicate("spdk")
        device.kernel = None
        self.owner.pinned = True

    @property
    def write_cache(self) -> bool:
        """It offers what its drive has."""
        return self.device.write_cache

    def boot(self, request: Request) -> Steps:
        """The guest's kernel finds it; its drive has been on since the machine was switched on."""
        yield from self.down(request)
        yield from self.ask(request, "boot", self.device)

    def read(self, request: Request) -> Steps:
        vcpu = request.flow.thread.cpu
        self.spend(request, "ring_add")
        yield from self.hop(request, self.poller)
        self.spend(request, "poll_turn", "vhost_pop")
        yield from self.device.serve(request)
        self.spend(request, "vhost_push", "signal_guest")
        yield from self.owner.below.announce(request, vcpu)
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked
