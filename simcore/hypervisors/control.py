"""A control domain: the guest that belongs to the hypervisor. It drives the real devices, and starts first.

The hypervisor builds it in memory and hands it the real devices' registers; its kernel drives them as on a
bare machine, only its CPUs are virtual, and interrupts come by way of the hypervisor. Without it no other
guest has a disk: when it crashes the hypervisor restarts the machine.
"""

from collections.abc import Iterable

from simcore.cpu import Steps
from simcore.hypervisors.vm import Guest
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import VirtualMachine


class ControlDomain(Guest):
    def wire(self) -> None:
        self.owner = self
        self.main = self.back_end = self.process(f"{self.id}/builder")
        self.threads = [self.main]
        self._plug_in_cpus()

    @property
    def disk(self) -> Layer:
        """The real disk is its own."""
        return self.machine.disk

    @property
    def network(self) -> Layer:
        """So is the real card."""
        return self.machine.network

    @property
    def drives(self) -> list[Layer]:
        """And so are all others that are not lent to a guest."""
        return self.machine.drives

    def boot(self, request: Request) -> Steps:
        yield from self.down(request)
        yield from self.hop(request, self.main)
        self.spend(request, "build", per=self.settings["memory"])
        self.count("memory", self.settings["memory"])
        yield from self.hop(request, self.guest.first)

    def fail(self, fault: str, now: int) -> Iterable[Layer]:
        return self.below.everything()

    def use(self, request: Request, pages: int, vm: VirtualMachine | None = None) -> None:
        """All its memory was given to it when it was built."""

    def free(self, pages: int) -> None:
        """And stays with it."""

    @property
    def memory_nodes(self) -> int:
        return self.machine.memory_nodes

    def translated(self, page_bytes: int) -> int:
        return page_bytes

    def walk(self, request: Request, times: int, page_bytes: int, more: int = 0) -> None:
        """Its page tables lead to real addresses."""
