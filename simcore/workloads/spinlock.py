"""Threads that want one spinlock: each works a while without it, takes it, holds it, lets go.

As it is inside a kernel: who has the lock, or spins for it, is not preempted by that kernel. By a hypervisor
it is, and the lock with it.
"""

from simcore.cpu import NEVER, Steps
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.spinning import SpinLock
from simcore.trace import CPU, QUEUE
from simcore.workloads.spin import Threads


class Spinlock(Threads):
    def wire(self) -> None:
        kernel = self.kernel_below
        vm = kernel.computer
        polite = kernel.halts_for_locks and isinstance(vm, VirtualMachine) and vm.below.offers("pv-spinlocks")
        self.guard = SpinLock(
            self.sim.what(self.node, self.entry.id, "spin", CPU),
            self.engine_what("halted_for_lock", QUEUE),
            self.constant("spin_before_halt") if polite else NEVER,
        )

    def service(self, request: Request) -> Steps:
        """Once without it and once with it: counted as a request."""
        self.work(request, "outside", self.settings["work"])
        while True:
            yield self.guard.acquire, None
            if self.guard.holder is request.flow:
                break  # else it has halted, and was woken because the lock was free
        self.spend(request, "take_lock")
        self.work(request, "hold", self.settings["hold"])
        yield self.guard.release, None

    def sweep(self, now: int) -> None:
        super().sweep(now)
        self.guard.sweep(now)
