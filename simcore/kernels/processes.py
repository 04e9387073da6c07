"""Processes: made by copying, given memory page by page as they touch it, gone when they exit.

A process is a thread here. What the kernel keeps of its memory is how many pages it has taken for it (page
tables, stacks, what was written to) and which of the program's own pages are mapped. Which pages of the
computer those are is not kept: a kernel hands out first what it was given back last, so a count is enough.
"""

from simcore.cpu import Steps, Thread
from simcore.requests import Request
from simcore.roles import Kernel
from simcore.trace import NONE


class Memory:
    """A process's memory."""

    def __init__(self) -> None:
        self.pages = 0
        self.mapped: set[int] = set()
        self.node = NONE  # of the program that named them


class Processes(Kernel):
    """Requests about memory answer with the bytes that were taken, or given back if negative."""

    clearing: tuple[str, ...] = ("zero_page",)  # what a page that is touched needs before it is handed out

    def wire(self) -> None:
        super().wire()
        self._memory: dict[Thread, Memory] = {}

    def syscall(self, request: Request) -> Steps:
        """A call that does nothing: in, and out again."""
        self.spend(request, request.entry, "null_call", "syscall_exit")
        yield from self.settle()

    def touch(self, request: Request) -> Steps:
        """An access to a page of the program's own memory: a fault, unless the page is mapped already."""
        thread, page = request.flow.thread, request.page
        assert page is not None
        yield from self.settle()  # what is mapped, and what memory is free, is seen now
        memory = self._memory.setdefault(thread, Memory())
        if page[1] in memory.mapped:
            if self.computer.scarce:
                yield from self.computer.see(request)
            return 0
        small = self.constant("block")
        pages = request.bytes // small  # a large page is one fault for all its parts
        if self.computer.lacks(pages):
            yield from self.computer.make_room(request, pages)
        memory.node = page[0]
        memory.mapped.add(page[1])
        memory.pages += pages
        self.fault(request, 1, pages)
        return pages * small

    def fault(self, request: Request, times: int, pages: int) -> None:
        size_bytes = pages * self.constant("block")
        self.repeat(request, times, "fault_entry", "page_alloc")
        self.computer.use(
            request, times * pages
        )  # nothing stands behind them until zeros are written to them
        if pages == 1:
            self.repeat(request, times, *self.clearing)
        else:
            self.spend(request, "clear_large_page", per=times * size_bytes)
        self.computer.write_page_tables(request, times)
        self.repeat(request, times, "map_page")
        self.computer.walk(request, times, size_bytes)  # a new address is in no TLB

    def fork(self, request: Request) -> Steps:
        """A copy of the caller begins on a thread of its own; the caller returns and goes to wait for it."""
        child = request.peer
        assert child is not None
        self.spend(request, request.entry, "fork")
        taken = yield from self._take(request, child, "fork_pages")
        self._write_address_space(request)
        self._refill(request)  # the caller's pages may no longer be written to: its TLB has been emptied
        self.spend(request, "wake_up")
        yield from self.hop(request, child, "syscall_exit", "syscall_entry")
        self._begin(request)
        return taken

    def exit(self, request: Request) -> Steps:
        """The caller is no more. A parent that waits for it wakes up and collects what is left of it."""
        process, parent = request.flow.thread, request.peer
        self.spend(request, request.entry, "exit")
        yield from self.settle()
        memory = self._memory.pop(process)
        self._give_back(memory)
        self._write_address_space(request)
        if parent is not None:
            self.spend(request, "wake_up")
            yield from self.hop(request, parent)
            self.spend(request, "reap", "syscall_exit")
        return -memory.pages * self.constant("block")

    def _give_back(self, memory: Memory) -> None:
        """All that a process had."""
        known = self.computer.ended(memory.node) if memory.node != NONE else 0
        self.computer.free(memory.pages - known)

    def _take(self, request: Request, process: Thread, what: str) -> Steps:
        """Memory for a process beside what its program touches."""
        yield from self.settle()
        pages: int = self.constant(what)
        if self.computer.lacks(pages):
            yield from self.computer.make_room(request, pages)
        self._memory.setdefault(process, Memory()).pages += pages
        self.computer.use(request, pages)
        return pages * self.constant("block")

    def _write_address_space(self, request: Request) -> None:
        """The page tables of a process are made, or taken apart, for all pages that it uses."""
        self.computer.write_page_tables(request, self.constant("tlb_refill"))

    def _begin(self, request: Request) -> None:
        """A program goes on with page tables that are new."""
        self.computer.new_page_tables(request, self.constant("tlb_refill"))
        self._refill(request)

    def _refill(self, request: Request) -> None:
        """Another address space, or one that was changed: the TLB starts empty, and fills page by page."""
        self.computer.walk(request, self.constant("tlb_refill"), self.constant("block"))
