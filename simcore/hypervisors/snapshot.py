"""A virtual machine that goes on from a snapshot: nothing boots, and nothing of its memory is there.

The monitor loads the state of CPUs and devices, maps the memory file (privately, so that what the guest
writes is its own) and lets the guest go on. What the guest had in use then comes page by page, where it is
touched for the first time. If the page is in the host's page cache, that is a fault like any other. If not,
it must be read: the guest is told that the page is missing, so its CPU may do something else, a thread of the
host waits for the disk, and an interrupt says that the page is there (KVM's asynchronous page faults).

That the guest can do something else holds for its programs, and for its kernel if that may be preempted; in
others KVM lets the virtual CPU halt until the page is there, which is not modelled.

Which pages a guest touches is not kept: `first_pages` says how many its kernel needs for a thing that it does
for the first time. Pages that it never had are holes in the file, and cost what they cost in any guest.
"""

from collections.abc import Hashable, Iterable, Iterator

from simcore.cpu import Steps
from simcore.frames import Page
from simcore.hypervisors.vm import Vm
from simcore.layer import OFF, READY
from simcore.requests import Request
from simcore.roles import Kernel
from simcore.waiting import Gate


class Restored(Vm):
    restored = True

    def wire(self) -> None:
        super().wire()
        self.pager = self.below.helper(f"{self.id}/page_in")
        self.threads.append(self.pager)
        in_use = min(self.constant("boot_touched"), self.settings["memory"]) // self.constant("page")
        self.touched = self.in_use = self._counted = in_use
        self.absent = in_use  # those that are in the memory file only
        self._arrived: dict[str, Gate] = {}
        self._cold = self.settings["memory_file"] == "disk"

    def contents(self, named: Iterable[Page]) -> Iterator[tuple[Hashable, Hashable]]:
        """None: its memory is a mapped file."""
        return iter(())

    @property
    def _host(self) -> Kernel:
        """On whose disk the memory file is."""
        assert isinstance(self.below.below, Kernel)
        return self.below.below

    def boot(self, request: Request) -> Steps:
        yield from self.down(request)
        yield from self.hop(request, self.main)
        yield from self.below.launch(request, self)
        if self._cold:
            yield from self._host.page_in(request, self.constant("state_size"))
        self.spend(request, "load_state")
        self.spend(request, "map_memory", per=self.settings["memory"])
        if self.settings["prealloc"] or self.pinned:
            yield from self._read_all(request)
        yield from self.hop(request, self.guest.first)  # the guest goes on
        for device in self.devices.values():
            if device.state == OFF:
                device.state, device.ready_ns = READY, self.sim.now

    def _read_all(self, request: Request) -> Steps:
        """The whole file at once, from one end to the other."""
        if self._cold:
            for _ in range(-(-self.absent * self.constant("page") // self.constant("read_around"))):
                yield from self._host.page_in(request, self.constant("read_around"))
        self._populate(request)
        yield from self.settle()
        self.absent = 0
        self._take(self.settings["memory"] // self.constant("page"))

    def recall(self, request: Request, kind: str) -> Steps:
        """The first time, fault by fault; who asks for the same meanwhile waits for it."""
        arrived = self._arrived.get(kind)
        if arrived is not None and arrived.is_open:
            return
        yield from self.settle()  # what is there, and what is on its way, is seen now
        arrived = self._arrived.get(kind)
        if arrived is not None:
            yield from self.until(request, arrived)
            return
        arrived = self._arrived[kind] = self.gate()
        wanted = self.constant("first_pages").get(kind, 0)
        while wanted > 0 and self.absent > 0:
            pages = min(wanted, self.absent)
            if self._cold:
                pages = min(pages, self.constant("wanted_per_read"))
            wanted -= pages
            self.absent -= pages
            if self._cold:
                yield from self._fault_to_disk(request)
                pages -= 1  # the others of the window are there now
            if pages:
                self.repeat(request, pages, "file_fault")
            yield from self.settle()
            self._weigh()
        arrived.open(self.sim.now, request.flow.thread, request.span)

    def _fault_to_disk(self, request: Request) -> Steps:
        thread = request.flow.thread
        vcpu = thread.cpu
        self.spend(request, "file_fault")
        self._host.spend(request, "wake_up")
        yield from self.hop(request, self.pager)
        yield from self._host.page_in(request, self.constant("read_around"))
        yield from self.below.inject(request, vcpu)
        self.spend(request, "page_ready")
        yield from self.hop(request, thread)

    def _take(self, pages: int) -> None:
        if pages > self.touched:
            self.touched = pages
            self._weigh()

    def _weigh(self) -> None:
        """What the host has given: all that the guest ever had but what still lies in the file."""
        here = (self.touched - self.absent - self.away) * self.constant("page")
        self.count("memory", here + self.below.overhead_bytes)
