"""Many units of work, some of them under way at once on one thread: whoever is done begins the next."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class Slots(Workload):
    def _load(self) -> tuple[int, int]:
        """How many there are, and how many of them at once."""
        raise NotImplementedError

    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        yield from self.settle()
        self.left, depth = self._load()
        thread = request.flow.thread
        others = range(1, min(depth, self.left))
        slots = [self.spawn("slot", thread, self.sim.now, cause=request) for _ in others]
        yield from self.slot(request)
        for slot in slots:
            yield from self.join(request, slot)
        yield from self.finish()

    def slot(self, request: Request) -> Steps:
        """One after the other."""
        while self.left > 0 and not self.over(request):
            self.left -= 1
            yield from self._unit(request)

    def _unit(self, request: Request) -> Steps:
        """One of them."""
        raise NotImplementedError
