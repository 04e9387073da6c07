"""System calls that do nothing, one after the other: what the door to the kernel costs."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class SystemCall(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        for _ in range(self.settings["count"]):
            if self.over(request):
                break
            yield from self.ask(request, "syscall", self.below)
        yield from self.finish()
