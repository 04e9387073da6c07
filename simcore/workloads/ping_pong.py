"""Two programs that pass a byte back and forth: a round trip is two messages and two wake-ups."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class PingPong(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        peer = self.settings["peer"]
        self.there = self.below if peer is None else self.linked[peer]
        yield from self.until(request, self.there.ready)
        yield from self.settle()
        here = request.flow.thread
        self.other = self.there.process(f"{self.id}/other")
        self.threads.append(self.other)
        if self.settings["cpus"] == "one":
            here.mate, self.other.mate = self.other, here
        yield from self.join(request, self.spawn("slot", self.other, self.sim.now, request))
        for _ in range(self.settings["count"]):
            if self.over(request):
                break
            yield from self.ask(request, "round_trip", self)
        yield from self.finish()

    def slot(self, request: Request) -> Steps:
        """The other program starts, and goes to wait."""
        yield from self.part(request, "exec", self.there)

    def round_trip(self, request: Request) -> Steps:
        """There and back."""
        here, over = request.flow.thread, self.settings["over"]
        yield from self.part(request, "send", self.below, self.other, over=over)
        yield from self.part(request, "receive", self.there, over=over)
        yield from self.part(request, "send", self.there, here, over=over)
        yield from self.part(request, "receive", self.below, over=over)
