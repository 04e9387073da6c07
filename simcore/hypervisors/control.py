"""A control domain: the guest that belongs to the hypervisor. It drives the real devices, and starts first.

The hypervisor builds it in memory and hands it the real devices' registers; its kernel drives them as on a
bare machine, only its CPUs are virtual, and interrupts come by way of the hypervisor.
"""

from simcore.cpu import Cpu, Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Computer, Kernel, VirtualMachine


class ControlDomain(VirtualMachine):
    def wire(self) -> None:
        self.owner = self
        self.main = self.back_end = self.process(f"{self.id}/builder")
        self.threads = [self.main]
        self.cpus: list[Cpu] = []
        for index in range(self.settings["vcpus"]):
            cpu, carrier = Cpu(self.sim, index), self.process(f"{self.id}/vcpu{index}")
            carrier.carry(cpu)
            self.below.prepare(carrier)
            self.cpus.append(cpu)
            self.threads.append(carrier)

    @property
    def machine(self) -> Computer:
        """The real one."""
        machine = self.below.owner
        assert isinstance(machine, Computer)
        return machine

    @property
    def disk(self) -> Layer:
        """The real disk is its own."""
        return self.machine.disk

    def boot(self, request: Request) -> Steps:
        (kernel,) = (layer for layer in self.holds if isinstance(layer, Kernel))
        yield from self.down(request)
        yield from self.hop(request, self.main)
        self.spend(request, "build", per=self.settings["memory"])
        self.count("memory", self.settings["memory"])
        yield from self.hop(request, kernel.first)

    def use(self, request: Request, pages: int) -> None:
        """All its memory was given to it when it was built."""

    def free(self, pages: int) -> None:
        """And stays with it."""

    @property
    def memory_nodes(self) -> int:
        return self.machine.memory_nodes

    @property
    def tlb_entries(self) -> int:
        return self.machine.tlb_entries

    def walk(self, request: Request, times: int) -> None:
        """Its page tables lead to real addresses."""
