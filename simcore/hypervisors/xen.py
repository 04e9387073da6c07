"""Xen: a thin layer below all kernels, which hands out CPUs and memory and has no driver of its own.

The drivers are those of dom0, a Linux guest with privileges; other guests' requests are handed to it through
shared memory. What crosses is an *event channel*: a hypercall sets a bit, and Xen interrupts the virtual CPU
that waits for it, much as a device would.

How a virtual CPU leaves its guest depends on the guest. A paravirtual one (PV) runs its kernel without the
CPU's privileges: it asks Xen by a *hypercall*, its programs' faults come to Xen first, and so does each
change of a page table, since those are the ones that the CPU reads. With 64 bits so do system calls: there is
no privilege between a program's and Xen's for the kernel to have. One with hardware help (HVM, PVH) makes a
VM exit, and keeps its system calls and page tables to itself.
"""

from simcore.cpu import Cpu, Steps, Thread
from simcore.hypervisors.type1 import Type1
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.schedulers.base import Scheduler
from simcore.schedulers.credit import Credit, Credit2

Way = tuple[str, str]
"""The operations by which a virtual CPU comes to Xen of its own will, and goes back."""
HYPERCALL: Way = ("hypercall", "return_to_guest")
EXIT: Way = ("vm_exit", "vm_entry")


class Xen(Type1):
    def wire(self) -> None:
        super().wire()
        self._ways: dict[Thread, Way] = {}  # of each virtual CPU's carrier
        self._domains = 0  # how many guests have been made
        self._played: dict[Thread, VirtualMachine] = {}  # of those for whom QEMU plays devices: whose it is

    @property
    def _dom0(self) -> VirtualMachine:
        assert self.control is not None
        return self.control

    def scheduler(self) -> Scheduler:
        cpus, ratelimit = self.below.cpus, self.settings["ratelimit"]
        if self.settings["scheduler"] == "credit2":
            shortest = self.constant("credit2_min_timer")
            return Credit2(self.sim, cpus, self.constant("credit2_init"), ratelimit, shortest, self.node)
        slice_ns, tick_ns = self.constant("credit_slice"), self.constant("credit_tick")
        return Credit(self.sim, cpus, slice_ns, ratelimit, tick_ns, self.node)

    def helper(self, name: str) -> Thread:
        """The toolstack and the back ends are programs and kernel threads of dom0."""
        return self._dom0.guest.process(name)

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        carrier.weight = vm.settings["weight"]
        if "emulated-devices" in vm.entry.provides:
            self._played[carrier] = vm
        if "hw-virtualization" in vm.entry.needs:
            self._ways[carrier] = EXIT
            carrier.entry_ops = (self.op("vm_entry"),)
            carrier.exit_ops = (self.op("vm_exit"),)
            carrier.halt_ops = (self.op("halt_exit"),)
            carrier.poke_ops = (self.op("kick_exit"), self.op("vm_entry"))
            carrier.ipi_ops = (self.op("vm_exit"), self.op("event_channel"))
        else:
            self._ways[carrier] = HYPERCALL
            carrier.entry_ops = (self.op("return_to_guest"),)
            carrier.exit_ops = (self.op("trap"),)
            carrier.halt_ops = (self.op("block"),)
            carrier.poke_ops = (self.op("trap"), self.op("return_to_guest"))
            carrier.ipi_ops = (self.op("hypercall"), self.op("event_channel"))
            if vm.settings["bits"] == "64-bit":
                vm.into_kernel = (self.op("enter_kernel"),)
                vm.out_of_kernel = (self.op("leave_kernel"),)
            else:  # segments keep three parties apart: only a fault must be Xen's, to be read and passed up
                vm.page_fault = (self.op("trap"), self.op("return_to_guest"))
            vm.new_address_space = (self.op("switch_page_tables"),)

    def write_page_tables(self, request: Request, entries: int) -> None:
        """A PV guest may not write what the CPU reads: it asks for as many entries at once as it has in hand,
        and Xen looks at each and writes it."""
        carrier = request.flow.thread.cpu.host
        if carrier is not None and self._ways[carrier] is HYPERCALL:
            batch = self.constant("mmu_batch")
            for done in range(0, entries, batch):
                ask = min(batch, entries - done)
                self.spend(request, "hypercall", "mmu_update", "return_to_guest", per=ask)

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        """`xl create`, in dom0: a domain, its memory, its place in XenStore, its devices, its kernel. No two
        guests may have one name, so it asks XenStore for that of each."""
        dom0, kernel = self._dom0, vm.guest
        dom0.spend(request, "toolstack")
        self.spend(request, "create_domain")
        self.spend(request, "populate", per=vm.settings["memory"])
        yield from dom0.lock(request, "xenstore")
        dom0.spend(request, "xenstore")
        if self._domains:
            dom0.spend(request, "compare_names", per=self._domains * dom0.constant("name_checks"))
        self._domains += 1
        yield from dom0.unlock(request, "xenstore")
        if "emulated-devices" in vm.entry.provides:
            dom0.spend(request, "start_device_model")
        else:
            image = kernel.constant("kernel_image") + kernel.constant("initramfs_image")
            dom0.spend(request, "load_kernel", per=image)
        dom0.spend(request, "plug_in_device", per=len(vm.drives))
        for drive in vm.drives:
            if "volume" in drive.settings and drive.settings["volume"] == "file":
                dom0.spend(request, "attach_file")
        dom0.log(request, "created", vm=vm.id)
        yield from self.settle()

    def emulate(self, request: Request, times: int = 1, busy: bool = False) -> Steps:
        """QEMU plays the devices, but it is a program of dom0: for each access the guest's virtual CPU stands
        still until dom0 has been scheduled and has answered. Guests without such devices touch nothing."""
        thread = request.flow.thread
        carrier = thread.cpu.host
        vm = None if carrier is None else self._played.get(carrier)
        if vm is None:
            return
        for _ in range(times):
            yield from self._ask_qemu(request, vm.main)
            if thread is thread.cpu.irq:
                yield from self.interrupt(request, thread.cpu)
            else:
                yield from self.hop(request, thread)

    def _ask_qemu(self, request: Request, qemu: Thread) -> Steps:
        """Out of the guest and to the program; its answer is an event, too."""
        dom0, kernel = self._dom0, self._dom0.guest
        self.spend(request, "vm_exit", "event_channel")
        yield from self.interrupt(request, qemu.cpu)
        self.spend(request, "upcall")
        kernel.spend(request, "wake_up")
        yield from kernel.hop(request, qemu, "irq_exit")
        kernel.spend(request, "syscall_exit")
        dom0.spend(request, "device_emulate")
        kernel.spend(request, "syscall_entry")
        self.spend(request, "hypercall", "event_channel")
        self.leaving(request, "return_to_guest")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        """An event for dom0: its handler there wakes the back end."""
        kernel = self._dom0.guest
        yield from self.inject(request, back_end.cpu)
        kernel.spend(request, "wake_up")
        yield from kernel.hop(request, back_end, "irq_exit")

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        """An event, from another guest or from Xen itself: the virtual CPU runs its handler for events."""
        carrier = request.flow.thread.cpu.host
        if carrier is not None:
            out, back = self._ways[carrier]
            self.spend(request, out, "event_channel")
            self.leaving(request, back)
        yield from self.interrupt(request, cpu)
        self.spend(request, "upcall")
