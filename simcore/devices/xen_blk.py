"""Xen's block device: the front half is a driver in the guest, the back half a kernel thread in dom0.

They share a ring of requests, and the guest *grants* dom0 access to the pages that the data is in. Mapping
and unmapping a page for each request is dear, so the two agree to keep a pool of pages mapped (persistent
grants), and the guest copies between the pool and where the data belongs. Each half notifies the other by an
event channel, but only if that is not at work anyway.

blkback hands a request to dom0's disk and goes on with the next; the answer comes as an interrupt in dom0,
and from there the response goes out.
"""

from simcore.cpu import BLOCKED, SETTLE, Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class XenBlk(Layer):
    owner: VirtualMachine

    def wire(self) -> None:
        self.owner.back_end.in_kernel = True
        self.in_use = self.mapped = 0  # pages of the pool: under way now, and those that dom0 has mapped

    def read(self, request: Request) -> Steps:
        yield from self._pass_on(request)
        if self.settings["persistent_grants"]:
            self.spend(request, "pool_copy", per=request.bytes)

    def write(self, request: Request) -> Steps:
        if self.settings["persistent_grants"]:
            self.spend(request, "pool_copy", per=request.bytes)
        yield from self._pass_on(request)

    def flush(self, request: Request) -> Steps:
        yield from self._pass_on(request)

    def _pass_on(self, request: Request) -> Steps:
        vcpu, back_end, xen = request.flow.thread.cpu, self.owner.back_end, self.owner.below
        dom0 = self.backing
        assert isinstance(dom0, Kernel)
        pages = -(-request.bytes // self.constant("page"))
        self.spend(request, "ring_add")
        yield SETTLE  # whether the back end sleeps is seen now, not before
        if back_end.state == BLOCKED:
            yield from xen.kick(request, back_end)
        else:
            yield from self.hop(request, back_end)
        self.spend(request, "ring_take")
        yield SETTLE
        self._map(request, pages)
        yield from dom0.submit_bio(request)
        self._unmap(request, pages)
        self.spend(request, "respond")
        yield from xen.announce(request, vcpu)
        self.spend(request, "complete")

    def _map(self, request: Request, pages: int) -> None:
        """dom0 must have the granted pages mapped: of a pool, only those that it has never seen are not."""
        self.in_use += pages
        fresh, xen = max(0, self.in_use - self.mapped), self.owner.below
        if fresh:
            self.mapped += fresh
            xen.spend(request, "hypercall", "grant_map", "return_to_guest", per=fresh)

    def _unmap(self, request: Request, pages: int) -> None:
        self.in_use -= pages
        xen = self.owner.below
        if pages and not self.settings["persistent_grants"]:
            self.mapped -= pages
            xen.spend(request, "hypercall", "grant_unmap", "return_to_guest", per=pages)
