"""Firecracker: KVM with a monitor that plays next to nothing. A guest per request is what it was made for.

The monitor is a small process without a PC to build: no firmware, no PCI, no BIOS tables, two or three
devices. One thread plays all of them; another takes orders over a socket. The exits are KVM's, as under QEMU.
"""

from simcore.cpu import Steps
from simcore.hypervisors.kvm import KvmModule
from simcore.requests import Request
from simcore.roles import VirtualMachine


class Firecracker(KvmModule):
    io_thread = False

    @property
    def overhead_bytes(self) -> int:
        found: int = self.constant("overhead")
        return found

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        """Until the guest's first instruction: what it shall be comes over the socket, or from a file."""
        self.spend(request, "start_monitor")
        yield from self.wait(request, "start_wait")
        if self.settings["orders"] == "api":
            self.repeat(request, self.constant("api_calls"), "api_call")
        self.spend(request, "create_vm")
        self.spend(request, "create_vcpu", per=len(vm.cpus))
        self.spend(request, "attach_device", per=len(vm.drives))
        yield from self.settle()
