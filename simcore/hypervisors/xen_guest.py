"""A guest of Xen: a domain. The toolstack in dom0 makes it, with all its memory, before it runs.

So no touch of memory ever leaves the guest: Xen gives pages at the start, not on demand. A paravirtual
guest's page tables hold real addresses and lead straight to memory; behind those of a guest with hardware
help the CPU walks Xen's as well.
"""

from simcore.cpu import Steps
from simcore.hypervisors.vm import Guest, TwoDimensions
from simcore.requests import Request
from simcore.roles import VirtualMachine


class Pv(Guest):
    def boot(self, request: Request) -> Steps:
        """The toolstack has put its kernel into its memory: there is no firmware."""
        yield from self.down(request)
        yield from self.hop(request, self.main)
        yield from self.below.launch(request, self)
        self.count("memory", self.settings["memory"])
        yield from self.hop(request, self.guest.first)

    def use(self, request: Request, pages: int, vm: VirtualMachine | None = None) -> None:
        """It has had them from the start."""

    def free(self, pages: int) -> None:
        """And keeps them."""

    def translated(self, page_bytes: int) -> int:
        return page_bytes

    def walk(self, request: Request, times: int, page_bytes: int, more: int = 0) -> None:
        """Its page tables are those that the CPU reads: there is no second dimension."""


class Pvh(TwoDimensions, Pv):
    """Each address in its page tables must itself be looked up in Xen's."""


class Hvm(Pvh):
    """Like a real computer, firmware included: a program in dom0 plays what is missing."""

    def boot(self, request: Request) -> Steps:
        yield from super().boot(request)
        yield from self.ask(request, "boot", self.firmware)
