"""Proportional shares with reservations and limits: VMware ESXi.

Each virtual machine is a client with shares, a reservation and a limit. Of the CPUs it is entitled to a part
by its shares among those that want to run, but to no less than is reserved for it and to no more than its
limit, or than its virtual CPUs can use; what a client leaves is divided among the others. Who has had least
in proportion to its entitlement runs next. A limit holds even when CPUs idle; it is a quota a period (see
`Group`). Source: "The CPU Scheduler in VMware vSphere 5.1". Left out: keeping the virtual CPUs of one machine
in step (relaxed co-scheduling), caches, memory nodes and hyperthreads.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from simcore.cpu import NEVER, Cpu, Thread
from simcore.simulation import Simulation
from simcore.trace import NONE

from .base import Group, Scheduler

WHOLE = 1_000_000
"""One CPU, in the millionths in which entitlements are counted."""


class Client(Group):
    """Threads with one claim: the virtual CPUs of a virtual machine."""

    def __init__(self, sim: Simulation, shares: int, period_ns: int, chunk_ns: int) -> None:
        super().__init__(sim, period_ns, chunk_ns, 0)
        self.shares, self.reserved = shares, 0
        self.runnable = 0
        self.entitled = WHOLE
        self.used = 0  # CPU time by entitlement: with half a CPU of entitlement, twice the time

    def most(self) -> int:
        """What it can use."""
        limit = WHOLE * self.runnable
        return limit if self.quota_ns == NEVER else min(limit, WHOLE * self.quota_ns // self.period_ns)


class Shares(Scheduler):
    def __init__(
        self,
        sim: Simulation,
        cpus: Sequence[Cpu],
        slice_ns: int,
        period_ns: int,
        chunk_ns: int,
        node: int = NONE,
    ) -> None:
        """Limits hold for each period; a chunk is what a thread takes of its limit at once."""
        self.period_ns, self.chunk_ns = period_ns, chunk_ns
        self.queue: list[tuple[int, int, Thread]] = []
        self.clients: dict[Client, None] = {}  # that have a thread which wants to run, in the order they came
        self.own: dict[Thread, Client] = {}  # of threads that belong to no client, by their weights
        self.stale = False
        self.least = self.order = 0
        super().__init__(sim, cpus, slice_ns, node)

    def client(self, shares: int) -> Client:
        return Client(self.sim, shares, self.period_ns, self.chunk_ns)

    def put(self, thread: Thread, now: int) -> None:
        self.order += 1
        heappush(self.queue, (self._claim(thread).used, self.order, thread))
        self.waiting += 1

    def take(self) -> Thread | None:
        while True:
            used, order, thread = heappop(self.queue)
            now_used = self._claim(thread).used
            if now_used <= used:
                break
            heappush(self.queue, (now_used, order, thread))  # its client has had more since
        self.least = max(self.least, used)
        self.waiting -= 1
        return thread

    def preempts(self, woken: Thread, current: Thread) -> bool:
        ours, theirs = self._claim(woken), self._claim(current)
        running = self.sim.now - current.cpu.since
        return ours is not theirs and ours.used < theirs.used + self._cost(theirs, running)

    def charge(self, thread: Thread, ran_ns: int) -> None:
        thread.ran_ns += ran_ns
        owner = self._claim(thread)
        owner.used += self._cost(owner, ran_ns)

    def arrive(self, thread: Thread) -> None:
        owner = self._claim(thread)
        if not owner.runnable:
            owner.used = max(owner.used, self.least)  # who has slept has saved nothing up
            self.clients[owner] = None
        owner.runnable += 1
        self.stale = True

    def sleep(self, thread: Thread) -> None:
        owner = self._claim(thread)
        owner.runnable -= 1
        if not owner.runnable:
            del self.clients[owner]
        self.stale = True

    def _claim(self, thread: Thread) -> Client:
        group = thread.group
        if isinstance(group, Client):
            return group
        if thread not in self.own:
            self.own[thread] = self.client(thread.weight)
        return self.own[thread]

    def _cost(self, owner: Client, ran_ns: int) -> int:
        if self.stale:
            self.divide()
        return ran_ns * WHOLE // owner.entitled

    def divide(self) -> None:
        """By shares; then whoever got less than is reserved, or more than it can use, is given that, and the
        others divide the rest."""
        self.stale = False
        left, others = WHOLE * len(self.cpus), list(self.clients)
        while others:
            shares = sum(one.shares for one in others)
            parts = [(one, left * one.shares // shares) for one in others]
            for one, part in parts:
                one.entitled = max(1, min(max(part, one.reserved), one.most()))
            short = sum(max(0, one.entitled - part) for one, part in parts)
            over = sum(max(0, part - one.entitled) for one, part in parts)
            if short >= over:
                fixed = [one for one, part in parts if one.entitled > part]
            else:
                fixed = [one for one, part in parts if one.entitled < part]
            if not fixed:
                return
            left = max(0, left - sum(one.entitled for one in fixed))
            others = [one for one in others if one not in fixed]
