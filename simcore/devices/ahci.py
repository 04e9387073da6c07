"""AHCI: a real SATA controller's registers, played by the hypervisor.

The guest's driver does not know that it is a guest: it writes commands into memory and touches registers, and
each touch is an exit. The command itself goes to a thread that reads from the host; the answer is an
interrupt, and more touches.
"""

from simcore.cpu import Steps
from simcore.devices.image import Image
from simcore.requests import Request
from simcore.roles import VirtualMachine


class Ahci(Image):
    owner: VirtualMachine

    def boot(self, request: Request) -> Steps:
        """Its driver waits for an answer from each port that has no disk."""
        for port in range(1, self.settings["ports"]):
            yield from self.wait(request, "link_wait")
            self.log(request, "port_down", port=port + 1)

    def read(self, request: Request) -> Steps:
        vcpu, hypervisor = request.flow.thread.cpu, self.owner.below
        self.spend(request, "build_command", "issue")
        yield from hypervisor.emulate(request, self.constant("issue_accesses"))
        yield from hypervisor.command(request, self.owner.back_end)
        self.spend(request, "emulate_command")
        yield from self._ask_image(request)
        self.spend(request, "post_completion")
        yield from hypervisor.inject(request, vcpu)
        yield from hypervisor.emulate(request, self.constant("complete_accesses"), busy=True)
        self.spend(request, "complete")

    write = flush = read  # the same way, whatever is asked
