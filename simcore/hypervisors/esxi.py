"""VMware ESXi: the hypervisor is an operating system of its own, the VMkernel; no guest helps it.

All that runs is a *world*; each virtual CPU is one. In it a monitor (VMM) takes the guest's exits; what is
for a device goes on in the VMkernel, in the same world: through VMFS and multipathing to the native driver,
and back into the guest at once. The device's interrupt is the VMkernel's, which finishes the request and has
the monitor interrupt the guest. A process of the virtual machine (VMX) starts it and plays what is rarely
needed. CPU time goes by shares, reservations and limits.

When memory runs short the VMkernel takes back, in this order: equal pages, of which it keeps one (transparent
page sharing: within a virtual machine, between several only if that is set); what guests have free (their
balloon drivers ask their kernels for it); then pages that nobody has used for long, which it compresses two
into one; the oldest of those go to a swap file when there are too many. No guest knows of the first and the
last two. Left out: that small pages are looked at all the time, a balloon that makes a guest swap by itself,
who must give first by shares and by how idle its memory is, and memory reservations.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from simcore.cpu import Cpu, Steps, Thread
from simcore.frames import Frames, Page
from simcore.hypervisors.type1 import Assisted
from simcore.hypervisors.vm import Vm
from simcore.layer import READY
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.schedulers.shares import WHOLE, Shares
from simcore.sharing import Sharing


class Esxi(Assisted):
    sched: Shares

    def wire(self) -> None:
        super().wire()
        self._reserved = 0
        self._memory = Frames(self.below.settings["memory"] // self.constant("page"))
        self._memory.total -= self._min_free()
        self.frames = self._memory
        self._zipped = 0  # pages that were made smaller, of which so many fit in one
        self._zip: dict[object, int] = {}  # by name, if they have one
        self._memory.sharing = self._sharing = Sharing(self._memory, self._weigh)
        self._due: dict[Vm, int] = {}  # when its pages are to be looked at again

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

    def _min_free(self) -> int:
        """How many pages it keeps free for itself: of each further part of memory a smaller share."""
        kept, done, memory = 0.0, 0, self.below.settings["memory"]
        for end, share in self.constant("min_free"):
            part = max(0, min(memory, end) - done)
            kept, done = kept + part * share, end
        page: int = self.constant("page")
        return int(kept * self.constant("hard_state")) // page

    def call_helper(self, request: Request) -> None:
        self.spend(request, "wake_up")

    def make_room(self, request: Request, pages: int) -> Steps:
        frames = self._memory
        while frames.lack(pages):
            yield from self.settle()
            if self._share(request) or self._inflate(request):
                continue
            gone = frames.put_away(self.constant("swap_cluster"))
            if not gone:
                return
            number = 0
            for held in gone:
                while self._zip and not self._fits(held.pages):  # the oldest make room, and go to the file
                    oldest = self._zip.pop(next(iter(self._zip)))
                    self._zip_pages(-oldest)
                    number += oldest
                self.repeat(request, held.pages, "compress_page")
                self._zip_pages(held.pages)
                self._zip[held.page or object()] = held.pages
            if number:
                yield from self.ask(request, "write", self, number * self.constant("page"))

    def _share(self, request: Request) -> bool:
        """All pages are looked at: those of a large one too, which is broken into small ones if one of them
        has an equal. Within a virtual machine, as long as nobody has said that several trust each other."""
        now, merged, looks = self.sim.now, Counter[Vm](), 0
        for vm in self.holds:
            if not isinstance(vm, Vm) or vm.pinned or vm.guest.state != READY:
                continue
            if now < self._due.get(vm, now):
                continue
            self._due[vm] = now + self.constant("share_again")
            for place, content in vm.contents(self._memory.small_pages(vm)):
                looks += 1
                if content is not None and self.settings["page_sharing"] == "within":
                    content = vm.node, content
                merged.update(self._sharing.look(vm, place, content))
        if looks:
            self.repeat(request, looks, "share_look")
        if not merged:
            return False
        self.repeat(request, merged.total(), "share_page")
        for vm, pages in merged.items():
            vm.share(pages)
        self._weigh()
        self.log(request, "shared", shared=self._sharing.copies, saved=self._sharing.saved)
        return True

    def _weigh(self) -> None:
        """What virtual machines take beside their memory, and the pages that several of them have."""
        self.count("memory", self._reserved + self._sharing.copies * self.constant("page"))

    def _inflate(self, request: Request) -> bool:
        """What the guests' kernels have free, they are asked to give."""
        for vm in self.holds:
            if isinstance(vm, Vm) and (given := vm.give_up()) > 0:
                self.repeat(request, given, "inflate_balloon")
                return True
        return False

    def _fits(self, pages: int) -> bool:
        room = self._memory.total * self.constant("zip_share") * self.constant("zipped_in_one")
        return self._zipped + pages <= int(room)

    def _zip_pages(self, pages: int) -> None:
        in_one: int = self.constant("zipped_in_one")
        before = -(-self._zipped // in_one)
        self._zipped += pages
        self._memory.used += -(-self._zipped // in_one) - before

    def bring_back(self, request: Request, page: Page) -> Steps:
        pages = self._memory.away[page].pages
        if self._memory.lack(pages):
            yield from self.make_room(request, pages)
        if page in self._zip:
            self.repeat(request, pages, "decompress_page")
            yield from self.settle()
        else:
            yield from self.ask(request, "read", self, pages * self.constant("page"))
            yield from self.settle()
        if page in self._memory.away:  # nobody else has brought it meanwhile
            if page in self._zip:
                self._zip_pages(-self._zip.pop(page))
            self._memory.bring_back(page)

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
        self._weigh()
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
