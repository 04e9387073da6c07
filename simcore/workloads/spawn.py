"""Processes that end at once: a child is made, perhaps becomes another program, exits, and is collected.

All children are one thread of the picture, since only one lives at a time.
"""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class Spawn(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        self.child = self.below.process(f"{self.id}/child")
        self.threads.append(self.child)
        for _ in range(self.settings["count"]):
            if self.over(request):
                break
            yield from self.ask(request, "round_trip", self)
        yield from self.finish()

    def round_trip(self, request: Request) -> Steps:
        """From fork until the parent has collected its child."""
        parent = request.flow.thread
        yield from self.part(request, "fork", self.below, self.child)
        if self.settings["exec"]:
            yield from self.part(request, "exec", self.below, program=f"{self.entry.id}/child")
        yield from self.part(request, "exit", self.below, parent)
