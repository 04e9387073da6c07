"""VirtualBox on a Linux host: a type-2 hypervisor, an application with a driver.

An exit lands in the driver (ring 0) on the same host thread; what the driver cannot emulate goes on in the VM's process
(ring 3) and back. Disk requests are handed to an asynchronous I/O thread of that process.
"""

from simcore.cpu import Cpu, Steps, Thread
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Hypervisor


class VirtualBox(Hypervisor):
    def prepare(self, carrier: Thread) -> None:
        carrier.entry_ops = (self.op("vm_entry"),)
        carrier.exit_ops = (self.op("vm_exit"),)
        carrier.halt_ops = (self.op("halt_exit"),)
        carrier.wake_ops = (self.op("halt_wake"),)
        carrier.poke_ops = (self.op("kick_exit"),)

    def launch(self, request: Request, vm: Layer) -> Steps:
        self.spend(request, "fork_exec_vm", "vm_init")
        self.spend(request, "create_vcpu", per=len(vm.cpus))
        self.spend(request, "load_firmware")
        yield from self.settle()

    def access(self, request: Request, times: int = 1) -> None:
        self.repeat(request, times, "vm_exit", "ring0_dispatch", "mmio_emulate", "vm_entry")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        self.spend(request, "vm_exit", "ring0_dispatch", "async_io_wake")
        yield from self.hop(request, back_end, "vm_entry")

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        self.spend(request, "interrupt_inject")
        yield from self.interrupt(request, cpu)
