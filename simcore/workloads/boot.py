"""The shortest program: start it, one instruction, exit. Every lane of a race ends at that instruction."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class Boot(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        self.spend(request, "first_instruction")
        yield from self.finish()
        yield from self.ask(request, "exit", self.below)
