"""Threads that only compute, piece after piece: what a piece takes beyond its work was somebody else's time."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class Spin(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        yield from self.settle()
        others = [self.below.process(f"{self.id}/{number}") for number in range(1, self.settings["threads"])]
        self.threads += others
        spinning = [self.spawn("service", thread, self.sim.now, request, self.number) for thread in others]
        yield from self.service(request)
        for one in spinning:
            yield from self.until(request, one.done)
        yield from self.finish()

    def service(self, request: Request) -> Steps:
        """One thread's pieces."""
        for _ in range(self.settings["count"]):
            if self.over(request):
                return
            self.work(request, "compute", self.settings["work"])
            yield from self.settle()
