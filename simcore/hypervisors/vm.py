"""A virtual machine: a program on the host that a guest takes for a computer.

Each of its CPUs is carried by a thread of the host, each of its devices by code of the hypervisor or by
hardware that was lent to it. Memory costs host time only where the guest touches it: `first_touch` stands for
those faults, counted at boot for what the guest's kernel and programs use.
"""

from simcore.cpu import Cpu, Steps
from simcore.requests import Request
from simcore.roles import Computer, Kernel, VirtualMachine


class Vm(VirtualMachine):
    def wire(self) -> None:
        self.owner = self
        self.main = self.process(f"{self.id}/main")
        self.back_end = self.process(f"{self.id}/io")
        self.threads = [self.main, self.back_end]
        self.cpus: list[Cpu] = []
        for index in range(self.settings["vcpus"]):
            cpu, carrier = Cpu(self.sim, index), self.process(f"{self.id}/vcpu{index}")
            carrier.carry(cpu)
            self.below.prepare(carrier)
            self.cpus.append(cpu)
            self.threads.append(carrier)

    def boot(self, request: Request) -> Steps:
        (guest,) = (layer for layer in self.holds if isinstance(layer, Kernel))
        memory = self.settings["memory"]
        yield from self.down(request)
        yield from self.hop(request, self.main)
        yield from self.below.launch(request, self)
        self.count("memory", memory)
        if self.settings["prealloc"]:
            self.spend(request, "populate", per=memory)
        yield from self.hop(request, guest.first)  # the first entry into the guest
        yield from self.ask(request, "boot", self.firmware)
        if not self.settings["prealloc"]:
            self.spend(
                request,
                "first_touch",
                per=min(self.constant("boot_touched"), memory) // self.constant("page"),
            )

    @property
    def tlb_entries(self) -> int:
        """The TLB is that of the computer below."""
        below = self.below.owner
        assert isinstance(below, Computer)
        return below.tlb_entries

    def walk(self, request: Request, times: int) -> None:
        """Each address in the guest's page tables must itself be looked up in the hypervisor's."""
        self.spend(request, "second_dimension", per=times)
