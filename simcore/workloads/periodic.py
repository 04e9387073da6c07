"""Work a little, sleep a little: each round begins when a timer fires, if the thread then gets a CPU."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class Periodic(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        for _ in range(self.settings["count"]):
            if self.over(request):
                break
            yield from self.ask(request, "service", self)
            yield from self.sleep(request, "sleep", self.settings["sleep"])
        yield from self.finish()

    def service(self, request: Request) -> Steps:
        """One round's work: counted as a request."""
        self.work(request, "compute", self.settings["work"])
        yield from self.settle()
