"""A program that starts guests and containers one after another, so many at a time (xargs -P).

For each it makes a process, and goes on when that process has become another program: it waits at the end of
a pipe that exec closes. A new process queues for a CPU behind those that are there, so the busier the
computer is the slower the launcher gets: it never has as many under way as it may. What is started is
whatever the scenario starts by hand (`start: manual`).
"""

from simcore.cpu import Steps, Thread
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import VirtualMachine, Workload


class Launcher(Workload):
    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        own = request.flow.thread
        self.under_way: dict[Thread, Layer] = {}
        self.ended = self.gate()
        for tenant, start in self.by_hand:
            yield from self.settle()
            while len(self.under_way) >= self.settings["at_once"]:
                self.ended = self.gate()
                yield from self.until(request, self.ended)
            job = self.below.process(f"{self.id}/{tenant.id}")
            self.threads.append(job)
            self.under_way[job] = tenant
            yield from self.part(request, "fork", self.below, job)
            yield from self.part(request, "exec", self.below, program=f"{self.entry.id}/job")
            yield from self.settle()
            self.spawn("slot", job, self.sim.now, request)
            start()
            self.below.spend(request, "wake_up")
            yield from self.hop(request, own)
        yield from self.finish()

    def slot(self, request: Request) -> Steps:
        """The process waits for what it has started."""
        thread = request.flow.thread
        tenant = self.under_way[thread]
        inside = tenant.guest if isinstance(tenant, VirtualMachine) else tenant
        yield from self.until(request, inside.ready)
        yield from self.settle()
        del self.under_way[thread]
        self.ended.open(self.sim.now, thread, request.span)
