"""PVSCSI: a ring of requests and one of answers, shared by the guest and the VMkernel; one doorbell.

The doorbell is an exit, and the VMkernel takes the request out of the ring on the spot: no thread is woken.
The answer is put into the other ring in the context of the real disk's interrupt.
"""

from simcore.cpu import Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import VirtualMachine


class Pvscsi(Layer):
    owner: VirtualMachine
    backing: Layer

    def read(self, request: Request) -> Steps:
        vcpu, hypervisor = request.flow.thread.cpu, self.owner.below
        self.spend(request, "ring_add")
        yield from hypervisor.kick(request, self.owner.back_end)
        self.spend(request, "fetch_request")
        yield from self.backing.serve(request)
        self.spend(request, "push_completion")
        yield from hypervisor.inject(request, vcpu)
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked
