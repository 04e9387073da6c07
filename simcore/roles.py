"""What the roles owe each other: the few calls between neighbours that are not requests.

A request goes through any layer; these are asked of one role by another: a kernel runs programs, a hypervisor
takes its guests out and back in, an engine makes containers. A model that has other public methods has
misspelt a request.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from .cpu import NEVER, SETTLE, Cpu, Steps, Thread
from .frames import Frames, Page
from .layer import Layer
from .requests import Request
from .trace import NONE

if TYPE_CHECKING:
    from .schedulers.base import Scheduler
    from .simulation import Op


class Computer(Layer):
    """A machine or a vm: CPUs, memory, devices and the firmware that starts them."""

    # What its kernel does not do alone where somebody else holds the CPU's privileged mode:
    into_kernel: tuple[Op, ...] = ()  # before a program's system call or fault is in the kernel,
    page_fault: tuple[Op, ...] = ()  # before a fault, if that comes another way,
    out_of_kernel: tuple[Op, ...] = ()  # after it, back to the program,
    new_address_space: tuple[Op, ...] = ()  # and when the next process has other page tables
    # What happens below when a guest of its guest leaves for the hypervisor that runs in it, and comes back:
    reflect: tuple[Op, ...] = ()
    resume: tuple[Op, ...] = ()

    @property
    def disk(self) -> Layer:
        return self.devices["disk"]

    @property
    def network(self) -> Layer:
        return self.devices["network"]

    @property
    def firmware(self) -> Layer:
        return self.devices["firmware"]

    @property
    def disk_model(self) -> str:
        """What an emulated disk says it is: every hypervisor's own goes by another name."""
        return str(self.entry.data.get("disk_model", ""))

    def first_run(self, request: Request, blocks: int) -> None:
        """So many blocks of code run for the first time: nothing, to a CPU that runs them as they are."""

    @property
    def memory_nodes(self) -> int:
        """How many parts its memory has, each with CPUs of its own beside it (NUMA)."""
        raise NotImplementedError

    @property
    def tlb_entries(self) -> int:
        """How many pages' addresses its CPUs keep at hand."""
        raise NotImplementedError

    def translated(self, page_bytes: int) -> int:
        """How much of a program's memory one entry of the TLB covers, if the program has pages of this size:
        less, where what lies behind them comes in smaller ones."""
        return page_bytes

    def walk(self, request: Request, times: int, page_bytes: int, more: int = 0) -> None:
        """Look up addresses in such pages that the TLB does not hold: what that costs beyond a bare machine's
        walk. So many `more` of them a bare machine would have had at hand."""
        raise NotImplementedError

    def write_page_tables(self, request: Request, entries: int) -> None:
        """Its kernel changes page tables: nothing, where they are its own and the CPU reads no others."""

    def new_page_tables(self, request: Request, pages: int) -> None:
        """A program goes on with page tables that are new, and touches so many pages: nothing, as above."""

    def back(self, request: Request, times: int, pages: int, vm: VirtualMachine) -> None:
        """A guest of its guest has left it so many times, and its own hypervisor has just found so many pages
        for it: nothing, where that is the machine's memory."""

    def recall(self, request: Request, kind: str) -> Steps:
        """After a restore its kernel is asked for something of this kind: the pages that it needs for it
        come."""
        raise NotImplementedError

    def use(self, request: Request, pages: int, vm: VirtualMachine | None = None) -> None:
        """Its kernel takes so many pages of memory, those first that were given back last; or they are for a
        virtual machine, if one is named."""
        raise NotImplementedError

    def lend(self, vm: VirtualMachine, pages: int) -> None:
        """A virtual machine on it has had so many pages in a lump, or gives them back if negative: nothing,
        in a guest, whose own memory is counted where it is touched."""

    def shared_by(self, vm: VirtualMachine, node: int) -> list[Page]:
        """Of the pages that a virtual machine's program named, those that are kept once for several."""
        return []

    def ended(self, node: int, vm: VirtualMachine | None = None) -> int:
        """The program of this node, or a virtual machine, is no more. How many of its pages were known by
        name: none, to a guest."""
        return 0

    @property
    def scarce(self) -> bool:
        """Have pages of it had to go, so that one which is mapped may not be there?"""
        return False

    def lacks(self, pages: int) -> bool:
        """Must something go before so many pages can be taken?"""
        return False

    def holds_page(self, page: Page) -> bool:
        """Is it there? Then it is noted that it is in use."""
        return True

    def make_room(self, request: Request, pages: int) -> Steps:
        """Something goes."""
        raise NotImplementedError

    def see(self, request: Request) -> Steps:
        """The page of a touch is in use; if it is not there, it comes."""
        raise NotImplementedError

    def free(self, pages: int) -> None:
        """Its kernel gives so many pages back."""
        raise NotImplementedError

    def unshare(self, vm: VirtualMachine, places: Iterable[Hashable]) -> int:
        """A virtual machine writes to pages of its own. How many of them were kept once for several: none, to
        a guest."""
        return 0

    @property
    def drives(self) -> list[Layer]:
        """Its devices; firmware is none."""
        return [device for device in self.devices.values() if device.entry.role == "device"]


FAULT = "fault_entry"
WAYS_IN = ("syscall_entry", FAULT)
WAYS_OUT = ("syscall_exit", "map_page")
"""The first and the last operation of a system call, and of a fault."""
OF = "of"


class Kernel(Layer):
    """Schedules threads on the CPUs of the computer below, and owns its devices."""

    first: Thread  # where it boots, and where its init runs
    frames: Frames | None = None  # of a machine's kernel that minds how much memory is left
    mounts = 0  # how long its table of mounts is
    cached_bytes = 0  # of files, in its page cache
    _inside: Mapping[str, tuple[tuple[Op, ...], tuple[Op, ...]]] = {}  # by the entry of a container's calls
    reads_steal = False  # does it know what a steal clock is,
    halts_for_locks = False  # and that it may halt for a spinlock, and be woken?

    @property
    def boot_files(self) -> Sequence[tuple[str, int]]:
        """What it has read from its image since it began, and how many bytes: any other that boots the same
        component's has the same pages."""
        return ()

    def drop_page(self, request: Request, page: tuple[Any, Any], size_bytes: int) -> None:
        """A page of a file, if it is still in the page cache, goes from it."""
        raise NotImplementedError

    def renice(self, thread: Thread, nice: int) -> None:
        """Give a thread that has not run yet more or less weight than the default."""
        raise NotImplementedError

    @property
    def computer(self) -> Computer:
        assert isinstance(self.below, Computer)
        return self.below

    def make_room(self, request: Request, pages: int) -> Steps:
        """Of its machine's memory so much is wanted: something goes."""
        raise NotImplementedError

    def bring_back(self, request: Request, page: Page) -> Steps:
        """A page that went is in use again."""
        raise NotImplementedError

    def out_of_memory(self, request: Request, group: str) -> Steps:
        """A program has made its group reach what that may have, and is to end: how many bytes come back."""
        raise NotImplementedError

    def take_over(self) -> None:
        """It runs from now on, and has its computer's CPUs."""
        raise NotImplementedError

    def load(self, request: Request) -> Steps:
        """Its boot loader's part, on a computer with no kernel yet: read from the disk what is needed."""
        raise NotImplementedError

    def dedicate(self, name: str) -> Thread:
        """The thread of a program that polls and shares its CPU with nobody; one for each name."""
        raise NotImplementedError

    def fault(self, request: Request, times: int, pages: int) -> None:
        """So many times a program touches memory that it never used: a page is found, cleared and mapped;
        it may be a large one, of so many small ones."""
        raise NotImplementedError

    def submit_bio(self, request: Request) -> Steps:
        """One of its own threads asks its disk, past system calls and files. The answer is an interrupt, and
        the request goes on there."""
        raise NotImplementedError

    def page_in(self, request: Request, size_bytes: int) -> Steps:
        """A page of a file that is mapped into a program's memory is missing: it comes from the disk, with
        so many bytes around it."""
        raise NotImplementedError

    def go_on(self, request: Request) -> Steps:
        """Of its own memory nothing is there yet."""
        self.take_over()
        yield from super().go_on(request)
        for kind, answer in self._answers.items():
            if kind != "boot":
                self._answers[kind] = partial(self._recalled, kind, answer)

    def _recalled(self, kind: str, answer: Callable[[Request], Steps], request: Request) -> Steps:
        yield from self.computer.recall(request, kind)
        return (yield from answer(request))

    def fail(self, fault: str, now: int) -> Iterable[Layer]:
        """What stands on it ends with it; with a control domain's kernel, all that it serves."""
        return self.computer.fail(fault, now) if self.computer.entry.control_domain else self.everything()

    def entry_from(self, who: str, first: tuple[Op, ...], last: tuple[Op, ...] = ()) -> str:
        """By which operation the calls of a container enter. With it, for the container's sake, the kernel
        does `first`, and on its way down `last`."""
        entry = " ".join(["syscall_entry", OF, who, *(op.name for op in first + last)])
        self._inside = {**self._inside, entry: (first, last)}
        return entry

    def _plan(self, names: tuple[str, ...]) -> tuple[Op, ...]:
        """Ways in and out go by whoever holds the CPU's privileged mode, if that is not this kernel. A
        container's entry means something to its own kernel; any other below knows only that it is one."""
        plan: tuple[Op, ...] = ()
        later: tuple[Op, ...] = ()
        for each in names:
            name = each.partition(f" {OF} ")[0]
            first, last = self._inside.get(each, ((), ()))
            before = self.computer.into_kernel if name in WAYS_IN else ()
            if name == FAULT:
                before = self.computer.page_fault or before
            after = self.computer.out_of_kernel if name in WAYS_OUT else ()
            plan += (*before, self.op(name), *after, *first)
            later += last
        self._plans[names] = plan + later
        return self._plans[names]


WAYS_TO_HYPERVISOR = ("vm_exit", "halt_exit", "kick_exit")
WAY_TO_GUEST = "vm_entry"


class Hypervisor(Layer):
    """Lends the CPUs of the kernel, or of the machine, below to guests, as virtual ones."""

    control: VirtualMachine | None = None  # the domain that owns the devices, if it is not a kernel below
    shadow_paging = False  # the CPU reads page tables that it makes, not the guest's and its own behind them
    frames: Frames | None = None  # of a machine's, if it minds how much memory is left
    io_thread = True  # the program that plays a machine has a thread of its own for the devices' requests

    @property
    def mergeable(self) -> bool:
        """Does that program offer its guests' memory to whoever looks for equal pages?"""
        return False

    @property
    def overhead_bytes(self) -> int:
        """Memory of that program, beside the guest's."""
        return 0

    def nest(self) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
        """What it does when a guest of its guest leaves for the hypervisor there, and when that one lets it
        go on (see `Computer.reflect`)."""
        raise NotImplementedError

    def nested_fault(self, request: Request, times: int) -> None:
        """A guest of its guest touches a page: what that costs beside the memory itself."""
        raise NotImplementedError

    def _plan(self, names: tuple[str, ...]) -> tuple[Op, ...]:
        """In a guest, every way between its own guests and itself leads through the hypervisor below."""
        plan: tuple[Op, ...] = ()
        computer = self.owner
        assert isinstance(computer, Computer)
        for name in names:
            before = computer.reflect if name in WAYS_TO_HYPERVISOR else ()
            after = computer.resume if name == WAY_TO_GUEST else ()
            plan += (*before, self.op(name), *after)
        self._plans[names] = plan
        return plan

    def carrier(self, name: str, vm: VirtualMachine) -> Thread:
        """A thread that carries one of the guest's CPUs, for whichever scheduler decides when it runs."""
        return self.process(name)

    def helper(self, name: str) -> Thread:
        """A thread of the program that plays a machine: its devices, its start."""
        return self.process(name)

    def translate(self, request: Request, blocks: int) -> None:
        """A guest runs code for the first time: nothing, where the CPU runs it as it is."""

    def find_memory(self, request: Request, vm: VirtualMachine, times: int, pages: int) -> None:
        """So many times a guest touches memory that it never had: out of it, each time for so many pages from
        below."""
        computer = self.owner
        assert isinstance(computer, Computer)
        vm.first_touch(request, times)
        if "hw-virtualization" in self.entry.needs or "whp" in self.entry.needs:
            computer.back(request, times, times * pages, vm)
        else:
            computer.use(request, times * pages, vm)

    def call_helper(self, request: Request) -> None:
        """One of its own threads is woken, for what a virtual CPU must not wait for."""
        self.below.spend(request, "wake_up")

    def make_room(self, request: Request, pages: int) -> Steps:
        """As a kernel's."""
        raise NotImplementedError

    def bring_back(self, request: Request, page: Page) -> Steps:
        """As a kernel's."""
        raise NotImplementedError

    def forward(self, request: Request, cpu: Cpu) -> Steps:
        """A real device is done, but its driver is on a virtual CPU: the interrupt must get there."""
        raise NotImplementedError

    def scheduler(self) -> Scheduler:
        """Of one that owns the real CPUs: who decides which of its guests' CPUs run, and for how long."""
        raise NotImplementedError

    def prepare(self, carrier: Thread, vm: VirtualMachine) -> None:
        """Tell a carrier of one of the guest's CPUs what entering and leaving it, halting and interrupts
        cost."""
        raise NotImplementedError

    def write_page_tables(self, request: Request, entries: int) -> None:
        """A guest's kernel changes page tables: nothing, where the CPU follows the guest's own."""

    def new_page_tables(self, request: Request, pages: int) -> None:
        """A guest's program goes on with page tables that are new: nothing, likewise."""

    def launch(self, request: Request, vm: VirtualMachine) -> Steps:
        """Start the program that is the virtual machine; the request is on a thread of that program."""
        raise NotImplementedError

    def access(self, request: Request, times: int = 1, busy: bool = False) -> None:
        """The guest touches registers of an emulated device: out, emulate, back in, on the same thread.

        `busy`: the device's back end is at work on them too.
        """
        raise NotImplementedError

    def emulate(self, request: Request, times: int = 1, busy: bool = False) -> Steps:
        """As `access`, wherever the program is that plays the device: the guest goes on when it has
        answered."""
        self.access(request, times, busy)
        yield from ()

    def kick(self, request: Request, back_end: Thread) -> Steps:
        """The guest notifies a back end, and goes on at once: both run in parallel."""
        raise NotImplementedError

    def command(self, request: Request, back_end: Thread) -> Steps:
        """The access with which the guest has an emulated device begin; the back end does what is asked."""
        return self.kick(request, back_end)

    def inject(self, request: Request, cpu: Cpu) -> Steps:
        """A back end interrupts a guest's CPU."""
        raise NotImplementedError

    def announce(self, request: Request, cpu: Cpu, alone: bool = False) -> Steps:
        """As `inject`, of an answer in a ring: not while the guest's handler is at work, which has said so in
        the ring and looks there once more before it is done. Answers whether there was an interrupt.

        `alone`: nothing else is in that ring, so nothing can set the handler to work until this answer is
        there, and whether it is can be seen now.
        """
        if not alone or cpu.interrupted:
            yield SETTLE
        if cpu.interrupted:
            yield from self.noticed(request, cpu)
            return False
        yield from self.inject(request, cpu)
        return True


class VirtualMachine(Computer):
    """A computer that a hypervisor plays."""

    below: Hypervisor
    main: Thread  # where its program starts
    back_end: Thread  # where its devices' requests are carried out
    pinned = False  # a real device reaches into its memory: all of it must be there, and stay where it is

    def moved(self, pages: int) -> None:
        """The machine has taken so many of its pages away, or brought them back if negative."""
        raise NotImplementedError

    shared = 0  # of its pages, how many are kept once for several

    def contents(self, named: Iterable[Page]) -> Iterator[tuple[Hashable, Hashable]]:
        """Its memory page by page: which page, and what is in it, if others may have the same. Of its
        programs' pages, these are known by name."""
        raise NotImplementedError

    def share(self, pages: int) -> None:
        """So many more of its pages are kept once for several."""
        raise NotImplementedError

    def give_up(self) -> int:
        """What its kernel has free is the machine's again: so many pages."""
        raise NotImplementedError

    def first_touch(self, request: Request, times: int) -> None:
        """It has left so many times for memory, and the hypervisor finds a page each time."""
        raise NotImplementedError

    @property
    def machine(self) -> Computer:
        """The computer that its hypervisor runs on."""
        machine = self.below.owner
        assert isinstance(machine, Computer)
        return machine

    @property
    def disk_model(self) -> str:
        return super().disk_model or str(self.below.entry.data.get("disk_model", ""))

    @property
    def steal_clock(self) -> bool:
        """Can its kernel ask how long its CPUs were kept waiting?"""
        return self.below.offers("steal-clock") or self.offers("steal-clock")

    @property
    def guest(self) -> Kernel:
        """The kernel that it boots."""
        return next(layer for layer in self.holds if isinstance(layer, Kernel))


class Engine(Layer):
    """Works for the kernel below from beside the stack: makes containers, or runs programs of another
    instruction set (which of the two, its entry's capabilities say)."""

    def create(self, request: Request, container: Layer) -> Steps:
        """The whole chain from the command to a container whose program may start."""
        raise NotImplementedError

    def restart(self, request: Request, container: Layer) -> Steps:
        """A container's program has ended, and it is to be started again."""
        raise NotImplementedError

    def restarts_in(self) -> int | None:
        """How long after its end it starts a container again, in ns; None if it does not."""
        return None

    def delete(self, request: Request, container: Layer) -> Steps:
        """The container's own program has ended: clear away what was made for it."""
        yield SETTLE

    @property
    def program_bytes(self) -> int:
        """Of the program that the kernel starts instead of one that it does not know."""
        raise NotImplementedError

    def begin(self, request: Request) -> None:
        """That program has been started, and begins with the other."""
        raise NotImplementedError

    def out(self, request: Request) -> None:
        """The other program calls the kernel: from its instructions to the kernel's own call."""
        raise NotImplementedError

    def back(self, request: Request) -> None:
        """The answer goes to the other program, which goes on."""
        raise NotImplementedError


class Workload(Layer):
    """A program that is run to see what happens. `run` is its main flow, on a thread of its own.

    It asks `exec` of the layer it is on, then does its work. A lane finishes at `finish`: after the first
    instruction, or after the last of a counted number of requests.
    """

    by_hand: Sequence[tuple[Layer, Callable[[], None]]] = ()
    """The tenants that do not start by themselves, and how each is started."""

    @cached_property
    def _pace(self) -> float:
        """That of the computer, and of whoever runs it there if it is of another instruction set."""
        instructions = self.entry.data.get("instructions", "memory")
        return self.owner.pace(instructions) * self.below.pace(instructions)

    number = NONE  # its place among the scenario's workloads
    ends_ns = NEVER  # when it is told to stop
    finished_ns = NONE

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written: list[tuple[int, int]] = []  # its writes that were answered,
        self.acknowledged: set[tuple[int, int]] = set()  # and those that are promised to be kept
        self._writes = 0

    @property
    def kernel_below(self) -> Kernel:
        """The one that it runs on."""
        layer = self.below
        while not isinstance(layer, Kernel):
            layer = layer.below
        return layer

    def prepare(self, thread: Thread) -> None:
        """One of its threads has been made, and has not run yet."""

    def over(self, request: Request) -> bool:
        """Is its time up?"""
        return request.flow.thread.clock >= self.ends_ns

    def finish(self) -> Steps:
        """What the lane waits for is done, once all of it has been paid for."""
        yield SETTLE
        self.finished_ns = self.sim.now

    def ask(
        self,
        request: Request,
        kind: str,
        layer: Layer,
        size_bytes: int = 0,
        page: int | None = None,
        file: str | None = None,
    ) -> Steps:
        """As any layer asks, and counted: the outcome is made of these requests. A read of a page, of a file
        of its own if none is named, may be answered from the page cache."""
        child = Request(self.sim, kind, request.flow, layer.node, size_bytes, self.number)
        child.page = None if page is None else (self.node if file is None else file, page)
        child.cached = page is not None and kind == "read"
        child.program = self.entry.id
        return layer.serve(child)

    def put(self, request: Request, layer: Layer, size_bytes: int, cached: bool, counted: bool) -> Steps:
        """Write something new: `counted` as a request, or part of one that is."""
        child = Request(
            self.sim, "write", request.flow, layer.node, size_bytes, self.number if counted else NONE
        )
        child.program, child.cached = self.entry.id, cached
        write = (self.number, self._writes)
        self._writes += 1
        child.writes = (write,)
        yield from layer.serve(child)
        yield from self.settle()
        self.written.append(write)

    def sync(self, request: Request, layer: Layer) -> Steps:
        """What has been written until now shall be kept: when the answer comes, that is promised."""
        asked = list(self.written)
        yield from self.part(request, "flush", layer)
        yield from self.settle()
        self.acknowledged.update(asked)

    def part(
        self,
        request: Request,
        kind: str,
        layer: Layer,
        peer: Thread | None = None,
        over: str = "",
        program: str = "",
        size_bytes: int = 0,
    ) -> Steps:
        """Ask for a part of a request that is counted itself; of an exec of another program than this one,
        say which."""
        child = Request(self.sim, kind, request.flow, layer.node, size_bytes)
        child.peer, child.over, child.program = peer, over, program or self.entry.id
        return layer.serve(child)
