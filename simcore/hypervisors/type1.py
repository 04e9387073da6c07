"""A type-1 hypervisor: what the machine starts first, below every kernel. It owns the CPUs.

Devices it either drives itself (VMware ESXi), or leaves to a guest of its own, the control domain (Xen's
dom0, Hyper-V's root partition), to which all other guests' requests are handed.
"""

from simcore.cpu import Cpu, Steps, Thread
from simcore.requests import Request
from simcore.roles import Computer, Hypervisor, VirtualMachine
from simcore.schedulers.base import Scheduler
from simcore.trace import QUEUE


class Type1(Hypervisor):
    below: Computer
    sched: Scheduler

    def wire(self) -> None:
        self.sched = self.scheduler()
        self.sched.queue_what = self.engine_what("run_queue", QUEUE)
        self.sched.irq_what = self.engine_what("interrupted", QUEUE)
        self.sched.throttle_what = self.engine_what("throttled", QUEUE)

    def process(self, name: str) -> Thread:
        """A virtual CPU's carrier, or one of the few threads that a hypervisor has of its own."""
        thread = Thread(self.sched, name, self.node, self.constant("default_weight"))
        self.threads.append(thread)
        return thread

    def boot(self, request: Request) -> Steps:
        yield from self.down(request)
        yield from self._read_images(request)
        self._take_over()
        self.log(request, "start")
        self.spend(request, "setup")
        self.spend(request, "setup_memory", per=self.below.settings["memory"])
        self.spend(request, "cpu_bringup", per=max(0, len(self.below.cpus) - 1))
        self.log(request, "cpus", cpus=len(self.below.cpus))
        yield from self.settle()

    def go_on(self, request: Request) -> Steps:
        self._take_over()
        yield from super().go_on(request)

    def _take_over(self) -> None:
        self.sched.take_over(self.plan("context_switch"), self.plan("interrupt_entry"))

    def _read_images(self, request: Request) -> Steps:
        """The boot loader reads it, and with it whatever it is to start next."""
        thread, piece, left = request.flow.thread, self.constant("loader_read"), self.constant("images")
        while left > 0:
            yield from self.ask(request, "read", self.below.disk, min(left, piece))
            yield from self.hop(request, thread)
            left -= piece

    def forward(self, request: Request, cpu: Cpu) -> Steps:
        """On a real CPU first, in the hypervisor; from there to the guest's."""
        yield from self.interrupt(request, cpu.core)
        self.spend(request, "forward_interrupt")
        yield from self.inject(request, cpu)


class Assisted(Type1):
    """One whose guests all have the processor's help: they leave by exits, and it may post interrupts."""

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        carrier.entry_ops = self.plan("vm_entry")
        carrier.exit_ops = self.plan("vm_exit")
        carrier.halt_ops = self.plan("halt_exit")
        carrier.wake_ops = self.plan("halt_wake")
        posted = "posted-interrupts" in self.offered
        carrier.poke_ops = self.plan("posted_interrupt") if posted else self.plan("kick_exit", "vm_entry")
        carrier.ipi_ops = self.plan("vm_exit", "ipi")
