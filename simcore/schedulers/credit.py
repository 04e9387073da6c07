"""Xen's schedulers: credits are spent by running, and handed out by weight. Two of them.

*Credit* (the default until 2019): every 30 ms the CPU time of that period is divided by weight among the
virtual CPUs that want any. Who has credit left is *under*, who has overspent is *over* and runs only when no
other wants to; among equals in turn, 30 ms each. Who wakes up while under is *boosted* above both, until the
next tick (10 ms) finds it running: so a virtual CPU that waits for a disk gets in at once, and one that
computes does not gain by a short nap.

*Credit2* (since Xen 4.12): the one with most credit runs, until another has more. Credit burns the faster the
lighter it is; when the one that would run next has none left, all get new credit. There is no boost: who
sleeps keeps its credit and so comes first when it wakes up.

Both let whoever runs go on for a millisecond before another takes its CPU (the rate limit), which spares
switches and costs latency. Source: xen/common/sched/credit.c and credit2.c. Left out: caps, pinning,
hyperthreads and memory nodes, one queue a CPU or a socket and the balancing between them (see `base`).

Of a thread, `lag` is its credit in ns; `deadline` is its priority under Credit, under Credit2 how many of the
resets it has had.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from simcore.cpu import DEAD, Cpu, Thread
from simcore.simulation import Simulation
from simcore.trace import NONE

from .base import Scheduler

BOOST, UNDER, OVER = range(3)


class Limited(Scheduler):
    """Who has just got a CPU may keep it for a while, whoever wakes up."""

    def __init__(
        self, sim: Simulation, cpus: Sequence[Cpu], slice_ns: int, ratelimit_ns: int, node: int = NONE
    ) -> None:
        self.ratelimit_ns = ratelimit_ns
        super().__init__(sim, cpus, slice_ns, node)

    def preempts(self, woken: Thread, current: Thread) -> bool:
        cpu = current.cpu
        if not self.outranks(woken, current):
            return False
        until = cpu.began + self.ratelimit_ns
        if self.sim.now < until:
            cpu.slice_end = min(cpu.slice_end, until)
            cpu.poke()
            return False
        return True

    def outranks(self, woken: Thread, current: Thread) -> bool:
        raise NotImplementedError


class Credit(Limited):
    def __init__(
        self,
        sim: Simulation,
        cpus: Sequence[Cpu],
        slice_ns: int,
        ratelimit_ns: int,
        tick_ns: int,
        node: int = NONE,
    ) -> None:
        self.queues: tuple[deque[Thread], ...] = (deque(), deque(), deque())
        self.active: dict[Thread, None] = {}  # those that have run of late: they share what is handed out
        self.periods = self.balance = 0
        super().__init__(sim, cpus, slice_ns, ratelimit_ns, node)
        self.tick_ns = tick_ns

    def put(self, thread: Thread, now: int) -> None:
        self._account(now)
        self.queues[thread.deadline].append(thread)
        self.waiting += 1

    def take(self) -> Thread | None:
        self._account(self.sim.now)
        self.waiting -= 1
        return next(queue for queue in self.queues if queue).popleft()

    def outranks(self, woken: Thread, current: Thread) -> bool:
        self._tick(current, self.sim.now - current.cpu.since)
        return woken.deadline < current.deadline

    def charge(self, thread: Thread, ran_ns: int) -> None:
        thread.ran_ns += ran_ns
        thread.lag -= ran_ns
        self.active[thread] = None
        self._tick(thread, ran_ns)

    def arrive(self, thread: Thread) -> None:
        self._account(self.sim.now)
        if thread.deadline == UNDER:
            thread.deadline = BOOST

    def _tick(self, thread: Thread, ran_ns: int) -> None:
        """A tick that finds it running takes the boost away."""
        now = self.sim.now
        if thread.deadline == BOOST and now // self.tick_ns > (now - ran_ns) // self.tick_ns:
            thread.deadline = UNDER

    def _account(self, now: int) -> None:
        """Hand out credit for the periods that have ended since it was last looked at."""
        due = now // self.slice_ns - self.periods
        if not due:
            return
        self.periods += due
        for cpu in self.cpus:
            if cpu.current is not None:
                self.account(cpu, cpu.current, now)
        while due and self.active:
            due -= 1
            self._hand_out()
        queued = [thread for queue in self.queues for thread in queue]
        for queue in self.queues:
            queue.clear()
        for thread in queued:
            self.queues[thread.deadline].append(thread)

    def _hand_out(self) -> None:
        """What those have together that ran of late is brought back to nought; nobody is given more than it
        can run in a period."""
        whole, debt = self.slice_ns, max(0, -self.balance)
        active = [thread for thread in self.active if thread.state != DEAD]
        active.sort(key=lambda thread: -thread.weight)
        weights = left = sum(thread.weight for thread in active)
        total = whole * len(self.cpus) + debt
        self.active.clear()
        self.balance = 0
        for thread in active:
            left -= thread.weight
            share, most = total * thread.weight // weights, whole + debt * thread.weight // weights
            if share > most:
                if left:  # the others have the rest
                    total += (share - most) * weights // left
                share = most
            thread.lag = max(-whole, thread.lag + share)
            thread.deadline = UNDER if thread.lag >= 0 else OVER
            if thread.lag > whole:  # it does not use what it gets: it is left out until it runs again
                thread.lag >>= 1
            else:
                self.active[thread] = None
            self.balance += thread.lag


class Credit2(Limited):
    def __init__(
        self,
        sim: Simulation,
        cpus: Sequence[Cpu],
        credit_ns: int,
        ratelimit_ns: int,
        shortest_ns: int,
        node: int = NONE,
    ) -> None:
        self.queue: list[tuple[int, int, Thread]] = []  # most credit first
        self.shortest_ns = shortest_ns
        self.resets = 1
        self.heaviest = 1
        self.order = 0
        super().__init__(sim, cpus, credit_ns, ratelimit_ns, node)

    def put(self, thread: Thread, now: int) -> None:
        self.order += 1
        heappush(self.queue, (-self._credit(thread), self.order, thread))
        self.waiting += 1

    def take(self) -> Thread | None:
        if self.queue[0][0] >= 0:
            self._reset(-self.queue[0][0])
        self.waiting -= 1
        return heappop(self.queue)[2]

    def slice_for(self, thread: Thread) -> int:
        """Until its credit is down to that of whoever would be next."""
        next_one = max(0, -self.queue[0][0]) if self.queue else 0
        least = max(self.shortest_ns, self.ratelimit_ns)
        return max(
            least, min(self.slice_ns, (self._credit(thread) - next_one) * thread.weight // self.heaviest)
        )

    def outranks(self, woken: Thread, current: Thread) -> bool:
        return woken.lag > self._left(current)

    def charge(self, thread: Thread, ran_ns: int) -> None:
        thread.ran_ns += ran_ns
        thread.lag = self._credit(thread) - self._burnt(thread, ran_ns)

    def arrive(self, thread: Thread) -> None:
        """It looks for the CPU of whoever has least credit."""
        self.heaviest = max(self.heaviest, thread.weight)
        self._credit(thread)
        if not self.idle:
            running = [cpu for cpu in self.cpus if cpu.current is not None]
            thread.cpu = min(running, key=self._left_on, default=thread.cpu)

    def _left_on(self, cpu: Cpu) -> int:
        assert cpu.current is not None
        return self._left(cpu.current)

    def _left(self, current: Thread) -> int:
        """The credit of one that runs, now."""
        return self._credit(current) - self._burnt(current, self.sim.now - current.cpu.since)

    def _burnt(self, thread: Thread, ran_ns: int) -> int:
        return ran_ns * self.heaviest // thread.weight

    def _credit(self, thread: Thread) -> int:
        """With what it was given in the resets that it has not seen; only a little can be saved up."""
        missed, thread.deadline = self.resets - thread.deadline, self.resets
        if missed:
            thread.lag = min(thread.lag + missed * self.slice_ns, self.slice_ns + self.shortest_ns)
        return thread.lag

    def _reset(self, most: int) -> None:
        """New credit for all, as often as it takes for the first of them to have some."""
        self.resets += 1 + -most // self.slice_ns
        self.queue = [(-self._credit(thread), order, thread) for _, order, thread in self.queue]
        heapify(self.queue)
