"""Virtual network cards: how a guest's packet gets to the host's network stack, and the answer back.

All end at a tap device, the host's end of a cable into a guest; a bridge joins it to the real card. Who
carries the packet there is what differs: QEMU, a thread of the kernel (vhost), or QEMU after it has
played the registers of a real card.
"""

from simcore.cpu import BLOCKED, SETTLE, Steps, Thread
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class VirtioNet(Layer):
    """Guest and back end share a ring; only two notifications cross."""

    owner: VirtualMachine
    backing: Kernel
    over = "tap"  # a program's file: each packet is a system call
    taken: tuple[str, ...] = ("eventfd_read", "pop_packet")
    returned: tuple[str, ...] = ("push_packet",)

    @property
    def _carrier(self) -> Thread:
        """The thread that takes packets from the ring."""
        return self.owner.back_end

    def send(self, request: Request) -> Steps:
        vcpu = request.flow.thread.cpu
        self.spend(request, "ring_add")
        yield SETTLE  # whether the back end sleeps is seen now, not before
        if self._carrier.state == BLOCKED:
            yield from self.owner.below.kick(request, self._carrier)
        else:
            yield from self.hop(request, self._carrier)
        self.spend(request, *self.taken)
        request.over = self.over
        yield from self.backing.serve(request)
        self.spend(request, *self.returned)
        yield from self.owner.below.inject(request, vcpu)
        self.spend(request, "complete")


class VhostNet(VirtioNet):
    """The back end is a thread of the host's kernel, beside the network stack."""

    over = "vhost"
    taken = ("vhost_pop",)
    returned = ("vhost_push",)

    def wire(self) -> None:
        self.worker = self.backing.process(f"{self.id}/vhost")
        self.threads.append(self.worker)

    @property
    def _carrier(self) -> Thread:
        return self.worker


class E1000(Layer):
    """A real card's registers, played by the hypervisor; each touch is an exit."""

    owner: VirtualMachine
    backing: Kernel

    def send(self, request: Request) -> Steps:
        vcpu, hypervisor = request.flow.thread.cpu, self.owner.below
        self.spend(request, "queue_packet")
        yield from hypervisor.command(request, self.owner.back_end)
        self.spend(request, "emulate_transmit")
        request.over = "tap"
        yield from self.backing.serve(request)
        self.spend(request, "emulate_receive")
        yield from hypervisor.inject(request, vcpu)
        hypervisor.access(request, self.constant("interrupt_accesses"), busy=True)
        self.spend(request, "poll_ring")
