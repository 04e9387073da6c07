"""IDE: the disk controller of a PC of the nineties, played by the monitor register by register.

For each command the guest's driver writes the place, the length and the command into one-byte ports, points
the controller to its buffers and starts it: about ten accesses, each of which leaves the guest for the
monitor. One command at a time: the next waits until this one is done.
"""

from simcore.cpu import Steps
from simcore.devices.image import Image
from simcore.requests import Request
from simcore.roles import VirtualMachine


class Ide(Image):
    owner: VirtualMachine

    def read(self, request: Request) -> Steps:
        hypervisor = self.owner.below
        yield from self.lock(request, "channel")
        vcpu = request.flow.thread.cpu
        self.spend(request, "build_command")
        yield from hypervisor.emulate(request, self.constant("issue_accesses"))
        yield from hypervisor.command(request, self.owner.back_end)
        self.spend(request, "emulate_command")
        yield from self._ask_image(request)
        self.spend(request, "post_completion")
        yield from hypervisor.inject(request, vcpu)
        yield from hypervisor.emulate(request, self.constant("complete_accesses"), busy=True)
        self.spend(request, "complete")
        yield from self.unlock(request, "channel")

    write = flush = read  # the same way, whatever is asked
