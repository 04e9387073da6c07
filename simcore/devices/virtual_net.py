"""Virtual network cards: how a guest's packet gets to the host's network stack, and the answer back.

Guest and back end share rings in memory, and each tells the other only if that does not look at its ring
anyway: a back end that is awake needs no notification, a driver in its interrupt handler no interrupt (NAPI).
So the more packets are under way, the fewer exits there are for each. A card that imitates a real one keeps
to that one's registers: who sends touches one for each packet.

Under Linux all end at a tap device, the host's end of a cable into a guest; a bridge joins it to the real
card. Who carries the packet there is what differs: QEMU, a thread of the kernel (vhost), the one thread of a
microVM's monitor, VMware's process or VMkernel, or whoever has played the registers of a real card.
"""

from simcore.cpu import BLOCKED, SETTLE, Cpu, Steps, Thread
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class VirtualCard(Layer):
    owner: VirtualMachine

    def _hand_over(self, request: Request, carrier: Thread) -> Steps:
        """To the back end's thread, which is notified if it sleeps."""
        yield SETTLE  # whether it does is seen now, not before
        if carrier.state == BLOCKED:
            yield from self.owner.below.kick(request, carrier)
        else:
            yield from self.hop(request, carrier)

    def _announce(self, request: Request, vcpu: Cpu) -> Steps:
        """To the guest's driver. Answers whether that had to be interrupted."""
        return self.owner.below.announce(request, vcpu)


class VirtioNet(VirtualCard):
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
        yield from self._hand_over(request, self._carrier)
        self.spend(request, *self.taken)
        request.over = self.over
        yield from self.backing.serve(request)
        self.spend(request, *self.returned)
        yield from self._announce(request, vcpu)
        self.spend(request, "complete")


class VirtioNetMmio(VirtioNet):
    """Without PCI there is one plain interrupt, which the guest must ask about and acknowledge."""

    def _announce(self, request: Request, vcpu: Cpu) -> Steps:
        if interrupted := (yield from super()._announce(request, vcpu)):
            self.owner.below.access(request, self.constant("interrupt_accesses"))
        return interrupted


class VhostNet(VirtioNet):
    """The back end is a thread of the host's kernel, beside the network stack."""

    over = "vhost"
    taken = ("vhost_pop",)
    returned = ("vhost_push",)

    def wire(self) -> None:
        self.worker = self.backing.process(f"{self.id}/vhost")
        self.worker.in_kernel = True
        self.threads.append(self.worker)

    @property
    def _carrier(self) -> Thread:
        return self.worker


class Vmxnet3(VirtualCard):
    """VMware's: the doorbell is an exit for each packet, and so is unmasking the interrupt after each."""

    backing: Layer

    def send(self, request: Request) -> Steps:
        vcpu, hypervisor = request.flow.thread.cpu, self.owner.below
        self.spend(request, "ring_add")
        yield from hypervisor.kick(request, self.owner.back_end)
        self.spend(request, "fetch_packet")
        request.over = "tap"
        yield from self.backing.serve(request)
        self.spend(request, "push_packet")
        interrupted = yield from self._announce(request, vcpu)
        self.spend(request, "complete")
        if interrupted:
            yield from hypervisor.emulate(request, self.constant("interrupt_accesses"))


class E1000(VirtualCard):
    """A real card's registers, played by the hypervisor; each touch is an exit. It also cuts up large pieces,
    as the card would."""

    backing: Layer

    def send(self, request: Request) -> Steps:
        vcpu, hypervisor = request.flow.thread.cpu, self.owner.below
        self.spend(request, "queue_packet")
        yield from hypervisor.command(request, self.owner.back_end)
        self.repeat(request, max(1, -(-request.bytes // self.constant("packet"))), "emulate_transmit")
        if request.bytes:
            self.spend(request, "copy_packet", per=request.bytes)
        request.over = "tap"
        yield from self.backing.serve(request)
        self.spend(request, "emulate_receive")
        if (yield from self._announce(request, vcpu)):
            yield from hypervisor.emulate(request, self.constant("interrupt_accesses"), busy=True)
        self.spend(request, "poll_ring")
