"""Blocks at random places of a file: `depth` of them under way at once on one thread, `count` in all."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class RandomAccess(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        yield from self.settle()
        self.left = self.settings["count"]
        thread = request.flow.thread
        others = range(1, min(self.settings["depth"], self.left))
        slots = [self.spawn("slot", thread, self.sim.now, cause=request) for _ in others]
        yield from self.slot(request)
        for slot in slots:
            yield from self.join(request, slot)
        yield from self.finish()

    def slot(self, request: Request) -> Steps:
        """One slot of the queue: one after the other."""
        while self.left > 0 and not self.over(request):
            self.left -= 1
            yield from self._access(request)
            self.spend(request, "next_place")

    def _access(self, request: Request) -> Steps:
        """One of them."""
        raise NotImplementedError
