"""PVSCSI: a ring of requests and one of answers, shared by the guest and the VMkernel; one doorbell.

The doorbell is an exit, and the VMkernel takes the request out of the ring on the spot: no thread is woken.
The answer is put into the other ring in the context of the real disk's interrupt. While many requests are
under way and many a second are answered, the VMkernel does not interrupt for each: it leaves out some, the
more the deeper the queue, since others are sure to follow (virtual interrupt coalescing). No timer is
needed for that.
"""

from simcore.cpu import SETTLE, Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.trace import QUEUE
from simcore.waiting import Batch


class Pvscsi(Layer):
    owner: VirtualMachine
    backing: Layer

    def wire(self) -> None:
        self.batch = Batch(self.engine_what("coalesced", QUEUE))
        self.under_way = self.turn = 0
        self.epoch = self.answered = 0  # when it began, and what has been answered since
        self.quick = False  # was enough answered a second in the one before?

    def read(self, request: Request) -> Steps:
        vcpu, hypervisor = request.flow.thread.cpu, self.owner.below
        self.spend(request, "ring_add")
        yield from hypervisor.kick(request, self.owner.back_end)
        self.under_way += 1
        self.spend(request, "fetch_request")
        yield from self.backing.serve(request)
        self.spend(request, "push_completion")
        yield SETTLE
        if self._told_now():
            batch, self.batch = self.batch, Batch(self.batch.what)
            yield from hypervisor.inject(request, vcpu)
            batch.take(vcpu, self.sim.now, request.flow.span)
        else:
            yield self.batch.join, None
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked

    def _told_now(self) -> bool:
        """Does this answer interrupt the guest? Of so many in turn, only the first few do."""
        in_flight = self.under_way
        self.under_way -= 1
        self._measure()
        least = self.constant("coalesce_from")
        if not self.quick or in_flight < least:
            self.turn = 0
            return True
        told, of = 1, in_flight // (least + least)
        rows = self.constant("coalesce_rows")
        if in_flight // least <= len(rows):
            told, of = rows[in_flight // least - 1]
        self.turn = (self.turn + 1) % of
        return bool(self.turn < told)

    def _measure(self) -> None:
        """How much is answered in an epoch decides for the next."""
        length, least = self.constant("coalesce_epoch"), self.constant("coalesce_answers")
        if self.sim.now - self.epoch >= length:
            self.quick = self.answered >= least and self.sim.now - self.epoch < length + length
            self.epoch, self.answered = self.sim.now, 0
        self.answered += 1
