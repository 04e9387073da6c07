"""Threads that only compute, piece by piece: what a piece takes beyond its work was somebody else's time."""

from simcore.cpu import Steps, Thread
from simcore.requests import Request
from simcore.roles import Workload


class Threads(Workload):
    """Several of them, each of which does so many pieces of its own."""

    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        yield from self.settle()
        others = [self.below.process(f"{self.id}/{number}") for number in range(1, self.settings["threads"])]
        for thread in others:
            self.prepare(thread)
        self.threads += others
        spinning = [self.spawn("slot", thread, self.sim.now, request) for thread in others]
        yield from self.slot(request)
        for one in spinning:
            yield from self.join(request, one)
        yield from self.finish()

    def slot(self, request: Request) -> Steps:
        """One thread's pieces."""
        for _ in range(self.settings["count"]):
            if self.over(request):
                return
            yield from self.ask(request, "service", self)


class Spin(Threads):
    def prepare(self, thread: Thread) -> None:
        """`nice`: how willing it is to let others go first."""
        self.kernel_below.renice(thread, self.settings["nice"])

    def service(self, request: Request) -> Steps:
        """One piece: counted as a request."""
        self.work(request, "compute", self.settings["work"])
        yield from self.settle()
