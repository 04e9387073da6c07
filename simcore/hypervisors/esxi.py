"""VMware ESXi: the hypervisor is an operating system of its own, the VMkernel; no guest helps it.

All that runs is a *world*; each virtual CPU is one. In it a monitor (VMM) takes the guest's exits; what is
for a device goes on in the VMkernel, in the same world: through VMFS and multipathing to the native driver,
and back into the guest at once. The device's interrupt is the VMkernel's, which finishes the request and has
the monitor interrupt the guest. A process of the virtual machine (VMX) starts it and plays what is rarely
needed. CPU time goes by shares, reservations and limits.
"""

from collections.abc import Sequence
from itertools import pairwise

from simcore.cpu import Cpu, Steps, Thread
from simcore.hypervisors.type1 import Assisted
from simcore.hypervisors.vm import Vm
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.schedulers.shares import WHOLE, Shares


class Esxi(Assisted):
    sched: Shares

    def wire(self) -> None:
        super().wire()
        self._reserved = 0

    def scheduler(self) -> Shares:
        period_ns, chunk_ns = self.constant("limit_period"), self.constant("limit_chunk")
        return Shares(self.sim, self.below.cpus, self.constant("slice"), period_ns, chunk_ns, self.node)

    def carrier(self, name: str, vm: VirtualMachine) -> Thread:
        """The world of a virtual CPU, under its machine's claim if that has stated one."""
        if not isinstance(vm, EsxiVm):
            return self.process(name)
        return Thread(self.sched, name, self.node, self.constant("default_weight"), vm.claim)

    def boot(self, request: Request) -> Steps:
        yield from super().boot(request)
        for module in self.constant("modules"):
            self.spend(request, "load_module")
            self.log(request, "module", module=module)
        for drive in self.below.drives:
            if drive.kernel is self:
                self.spend(request, "claim_device")
                yield from self.ask(request, "boot", drive)
                self.log(request, "claimed", device=drive.id)
        yield from self._fetch(request, "vmfs_reads")
        self.spend(request, "mount_vmfs")
        self.log(request, "mounted")
        for service in self.constant("services"):
            self.log(request, "service", service=service)
            yield from self._fetch(request, "service_reads")
            self.spend(request, "start_service")
        yield from self.settle()
        self.log(request, "welcome")

    def _fetch(self, request: Request, times: str) -> Steps:
        for _ in range(self.constant(times)):
            yield from self.ask(request, "read", self, self.constant("service_read"))

    def read(self, request: Request) -> Steps:
        """A guest's request arrives in its virtual CPU's own world, which goes on without waiting; any other
        world waits for the answer."""
        world = request.flow.thread
        self.spend(request, "vmfs_map", "select_path", "issue_io")
        yield from self.below.disk.serve(request)
        self.spend(request, "complete_io")
        if world.sched is self.sched:
            self.spend(request, "wake_up")
            yield from self.hop(request, world)

    write = flush = read  # the same way, whatever is asked

    def send(self, request: Request) -> Steps:
        """Over the virtual switch to the real card, and back in the context of that one's interrupt."""
        self.spend(request, "vswitch_forward")
        yield from self.below.network.serve(request)
        self.spend(request, "vswitch_forward")

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        self.log(request, "powering_on", vm=vm.id)
        self.spend(request, "start_vmx", "vmx_init")
        self.spend(request, "create_vmm", per=len(vm.cpus))
        self.spend(request, "device_realize", per=len(vm.drives))
        overhead = self._overhead(vm)
        self._reserved += overhead
        self.count("memory", self._reserved)
        self.log(request, "powered_on", vm=vm.id, overhead=overhead)
        yield from self.settle()

    def _overhead(self, vm: VirtualMachine) -> int:
        """What a virtual machine takes beside its own memory, by its memory and the number of its CPUs."""
        rows = [(memory, line(row, len(vm.cpus))) for memory, row in self.constant("overhead_memory")]
        return line(rows, vm.settings["memory"])

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        self.repeat(request, times, "vm_exit", "vmm_emulate", "vm_entry")
        if busy:  # the monitor leaves some of it to the VMX process
            self.repeat(request, self.constant("vmx_accesses"), "vmx_return")

    def kick(self, request: Request, back_end: Thread) -> Steps:
        """No back end is woken: the world that the guest runs in does the work, then goes back into it."""
        self.spend(request, "vm_exit", "vmm_doorbell")
        self.leaving(request, "vm_entry")
        yield from ()

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        self.spend(request, "post_interrupt")
        yield from self.interrupt(request, cpu)


class EsxiVm(Vm):
    """A virtual machine with a claim to CPU time: shares, a reservation and a limit for all its CPUs."""

    below: Esxi

    def wire(self) -> None:
        self.claim = self.below.sched.client(self.settings["shares"])
        self._state_claim()
        super().wire()

    def change(self, setting: str, value: object, now: int) -> None:
        super().change(setting, value, now)
        self._state_claim()

    def _state_claim(self) -> None:
        claim, limit = self.claim, self.settings["limit"]
        claim.shares = self.settings["shares"] * self.settings["vcpus"]
        claim.reserved = int(WHOLE * (self.settings["reservation"] or 0))
        claim.limit(None if limit is None else int(limit * claim.period_ns))
        self.below.sched.stale = True


def line(points: Sequence[tuple[int, int]], x: int) -> int:
    """The straight line through the two points next to x."""
    here = (pair for pair in pairwise(points) if x <= pair[1][0])
    (x0, y0), (x1, y1) = next(here, (points[-2], points[-1]))
    return y0 + (y1 - y0) * (x - x0) // (x1 - x0)
