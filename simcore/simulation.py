"""One run in progress: its clock, its draws, its record, and the cores that have something to decide.

The clock is SimPy's: `Simulation.at` puts a call into its queue. Everything that happens in the model is such a call;
between two calls nothing moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import simpy

from .trace import NONE, Recorder, What

if TYPE_CHECKING:
    from .cpu import Core

MASK = 0xFFFF_FFFF
STEP, ODD = 1_664_525, 1_013_904_223  # Numerical Recipes' 32-bit generator
TABLE_BITS = 10
CYCLE_BITS = 15
DRAW_SHIFT = CYCLE_BITS - TABLE_BITS  # a state's upper bits choose one of 1,024 quantiles


def mix(*parts: int | str) -> int:
    """A 32-bit number that depends on every part: FNV-1a over the text, then murmur's finisher. No float, no state."""
    value = 0x811C_9DC5
    for byte in "\x1f".join(map(str, parts)).encode():
        value = ((value ^ byte) * 0x0100_0193) & MASK
    value = ((value ^ value >> 16) * 0x85EB_CA6B) & MASK
    value = ((value ^ value >> 13) * 0xC2B2_AE35) & MASK
    return value ^ value >> 16


def _cycle() -> list[int]:
    """A random walk over all states that visits each once (Sattolo's shuffle): the state after each state."""
    after, state = list(range(1 << CYCLE_BITS)), 1
    for last in range(len(after) - 1, 0, -1):
        state = (state * STEP + ODD) & MASK
        other = (state >> 8) % last
        after[last], after[other] = after[other], after[last]
    return after


AFTER = _cycle()


class Op:
    """One operation of one node: what its spans are about, and its stream of draws.

    The k-th draw is a pure function of (seed, node, op, k): `state` walks a fixed cycle from a start that those name.
    `table` holds 1,024 integer quantiles in nanoseconds, or in `divisor`-ths of one for each unit of a quantity.
    """

    __slots__ = ("divisor", "name", "state", "table", "what")

    def __init__(self, name: str, what: int, state: int, table: tuple[int, ...], divisor: int = 0) -> None:
        self.name, self.what, self.table, self.divisor = name, what, table, divisor
        self.state = state >> 32 - CYCLE_BITS

    def draw_ns(self) -> int:
        self.state = state = AFTER[self.state]
        return self.table[state >> DRAW_SHIFT]


class Alarm(simpy.Event):
    """A SimPy event that can be scheduled again and again; it calls `ring` each time."""

    def __init__(self, env: simpy.Environment, ring: Callable[[Any], None]) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        self.callbacks = self.calls = [ring]

    def again(self) -> None:
        """Make it ready to be scheduled once more: SimPy takes an event's callbacks away when it happens."""
        self.callbacks = self.calls


class Clock(simpy.Environment):
    """SimPy's environment; here time is integer nanoseconds."""

    _now: int


class Simulation:
    """Clock, draws and record of one run."""

    def __init__(
        self, seed: int = 1, clock_hz: int = 10**9, family: str | None = None, spread: bool = True
    ) -> None:
        self.env = Clock(initial_time=0)
        self.seed, self.clock_hz, self.family, self.spread = seed, clock_hz, family, spread
        self.record = Recorder()
        self.poked: deque[Core] = (
            deque()
        )  # cores that must look again, in order; never run inside their waker's call
        self.ops: list[tuple[int, str, str]] = []  # node, component, op
        self.timings: list[dict[str, Any]] = []  # as the trace's header shows them
        self.threads: list[tuple[str, int]] = []  # id, node
        self.request_kinds: list[str] = []
        self.kinds: dict[str, int] = {}
        self.texts: list[tuple[str, str, dict[str, Any]]] = []
        self.series: list[dict[str, Any]] = []
        self._known: dict[Any, int] = {}

    @property
    def now(self) -> int:
        return int(self.env.now)

    def at(self, delay_ns: int, call: Callable[[], None]) -> Alarm:
        """Have `call` called in `delay_ns`, and the poked cores run after it."""
        alarm = Alarm(self.env, lambda _: self.do(call))
        self.env.schedule(alarm, delay=delay_ns)
        return alarm

    def do(self, call: Callable[[], None]) -> None:
        call()
        self.drain()

    def drain(self) -> None:
        """Let the cores run that were poked meanwhile."""
        poked = self.poked
        while poked:
            core = poked.popleft()
            if core.poked:
                core.run(True)

    # ------------------------------------------------------------------------------ what the record's numbers mean

    def _index(self, table: list[Any], key: Any, entry: Any) -> int:
        known = self._known.get((id(table), key))
        if known is None:
            known = self._known[id(table), key] = len(table)
            table.append(entry)
        return known

    def op_id(self, node: int, component: str, op: str) -> int:
        return self._index(self.ops, (node, component, op), (node, component, op))

    def thread_id(self, name: str, node: int) -> int:
        self.threads.append((name, node))
        return len(self.threads) - 1

    def timing_id(self, entry: dict[str, Any]) -> int:
        return self._index(self.timings, (entry["is"], entry["op"]), entry)

    def kind_id(self, kind: str) -> int:
        known = self.kinds.get(kind)
        if known is None:
            known = self.kinds[kind] = len(self.request_kinds)
            self.request_kinds.append(kind)
        return known

    def text_id(self, component: str, text: str, params: dict[str, Any]) -> int:
        key = (component, text, tuple(sorted(params.items())))
        return self._index(self.texts, key, (component, text, params))

    def series_id(self, key: str, entry: dict[str, Any]) -> int:
        return self._index(self.series, key, entry)

    def what(
        self, node: int, component: str, op: str, kind: int, timing: int = NONE, marks: int = NONE
    ) -> int:
        entry = What(node, self.op_id(node, component, op), kind, timing, marks)
        return self._index(self.record.whats, entry, entry)
