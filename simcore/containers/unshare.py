"""unshare: a process leaves its parent's namespaces, and becomes another program. No daemon, no files."""

from simcore.cpu import Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Engine


class Unshare(Engine):
    def create(self, request: Request, container: Layer) -> Steps:
        container.spend(request, "namespaces")
        yield from self.settle()
