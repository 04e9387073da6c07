"""unshare: a process leaves its parent's namespaces, and becomes another program. No daemon, no files."""

from simcore.cpu import Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Engine


class Unshare(Engine):
    def create(self, request: Request, container: Layer) -> Steps:
        """All eight kinds; a container of runc has no user and no time namespace of its own."""
        self.spend(request, "user_and_time")
        container.spend(request, "namespaces")
        yield from self.settle()

    def delete(self, request: Request, container: Layer) -> Steps:
        """They end with their last process; the network's is taken apart later, by the kernel itself."""
        self.spend(request, "namespaces_end")
        yield from self.settle()
