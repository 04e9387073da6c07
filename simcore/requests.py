"""The arrows: what may be asked of a layer. A layer answers a kind by having a method of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .trace import NONE

if TYPE_CHECKING:
    from .cpu import Flow, Thread
    from .simulation import Simulation
    from .waiting import Gate

KINDS = (
    "boot", "exec", "read", "write", "flush", "syscall", "touch", "fork", "exit", "send", "receive",
    "run", "slot", "service", "round_trip", "scan",
)  # fmt: skip
"""Start; start a program; read bytes, write them, have a disk keep what it has; a call that does nothing, an
access to a page of memory; copy the process, end it; pass bytes on to another thread, take them; a workload's
main flow, one of several beside it, one unit of work (of init: a unit), one that goes out and comes back; a
look at memory for equal pages."""


class Request:
    """One thing asked, on its way down and up: `kind`, `bytes`, and the flow that carries it.

    `cached`: it goes through the page cache of the next kernel. A read may name the `page` of a file that it
    is for; of a disk that is itself a file, it is one of that file's. If nobody knows, it is in no cache.
    A write says whose `writes` its bytes are, so that it can be told which of them a power cut takes.
    A program's call enters its kernel by an operation, `entry`, which says if it comes from a container.
    A touch names the page of the program's own memory. Who passes something on to another thread names it:
    `peer`; a message also says `over` what it goes. An exec names the `program`, of so many bytes.
    """

    __slots__ = (
        "bytes", "cached", "done", "entry", "flow", "id", "kind", "over", "page", "peer", "program", "span",
        "writes",
    )  # fmt: skip

    def __init__(
        self,
        sim: Simulation,
        kind: str,
        flow: Flow,
        node: int,
        size_bytes: int = 0,
        workload: int = NONE,
        cause: int = NONE,
    ) -> None:
        requests = sim.record.requests
        self.id = len(requests) // 5
        requests += (sim.kind_id(kind), workload, node, NONE, cause)
        self.kind, self.flow, self.bytes = kind, flow, size_bytes
        self.page: tuple[Any, Any] | None = None  # of which file or whose memory, which block of it
        self.cached = False
        self.entry = "syscall_entry"
        self.writes: tuple[tuple[int, int], ...] = ()  # of which workload, the how manieth
        self.peer: Thread | None = None
        self.over = ""
        self.program = ""
        self.span = NONE  # its outermost span, once a layer carries it
        self.done: Gate | None = None
