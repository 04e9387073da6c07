"""Reads of one block at random places: `depth` of them under way at once, all on one thread, until `count` are done."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class RandomRead(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        yield from self.settle()
        self.left = self.settings["count"]
        thread = request.flow.thread
        others = range(1, min(self.settings["depth"], self.left))
        slots = [self.spawn("slot", thread, self.sim.now, cause=request) for _ in others]
        yield from self.slot(request)
        for slot in slots:
            yield from self.until(request, slot.done)
        yield from self.finish()

    def slot(self, request: Request) -> Steps:
        """One slot of the queue: a read after the other."""
        while self.left > 0 and not self.over(request):
            self.left -= 1
            yield from self.ask(request, "read", self.below, self.settings["block"])
            self.spend(request, "next_place")
