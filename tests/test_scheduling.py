"""Nested schedulers with owed time: the engine's invariants (docs/decisions/0003-cpu-time-is-owed.md)."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simcore.cpu import (
    BLOCKED,
    DEAD,
    GUEST,
    POLLING,
    RUNNING,
    SETTLE,
    Core,
    Cpu,
    Flow,
    Steps,
    Thread,
    kill,
)
from simcore.schedulers.base import Group, Scheduler
from simcore.schedulers.cores import CoreScheduler
from simcore.schedulers.credit import Credit
from simcore.schedulers.priority import Priority
from simcore.schedulers.round_robin import RoundRobin
from simcore.trace import CPU, END, PARENT, SERVE, START, THREAD, WHAT
from simcore.waiting import Lock, Station
from tests.toy import (
    MS,
    UNIT,
    US,
    Make,
    World,
    by_core,
    by_priority,
    cfs,
    credit,
    credit2,
    fair,
    round_robin,
    shares,
)

UNTIL = 3 * MS
MORE = int(os.environ.get("STRATA_EXAMPLES", "0"))  # so many, and new ones each time, instead of the same 300
Interval = tuple[int, int]
Policy = Callable[[], Make]

random_machines = settings(
    max_examples=MORE or 300,
    deadline=None,
    derandomize=not MORE,
    database=None,
    suppress_health_check=list(HealthCheck),
)


# ------------------------------------------------------------------------------------- random machines

Step = tuple[object, ...]


@dataclass(frozen=True)
class Level:
    """A scheduler: the machine's own (`host` -1), or a guest's on some scheduler before it."""

    host: int
    cpus: int
    policy: str
    slice_ns: int
    toll: int
    weight: int
    quota: tuple[int, int] | None  # of its vCPUs together: quota, period
    poll_ns: int


@dataclass(frozen=True)
class Worker:
    level: int
    weight: int
    quota: tuple[int, int] | None
    flows: tuple[tuple[int, tuple[Step, ...]], ...]  # how often, what


@dataclass(frozen=True)
class Machine:
    levels: tuple[Level, ...]
    workers: tuple[Worker, ...]
    kills: tuple[tuple[int, str, int], ...]  # when, a worker or a guest, which
    pinned: bool = False  # are workers, two by two, pinned to one CPU
    rate: float = 0  # of a hardware thread beside its busy sibling, if cores have two


MAKE: dict[str, Callable[[int], Make]] = {
    "by_core": by_core,
    "cfs": cfs,
    "by_priority": by_priority,
    "credit": lambda slice_ns: credit(slice_ns, slice_ns // 30),
    "credit2": lambda slice_ns: credit2(slice_ns, slice_ns // 10),
    "fair": fair,
    "round_robin": round_robin,
    "shares": shares,
}


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | strategy


LENGTHS = st.sampled_from([1, 2, 7, 100, 900, 900, 3_000, 3_000, 20_000, 100_000]) | st.integers(1, 300_000)
SHORT = st.sampled_from([1, 500, 4_000, 40_000])
QUOTAS = st.sampled_from([(20 * US, 100 * US), (300 * US, MS), (1 * US, 50 * US), (150 * US, 100 * US)])
WEIGHTS = st.sampled_from([512, 1024, 1024, 3072])
INDEX = st.integers(0, 11)
RATES = st.sampled_from([0, 0, 0.62, 0.5, 0.999])
LEAVING = st.sampled_from([0, 0, 1, 400, 30_000])
STEPS = st.one_of(
    st.tuples(st.just("cpu"), LENGTHS),
    st.tuples(st.just("cpu"), SHORT),
    st.tuples(st.just("settle")),
    st.tuples(st.just("pause"), LENGTHS),
    st.tuples(st.just("hop"), INDEX, LEAVING),
    st.tuples(st.just("disk"), SHORT, INDEX, SHORT, INDEX, LEAVING),
    st.tuples(st.just("interrupt"), INDEX, SHORT, INDEX, LEAVING),
    st.tuples(st.just("lock"), SHORT),
    st.tuples(st.just("spinlock"), SHORT),
    st.tuples(st.just("open")),
    st.tuples(st.just("close")),
    st.tuples(st.just("gate"), LENGTHS),
)
FLOWS = st.lists(
    st.tuples(st.sampled_from([1, 1_000, 1_000]), st.lists(STEPS, min_size=2, max_size=7).map(tuple)),
    max_size=3,
).map(tuple)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    levels: list[Level] = []
    for number in range(draw(st.integers(1, 5))):
        host = draw(st.integers(max(0, number - 2), number - 1)) if number else -1
        depth, at = 1, host
        while at >= 0:
            depth, at = depth + 1, levels[at].host
        if depth > 4:
            break
        levels.append(
            Level(
                host,
                draw(st.integers(1, 3 if number == 0 else 2)),
                draw(st.sampled_from(sorted(MAKE))),
                draw(st.sampled_from([100 * US, 3 * MS])),
                draw(st.sampled_from([0, 0, 50, 1_500])),
                draw(WEIGHTS),
                draw(maybe(QUOTAS)) if number else None,
                draw(st.sampled_from([0, 0, 5 * US, 200 * US])),
            )
        )
    worker = st.builds(
        Worker, st.integers(0, len(levels) - 1), WEIGHTS, st.none() | st.none() | QUOTAS, FLOWS
    )
    workers = draw(st.lists(worker, min_size=3, max_size=8))
    kill = st.tuples(st.integers(1, UNTIL - 1), st.sampled_from(["worker", "guest"]), INDEX)
    kills = draw(st.just([]) | st.lists(kill, min_size=1, max_size=3))
    return Machine(tuple(levels), tuple(workers), tuple(kills), draw(st.booleans()), draw(RATES))


class Run:
    """A random machine at work, watched after every event."""

    def __init__(self, machine: Machine, until: int = UNTIL, watch: bool = True) -> None:
        self.machine, self.world, self.until = machine, World(), until
        world = self.world
        self.scheds: list[Scheduler] = []
        self.hosts = [level.host for level in machine.levels]
        for level in machine.levels:
            make = MAKE[level.policy](level.slice_ns)
            if level.host < 0:
                self.scheds.append(world.top(make, level.cpus, level.toll, machine.rate))
                continue
            group = level.quota and world.group(*level.quota, chunk_ns=30 * US, phase_ns=7 * US)
            host = self.scheds[level.host]
            guest = world.guest(host, make, level.cpus, level.toll, level.weight, group, level.poll_ns)
            self.scheds.append(guest)
        self.threads: list[Thread] = []
        for worker in machine.workers:
            group = worker.quota and world.group(*worker.quota, chunk_ns=30 * US, phase_ns=11 * US)
            self.threads.append(world.thread(self.scheds[worker.level], worker.weight, group))
        for one, other in zip(self.threads[::2], self.threads[1::2], strict=False):
            if machine.pinned and one.sched is other.sched:
                one.mate, other.mate = other, one
        self.cpus: list[Cpu] = [cpu for sched in self.scheds for cpu in sched.cpus]
        self.cores = [cpu for cpu in self.scheds[0].cpus if isinstance(cpu, Core)]
        self.station: Station = world.station(self.scheds[0], 2)
        self.lock: Lock = world.lock()
        self.spinlocks = [world.spinlock(30 * US) for _ in self.scheds]  # a kernel's own
        self.flows: list[Flow] = []
        self.finished: dict[int, int] = {}  # root span -> when
        self.leaves: dict[int, list[Interval]] = defaultdict(list)  # thread -> when it was a core's leaf
        self.polls: dict[int, list[Interval]] = defaultdict(list)
        self.on: dict[int, tuple[Thread, bool, int]] = {}  # core -> its leaf, whether that polls, since when
        self.dead: set[int] = set()
        self.now = 0
        for worker, thread in zip(machine.workers, self.threads, strict=True):
            for times, steps in worker.flows:
                self.flows.append(world.flow(thread, lambda flow, t=times, s=steps: self.walk(flow, t, s)))
        for at, what, index in machine.kills:
            world.sim.at(at, lambda w=what, i=index: self.kill(w, i))
        world.run(until, self.check if watch else None)
        for core in list(self.on):
            self.off(core, until)
        self.rows = world.rows()

    # ---- what the flows do

    def walk(self, flow: Flow, times: int, steps: tuple[Step, ...]) -> Steps:
        root = flow.span
        for _ in range(times):
            yield from self.layer(flow, iter(steps))
            self.world.spend(flow, 211)  # no loop without CPU time
            yield SETTLE
        self.finished[root] = flow.thread.clock

    def layer(self, flow: Flow, steps: Iterator[Step]) -> Steps:
        world = self.world
        for step in steps:
            match step:
                case ("cpu", length):
                    world.spend(flow, length)
                case ("settle",):
                    yield SETTLE
                case ("pause", length):
                    yield from world.pause(length)
                case ("hop", index, leaving):
                    yield from world.hop(self.threads[index % len(self.threads)], leaving)
                case ("disk", length, cpu, irq, index, leaving):
                    yield from world.disk(self.station, length)
                    yield from self.interrupt(flow, cpu, irq, index, leaving)
                case ("interrupt", cpu, irq, index, leaving):
                    yield from self.interrupt(flow, cpu, irq, index, leaving)
                case ("lock", length):
                    yield (self.lock.acquire, None)
                    world.spend(flow, length)
                    yield (self.lock.release, None)
                case ("spinlock", length):
                    lock = self.spinlocks[self.scheds.index(flow.thread.sched)]
                    while lock.holder is not flow:
                        yield (lock.acquire, None)
                    world.spend(flow, length)
                    yield (lock.release, None)
                case ("gate", length):
                    gate, thread = world.gate(), flow.thread
                    world.sim.at(length, lambda g=gate, t=thread: g.open(world.sim.now, t))
                    yield (gate.pass_through, None)
                case ("open",):
                    yield from world.serve(flow, self.layer(flow, steps))
                case ("close",):
                    return

    def interrupt(self, flow: Flow, cpu: int, irq: int, index: int, leaving: int) -> Steps:
        """Across levels: to any CPU of any scheduler, and on to any thread."""
        yield from self.world.interrupt(self.cpus[cpu % len(self.cpus)])
        self.world.spend(flow, irq)
        yield from self.world.hop(self.threads[index % len(self.threads)], leaving)

    def kill(self, what: str, index: int) -> None:
        """A process ends, or a guest with all in it."""
        now = self.world.sim.now
        if what == "worker" or len(self.scheds) == 1:
            ended = [self.threads[index % len(self.threads)]]
        else:
            level = 1 + index % (len(self.scheds) - 1)
            levels = {level}
            for number, host in enumerate(self.hosts):
                if host in levels:
                    levels.add(number)
            inside = {self.scheds[number] for number in levels}
            ended = [t for t in self.world.threads if t.sched in inside and t is not t.cpu.irq]
            ended += self.world.carriers[level]
        kill(ended, now)
        for lock in (self.lock, *self.spinlocks):
            lock.sweep(now)
        self.dead = {thread.id for thread in self.world.threads if thread.state == DEAD}

    # ---- what is looked at after each event

    def check(self) -> None:
        now = self.world.sim.now
        assert now >= self.now, "time goes back"
        self.now = now
        assert not self.world.sim.poked, "a poked core has not looked"
        assert self.world.events < 100_000, "livelock"
        for core in self.cores:
            core.divide(now)
            leaf, polls = self.leaf(core, now)
            was = self.on.get(core.index)
            if was is not None and (leaf is not was[0] or polls != was[1]):
                self.off(core.index, now)
                was = None
            if was is None and leaf is not None:
                self.on[core.index] = leaf, polls, now
        for sched in self.scheds:
            self.check_work(sched)

    def leaf(self, core: Core, now: int) -> tuple[Thread | None, bool]:
        """Who uses this core's time, by the pointers alone."""
        cpu: Cpu = core
        while True:
            if cpu.irq_since >= 0:
                return cpu.irq, False
            thread = cpu.current
            if thread is None:
                assert cpu is core, f"carrier of an idle CPU {cpu.index} of {cpu.sched} holds a core"
                return None, False
            assert (thread.state, thread.cpu) == (RUNNING, cpu)
            if thread.inner is None or thread.busy:
                assert thread.clock >= now, f"{thread.name} owes the past"
                return thread, False
            if thread.stage == POLLING:
                if cpu is not core:
                    assert now <= thread.poll_end, "a guest's poll has no end"
                return thread, True
            assert thread.stage == GUEST, (thread.name, thread.stage)
            cpu = thread.inner

    def off(self, core: int, now: int) -> None:
        leaf, polls, since = self.on.pop(core)
        if now > since:
            (self.polls if polls else self.leaves)[leaf.id].append((since, now))

    def check_work(self, sched: Scheduler) -> None:
        """No idle CPU while somebody waits who may run there."""
        resting = []
        for cpu in sched.cpus:
            host = cpu.host
            if host is not None and host.state == DEAD:
                return
            asleep = (
                cpu.current is None
                if host is None
                else host.state == BLOCKED or (host.stage == POLLING and on_a_core(host))
            )
            if asleep and cpu.irq_since < 0:
                assert cpu.handoff is None or cpu.handoff.state == DEAD, (
                    "a handed-over thread is not looked at"
                )
                assert not cpu.irq.flows, "an interrupt is not looked at"
                assert not cpu.tail and not getattr(cpu, "tolls", None), "something is left undone"  # noqa: PT018
                resting.append(cpu)
        if isinstance(sched, CoreScheduler) and sched.threaded:
            return  # a guest may not run beside another
        if resting and sched.waiting:
            if isinstance(sched, Priority):
                queues = list(sched.queues.values())
            else:
                queues = sched.queues if isinstance(sched, Credit) else [sched.queue]
            queue = [e if isinstance(e, Thread) else e[2] for entries in queues for e in entries]
            assert all(thread.state == DEAD for thread in queue), "somebody waits, and a CPU is idle"

    # ---- what came out

    def own(self) -> Iterator[tuple[int, tuple[int, ...], list[Interval]]]:
        """Every leaf span: its number, its row, and its time without what lies inside it."""
        rows, whats = self.rows, self.world.sim.record.whats
        inside: dict[int, list[Interval]] = defaultdict(list)
        for row in rows:
            inside[row[PARENT]].append((row[START], row[END]))
        for number, row in enumerate(rows):
            if whats[row[WHAT]].kind == SERVE:
                continue
            own, at = [], row[START]
            for start, end in sorted(inside[number]):
                assert at <= start, f"children of span {number} overlap"
                own.append((at, start))
                at = end
            own.append((at, row[END]))
            yield number, row, [(start, end) for start, end in own if end > start]


def on_a_core(thread: Thread | None) -> bool:
    while thread is not None:
        if thread.state != RUNNING or thread.cpu.irq_since >= 0:
            return False
        thread = thread.cpu.host
    return True


def joined(intervals: list[Interval]) -> list[Interval]:
    """Sorted, neighbours made one; overlaps are an error."""
    out: list[Interval] = []
    for start, end in sorted(intervals):
        assert not out or out[-1][1] <= start, f"overlap at {start}: {out[-1]}"
        if out and out[-1][1] == start:
            out[-1] = out[-1][0], end
        else:
            out.append((start, end))
    return out


EMPTY_SPANS_AT_A_SLICE_END = Machine(
    (Level(-1, 1, "round_robin", 100 * US, 0, UNIT, None, 0),),
    (
        Worker(
            0,
            UNIT,
            None,
            ((1, (("cpu", 100 * US), ("open",), ("close",), ("open",), ("open",), ("close",), ("cpu", 5))),),
        ),
        Worker(0, UNIT, None, ((1, (("cpu", 300 * US),)),)),
    ),
    (),
)


def interrupted_spinner(*flows: tuple[int, tuple[Step, ...]]) -> Machine:
    """One hardware thread has the lock; the other spins, is interrupted, and again before what that leaves
    to do is done."""
    return Machine(
        (Level(-1, 1, "by_core", 100 * US, 0, 512, None, 0),),
        (
            Worker(0, 512, None, ()),
            Worker(0, 512, None, ()),
            Worker(0, 512, (1_000, 50_000), ((1, (("spinlock", 4_000), ("cpu", 1))),)),
            Worker(0, 512, None, flows),
        ),
        (),
        rate=0.999,
    )


INTERRUPTED_SPINNERS = (
    interrupted_spinner(
        (1_000, (("cpu", 1), ("disk", 1, 0, 500, 0, 400))),
        (1_000, (("pause", 1), ("disk", 1, 1, 40_000, 1, 0))),
        (1, (("cpu", 2), ("cpu", 2), ("pause", 51_253), ("hop", 1, 0), ("spinlock", 1))),
    ),
    interrupted_spinner(
        (1_000, (("cpu", 1), ("disk", 1, 0, 500, 0, 400))),
        (1_000, (("cpu", 1), ("disk", 1, 1, 40_000, 1, 0))),
        (1, (("pause", 50_342), ("hop", 1, 400), ("spinlock", 1))),
    ),
    interrupted_spinner(
        (1_000, (("cpu", 1), ("disk", 1, 0, 1, 0, 30_000))),
        (1_000, (("cpu", 1), ("disk", 1, 1, 40_000, 1, 0))),
        (1, (("pause", 50_342), ("hop", 1, 400), ("spinlock", 1))),
    ),
)


@random_machines
@given(machines())
@example(EMPTY_SPANS_AT_A_SLICE_END)
@example(INTERRUPTED_SPINNERS[0])
@example(INTERRUPTED_SPINNERS[1])
@example(INTERRUPTED_SPINNERS[2])
def test_on_any_machine_the_invariants_hold(machine: Machine) -> None:
    run = Run(machine)
    rows, whats = run.rows, run.world.sim.record.whats
    for row in rows:
        assert 0 <= row[START] <= row[END] <= UNTIL
        if row[PARENT] >= 0:
            over = rows[row[PARENT]]
            assert over[START] <= row[START] <= row[END] <= over[END], "a child outside its parent"

    used: dict[int, list[Interval]] = defaultdict(list)
    polled: dict[int, list[Interval]] = defaultdict(list)
    leaves: dict[int, list[Interval]] = defaultdict(list)  # root span -> its flow's time
    for number, row, own in run.own():
        if whats[row[WHAT]].kind == CPU or row[WHAT] == run.world.slow_what:
            (polled if row[WHAT] == run.world.poll_what else used)[row[THREAD]] += own
        if number in run.world.paid:
            got, asked = sum(end - start for start, end in own), run.world.paid[number]
            cut = row[END] == UNTIL or row[THREAD] in run.dead
            assert got == asked or (cut and got < asked), f"span {number} got {got} of {asked}"
        root = number
        while rows[root][PARENT] >= 0:
            root = rows[root][PARENT]
        leaves[root] += own

    # A thread's CPU spans, with what it lost to a sibling, are the times when it was the leaf of some core.
    for thread in run.world.threads:
        assert joined(used[thread.id]) == joined(run.leaves[thread.id]), thread.name
        at_cores = joined(run.polls[thread.id])
        for start, end in joined(polled[thread.id]):
            _, until = at_cores[bisect_right(at_cores, (start, UNTIL)) - 1]
            assert end <= until, "polls without a CPU"

    # And so no more is used than there is, by the trace alone: on the machine, and by each guest.
    assert most_at_once([i for own in (*used.values(), *polled.values()) for i in own]) <= len(run.cores)
    for level, sched in enumerate(run.scheds):
        inside = {level}
        inside |= {n for n, host in enumerate(run.hosts) if host in inside}
        inside |= {n for n, host in enumerate(run.hosts) if host in inside}
        scheds = {id(run.scheds[n]) for n in inside}
        ids = {thread.id for thread in run.world.threads if id(thread.sched) in scheds}
        assert most_at_once([i for t in ids for i in used[t] + polled[t]]) <= len(sched.cpus)

    # A flow is at every moment of its life in exactly one leaf.
    for root, own in leaves.items():
        if rows[root][WHAT] == run.world.serve_what:
            life = joined(own)
            assert len(life) <= 1, f"flow {root} vanished at {life[0][1]}"
            if root in run.finished:
                assert life == [(rows[root][START], rows[root][END])]


def most_at_once(intervals: list[Interval]) -> int:
    now = most = 0
    for _, change in sorted([(start, 1) for start, _ in intervals] + [(end, -1) for _, end in intervals]):
        now += change
        most = max(most, now)
    return most


@settings(random_machines, max_examples=60)
@given(machines())
def test_the_same_seed_gives_the_same_bytes(machine: Machine) -> None:
    first, second = (Run(machine, watch=False).world.sim.record for _ in range(2))
    assert first.data == second.data
    assert first.wakeups == second.wakeups
    assert first.marks == second.marks


# ---------------------------------------------------------------------------------------------- shares

POLICIES = pytest.mark.parametrize("policy", [by_priority, fair, round_robin, shares])
LONG = 600 * MS


def share(world: World, thread: Thread | list[Thread], of_ns: int = LONG) -> float:
    return world.total(thread) / of_ns


@POLICIES
def test_two_guests_on_one_core_get_half_each_and_see_it_as_the_hosts_queue(policy: Policy) -> None:
    world = World()
    host = world.top(policy())
    hogs = [world.thread(world.guest(host, policy())) for _ in range(2)]
    for hog in hogs:
        world.hog(hog)
    world.run(LONG)
    for hog in hogs:
        assert share(world, hog) == pytest.approx(0.5, abs=0.01)
        assert world.total(hog, host.queue_what) / LONG == pytest.approx(0.5, abs=0.01)
        assert world.total(hog, hog.sched.queue_what) == 0


def test_weights_of_three_to_one_give_three_to_one_at_both_levels() -> None:
    world = World()
    host = world.top(fair())
    guests = [world.guest(host, fair(), weight=weight) for weight in (3072, 1024)]
    hogs = [world.thread(guest, weight) for guest in guests for weight in (3072, 1024)]
    for hog in hogs:
        world.hog(hog)
    world.run(LONG)
    assert [share(world, hog) for hog in hogs] == pytest.approx([9 / 16, 3 / 16, 3 / 16, 1 / 16], abs=0.01)


@pytest.mark.parametrize("slice_ns", [100 * US, 3 * MS])
def test_a_sleeper_gets_its_share_and_no_more(slice_ns: int) -> None:
    """A thread that always sleeps a little between bursts neither starves nor takes the CPU from a hog."""
    world = World()
    host = world.top(fair(slice_ns))
    sleeper, hog = world.thread(host), world.thread(host)

    def naps(flow: Flow) -> Steps:
        while True:
            world.spend(flow, 200 * US)
            yield from world.pause(10 * US)

    world.flow(sleeper, naps)
    world.hog(hog)
    world.run(LONG)
    assert 0.4 < share(world, sleeper) < 0.52


@pytest.mark.parametrize(("work_us", "hogs"), [(200, 1), (1_000, 1), (1_000, 2)])
def test_who_asks_for_less_than_his_share_gets_most_of_it(work_us: int, hogs: int) -> None:
    world = World()
    host = world.top(fair())
    modest = world.thread(host)

    def asks(flow: Flow) -> Steps:
        while True:
            world.spend(flow, work_us * US)
            yield from world.pause(work_us * 1_500)  # two fifths, if it never waited

    world.flow(modest, asks)
    for _ in range(hogs):
        world.hog(world.thread(host))
    world.run(LONG)
    fair_share = min(2 / 5, 1 / (hogs + 1))
    assert 0.9 * fair_share < share(world, modest) < fair_share + 0.01


def test_a_long_sleeper_does_not_hoard() -> None:
    world = World()
    host = world.top(fair())
    late, hog = world.thread(host), world.thread(host)

    def sleeps_first(flow: Flow) -> Steps:
        yield from world.pause(LONG // 2)
        while True:
            world.spend(flow, 70 * US)
            yield SETTLE

    world.flow(late, sleeps_first)
    world.hog(hog)
    world.run(LONG)
    assert share(world, late, LONG // 2) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("level", ["thread", "vcpu", "both"])
@POLICIES
def test_a_quota_of_20_in_100_ms_gives_a_fifth(policy: Policy, level: str) -> None:
    world = World()
    host = world.top(policy())
    outer = world.group(20 * MS, 100 * MS) if level != "thread" else None
    inner = world.group(20 * MS, 100 * MS) if level != "vcpu" else None
    guest = world.guest(host, policy(), group=outer)
    limited, other = world.thread(guest, group=inner), world.thread(guest)
    world.hog(limited)
    if level == "both":
        world.hog(other)
    world.run(LONG)
    assert share(world, [limited, other]) == pytest.approx(0.2, abs=0.005)
    throttled = world.total(limited, (host if level != "thread" else guest).throttle_what) / LONG
    assert throttled == pytest.approx(0.8, abs=0.05) or level == "both"


def test_a_quota_counts_only_the_time_that_a_vcpu_ran() -> None:
    world = World()
    host = world.top(round_robin())
    guest = world.guest(host, round_robin())
    limited = world.thread(guest, group=world.group(20 * MS, 100 * MS))
    for hog in (limited, world.thread(host)):
        world.hog(hog)
    world.run(LONG)
    assert share(world, limited) == pytest.approx(0.2, abs=0.005)


def test_a_quota_holds_for_all_threads_of_its_group_together() -> None:
    world = World()
    host = world.top(fair(), cores=2)
    group = world.group(50 * MS, 100 * MS)
    members, outsider = [world.thread(host, group=group) for _ in range(3)], world.thread(host)
    for thread in (*members, outsider):
        world.hog(thread)
    world.run(LONG)
    assert share(world, members) == pytest.approx(0.5, abs=0.02)
    assert share(world, outsider) == pytest.approx(
        (1 / 3 * 1 / 2 + 2 / 3), abs=0.02
    )  # alone once they are parked


def test_a_lone_thread_renews_its_chunk_without_a_switch() -> None:
    world = World()
    host = world.top(fair(), toll=1_000)
    world.hog(world.thread(host, group=world.group(50 * MS, 100 * MS)))
    world.run(LONG)
    switches = [row for row in world.rows() if row[WHAT] == host.switch_ops[0].what]
    assert len(switches) == 7  # one a period


def test_a_quota_set_in_mid_run_holds_from_then_on_and_one_that_is_lifted_ends() -> None:
    world = World()
    host = world.top(fair())
    group = Group(world.sim, 100 * MS, 5 * MS, 0)
    hog = world.thread(host, group=group)
    world.hog(hog)
    world.sim.at(200 * MS, lambda: group.limit(20 * MS))
    world.sim.at(400 * MS, lambda: group.limit(None))
    world.run(LONG)
    assert world.total(hog) == pytest.approx(440 * MS, abs=5 * MS)


@POLICIES
def test_three_hogs_on_two_cores_get_two_thirds_each(policy: Policy) -> None:
    world = World()
    host = world.top(policy(), cores=2)
    guest = world.guest(host, policy(), cpus=2)
    hogs = [world.thread(guest) for _ in range(3)]
    for hog in hogs:
        world.hog(hog)
    world.run(LONG)
    assert [share(world, hog) for hog in hogs] == pytest.approx([2 / 3] * 3, abs=0.01)


@POLICIES
def test_nesting_multiplies(policy: Policy) -> None:
    world = World()
    sched, hogs = world.top(policy()), []
    for _ in range(4):
        hogs.append(world.thread(sched))
        sched = world.guest(sched, policy())
    hogs.append(world.thread(sched))
    for hog in hogs:
        world.hog(hog)
    world.run(2 * LONG)
    shares = [share(world, hog, 2 * LONG) for hog in hogs]
    assert shares == pytest.approx([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16], abs=0.02)


def test_slice_ends_cost_a_bounded_number_of_events() -> None:
    world = World()
    host = world.top(fair())
    for _ in range(3):
        world.hog(world.thread(world.guest(host, fair())), op_ns=20 * MS)
    world.run(LONG)
    assert world.events < 2 * LONG / (3 * MS) + LONG / (20 * MS)


def test_a_slice_in_a_guest_is_time_that_its_vcpu_ran() -> None:
    world = World()
    host = world.top(round_robin(3 * MS))
    guest = world.guest(host, round_robin(5 * MS))
    hogs = [world.thread(guest) for _ in range(2)]
    for hog in [*hogs, world.thread(host)]:
        world.hog(hog, op_ns=20 * MS)
    world.run(LONG)
    turns = [row for row in world.rows() if row[WHAT] == guest.queue_what]
    assert len(turns) == pytest.approx(LONG / 2 / (5 * MS), abs=2)


# -------------------------------------------------------------------------------- wake-ups, one by one


class Strict(RoundRobin):
    """Who weighs most runs, at once."""

    def take(self) -> Thread | None:
        self.waiting -= 1
        thread = max(self.queue, key=lambda thread: thread.weight)
        self.queue.remove(thread)
        return thread

    def preempts(self, woken: Thread, current: Thread) -> bool:
        return woken.weight > current.weight


@pytest.mark.parametrize("by", ["timer", "interrupt"])
@pytest.mark.parametrize("in_guest", [False, True])
def test_a_woken_thread_that_takes_the_cpu_takes_it_at_once(in_guest: bool, by: str) -> None:
    world = World()
    sched = world.top(lambda sim, cpus: Strict(sim, cpus, 3 * MS))
    if in_guest:
        sched = world.guest(sched, lambda sim, cpus: Strict(sim, cpus, 3 * MS))
    sleeper, station = world.thread(sched, 2048), world.station(sched)

    def steps(flow: Flow) -> Steps:
        while True:
            world.spend(flow, 200 * US)
            if by == "timer":
                yield from world.pause(5 * MS)
            else:
                yield from world.disk(station, 5 * MS)
                yield from world.interrupt(sched.cpus[0])
                yield from world.hop(sleeper)

    for _ in range(2):
        world.hog(world.thread(sched), op_ns=20 * MS)
    world.flow(sleeper, steps)
    world.run(LONG)
    assert world.total(sleeper) > 110 * 200 * US
    assert world.total(sleeper, sched.queue_what) <= 3 * MS  # but for the start, all at once


def test_a_thread_that_was_throttled_owes_the_others_no_more_than_a_slice() -> None:
    world = World()
    host = world.top(fair(), cores=2)
    world.hog(world.thread(host))
    limited, late = world.thread(host, group=world.group(20 * MS, 100 * MS, 20 * MS)), world.thread(host)
    world.hog(limited)

    def begins_late(flow: Flow) -> Steps:
        yield from world.pause(50 * MS)
        while True:
            world.spend(flow, 100 * US)
            yield SETTLE

    world.flow(late, begins_late)
    world.run(110 * MS)
    assert world.total(limited) > 22 * MS


def test_a_vcpu_that_goes_idle_takes_the_thread_of_one_that_waits_for_a_core() -> None:
    world = World()
    host = world.top(round_robin())
    guest = world.guest(host, round_robin(), cpus=2)
    first, second = world.thread(guest), world.thread(guest)

    def wakes(flow: Flow) -> Steps:  # runs on one vCPU, wakes another thread for the other vCPU, and sleeps
        world.spend(flow, 100 * US)
        yield from world.hop(second)
        world.spend(flow, 1 * US)

    world.flow(first, wakes)
    world.hog(world.thread(host))
    world.run(30 * MS)
    waits = [
        row[END] - row[START]
        for row in world.rows()
        if row[THREAD] == second.id and row[WHAT] != world.op_what
    ]
    assert waits == []


def test_a_poll_that_ended_unnoticed_does_not_begin_again_with_an_interrupt() -> None:
    world = World()
    host = world.top(fair())
    guest = world.guest(host, fair(), poll_ns=50 * US)
    station, server = world.station(host), world.thread(host)

    def ends(flow: Flow) -> Steps:  # and then the guest is idle
        world.spend(flow, 10 * US)
        yield SETTLE

    def interrupts(flow: Flow) -> Steps:
        yield from world.disk(station, 1 * MS)
        yield from world.interrupt(host.cpus[0])
        world.spend(flow, 1 * US)

    world.flow(server, interrupts)
    world.flow(world.thread(guest), ends)
    world.run(3 * MS)
    assert world.total(world.carriers[1], world.poll_what) == 50 * US


def ended(world: World, what: int) -> list[Interval]:
    return [(row[START], row[END]) for row in world.rows() if row[WHAT] == what]


@pytest.mark.parametrize("in_guest", [False, True])
@pytest.mark.parametrize("busy", [False, True])
def test_what_a_flow_leaves_behind_is_done_at_once_where_it_left(in_guest: bool, busy: bool) -> None:
    world = World()
    sched = world.top(round_robin(), cores=2)
    if in_guest:
        sched = world.guest(sched, round_robin(), cpus=2)
    station = world.station(sched)
    there, here = world.thread(sched), world.thread(sched)

    def steps(flow: Flow) -> Steps:
        yield from world.disk(station, 1 * MS)
        yield from world.interrupt(sched.cpus[1])
        world.spend(flow, 1 * US)
        yield from world.hop(there, leaving=300)

    world.flow(there, steps)
    if busy:
        world.hog(here)
        world.hog(world.thread(sched))
    world.run(5 * MS)
    tail = world.sim.what(0, "toy", "tail", CPU)
    assert ended(world, tail) == [(1 * MS + 1 * US, 1 * MS + 1 * US + 300)]


def test_a_lone_threads_slice_goes_on_when_another_comes() -> None:
    world = World()
    host = world.top(round_robin(3 * MS))
    late = world.thread(host)
    world.hog(world.thread(host), op_ns=20 * MS)

    def comes(flow: Flow) -> Steps:
        yield from world.pause(7_500 * US)
        world.spend(flow, 1 * US)

    world.flow(late, comes)  # it runs first at 3 ms, when the hog's first slice is over
    world.run(20 * MS)
    assert (10_500 * US, 12 * MS) in ended(world, host.queue_what)


def test_a_guests_interrupt_ends_with_its_vcpu() -> None:
    world = World()
    host = world.top(round_robin())
    guest = world.guest(host, round_robin())
    station, thread = world.station(host), world.thread(host)

    def steps(flow: Flow) -> Steps:
        yield from world.disk(station, 100 * US)
        yield from world.interrupt(guest.cpus[0])
        world.spend(flow, 100 * US)

    world.flow(thread, steps)
    world.sim.at(150 * US, lambda: kill(world.carriers[1], world.sim.now))
    world.run(1 * MS)
    assert ended(world, world.op_what) == [(100 * US, 150 * US)]


def test_a_wait_bears_the_name_of_the_level_that_caused_it() -> None:
    """A nested guest is woken while a hog holds the core: that is the machine's run queue, at any depth."""
    world = World()
    host = world.top(round_robin())
    inner = world.guest(world.guest(host, round_robin()), round_robin())
    world.hog(world.thread(host), op_ns=20 * MS)
    world.flow(world.thread(inner), lambda flow: world.serve(flow, iter([world.spend(flow, 1 * US)])))
    world.run(5 * MS)
    assert ended(world, host.queue_what) == [(0, 3 * MS)]
    assert ended(world, inner.queue_what) == []


def test_a_thread_that_was_throttled_once_waits_in_the_run_queue_later() -> None:
    world = World()
    host = world.top(round_robin(3 * MS))
    once = world.thread(host, group=world.group(10 * MS, 50 * MS, 10 * MS))

    def steps(flow: Flow) -> Steps:
        world.spend(flow, 12 * MS)  # throttled from 10 to 50 ms, done at 52 ms
        yield from world.pause(8 * MS)
        world.spend(flow, 1 * MS)

    world.flow(once, steps)
    world.hog(world.thread(host), op_ns=20 * MS, after_ns=55 * MS)
    world.run(70 * MS)
    assert ended(world, host.throttle_what) == [(10 * MS, 50 * MS)]
    assert (60 * MS, 61 * MS) in ended(world, host.queue_what)


def test_a_thread_killed_while_it_is_switched_to_has_had_only_that_part_of_the_switch() -> None:
    world = World()
    host = world.top(round_robin(100 * US), toll=1_000)
    killed, other = world.thread(host), world.thread(host)
    for hog in (killed, other):
        world.hog(hog, op_ns=300 * US)
    world.sim.at(200_500, lambda: kill([killed], world.sim.now))
    world.run(300 * US)
    switches = ended(world, host.switch_ops[0].what)
    assert switches == [(0, 1_000), (100_000, 101_000), (200_000, 200_500), (200_500, 201_500)]


def delay_of_a_sleeper(policy: Make) -> int:
    """A thread works 1 ms and sleeps 9, beside one that computes: what its rounds take beyond that."""
    world = World()
    sched = world.top(policy)
    rounds = []

    def steps(flow: Flow) -> Steps:
        for _ in range(40):
            began = world.sim.now
            world.spend(flow, MS)
            yield from world.pause(9 * MS)
            rounds.append(world.sim.now - began - 10 * MS)

    world.hog(world.thread(sched))
    world.flow(world.thread(sched), steps)
    world.run(1000 * MS)
    assert len(rounds) == 40
    return sum(rounds) // len(rounds)


def test_before_deadlines_who_mostly_sleeps_took_the_cpu_when_it_woke_up() -> None:
    """CFS lets it in at once; with deadlines (EEVDF) sleeping earns nothing, and it waits its turn."""
    assert delay_of_a_sleeper(cfs()) < 50 * US
    assert delay_of_a_sleeper(fair()) > 500 * US
