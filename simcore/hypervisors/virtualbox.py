"""VirtualBox: a type-2 hypervisor, an application with a driver.

An exit lands in the driver (ring 0) on the same host thread; what the driver cannot emulate goes on in the
VM's process (ring 3) and back. Disk requests are handed to an asynchronous I/O thread of that process.
"""

from simcore.cpu import Cpu, Steps, Thread
from simcore.requests import Request
from simcore.roles import Hypervisor, VirtualMachine


class VirtualBox(Hypervisor):
    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        carrier.entry_ops = self.plan("vm_entry")
        carrier.exit_ops = self.plan("vm_exit")
        carrier.halt_ops = self.plan("halt_exit")
        carrier.wake_ops = self.plan("halt_wake")
        carrier.poke_ops = self.plan("kick_exit")
        carrier.ipi_ops = self.plan("vm_exit", "ring0_dispatch", "ipi")

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        self.spend(request, "fork_exec_vm", "vm_init")
        self.log(request, "powering_on")
        self.spend(request, "create_vcpu", per=len(vm.cpus))
        self.spend(request, "device_realize", per=len(vm.drives))
        self.spend(request, "load_firmware")
        self.log(request, "running")
        yield from self.settle()

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        self.repeat(request, times, "vm_exit", "ring0_dispatch", "mmio_emulate", "vm_entry")
        if busy:  # the driver finds the device locked, and leaves some of it to the VM's process
            self.repeat(request, self.constant("ring3_accesses"), "ring3_return")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        self.spend(request, "vm_exit", "ring0_dispatch", "async_io_wake")
        self.below.spend(request, "wake_up")
        yield from self.hop(request, back_end, "vm_entry")

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        self.spend(request, "interrupt_inject")
        yield from self.interrupt(request, cpu)
