"""Trap and emulate: the guest's kernel runs as it is, as if it were a program; what it may not do traps.

Every instruction that reads or changes the machine's state raises an exception, for the kernel has lost the
privileged mode to the monitor. The monitor looks at the instruction, does for the virtual machine what it
would have done, and goes on behind it. That needs an instruction set on which *every* such instruction traps;
one that silently does something else would tell the guest a lie. The page tables that the CPU reads are the
monitor's; those of the guest are write-protected, so that each change traps too.
"""

from simcore.cpu import Cpu, Steps, Thread
from simcore.requests import Request
from simcore.roles import Hypervisor, VirtualMachine


class TrapAndEmulate(Hypervisor):
    shadow_paging = True

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        carrier.entry_ops = self.plan("resume")
        carrier.exit_ops = self.plan("trap")
        carrier.halt_ops = self.plan("trap", "block")
        carrier.wake_ops = self.plan("halt_wake")
        carrier.poke_ops = self.plan("trap", "resume")
        carrier.ipi_ops = self.plan("trap", "ipi")
        privileged = self.plan("trap", "emulate", "resume")
        entry, exit_ = self.constant("entry_instructions"), self.constant("exit_instructions")
        vm.into_kernel = self.plan("trap", "reflect", "resume") + privileged * entry
        vm.out_of_kernel = privileged * exit_
        vm.page_fault = self.plan("trap", "find_fault", "reflect", "resume") + privileged * entry
        vm.new_address_space = self.plan("trap", "switch_shadow", "resume")

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        self.spend(request, "start_process", "build_board")
        self.spend(request, "create_vcpu", per=len(vm.cpus))
        self.spend(request, "device_realize", per=len(vm.drives))
        self.spend(request, "load_firmware")
        yield from self.settle()

    def write_page_tables(self, request: Request, entries: int) -> None:
        self.repeat(request, entries, "trap", "write_shadow", "resume")

    def new_page_tables(self, request: Request, pages: int) -> None:
        """Their shadow is empty: each page that is touched is a fault of which the guest learns nothing."""
        self.repeat(request, pages, "trap", "hidden_fault", "resume")

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        self.repeat(request, times, "trap", "exit_to_user", "device_emulate", "resume")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        self.spend(request, "trap", "exit_to_user", "device_emulate")
        self.below.spend(request, "wake_up")
        yield from self.hop(request, back_end, "resume")

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        """The guest's handler is full of what traps: in, ask the interrupt controller, tell it, out."""
        self.spend(request, "post_interrupt")
        yield from self.interrupt(request, cpu)
        self.spend(request, "reflect")
        self.repeat(request, self.constant("interrupt_instructions"), "trap", "emulate", "resume")
