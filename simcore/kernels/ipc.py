"""Messages between processes: through a pipe, or through the network stack.

The writer does nearly all of it, down to waking the reader; the reader, woken, only takes the bytes. On one
network the loopback device hands a packet straight to the receiving half of the stack, on the same CPU. A
container has a network of its own: a pair of virtual cards (veth) leads out of it to a bridge, and another
into the next one. All of that is the kernel's code too: there is no further stop.
"""

from simcore.cpu import Steps, Thread
from simcore.requests import Request
from simcore.roles import Kernel


class Ipc(Kernel):
    def send(self, request: Request) -> Steps:
        """Bytes for a thread that waits for them; the caller returns and goes to wait for the answer."""
        receiver = request.peer
        assert receiver is not None
        self.spend(request, request.entry)
        if request.over == "pipe":
            self.spend(request, "pipe_write")
        else:
            self._transmit(request, receiver)
        self.spend(request, "wake_up")
        yield from self.hop(request, receiver, "syscall_exit", "syscall_entry")

    def receive(self, request: Request) -> Steps:
        """The bytes are there, and the call that waited for them returns."""
        self.spend(request, "pipe_read" if request.over == "pipe" else "tcp_receive", "syscall_exit")
        yield from self.settle()

    def _transmit(self, request: Request, receiver: Thread) -> None:
        """A segment down through the stack, and up again on the other side."""
        here, there = request.flow.thread.group, receiver.group
        self.spend(request, "tcp_send")
        if here is not there:  # a container's threads are a group, and have a network of their own
            if here is not None:
                self.spend(request, "veth_xmit")
            self.spend(request, "bridge_forward")
            if there is not None:
                self.spend(request, "veth_xmit")
        self.spend(request, "softirq_receive")
