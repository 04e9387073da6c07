"""What a guest's kernel believes about its CPUs' time, beside what its host knows: `top` against the truth.

A kernel divides the time of its CPUs into user, system and idle. A virtual CPU may be ready and yet not run:
its host has given the core to another. That time is *steal*. A kernel cannot feel it; it must be told, by a
clock that the hypervisor keeps for it (KVM's and VMware's steal time, Xen's runstate). A kernel that is told
takes it out of its sums. One that is not counts it for whatever it found itself doing, before and after: its
programs look slow, its CPUs busy.

Left out: the host's own interrupts on that core, which no steal clock counts, and which count as idle here;
what a guest's guest loses to others than its own hypervisor counts only where it is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .cpu import RUNNING
from .roles import Engine, Kernel, VirtualMachine, Workload
from .trace import CPU, END, NONE, PARENT, QUEUE, START, THREAD, WHAT, WIDTH

if TYPE_CHECKING:
    from .cpu import Thread
    from .layer import Layer
    from .trace import Recorder


class Clock:
    """Of one kernel in a virtual machine. It begins when the kernel has booted."""

    def __init__(self, kernel: Kernel, vm: VirtualMachine) -> None:
        self.kernel, self.vm = kernel, vm
        self.told = kernel.reads_steal and vm.steal_clock
        self.begun_ns = NONE
        self.ran = self.late = self.cut = 0  # of its CPUs until then: had a core, waited for one
        kernel.when_ready.append(self._begin)

    @property
    def carriers(self) -> list[Thread]:
        return [cpu.host for cpu in self.vm.cpus if cpu.host is not None]

    def _begin(self) -> None:
        self.begun_ns = now = self.kernel.sim.now
        for one in self.carriers:
            self.ran += one.ran_ns + (now - one.cpu.since if one.state == RUNNING else 0)
            self.late += one.late_ns
            self.cut += one.cut_ns


def clocks(layers: Iterable[Layer]) -> list[Clock]:
    """One for each kernel in a virtual machine, those of a guest's guests first."""
    kernels = [(one, one.below) for one in layers if isinstance(one, Kernel)]
    return [Clock(kernel, vm) for kernel, vm in reversed(kernels) if isinstance(vm, VirtualMachine)]


def cpu_times(
    clocks: Iterable[Clock], layers: Iterable[Layer], record: Recorder, end_ns: int, killed: Mapping[int, int]
) -> dict[str, dict[str, int]]:
    """By kernel: `user_ns`, `system_ns`, `idle_ns` and `steal_ns`, over all its CPUs, as it would say; and
    `stolen_ns`, as its host knows. Of a run that has ended."""
    clocks = [clock for clock in clocks if clock.begun_ns != NONE]
    if not clocks:
        return {}
    of = {clock.kernel: clock for clock in clocks}
    programs = [layer for layer in layers if isinstance(layer, (Workload, Engine))]
    whose = {layer.node: of[kernel] for layer in programs if (kernel := _kernel(layer)) in of}
    own, lost, idled = _sums(record, whose, clocks)
    found: dict[str, dict[str, int]] = {}
    for clock in clocks:
        carriers = clock.carriers
        late, cut = sum(one.late_ns for one in carriers), sum(one.cut_ns for one in carriers)
        late, cut = late - clock.late, cut - clock.cut
        busy = max(0, sum(one.ran_ns for one in carriers) - clock.ran - idled[clock])
        user = own[clock]
        if (outer := _outer(clock, of)) is not None:
            own[outer] += busy  # to that kernel the guest is a program
        system = max(0, busy - user)
        if not clock.told:  # what it lost in the middle of its work
            user += min(cut, lost[clock])
            system += max(0, cut - lost[clock])
        steal = late + cut if clock.told else 0
        ends = min([end_ns, *(killed[one.id] for one in carriers if one.id in killed)])
        whole = (ends - clock.begun_ns) * len(carriers)
        found[clock.kernel.id] = {
            "user_ns": user,
            "system_ns": system,
            "idle_ns": max(0, whole - user - system - steal),
            "steal_ns": steal,
            "stolen_ns": late + cut,
        }
    return found


def _kernel(layer: Layer) -> Kernel:
    """The one that a program runs on."""
    while not isinstance(layer, Kernel):
        layer = layer.below
    return layer


def _outer(clock: Clock, of: Mapping[Kernel, Clock]) -> Clock | None:
    """That of the kernel whose threads carry this one's CPUs, if that is itself in a virtual machine."""
    threads = {one.node for one in clock.carriers}
    return next((other for kernel, other in of.items() if kernel.node in threads), None)


Sums = dict[Clock, int]


def _sums(record: Recorder, whose: Mapping[int, Clock], clocks: list[Clock]) -> tuple[Sums, Sums, Sums]:
    """The time of programs' own operations; what others took from these in their middle; the time that
    carriers spent on the way out of a guest with nothing to do, and polling, which to the guest is idle."""
    own, lost, idled = (dict.fromkeys(clocks, 0) for _ in range(3))
    whats = record.whats
    programs = {
        i: whose[what.node] for i, what in enumerate(whats) if what.kind == CPU and what.node in whose
    }
    carried = {one.id: clock for clock in clocks for one in clock.carriers}
    idle = {one.poll_what for clock in clocks for one in clock.carriers}
    idle |= {op.what for clock in clocks for one in clock.carriers for op in one.halt_ops}
    sought = programs.keys() | idle
    mine: dict[int, Clock] = {}  # span of a program's operation
    for span, what in enumerate(record.column(WHAT)):
        if what not in sought:
            continue
        start, length = _times(record, span)
        clock = programs.get(what) or carried.get(record.get(span * WIDTH + THREAD))
        if clock is None or start < clock.begun_ns:
            continue
        if what in programs:
            mine[span] = clock
            own[clock] += length
        else:
            idled[clock] += length
    for span, parent in enumerate(record.column(PARENT)):
        if parent in mine:  # a gap in it
            clock, gap = mine[parent], whats[record.get(span * WIDTH + WHAT)]
            _, length = _times(record, span)
            own[clock] -= length
            if gap.kind == QUEUE and gap.node != clock.kernel.node:
                lost[clock] += length
    return own, lost, idled


def _times(record: Recorder, span: int) -> tuple[int, int]:
    start = record.get(span * WIDTH + START)
    return start, record.get(span * WIDTH + END) - start
