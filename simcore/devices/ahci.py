"""AHCI: a real SATA controller's registers, played by the hypervisor.

The guest's driver does not know that it is a guest: it writes commands into memory and touches registers, and
each touch is an exit. The command itself goes to a thread that reads from the host; the answer is an
interrupt, and more touches.
"""

from simcore.cpu import Steps
from simcore.devices.controller import Controller
from simcore.requests import Request


class Ahci(Controller):
    build = ("build_command", "issue")

    def boot(self, request: Request) -> Steps:
        """Its driver waits for an answer from each port that has no disk."""
        for port in range(1, self.settings["ports"]):
            yield from self.wait(request, "link_wait")
            self.log(request, "port_down", port=port + 1)
