"""A container: a process of the kernel below, with its own view and its own limits.

Its engine makes it, from beside the stack. After that there is nothing in between: what it asks goes straight
to the kernel, which runs a filter first and books what it asks for: the kernel's own code, on behalf of this
container's settings. Memory is the group's that its programs take,
and pages of files that came for it; over the limit these go first, and if that is not enough, who takes more
is killed by the kernel. Left out: pages that are written to, a group's own swap, and that pages which the
kernel gives up for others are no more the group's.

Its image may be of another instruction set (`platform`). The kernel cannot start such a program; it knows
what else to start instead if somebody has registered for it (binfmt_misc). Then every instruction of the
program is translated, but its system calls are the kernel's own, once their arguments have been converted. If
nobody has, the container is made all the same, and its first program cannot start.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from simcore.cpu import Steps, Thread
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Engine, Kernel
from simcore.schedulers.base import Group
from simcore.simulation import mix

CALLS = ("exec", "read", "write", "flush", "syscall", "fork", "exit", "send", "receive")
"""What a program asks of its kernel; a touch of memory is no question."""


class Container(Layer):
    below: Kernel
    runtime: Engine
    interpreter: Engine | None = None

    def wire(self) -> None:
        platform = self.settings["platform"]
        if platform is not None and platform not in self.offered:
            beside = (held for held in self.below.holds if "binfmt" in held.entry.provides)
            self.interpreter = next((held for held in beside if isinstance(held, Engine)), None)
            for kind in CALLS:
                answer = self._translated if self.interpreter is not None else self._exec_format_error
                self._answers[kind] = partial(answer, self._answers[kind])
        period_ns, chunk_ns = self.constant("quota_period"), self.constant("quota_slice")
        phase_ns = mix(self.sim.seed, self.id, "quota_period") % period_ns
        self.group = Group(self.sim, period_ns, chunk_ns, phase_ns)
        self._limit()
        self._guard()
        self._files: dict[Any, int] = {}  # pages of files in the page cache that came for it, and their bytes
        self.first = self.process(f"{self.id}/init")

    @property
    def root(self) -> str:
        """Containers of one image have one layer of files below their own (overlayfs)."""
        return f"image {self.settings['image']}"

    def process(self, name: str) -> Thread:
        """A process inside: the kernel makes it; it is put into the container's group."""
        thread = self.below.process(name)
        thread.group, thread.weight = self.group, self.settings["weight"]
        self.group.threads.append(thread)
        self.threads.append(thread)
        return thread

    def boot(self, request: Request) -> Steps:
        yield from self.down(request)
        yield from self.runtime.serve(request)
        starter = request.flow.thread
        yield from self.hop(request, self.first)
        make = self.runtime.create if self.starts == 1 else self.runtime.restart
        yield from make(request, self)
        yield from self.hop(request, starter)

    def back_in(self) -> int | None:
        """Who made it starts it again, if it is told to and is there itself."""
        return self.runtime.restarts_in() if self.settings["restart"] == "always" else None

    def revive(self) -> None:
        super().revive()
        self.group.threads.clear()
        self._files = {}
        self.count("memory", 0)
        self.first = self.process(f"{self.id}/init/{self.starts + 1}")

    def pace(self, instructions: str, isa: str = "") -> float:
        if self.interpreter is None:
            return 1
        return self.interpreter.pace(instructions, self.settings["platform"])

    def _translated(self, answer: Callable[[Request], Steps], request: Request) -> Steps:
        """A call of a program that is not run but interpreted."""
        interpreter = self.interpreter
        assert interpreter is not None
        if request.kind == "exec":
            request.bytes += interpreter.program_bytes
        interpreter.out(request)
        result = yield from answer(request)
        if request.kind == "exec":
            interpreter.begin(request)
        else:
            interpreter.back(request)
        return result

    def _exec_format_error(self, answer: Callable[[Request], Steps], request: Request) -> Steps:
        """The kernel has looked at the program's first bytes, and knows nobody for them."""
        self.spend(request, "seccomp_filter", "unknown_format")
        self.log(request, "exec_format_error", program=request.program)
        yield from self.runtime.delete(request, self)
        self.end()
        yield from self._silence(request)

    def read(self, request: Request) -> Steps:
        """What comes into the page cache for it is booked to the group as well."""
        request.entry = self._entry_booked
        page = request.page
        kept = yield from self.down(request)
        if kept and page is not None:
            self._files[page] = kept
            self.count("memory", (self.memory_bytes or 0) + kept)
            self._reclaim(request, 0)

    def write(self, request: Request) -> Steps:
        request.entry = self._entry_booked
        yield from self.down(request)

    flush = write

    def _reclaim(self, request: Request, wanted: int) -> None:
        """Over its limit the group gives up pages of files first: those that it read longest ago."""
        limit = self.settings["memory"]
        while limit is not None and self._files and (self.memory_bytes or 0) + wanted > limit:
            page = next(iter(self._files))
            size = self._files.pop(page)
            self.below.drop_page(request, page, size)
            self.count("memory", (self.memory_bytes or 0) - size)

    def syscall(self, request: Request) -> Steps:
        request.entry = self._entry
        yield from self.down(request)

    send = syscall

    def receive(self, request: Request) -> Steps:
        """The call came long ago, and what it waited for is there."""
        self._filter(request)
        yield from self.down(request)

    def touch(self, request: Request) -> Steps:
        """Memory that the kernel has given, or taken back, is booked to the control group."""
        taken = yield from self.down(request)
        if not taken:
            return
        self.spend(request, "accounting")
        self._reclaim(request, taken)
        limit, held = self.settings["memory"], (self.memory_bytes or 0) + taken
        if request.page is not None and limit is not None and held > limit:
            freed = yield from self.below.out_of_memory(request, self.id)
            self.count("memory", max(0, held - freed))
            self.sim.at(0, partial(self.sim.kill, request.page[0]))
            yield from self._silence(request)
        self.count("memory", held)

    def fork(self, request: Request) -> Steps:
        request.entry = self._entry
        yield from self.touch(request)

    def exec(self, request: Request) -> Steps:
        """Its entry is a part of what an exec takes."""
        self._filter(request)
        yield from self.touch(request)

    def exit(self, request: Request) -> Steps:
        yield from self.fork(request)
        if request.peer is None:  # nobody inside waits for it: it was the container's own program
            yield from self.runtime.delete(request, self)

    def change(self, setting: str, value: Any, now: int) -> None:
        super().change(setting, value, now)
        self._limit()
        self._guard()
        for thread in self.threads:
            thread.weight = self.settings["weight"]

    def fail(self, fault: str, now: int) -> Iterable[Layer]:
        """Its first process dies, and with it all that runs inside; nobody else notices."""
        return self.everything()

    def _guard(self) -> None:
        """What its kernel does at each of its system calls, once it is entered: may the program make this
        one? Since 5.11 Linux remembers which calls the filter always lets pass; before, the whole filter ran
        each time. What is read or written is booked to the group."""
        how = self.settings["seccomp"]
        ops = self.plan("seccomp_filter" if how == "bitmap" else "seccomp_program") if how != "off" else ()
        self._entry = self.below.entry_from(self.id, ops)
        self._entry_booked = self.below.entry_from(self.id, ops, self.plan("accounting"))

    def _filter(self, request: Request) -> None:
        """Of a call whose entry is not told apart."""
        if (how := self.settings["seccomp"]) != "off":
            self.spend(request, "seccomp_filter" if how == "bitmap" else "seccomp_program")

    def _limit(self) -> None:
        cpus = self.settings["cpus"]
        self.group.limit(None if cpus is None else int(cpus * self.group.period_ns))
