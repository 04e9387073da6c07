"""qboot: the least firmware that a Linux kernel can be started with; the monitor has the kernel ready."""

from simcore.cpu import Steps
from simcore.layer import Layer
from simcore.requests import Request


class Qboot(Layer):
    def boot(self, request: Request) -> Steps:
        self.log(request, "start")
        self.spend(request, "setup")
        self.spend(request, "copy_kernel")
        self.log(request, "boot")
        yield from self.settle()
