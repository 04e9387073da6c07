"""A virtual machine: a program on the host that a guest takes for a computer.

Each of its CPUs is carried by a thread of the host, each of its devices by code of the hypervisor or by
hardware that was lent to it. Memory costs host time only where the guest touches it for the first time:
`first_touch` stands for those faults. Which pages those are is not kept, only how many the guest has in use
and the most that it ever had: its kernel takes pages that it was given back before fresh ones.

The host gives memory in pages of one size. Large ones are cleared whole at the first touch of any of their
parts, shorten the second half of a page walk, and let one entry of the TLB cover more, if the guest's own are
as large. Left out: that Linux finds large pages only where memory is not in pieces, and joins small ones
later (khugepaged); that large tables miss the caches more often than small ones; and of memory in several
nodes, that a guest's CPUs may run in either: they are taken to be in one.
"""

from collections.abc import Hashable, Iterable, Iterator
from functools import partial

from simcore.cpu import Cpu, Steps, Thread
from simcore.frames import Page
from simcore.layer import READY
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.sharing import ZERO


class Guest(VirtualMachine):
    """What virtual machines have in common, however they come by their memory."""

    def wire(self) -> None:
        self.owner = self
        self.main = self.below.helper(f"{self.id}/main")
        self.threads = [self.main]
        if self.below.io_thread:
            self.threads.append(self.below.helper(f"{self.id}/io"))
        self.back_end = self.threads[-1]
        if self.settings.get("nested"):
            self.reflect, self.resume = self.below.nest()
        self._plug_in_cpus()

    def _plug_in_cpus(self) -> None:
        self.cpus = []
        for index in range(self.settings["vcpus"]):
            cpu, carrier = Cpu(self.sim, index), self.below.carrier(f"{self.id}/vcpu{index}", self)
            carrier.carry(cpu)
            self.below.prepare(carrier, self)
            self.cpus.append(cpu)
            self.threads.append(carrier)

    def first_run(self, request: Request, blocks: int) -> None:
        self.below.translate(request, blocks)

    def write_page_tables(self, request: Request, entries: int) -> None:
        self.below.write_page_tables(request, entries)

    def new_page_tables(self, request: Request, pages: int) -> None:
        self.below.new_page_tables(request, pages)

    def pace(self, instructions: str, isa: str = "") -> float:
        """Its CPUs are as quick as the hypervisor lets them be."""
        return self.below.pace(instructions, "arm64" if "arm64" in self.entry.provides else "x86-64")

    @property
    def memory_nodes(self) -> int:
        """A guest sees one, unless it is told more."""
        return 1

    @property
    def tlb_entries(self) -> int:
        """The TLB is that of the computer below."""
        return self.machine.tlb_entries


class TwoDimensions(Guest):
    """What its page tables hold are addresses that must themselves be looked up, in the hypervisor's."""

    @property
    def _page(self) -> int:
        """How large the pages are in which it gets its memory."""
        pages = self.settings["pages"]
        found: int = self.constant("page" if pages == "4k" else f"page_{pages}")
        return found

    def translated(self, page_bytes: int) -> int:
        return self.machine.translated(min(page_bytes, self._page))

    def walk(self, request: Request, times: int, page_bytes: int, more: int = 0) -> None:
        """For each step in the guest's tables, and for where they lead, all steps in the hypervisor's, unless
        that one has made tables of the two that lead straight to memory."""
        if self.below.shadow_paging:
            return
        own = self._steps(page_bytes)
        others = (own + 1) * self._steps(self.machine.translated(self._page))
        self.spend(request, "second_dimension", per=times * others + more * own)

    def _steps(self, page_bytes: int) -> int:
        """From the root of page tables down to a page of this size."""
        above: list[int] = self.constant("level_covers")
        return 1 + sum(page_bytes < covered for covered in above)


class Vm(TwoDimensions):
    """Its memory is part of a process, and comes on demand."""

    def wire(self) -> None:
        super().wire()
        self.in_use = self.touched = 0  # pages: that the guest has now, and the most it ever had
        self.whole = self._page // self.constant("page")  # how many come at once
        self.away = 0  # of those that it had, how many the machine has taken away
        self._counted = 0  # how many the machine knows of
        self.ever = 0  # the most that its kernel had in use; what it has beyond is as the host gave it
        self._stale: list[Page] = []  # pages that its programs gave back, and that are kept once for several
        self._pager: Thread | None = None
        self._looked_up = 0  # how many places in memory it has gone to

    def boot(self, request: Request) -> Steps:
        memory = self.settings["memory"]
        yield from self.down(request)
        yield from self.hop(request, self.main)
        yield from self.below.launch(request, self)
        yield from self._lump(request, -(-self.below.overhead_bytes // self.constant("page")))
        if self.settings["prealloc"] or self.pinned:
            self._populate(request)
            self._take(memory // self.constant("page"))
            yield from self._lump(request)
        yield from self.hop(request, self.guest.first)  # the first entry into the guest
        yield from self.ask(request, "boot", self.firmware)
        # The faults of a guest's boot are in the times of its stages, which were measured in guests.
        self.in_use = min(self.constant("boot_touched"), memory) // self.constant("page")
        self.ever = self.in_use
        self._take(self.in_use)
        yield from self._lump(request)
        self.guest.when_ready.append(partial(self.machine.lend, self, 0))  # what it has then stays as it is

    def _lump(self, request: Request, more: int = 0) -> Steps:
        """What it has had up to now, the machine has given, and so many for the program that plays it."""
        fresh, self._counted = self.touched - self._counted + more, self.touched
        if self.machine.lacks(fresh):
            yield from self._outside(request, fresh, None)
        self.machine.lend(self, fresh)

    def _populate(self, request: Request) -> None:
        pages = self.settings["pages"]
        self.spend(request, f"populate_{pages}", per=self.settings["memory"])

    def use(self, request: Request, pages: int, vm: VirtualMachine | None = None) -> None:
        """The host finds memory for those that the guest never had before."""
        if self.shared:
            self._write(request, self._taken(pages))
        self.in_use += pages
        self.ever = max(self.ever, self.in_use)
        fresh = self._fresh(0)
        if fresh > 0:
            faults = -(-fresh // self.whole)
            self._take(self.touched + fresh)
            self._counted = self.touched
            self.below.find_memory(request, self, faults, self.whole)

    def _fresh(self, pages: int) -> int:
        """How many it does not have yet, if its kernel takes so many more."""
        most: int = self.settings["memory"] // self.constant("page")
        return min(self.in_use + pages, most) - self.touched

    def _taken(self, pages: int) -> list[Hashable]:
        """Which pages, of those kept once, its kernel takes next: first those given back, then new ones."""
        stale = self._stale[: -pages - 1 : -1]
        del self._stale[len(self._stale) - len(stale) :]
        untouched = range(self.ever, min(self.touched, self.in_use + pages))
        return [*stale, *((ZERO, number) for number in untouched)]

    def _write(self, request: Request, places: list[Hashable]) -> None:
        """Out of the guest for each that was kept once for several: it gets a copy of its own."""
        own = self.machine.unshare(self, places)
        if own:
            self.spend(request, "copy_on_write", per=own)
            self.share(-own)

    def share(self, pages: int) -> None:
        self.shared += pages
        self._weigh()

    def contents(self, named: Iterable[Page]) -> Iterator[tuple[Hashable, Hashable]]:
        """What its kernel has read at boot, what its programs have written, what nobody has touched, and the
        rest, which is nobody else's."""
        known, files = 0, self.guest.boot_files if self.guest.state == READY else ()
        for name, size_bytes in files:
            for number in range(size_bytes // self.constant("page")):
                known += 1
                yield (name, number), (self.guest.entry.id, name, number)
        for page in named:
            known += 1
            kind = self.sim.alike.get(page[0])
            yield page, (kind, page[1]) if kind == "same" else kind
        for number in range(self.ever - known):
            yield ("own", number), None
        number = self.ever
        while number < self.touched:
            yield (ZERO, number), ZERO
            number = max(number + 1, self.ever)

    def ended(self, node: int, vm: VirtualMachine | None = None) -> int:
        """The host does not know that a program in the guest has ended."""
        if self.shared:
            self._stale += self.machine.shared_by(self, node)
        return 0

    @property
    def scarce(self) -> bool:
        return self.shared > 0 or self.machine.scarce

    def lacks(self, pages: int) -> bool:
        fresh = self._fresh(pages)
        return fresh > 0 and self.machine.lacks(-(-fresh // self.whole) * self.whole)

    def make_room(self, request: Request, pages: int) -> Steps:
        yield from self._outside(request, -(-self._fresh(pages) // self.whole) * self.whole, None)

    def see(self, request: Request) -> Steps:
        if self.shared:
            if self.machine.lacks(1):
                yield from self._outside(request, 1, None)
            self._write(request, [request.page])
        if self.away:
            yield from self._outside(request, 0, request.page)

    def _outside(self, request: Request, pages: int, page: Page | None) -> Steps:
        """Room for so many pages, or a page that was put away: a thread of the hypervisor's sees to it. The
        guest is told that it must wait (as KVM does; others let the virtual CPU stand still), and when it
        need not any more."""
        thread = request.flow.thread
        vcpu = thread.cpu
        inside = vcpu in self.cpus
        if page is not None and self.machine.holds_page(page):
            return
        if inside:
            self.spend(request, "page_missing")
        self.below.call_helper(request)
        if self._pager is None:
            self._pager = self.below.helper(f"{self.id}/page_in")
            self.threads.append(self._pager)
        yield from self.hop(request, self._pager)
        if page is None:
            yield from self.machine.make_room(request, pages)
        else:
            yield from self.machine.see(request)
        if inside:
            yield from self.below.inject(request, vcpu)
        yield from self.hop(request, thread)

    def moved(self, pages: int) -> None:
        self.away += pages
        self._weigh()

    def end(self) -> None:
        super().end()
        self.machine.ended(self.node, self)
        self.count("memory", 0)

    def walk(self, request: Request, times: int, page_bytes: int, more: int = 0) -> None:
        """What is not in the TLB is in no cache either: it comes from memory, which may be another node's."""
        super().walk(request, times, page_bytes, more)
        if self.settings["numa"] != "local":
            far = self._far(self._looked_up + times) - self._far(self._looked_up)
            self._looked_up += times
            if far:
                self.spend(request, "remote_access", per=far)

    def _far(self, times: int) -> int:
        """How many of so many places lie with other CPUs: all, or of pages dealt out in turn all but one
        node's."""
        nodes = self.machine.memory_nodes
        return times * (nodes - 1) // (nodes if self.settings["numa"] == "interleave" else max(1, nodes - 1))

    def first_touch(self, request: Request, times: int) -> None:
        pages = self.settings["pages"]
        self.spend(request, "first_touch" if pages == "4k" else f"first_touch_{pages}", per=times)

    def back(self, request: Request, times: int, pages: int, vm: VirtualMachine) -> None:
        """The fault goes by way of the hypervisor below to the one in the guest and back. That one has given
        it pages, which must be found in turn; then the two translations are made one."""
        self.below.nested_fault(request, times)
        self.use(request, pages)

    def _take(self, pages: int) -> None:
        """So many pages of the guest have had memory of the host's behind them."""
        if pages > self.touched:
            self._hold(pages)

    def _hold(self, pages: int) -> None:
        """They come whole, but never more than the guest has."""
        whole = -(-pages // self.whole) * self.whole
        self.touched = pages = min(whole, self.settings["memory"] // self.constant("page"))
        self._weigh()

    def _weigh(self) -> None:
        here = (self.touched - self.away - self.shared) * self.constant("page")
        self.count("memory", here + self.below.overhead_bytes)

    def free(self, pages: int) -> None:
        """The host learns nothing of it, but by a balloon: then it takes the pages back, and who touches them
        next does so for the first time."""
        self.in_use -= pages
        if self.settings["balloon"]:
            self.give_up()

    def give_up(self) -> int:
        had = self.touched
        if self.shared:
            gone = [*self._stale, *((ZERO, number) for number in range(self.in_use, had))]
            self._stale.clear()
            self.shared -= self.machine.unshare(self, gone)
        self._hold(self.in_use)
        self._counted = self.touched
        self.machine.lend(self, self.touched - had)
        return had - self.touched
