"""QEMU without hardware help (TCG): the guest's instructions are translated, block by block, and then run.

No instruction of the guest reaches the CPU as it is, so none can do harm and none needs an exit; each takes
several of the host's instead. A device register is a call to a function of QEMU; an interrupt is seen between
two blocks. The guest may be of any instruction set.
"""

from simcore.cpu import Cpu, Steps, Thread
from simcore.requests import Request
from simcore.roles import Hypervisor, Kernel, VirtualMachine


class Tcg(Hypervisor):
    below: Kernel
    shadow_paging = True  # the CPU walks QEMU's own tables; the guest's are looked up by software

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        carrier.halt_ops = (self.op("leave_code"),)
        carrier.wake_ops = (self.op("enter_code"),)
        carrier.poke_ops = (self.op("leave_code"),)

    def pace(self, instructions: str, isa: str = "") -> float:
        """A loop in registers, code that goes to memory, where each address is looked up by software, or a
        kernel's, which is some of each."""
        known = self.constant(f"slowdown_{instructions}{'_arm' if isa == 'arm64' else ''}")
        return float(known)

    def translate(self, request: Request, blocks: int) -> None:
        """Each block is translated when it runs for the first time."""
        self.spend(request, "translate_block", per=blocks)

    def find_memory(self, request: Request, vm: VirtualMachine, times: int, pages: int) -> None:
        """The guest's memory is QEMU's own: the kernel below finds a page of it as for any program."""
        self.below.fault(request, times, pages)

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        self.spend(request, "fork_exec_qemu", "qemu_init")
        self.spend(request, "device_realize", per=len(vm.drives))
        self.spend(request, "load_firmware")
        yield from self.settle()

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        self.repeat(request, times, "mmio_helper", "device_emulate")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        self.spend(request, "mmio_helper", "notify")
        self.below.spend(request, "wake_up")
        yield from self.hop(request, back_end)

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        self.spend(request, "raise_interrupt")
        yield from self.interrupt(request, cpu)
