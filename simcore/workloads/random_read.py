"""Reads of one block at random places, `depth` of them under way at once on one thread, `count` in all."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload
from simcore.simulation import mix


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
            yield from self.join(request, slot)
        yield from self.finish()

    def slot(self, request: Request) -> Steps:
        """One slot of the queue: a read after the other."""
        while self.left > 0 and not self.over(request):
            self.left -= 1
            yield from self.ask(request, "read", self.below, self.settings["block"], self._page())
            self.spend(request, "next_place")

    def _page(self) -> int | None:
        """The place of the next read, for the page cache to look up; none if the read goes past it."""
        if self.settings["cache"] == "direct":
            return None
        places = max(1, self.settings["file"] // self.settings["block"])
        return int(mix(self.sim.seed, self.id, "place", self.left) % places)
