"""One run in progress: its clock, its draws, its record, and the cores that have something to decide.

The clock is SimPy's: `Simulation.at` puts a call into its queue. Everything that happens in the model is such
a call; between two calls nothing moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import simpy

from .trace import NONE, Recorder, What

if TYPE_CHECKING:
    from .cpu import Core, Thread

MASK = 0xFFFF_FFFF
STEP, ODD = 1_664_525, 1_013_904_223  # Numerical Recipes' 32-bit generator
# How many quantiles a timing's table has: primes, so that two ops whose tables differ in length meet in every
# combination of their times, and a run repeats itself only after the product of all lengths.
LENGTHS = (
    887,
    907,
    911,
    919,
    929,
    937,
    941,
    947,
    953,
    967,
    971,
    977,
    983,
    991,
    997,
    1009,
    1013,
    1019,
    1021,
    1031,
)


def mix(*parts: int | str) -> int:
    """A 32-bit number that depends on every part: FNV-1a over the text, then murmur's finisher. No float, no
    state."""
    value = 0x811C_9DC5
    for byte in "\x1f".join(map(str, parts)).encode():
        value = ((value ^ byte) * 0x0100_0193) & MASK
    value = ((value ^ value >> 16) * 0x85EB_CA6B) & MASK
    value = ((value ^ value >> 13) * 0xC2B2_AE35) & MASK
    return value ^ value >> 16


def shuffled(values: Sequence[int], key: int) -> tuple[int, ...]:
    """The values in an order that only `key` decides, behind an unused first element (see `Op.at`)."""
    order, state = list(values), key
    for last in range(len(order) - 1, 0, -1):
        state = (state * STEP + ODD) & MASK
        other = (state >> 8) % (last + 1)
        order[last], order[other] = order[other], order[last]
    return (
        0,
        *[value + 0 for value in order],
    )  # new integers, side by side in memory in the order of their use


class Op:
    """One operation of one node: what its spans are about, and its stream of draws.

    The k-th draw is a pure function of (seed, node, op, k): a walk through the timing's shuffled quantiles,
    round and round, from a place that those name. `table` holds them, in nanoseconds, or in `divisor`-ths of
    one for each unit of a quantity; `table[0]` is unused. `at` counts down: that is the cheapest walk that
    Python knows.
    """

    __slots__ = ("at", "divisor", "name", "size", "table", "what")

    def __init__(self, name: str, what: int, start: int, table: tuple[int, ...], divisor: int = 0) -> None:
        self.name, self.what, self.table, self.divisor = name, what, table, divisor
        self.size = len(table) - 1
        self.at = 1 + start % self.size

    def draw_ns(self) -> int:
        self.at = at = self.at - 1 or self.size
        return self.table[at]


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
        self,
        seed: int = 1,
        clock_hz: int = 10**9,
        family: str | None = None,
        spread: bool = True,
        own: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.env = Clock(initial_time=0)
        self.seed, self.clock_hz, self.family, self.spread = seed, clock_hz, family, spread
        self.own = own  # what the machine's profile says of itself (timings.Own)
        self.scaled: Mapping[tuple[str, str], float] = {}  # component, op → a factor, to see what rests on it
        self.record = Recorder()
        self.poked: deque[Core] = (
            deque()
        )  # cores that must look again, in order; never run inside their waker's call
        self.crew: list[Thread] = []  # every thread there is
        self.ops: list[tuple[int, str, str]] = []  # node, component, op
        self.timings: list[dict[str, Any]] = []  # as the trace's header shows them
        self.threads: list[tuple[str, int]] = []  # id, node
        self.request_kinds: list[str] = []
        self.kinds: dict[str, int] = {}
        self.texts: list[tuple[str, str, dict[str, Any]]] = []
        self.series: list[dict[str, Any]] = []
        self.durable: set[tuple[int, int]] = set()  # which workload's writes are on a medium
        self.alike: dict[int, str] = {}  # by its node, a program whose memory holds what others' does, too
        self._known: dict[Any, int] = {}
        self.kill: Callable[[int], None] = lambda node: None  # ends what stands at a node; the run says how

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

    # ----------------------------------------------------------------------- what the record's numbers mean

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
