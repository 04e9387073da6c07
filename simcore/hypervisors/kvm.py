"""KVM with QEMU: the Linux kernel is the hypervisor, a process is the machine.

A vCPU is a thread of QEMU that the host's scheduler runs like any other; guest code, KVM and QEMU's emulation
are that one thread in turn, so an exit changes the mode, not who runs. A notification wakes QEMU's I/O thread
(ioeventfd) and the vCPU goes on at once; a completion comes back as an irqfd. A vCPU with nothing to do exits
(HLT), KVM polls for a while in case work comes soon, then sleeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcore.cpu import Cpu, Steps, Thread
from simcore.requests import Request
from simcore.roles import Hypervisor, VirtualMachine
from simcore.spinning import PauseLoop
from simcore.trace import CPU

if TYPE_CHECKING:
    from simcore.simulation import Op


class KvmModule(Hypervisor):
    """What the kernel does, whichever program it does it for."""

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        carrier.entry_ops = self.plan("vm_entry")
        carrier.exit_ops = self.plan("vm_exit")
        carrier.halt_ops = self.plan("halt_exit")
        carrier.wake_ops = (self.op("halt_wake"),)
        posted = "posted-interrupts" in self.offered
        carrier.poke_ops = self.plan("posted_interrupt") if posted else self.plan("kick_exit")
        carrier.ipi_ops = self.plan("vm_exit", "ipi")
        carrier.poll_ns = self.settings["halt_poll"]
        carrier.poll_what = self.sim.what(self.node, self.entry.id, "halt_poll", CPU)

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        self.repeat(request, times, "vm_exit", "exit_to_user", "device_emulate", "vm_entry")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        self.spend(request, "vm_exit", "ioeventfd")
        self.below.spend(request, "wake_up")
        yield from self.hop(request, back_end, "vm_entry")

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        self.spend(request, "irqfd")
        yield from self.interrupt(request, cpu)


class Kvm(KvmModule):
    @property
    def mergeable(self) -> bool:
        return bool(self.settings["mem_merge"])

    @property
    def overhead_bytes(self) -> int:
        found: int = self.constant("overhead")
        return found

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        super().prepare(carrier, vm)
        if self.settings["pause_exits"]:
            first = vm.cpus[0].host if vm.cpus else None
            ops = self.plan("vm_exit", "directed_yield", "vm_entry")
            loop = first.pause if first is not None else PauseLoop(ops, self.constant("pause_window"))
            assert loop is not None
            loop.carriers.append(carrier)
            carrier.pause = loop

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        self.spend(request, "fork_exec_qemu", "qemu_init", "create_vm")
        self.spend(request, "create_vcpu", per=len(vm.cpus))
        self.spend(request, "device_realize", per=len(vm.drives))
        self.spend(request, "load_firmware")
        if vm.settings.get("direct_kernel") and vm.guest.settings.get("image") == "uncompressed":
            self.spend(request, "load_uncompressed")
        yield from self.settle()

    def nest(self) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
        """It plays the processor's virtualization to the hypervisor in its guest: it copies what that one
        wants to know of its guest, and later makes the state that really runs of that one's wishes and its
        own. Every word of it that the hypervisor there asks for is one more exit, if the processor does not
        answer."""
        there = self.plan("vm_exit", "nested_exit", "vm_entry")
        if not self.settings["vmcs_shadowing"]:
            there += self.plan("vm_exit", "vmcs_access", "vm_entry") * self.constant("vmcs_accesses")
        return there, self.plan("vm_exit", "nested_entry", "vm_entry")

    def nested_fault(self, request: Request, times: int) -> None:
        """To the hypervisor there and back; then the guest tries again, and leaves once more, for the page is
        not in the tables that the processor walks. This exit is handled here alone. On its way the hypervisor
        there asks for as many words as on that of any exit."""
        self.repeat(request, times, "vm_exit", "nested_exit", "vm_entry")
        if not self.settings["vmcs_shadowing"]:
            asked = times * self.constant("vmcs_accesses")
            self.repeat(request, asked, "vm_exit", "vmcs_access", "vm_entry")
        self.repeat(request, times, "vm_exit", "nested_entry", "vm_entry")
        self.repeat(request, times, "vm_exit", "nested_page", "vm_entry")

    def command(self, request: Request, back_end: Thread) -> Steps:
        """An access like any other: QEMU sees to it on the virtual CPU's thread, and wakes the other."""
        self.spend(request, "vm_exit", "exit_to_user", "device_emulate")
        self.below.spend(request, "wake_up")
        yield from self.hop(request, back_end, "vm_entry")

    def forward(self, request: Request, cpu: Cpu) -> Steps:
        """The hardware posts it to a virtual CPU that is on a real one. Otherwise the host takes it, to wake
        the virtual CPU or to take it out of its guest."""
        carrier = cpu.host
        assert carrier is not None
        if "posted-interrupts" not in self.offered or carrier.asleep:
            yield from self.interrupt(request, cpu.core)
            self.spend(request, "forward_interrupt")
        yield from self.interrupt(request, cpu)
