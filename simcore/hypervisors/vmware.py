"""VMware's hosted monitor: an application and a driver on the host, and a world of the monitor's own.

The driver exchanges all that the CPU holds: page tables, descriptor and interrupt tables, registers. After
this *world switch* the host's kernel is not there; the monitor runs the guest. What the monitor cannot do
alone, devices and real interrupts above all, needs the host: a world switch back, out of the driver, and the
process (VMX), whose thread carries the virtual CPU, plays the device by ordinary system calls of the host.

How the guest's own code runs is the other half. With the processor's help it runs as it is and leaves for the
monitor by an exit. Without, its kernel is translated before it runs: what would need privileges has become
plain code, or a call of the monitor, and only what still traps is dear, a program's system call for one.
"""

from simcore.cpu import Cpu, Steps, Thread
from simcore.requests import Request
from simcore.roles import Hypervisor, VirtualMachine


class Hosted(Hypervisor):
    leave: tuple[str, ...]  # from the guest to the monitor,
    enter: tuple[str, ...]  # and back

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        carrier.entry_ops = self.plan("switch_back", *self.enter)
        carrier.exit_ops = self.plan(*self.leave, "world_switch")
        carrier.halt_ops = self.plan(*self.leave, "world_switch", "block")
        carrier.wake_ops = self.plan("halt_wake")
        carrier.poke_ops = self.plan(*self.leave, "world_switch", "switch_back", *self.enter)
        carrier.ipi_ops = self.plan(*self.leave, "world_switch", "ipi")

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        self.log(request, "begin")
        self.spend(request, "start_vmx", "vmx_init")
        self.spend(request, "create_vcpu", per=len(vm.cpus))
        self.spend(request, "device_realize", per=len(vm.drives))
        self.spend(request, "load_firmware")
        self.log(request, "running")
        yield from self.settle()

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        self.repeat(
            request, times, *self.leave, "world_switch", "return_to_vmx",
            "device_emulate", "call_driver", "switch_back", *self.enter,
        )  # fmt: skip

    def kick(self, request: Request, back_end: Thread) -> Steps:
        self.spend(request, *self.leave, "world_switch", "return_to_vmx", "device_emulate")
        self.below.spend(request, "wake_up")
        yield from self.hop(request, back_end, "call_driver", "switch_back", *self.enter)

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        self.spend(request, "post_interrupt")
        yield from self.interrupt(request, cpu)


class Workstation(Hosted):
    """With the processor's help: system calls stay in the guest. Today's also walks two page tables; for the
    first of them, and with `paging: shadow`, the monitor makes one of the two, and keeps it true by exits."""

    leave = ("vm_exit", "monitor_dispatch")
    enter = ("vm_entry",)

    def wire(self) -> None:
        super().wire()
        self.shadow_paging = self.settings["paging"] == "shadow"

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        super().prepare(carrier, vm)
        if self.shadow_paging:
            vm.page_fault = self.plan(*self.leave, "find_fault", *self.enter)
            vm.new_address_space = self.plan(*self.leave, "switch_shadow", *self.enter)

    def write_page_tables(self, request: Request, entries: int) -> None:
        """What is written to is write-protected: out, let the guest write, out again when it has."""
        if self.shadow_paging:
            self.repeat(
                request,
                entries,
                *self.leave,
                "open_table",
                *self.enter,
                *self.leave,
                "write_shadow",
                *self.enter,
            )

    def new_page_tables(self, request: Request, pages: int) -> None:
        if self.shadow_paging:
            self.repeat(request, pages, *self.leave, "hidden_fault", *self.enter)


class BinaryTranslator(Hosted):
    """Without: the monitor holds the privileged mode, and page tables of its own for the CPU."""

    leave = ("callout",)
    enter = ()
    shadow_paging = True

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        super().prepare(carrier, vm)
        vm.into_kernel = self.plan("trap", "enter_kernel")
        vm.out_of_kernel = self.plan("return_to_program")
        vm.page_fault = self.plan("trap", "find_fault", "enter_kernel")
        vm.new_address_space = self.plan("switch_shadow")

    def translate(self, request: Request, blocks: int) -> None:
        self.spend(request, "translate", per=blocks)

    def write_page_tables(self, request: Request, entries: int) -> None:
        """The writing instruction has been found and translated: it changes the monitor's tables as well."""
        self.spend(request, "write_shadow", per=entries)

    def new_page_tables(self, request: Request, pages: int) -> None:
        """Their shadow is empty: each page that is touched is a fault of which the guest learns nothing."""
        self.repeat(request, pages, "trap", "hidden_fault", "return_to_program")

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        yield from super().inject(request, cpu)
        self.spend(request, "deliver_interrupt")
