"""A computer: CPUs, memory, a disk, and firmware. What everything else stands on."""

from collections.abc import Hashable, Iterable
from functools import cached_property

from simcore.cpu import Core, Cpu, Steps
from simcore.frames import Frames, Page
from simcore.requests import Request
from simcore.roles import Computer, Hypervisor, Kernel, VirtualMachine
from simcore.smt import HardwareThread, pair
from simcore.trace import QUEUE


class Machine(Computer):
    def wire(self) -> None:
        """Its cores. The kernel above gives them a scheduler. Of a core with two hardware threads, the second
        ones come after all first ones."""
        self.owner = self
        deep, c1e = self.constant("idle_deep_after"), self.constant("idle_c1e_after")
        states = [(0, self.op("idle_exit"))]
        if self.settings["idle_states"] == "all":
            states = [(deep, self.op("idle_exit_deep")), (c1e, self.op("idle_exit_c1e")), *states]
        self.cpus: list[Cpu] = []
        for core in self._threads() if self.settings["smt"] == "on" else self._cores():
            core.c_states = tuple(states)
            self.cpus.append(core)

    def _cores(self) -> list[Core]:
        return [Core(self.sim, index) for index in range(self.settings["cpus"])]

    def _threads(self) -> list[HardwareThread]:
        cores, rate = self.settings["cpus"], self.constant("beside_sibling")
        slow = self.engine_what("shared_core", QUEUE)
        first, second = (
            [HardwareThread(self.sim, start + index, rate, slow) for index in range(cores)]
            for start in (0, cores)
        )
        for one, other in zip(first, second, strict=True):
            pair(one, other)
        return first + second

    def boot(self, request: Request) -> Steps:
        yield from self.wait(request, "power_supply")
        yield from self.ask(request, "boot", self.firmware)

    @cached_property
    def _keeper(self) -> Kernel | Hypervisor:
        """Who hands out its memory."""
        (keeper,) = (layer for layer in self.holds if isinstance(layer, Kernel | Hypervisor))
        return keeper

    @cached_property
    def _frames(self) -> Frames | None:
        return self._keeper.frames

    def use(self, request: Request, pages: int, vm: VirtualMachine | None = None) -> None:
        """Its memory is there; but it is counted."""
        if self._frames is not None:
            self._frames.give(vm, request.page, pages, request.program)

    def back(self, request: Request, times: int, pages: int, vm: VirtualMachine) -> None:
        self.use(request, pages, vm)

    def lend(self, vm: VirtualMachine, pages: int) -> None:
        if self._frames is not None:
            self._frames.give(vm, None, pages)

    def free(self, pages: int) -> None:
        if self._frames is not None:
            self._frames.take(None, pages)

    def unshare(self, vm: VirtualMachine, places: Iterable[Hashable]) -> int:
        sharing = None if self._frames is None else self._frames.sharing
        return 0 if sharing is None else sharing.write(vm, places)

    def shared_by(self, vm: VirtualMachine, node: int) -> list[Page]:
        sharing = None if self._frames is None else self._frames.sharing
        return [] if sharing is None else sharing.of_program(vm, node)

    def ended(self, node: int, vm: VirtualMachine | None = None) -> int:
        return 0 if self._frames is None else self._frames.forget(node, vm)

    @property
    def scarce(self) -> bool:
        return self._frames is not None and self._frames.scarce

    def lacks(self, pages: int) -> bool:
        return self._frames is not None and self._frames.lack(pages)

    def holds_page(self, page: Page) -> bool:
        return self._frames is None or self._frames.see(page)

    def make_room(self, request: Request, pages: int) -> Steps:
        yield from self._keeper.make_room(request, pages)

    def see(self, request: Request) -> Steps:
        assert self._frames is not None
        assert request.page is not None
        if not self._frames.see(request.page):
            yield from self._keeper.bring_back(request, request.page)

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
