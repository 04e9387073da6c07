"""A disk controller whose registers the monitor plays: its driver is made for a real one, and touches them.

Each touch leaves the guest. The one that starts a command has the monitor's thread for devices take it up,
which asks for the file that is the disk; the answer is an interrupt, and more touches.
"""

from simcore.cpu import Steps
from simcore.devices.image import Image
from simcore.requests import Request
from simcore.roles import VirtualMachine


class Controller(Image):
    owner: VirtualMachine
    build: tuple[str, ...]  # the driver's part before the first register

    def read(self, request: Request) -> Steps:
        vcpu, hypervisor = request.flow.thread.cpu, self.owner.below
        self.spend(request, *self.build)
        yield from hypervisor.emulate(request, self.constant("issue_accesses"))
        yield from hypervisor.command(request, self.owner.back_end)
        self.spend(request, "emulate_command")
        yield from self._ask_image(request)
        self.spend(request, "post_completion")
        yield from hypervisor.inject(request, vcpu)
        yield from hypervisor.emulate(request, self.constant("complete_accesses"), busy=True)
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked
