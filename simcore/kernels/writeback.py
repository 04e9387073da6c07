"""Dirty pages: what has been written to the page cache, and the disk does not have yet.

A buffered write ends in memory. The kernel's flusher writes it out later: what has been dirty for a while, or
at once when too much of memory is dirty. A program that makes pages dirty faster than the disk takes them is
made to wait, so in the end it writes at the disk's speed. Who wants to be sure asks for it (fsync): all that
is dirty goes out, then the disk is told to empty its own cache. Until then a power cut takes it.

Each write makes pages of its own: that two of them hit the same page is left out, and so is which file a page
belongs to; an fsync writes out those of all.
"""

from collections import deque

from simcore.cpu import Steps, Thread
from simcore.layer import KILLED
from simcore.requests import Request
from simcore.roles import Kernel
from simcore.trace import NONE
from simcore.waiting import Gate


class Extent:
    """What one write has made dirty: neighbouring pages, which go out together."""

    __slots__ = ("bytes", "gone", "since", "writes")

    def __init__(self, request: Request, since: int) -> None:
        self.bytes, self.writes, self.since = request.bytes, request.writes, since
        self.gone: Gate | None = None  # opens when the disk has it


class Writeback(Kernel):
    flusher: Thread | None = None
    at_once: int  # how many writes it has under way in the disk

    def wire(self) -> None:
        super().wire()
        self._dirty: deque[Extent] = deque()  # the oldest first
        self._going: list[Extent] = []  # those that are on their way to the disk
        self._dirty_bytes = 0  # of both
        self._due_since = NONE  # what has been dirty since then, or for longer, must go out
        self._flows = 0  # of the flusher
        self._armed = False
        self._room = self.gate()

    def _page_out(self, request: Request) -> Steps:
        """Pages to the disk; the thread waits."""
        raise NotImplementedError

    def _dirty_limits(self) -> tuple[int, int]:
        """How many bytes may be dirty before the flusher starts, and before who writes must wait."""
        raise NotImplementedError

    def _make_dirty(self, request: Request) -> Steps:
        """The request's bytes are in the page cache; where that is too much for the disk, wait."""
        yield from self.settle()
        background, most = self._dirty_limits()
        self._dirty.append(Extent(request, self.sim.now))
        self._dirty_bytes += request.bytes
        self.volatile += request.writes
        if self._dirty_bytes > background:
            self._start_flusher()
        else:
            self._wake_later()
        while self._dirty_bytes > most:
            yield from self.until(request, self._room)
            yield from self.settle()

    def _write_out(self, request: Request) -> Steps:
        """All that is dirty now goes to the disk, and the caller waits for it, and for what is on its way."""
        self._due_since = self.sim.now
        thread = request.flow.thread
        others = range(1, min(self.at_once, len(self._dirty)))
        slots = [self.spawn("slot", thread, self.sim.now, cause=request) for _ in others]
        yield from self.slot(request)
        for slot in slots:
            yield from self.join(request, slot)
        for extent in list(self._going):
            assert extent.gone is not None
            yield from self.until(request, extent.gone)
        yield from self.settle()

    # ------------------------------------------------------------------------------------------- the flusher

    def _wake_later(self) -> None:
        """As long as anything is dirty, the flusher looks every so often whether it has been so for long."""
        if not self._armed:
            self._armed = True
            every = self.constant("dirty_writeback")
            self.sim.at(every - self.sim.now % every, self._look)

    def _look(self) -> None:
        self._armed = False
        if self._dirty and self.state != KILLED:
            self._due_since = max(self._due_since, self.sim.now - self.constant("dirty_expire"))
            if self._dirty[0].since <= self._due_since:
                self._start_flusher()
            else:
                self._wake_later()

    def _start_flusher(self) -> None:
        if self._flows:
            return
        if self.flusher is None:
            self.flusher = self.process(f"{self.id}/flusher")
            self.flusher.in_kernel = True
        self._flows = min(self.at_once, len(self._dirty))
        for _ in range(self._flows):
            self.spawn("slot", self.flusher, self.sim.now)

    def slot(self, request: Request) -> Steps:
        """One after the other, as long as something is due or too much is dirty."""
        background, most = self._dirty_limits()
        thread = request.flow.thread
        while self._dirty and (self._dirty[0].since <= self._due_since or self._dirty_bytes > background):
            extent = self._dirty.popleft()
            extent.gone = self.gate()
            self._going.append(extent)
            child = Request(self.sim, "write", request.flow, self.computer.disk.node, extent.bytes)
            child.writes = extent.writes
            yield from self._page_out(child)
            yield from self.settle()
            self._going.remove(extent)
            self._dirty_bytes -= extent.bytes
            for write in extent.writes:
                self.volatile.remove(write)
            extent.gone.open(self.sim.now, thread, request.span)
            if self._dirty_bytes <= most:
                self._room.open(self.sim.now, thread, request.span)
                self._room = self.gate()
        if thread is self.flusher:
            self._flows -= 1
            if not self._flows and self._dirty:
                self._wake_later()
