"""IDE: the disk controller of a PC of the nineties, played by the monitor register by register.

For each command the guest's driver writes the place, the length and the command into one-byte ports, points
the controller to its buffers and starts it: about ten accesses, each of which leaves the guest for the
monitor. One command at a time: the next waits until this one is done.
"""

from simcore.cpu import Steps
from simcore.devices.controller import Controller
from simcore.requests import Request


class Ide(Controller):
    build = ("build_command",)

    def read(self, request: Request) -> Steps:
        yield from self.lock(request, "channel")
        yield from super().read(request)
        yield from self.unlock(request, "channel")

    write = flush = read  # the same way, whatever is asked
