"""No firmware: the monitor loads the kernel into the guest's memory and lets it begin at its entry point."""

from simcore.cpu import Steps
from simcore.layer import Layer
from simcore.requests import Request


class Direct(Layer):
    def boot(self, request: Request) -> Steps:
        self.spend(request, "load_kernel")
        yield from self.settle()
