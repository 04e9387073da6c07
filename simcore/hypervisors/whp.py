"""Where Hyper-V has the processor's virtualization, no other hypervisor's driver may use it.

Its process asks Windows, and Windows asks Hyper-V, to run the guest (Windows Hypervisor Platform). Every exit
comes back all that way to the process, whatever it was about: there is no short way through a driver. What
the process then does for its guest, it does as on any other host.
"""

from simcore.cpu import Steps, Thread
from simcore.hypervisors.virtualbox import VirtualBox
from simcore.hypervisors.vmware import Workstation
from simcore.requests import Request
from simcore.roles import Hypervisor, VirtualMachine


class OverHyperV(Hypervisor):
    play: tuple[str, ...]  # in the process, for an access to a device that it plays,
    hand_over: tuple[str, ...]  # and for one that its I/O thread goes on with

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        carrier.entry_ops = self.plan("vm_entry")
        carrier.exit_ops = self.plan("vm_exit")
        carrier.halt_ops = self.plan("halt_exit")
        carrier.wake_ops = self.plan("halt_wake")
        carrier.poke_ops = self.plan("kick_exit")
        carrier.ipi_ops = self.plan("vm_exit", "ipi")

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        self.repeat(request, times, "vm_exit", *self.play, "vm_entry")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        self.spend(request, "vm_exit", *self.hand_over)
        self.below.spend(request, "wake_up")
        yield from self.hop(request, back_end, "vm_entry")


class VirtualBoxOverHyperV(OverHyperV, VirtualBox):
    play = ("mmio_emulate",)
    hand_over = ("async_io_wake",)


class WorkstationOverHyperV(OverHyperV, Workstation):
    """The monitor, too, is code of the VMX process now: there is no world of its own to switch to."""

    play = ("monitor_dispatch", "device_emulate")
    hand_over = play
