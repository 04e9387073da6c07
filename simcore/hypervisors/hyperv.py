"""Microsoft Hyper-V: a small hypervisor below every kernel, and Windows beside the guests, as their servant.

Windows starts first, on the bare machine: its own loader starts the hypervisor beneath itself and goes on as
the *root partition*, the guest that keeps the drivers. Other guests' devices are channels of the VMBus: rings
in shared memory, and one hypercall that makes the hypervisor interrupt the other side. A guest's memory is
all there before it starts.

Who runs when is decided in one of two places. With the *core scheduler* (servers) the hypervisor does it, for
the root's virtual CPUs as for all others. With the *root scheduler* (desktops) each virtual CPU of a guest is
a thread of Windows: when Windows runs it, it asks the hypervisor to enter the guest on this very CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcore.cpu import Cpu, Steps, Thread
from simcore.hypervisors.control import ControlDomain
from simcore.hypervisors.type1 import Assisted
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.schedulers.base import Scheduler
from simcore.schedulers.cores import CoreScheduler
from simcore.schedulers.round_robin import RoundRobin

if TYPE_CHECKING:
    from simcore.simulation import Op


class HyperV(Assisted):
    @property
    def _root(self) -> VirtualMachine:
        assert self.control is not None
        return self.control

    def scheduler(self) -> Scheduler:
        weight = self.constant("default_weight")
        return CoreScheduler(self.sim, self.below.cpus, self.constant("slice"), weight, self.node)

    def _read_images(self, request: Request) -> Steps:
        """Windows' loader reads what Windows needs, then the hypervisor."""
        yield from self._root.guest.load(request)
        yield from super()._read_images(request)

    def boot(self, request: Request) -> Steps:
        yield from super().boot(request)
        self.log(request, "scheduler")
        self.log(request, "root")

    def helper(self, name: str) -> Thread:
        """Worker processes and the back ends of devices are in the root partition."""
        return self._root.guest.process(name)

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        super().prepare(carrier, vm)
        vm.pinned = True

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        """The management service starts a worker process, which has the hypervisor make a partition."""
        root = self._root
        self.log(request, "starting", vm=vm.id)
        root.spend(request, "start_worker")
        self.spend(request, "create_partition")
        self.spend(request, "create_vp", per=len(vm.cpus))
        root.spend(request, "offer_channel", per=len(vm.drives))
        self.log(request, "started", vm=vm.id)
        yield from self.settle()

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        """Guests of the second generation have no emulated device: what they touch is the hypervisor's."""
        self.repeat(request, times, "vm_exit", "synthetic_register", "vm_entry")

    def nest(self) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
        """A program in the root partition runs a guest by asking for it (WHP): each exit of that guest is a
        message to the root, and each way back a hypercall."""
        there = self.plan("vm_exit", "intercept_message", "vm_entry")
        return there, self.plan("vm_exit", "enter_partition", "vm_entry")

    def nested_fault(self, request: Request, times: int) -> None:
        """The exit is told to the root; it has a page of the program put into the guest's memory, a hypercall
        of its own, and then has the guest go on."""
        self.repeat(request, times, "vm_exit", "intercept_message", "vm_entry")
        self.repeat(request, times, "vm_exit", "map_gpa", "vm_entry")
        self.repeat(request, times, "vm_exit", "enter_partition", "vm_entry")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        """The channel's interrupt comes to the root partition, whose handler wakes the back end."""
        root, windows = self._root, self._root.guest
        yield from self.inject(request, back_end.cpu)
        root.spend(request, "channel_callback")
        windows.spend(request, "wake_up")
        yield from windows.hop(request, back_end, "interrupt_exit")

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        """From one partition to another: a hypercall, and back to what the caller was doing. The hypervisor
        itself needs none."""
        if request.flow.thread.cpu.host is not None:
            self.spend(request, "vm_exit", "vmbus_signal")
            self.leaving(request, "vm_entry")
        yield from self.interrupt(request, cpu)


class RootScheduled(HyperV):
    """The hypervisor has one virtual CPU of the root partition on each real one, and nothing to decide."""

    def scheduler(self) -> Scheduler:
        return RoundRobin(self.sim, self.below.cpus, self.constant("slice"), self.node)

    def carrier(self, name: str, vm: VirtualMachine) -> Thread:
        return self.process(name) if vm is self.control else self._root.guest.process(name)

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        super().prepare(carrier, vm)
        if vm is not self.control:
            carrier.entry_ops = self.plan("dispatch_vp", "vm_entry")
            carrier.exit_ops = self.plan("vm_exit", "return_to_root")
            carrier.halt_ops = self.plan("halt_exit", "return_to_root")


class RootPartition(ControlDomain):
    """Windows with the drivers of the machine, on as many CPUs as that has if it is not given fewer."""

    def wire(self) -> None:
        self.settings["vcpus"] = self.settings["vcpus"] or len(self.machine.cpus)
        self.reflect, self.resume = self.below.nest()
        super().wire()

    def back(self, request: Request, times: int, pages: int, vm: VirtualMachine) -> None:
        """A program of its Windows runs a guest, whose memory is the program's: all of it is there."""
        self.below.nested_fault(request, times)
