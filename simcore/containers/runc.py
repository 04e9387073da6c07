"""runc alone: one program makes the container, waits for its end and clears it away; no daemon, no network.

What Docker calls at the end of its chain, called by hand: `runc run`.
"""

from simcore.cpu import Steps, Thread
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Engine


class Runc(Engine):
    def wire(self) -> None:
        self.commands: dict[str, Thread] = {}

    def create(self, request: Request, container: Layer) -> Steps:
        first = request.flow.thread  # becomes the container's first process
        runc = self.commands[container.id] = self.process(f"runc/{container.id}")
        container.threads.append(runc)
        yield from self.hop(request, runc)
        yield from self.ask(request, "exec", self.below, self.constant("program_bytes"))
        container.spend(request, "runc_exec")
        yield from self.hop(request, first)
        container.spend(request, "cgroup_join", "namespaces", "mounts", "pivot_root", "masked_paths")
        container.spend(request, "capabilities_seccomp", "exec_fifo")
        yield from self.hop(request, runc)
        container.spend(request, "runc_start")
        yield from self.hop(request, first)

    def delete(self, request: Request, container: Layer) -> Steps:
        """The command has waited for the container's program."""
        yield from self.hop(request, self.commands[container.id])
        container.spend(request, "runc_delete")
        yield from self.settle()
