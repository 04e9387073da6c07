"""Windows' ways from one program to another: a pipe, TCP on the machine itself, and the network.

A packet goes from the socket (Winsock, AFD) through TCP/IP to NDIS, the interface between protocols and
cards, and through its filters to the card's own miniport. What arrives is taken in a deferred call (DPC), up
to where the program's thread is woken.

A packet of a guest goes one of two ways. Hosted hypervisors have a filter driver on the real card (a bridge):
their program hands it a packet by a system call, like a file. Hyper-V's virtual switch is a driver between
the real card and everybody, the root partition's own TCP/IP included; a guest's packet meets it in the
kernel. That the root's own packets cross the switch, too, is left out.
"""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Kernel


class Ndis(Kernel):
    def send(self, request: Request) -> Steps:
        if request.peer is not None:
            yield from self._hand_on(request)
        elif request.over == "network":
            yield from self._exchange(request)
        elif request.over == "switch":
            yield from self._switch(request)
        else:
            yield from self._bridge(request)

    def receive(self, request: Request) -> Steps:
        self.spend(request, "pipe_read" if request.over == "pipe" else "tcp_receive", "syscall_exit")
        yield from self.settle()

    def _hand_on(self, request: Request) -> Steps:
        """Bytes for a thread that waits for them."""
        receiver = request.peer
        assert receiver is not None
        self.spend(request, "syscall_entry")
        if request.over == "pipe":
            self.spend(request, "pipe_write")
        else:
            self.spend(request, "tcp_send", "tcp_indicate")
        self.spend(request, "wake_up")
        yield from self.hop(request, receiver, "syscall_exit", "syscall_entry")

    def _exchange(self, request: Request) -> Steps:
        """A segment for another machine, and its answer. The call returns once the card has the packet, and
        the process goes to wait."""
        process = request.flow.thread
        self.spend(request, "syscall_entry")
        self._copy_in(request)
        self.spend(request, "tcp_send")
        self.leaving(request, "syscall_exit", "syscall_entry")
        yield from self._through_card(request)
        self.spend(request, "tcp_indicate", "wake_up")
        yield from self.hop(request, process, "interrupt_exit")
        if not request.bytes:  # otherwise the answer only makes room for more
            self.spend(request, "tcp_receive")
        self.spend(request, "syscall_exit")

    def _copy_in(self, request: Request) -> None:
        """A program's bytes into buffers of the kernel's."""
        if request.bytes:
            self.spend(request, "copy_from_user", per=request.bytes)

    def _bridge(self, request: Request) -> Steps:
        """A hosted hypervisor's program hands a guest's packet to its filter on the card, and later takes the
        answer from there."""
        carrier = request.flow.thread
        self.spend(request, "syscall_entry")
        self._copy_in(request)
        self.spend(request, "bridge_filter")
        self.leaving(request, "syscall_exit")
        yield from self._through_card(request)
        self.spend(request, "bridge_filter", "wake_up")
        yield from self.hop(request, carrier, "interrupt_exit")
        self.spend(request, "syscall_entry", "syscall_exit")

    def _switch(self, request: Request) -> Steps:
        """Hyper-V's virtual switch, on a thread of the kernel; the answer stays in the deferred call."""
        self.spend(request, "switch_forward")
        yield from self._through_card(request)
        self.spend(request, "switch_forward")

    def _through_card(self, request: Request) -> Steps:
        self.spend(request, "ndis_send")
        yield from self.computer.network.serve(request)
        self.spend(request, "queue_dpc", "ndis_receive")
