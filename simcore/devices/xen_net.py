"""Xen's network card: a driver in the guest (netfront), and a kernel thread in dom0 (netback).

As with the disk they share a ring, and notify each other by events. A packet is small and its pages go their
own ways through two network stacks, so nobody maps them: Xen *copies* each packet from one guest's page to
the other's, as its owner has granted. In dom0 the packet goes over a bridge to the real card.
"""

from simcore.cpu import Steps
from simcore.devices.virtual_net import VirtualCard
from simcore.requests import Request
from simcore.roles import Kernel


class XenNet(VirtualCard):
    backing: Kernel

    def wire(self) -> None:
        self.netback = self.backing.process(f"{self.id}/netback")
        self.netback.in_kernel = True
        self.threads.append(self.netback)

    def send(self, request: Request) -> Steps:
        vcpu, xen = request.flow.thread.cpu, self.owner.below
        self.spend(request, "ring_add")
        yield from self._hand_over(request, self.netback)
        self.spend(request, "ring_take")
        xen.spend(request, "hypercall")
        xen.repeat(request, max(1, -(-request.bytes // self.constant("page"))), "grant_copy")
        if request.bytes:
            xen.spend(request, "data_copy", per=request.bytes)
        xen.spend(request, "return_to_guest")
        request.over = "vif"
        yield from self.backing.serve(request)
        xen.spend(request, "hypercall", "grant_copy", "return_to_guest")
        self.spend(request, "respond")
        yield from self._announce(request, vcpu)
        self.spend(request, "complete")
