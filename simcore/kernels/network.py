"""The way to other machines: through the stack to a card, and from the card's interrupt back to the process.

A container has a network of its own, which no other machine knows. Its packet goes through a pair of virtual
cards (veth) to a bridge; from there the host is its router, and netfilter writes the host's address in place
of the container's (masquerading), by a table of connections in which the answer finds its way back.

A packet that comes out of a guest is not for this stack: it goes from the guest's cable (a tap device) over
the bridge to the card, and its answer the same way back.
"""

from simcore.cpu import Steps
from simcore.kernels.ipc import Ipc
from simcore.requests import Request


class Network(Ipc):
    def send(self, request: Request) -> Steps:
        if request.peer is not None:
            yield from super().send(request)
        elif request.over == "network":
            yield from self._exchange(request)
        else:
            yield from self._bridge(request)

    def _exchange(self, request: Request) -> Steps:
        """A segment for another machine, and its answer. The call returns once the card has the packet, and
        the process goes to wait."""
        process = request.flow.thread
        contained = process.group is not None  # then it has a network of its own
        self.spend(request, request.entry)
        self._copy_in(request)
        self.spend(request, "tcp_send")
        if contained:
            self.spend(request, "veth_xmit", "bridge_forward", "ip_forward", "masquerade")
        self.leaving(request, "syscall_exit", "syscall_entry")
        yield from self.computer.network.serve(request)
        if contained:
            self.spend(request, "masquerade", "ip_forward", "bridge_forward", "veth_xmit")
        self.spend(request, "softirq_receive", "wake_up")
        yield from self.hop(request, process, "irq_exit")
        if not request.bytes:  # otherwise the answer only makes room for more
            self.spend(request, "tcp_receive")
        self.spend(request, "syscall_exit")

    def _copy_in(self, request: Request) -> None:
        """A program's bytes into buffers of the kernel's."""
        if request.bytes:
            self.spend(request, "copy_from_user", per=request.bytes)

    def _bridge(self, request: Request) -> Steps:
        """From a guest's cable to the card, and back. A program writes and reads it like a file."""
        carrier, program = request.flow.thread, request.over == "tap"
        if program:
            self.spend(request, "syscall_entry")
        if request.over != "vif":  # whose bytes Xen has copied
            self._copy_in(request)
        self.spend(request, "tap_transmit", "bridge_forward")
        if program:
            self.leaving(request, "syscall_exit")
        yield from self.computer.network.serve(request)
        self.spend(request, "bridge_forward", "tap_receive", "wake_up")
        yield from self.hop(request, carrier, "irq_exit")
        if program:
            self.spend(request, "syscall_entry", "syscall_exit")
