"""Two hardware threads of one core (SMT, "hyper-threading"): to software they are two CPUs.

Each has registers of its own, but they share what executes. While both run, each gets on more slowly than
alone, and together somewhat faster: two numbers a CPU, how fast alone and how fast beside the other. What a
thread loses so is a gap in what it does, whose cause is the sibling; its time slice and its quota go by the
clock on the wall and lose nothing.

While both are busy the time that has passed is divided, at every moment at which either core has something to
decide, into what was worked and what was lost. Of a burst of several operations all that it loses stands in
one of them. Left out: that the loss depends on what the two do, and that a CPU which polls or spins politely
(PAUSE) slows its sibling less than others; polling for work counts as idle here.
"""

from __future__ import annotations

from .cpu import Core
from .simulation import Simulation
from .trace import NONE

PARTS = 1000


class HardwareThread(Core):
    """One of a core's two."""

    __slots__ = ("busy", "rate", "rest", "slow_since", "slow_what", "twin")

    twin: HardwareThread  # the other

    def __init__(self, sim: Simulation, index: int, rate: float, slow_what: int) -> None:
        super().__init__(sim, index)
        self.rate, self.slow_what = round(rate * PARTS), slow_what
        self.busy = False
        self.rest = 0  # what has been worked beyond whole nanoseconds, in PARTS of one
        self.slow_since = NONE  # beside a busy sibling; up to then it is divided

    def run(self, walk: bool) -> None:
        now: int = self.sim.env._now
        self.divide(now)
        self.slow_since = now if self.twin.busy else NONE
        super().run(walk)
        busy = self.leaf is not None
        if busy != self.busy:
            self.busy = busy
            if not self.twin.poked:
                self.twin.poked = True
                self.sim.poked.append(self.twin)

    def divide(self, now: int) -> None:
        """Of the time beside a busy sibling only a part was worked."""
        since, leaf = self.slow_since, self.leaf
        if since < 0 or since == now:
            return
        self.slow_since = now
        if leaf is not None and leaf.busy:
            worked, self.rest = divmod((now - since) * self.rate + self.rest, PARTS)
            lost = now - since - worked
            if lost:
                leaf.clock += lost
                leaf.gaps.append((since + worked // 2, lost, self.slow_what))

    def arm(self, at: int) -> None:
        """The debt takes longer beside a busy sibling; slices and quotas end when they end."""
        leaf = self.leaf
        if self.slow_since >= 0 and leaf is not None and leaf.busy:
            now: int = self.sim.env._now
            at = min(self.deadline, now - (self.rest - (leaf.clock - now) * PARTS) // self.rate)
        super().arm(at)


def pair(one: HardwareThread, other: HardwareThread) -> None:
    one.twin, other.twin = other, one
    one.sibling, other.sibling = other, one
