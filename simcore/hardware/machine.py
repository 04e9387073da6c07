"""A computer: CPUs, memory, a disk, and firmware. What everything else stands on."""

from simcore.cpu import Core, Cpu, Steps
from simcore.requests import Request
from simcore.roles import Computer
from simcore.smt import HardwareThread, pair
from simcore.trace import QUEUE


class Machine(Computer):
    def wire(self) -> None:
        """Its cores. The kernel above gives them a scheduler. Of a core with two hardware threads, the second
        ones come after all first ones."""
        self.owner = self
        deep, c1e = self.constant("idle_deep_after"), self.constant("idle_c1e_after")
        states = (deep, self.op("idle_exit_deep")), (c1e, self.op("idle_exit_c1e")), (0, self.op("idle_exit"))
        self.cpus: list[Cpu] = []
        for core in self._threads() if self.settings["smt"] == "on" else self._cores():
            core.idle_states = states
            self.cpus.append(core)

    def _cores(self) -> list[Core]:
        return [Core(self.sim, index) for index in range(self.settings["cpus"])]

    def _threads(self) -> list[HardwareThread]:
        cores, rate = self.settings["cpus"], self.constant("beside_sibling")
        slow = self.engine_what("shared_core", QUEUE)
        threads = [HardwareThread(self.sim, index, rate, slow) for index in range(2 * cores)]
        for one, other in zip(threads[:cores], threads[cores:], strict=True):
            pair(one, other)
        return threads

    def boot(self, request: Request) -> Steps:
        yield from self.wait(request, "power_supply")
        yield from self.ask(request, "boot", self.firmware)

    def use(self, request: Request, pages: int) -> None:
        """Its memory is there."""

    def free(self, pages: int) -> None:
        """And stays there."""

    @property
    def memory_nodes(self) -> int:
        found: int = self.constant("memory_nodes")
        return found

    @property
    def tlb_entries(self) -> int:
        found: int = self.constant("tlb_entries")
        return found

    def walk(self, request: Request, times: int, page_bytes: int, more: int = 0) -> None:
        """A program's own time, measured on a bare machine, has its walks in it."""
