"""A byte to a server on another machine, and its answer, one after the other."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class RequestResponse(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        for _ in range(self.settings["count"]):
            if self.over(request):
                break
            yield from self.ask(request, "round_trip", self)
        yield from self.finish()

    def round_trip(self, request: Request) -> Steps:
        yield from self.part(request, "send", self.below, over="network")
