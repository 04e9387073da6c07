"""Spinlocks in virtual machines: the holder loses its CPU, the others spin for nothing; and what helps."""

from typing import Any

import pytest

import simcore
from simcore.cpu import SETTLE, Flow, kill
from simcore.trace import END, START, THREAD, WHAT
from simcore.waiting import carry_on
from tests.seen import S, spans
from tests.test_scenarios import crowded
from tests.toy import MS, US, World, fair, no_hang, round_robin

NOTHING = {"pause_exits": False, "pv_spinlocks": False}


def contended(vcpus: int, cores: int, guests: int = 1, **settings: bool) -> simcore.Result:
    """Guests on KVM, each with four threads that want its kernel's lock most of the time."""
    raw = crowded(guests, cores)
    hypervisor = raw["stack"]["holds"][0]["holds"][0]
    hypervisor["settings"] = NOTHING | settings
    for vm in hypervisor["holds"]:
        vm["settings"] |= {"vcpus": vcpus}
    raw["workloads"] = [
        {"id": f"lock{n}", "is": "spinlock", "on": f"guest{n}", "start": "100 s", "settings": {"count": 1000}}
        for n in range(1, guests + 1)
    ]
    return simcore.run(simcore.scenario(raw), spread=False, budget=simcore.Budget(wall_s=3600))


def rate(result: simcore.Result) -> float:
    found: float = result.outcome["workloads"]["lock1"]["per_s"]
    return found


def spun(result: simcore.Result) -> int:
    return sum(span.length for span in spans(result.trace) if span.op == "spin")


@pytest.fixture(scope="module")
def overcommitted() -> simcore.Result:
    return contended(4, 2)


def test_four_virtual_cpus_with_a_hot_spinlock_on_two_cores_are_worse_than_one(
    overcommitted: simcore.Result,
) -> None:
    assert rate(overcommitted) < rate(contended(1, 2)) < rate(contended(4, 4))


def test_it_is_worse_because_the_holder_is_off_its_core_while_the_others_spin(
    overcommitted: simcore.Result,
) -> None:
    found = [span for span in spans(overcommitted.trace) if span.start > 100 * S]
    holds = {span.id: span for span in found if span.op == "hold"}
    away = [span for span in found if span.parent in holds and span.node == "host-os" and span.length > MS]
    assert away
    lost = sum(span.length for span in away)
    whole = overcommitted.outcome["workloads"]["lock1"]["finished_ns"] - 100 * S
    assert lost > whole / 3
    spins = [span for span in found if span.op == "spin"]
    for gap in away:
        assert any(spin.start < gap.end and gap.start < spin.end for spin in spins)


def test_each_remedy_helps(overcommitted: simcore.Result) -> None:
    for remedy in NOTHING:
        helped = contended(4, 2, **{remedy: True})
        assert rate(helped) > 1.5 * rate(overcommitted), remedy
        assert spun(helped) < spun(overcommitted) / 2, remedy


def test_pause_exits_let_another_virtual_cpu_of_the_same_machine_go_first() -> None:
    result = contended(4, 2, guests=2, pause_exits=True)
    assert "directed_yield" in {span.op for span in spans(result.trace)}
    assert rate(result) > 1.5 * rate(contended(4, 2, guests=2))


def test_who_halts_for_a_lock_gives_its_core_away_and_is_woken(overcommitted: simcore.Result) -> None:
    helped = contended(4, 2, pv_spinlocks=True)
    halted = [span for span in spans(helped.trace) if span.op == "halted_for_lock"]
    assert halted
    assert "halted_for_lock" not in {span.op for span in spans(overcommitted.trace)}
    stolen = [one.outcome["nodes"]["guest1"]["cpu"]["stolen_ns"] for one in (helped, overcommitted)]
    assert stolen[0] < stolen[1] / 5


def test_on_the_bare_machine_with_a_cpu_each_nobody_loses_the_lock() -> None:
    """The lock is the limit: one after the other, the time that each holds it."""
    raw = simcore.prebuilt()["linux"]
    scenario = simcore.scenario(raw, workload="spinlock", vary={"spinlock.count": 1000})
    result = simcore.run(scenario, spread=False)
    assert result.outcome["workloads"]["spinlock"]["per_s"] == pytest.approx(1e9 / (10 * US + 6), rel=0.02)


def test_a_spin_costs_no_event_for_a_look(overcommitted: simcore.Result) -> None:
    """Of 4,000 rounds with milliseconds of spinning in between: a few events a round."""
    assert spun(overcommitted) > 50 * MS
    assert overcommitted.events < 10 * 4_000


# -------------------------------------------------------------------------------------- the lock by itself


def toy(flows: int, cores: int = 1, hold: int = 30 * US) -> tuple[World, Any, list[int]]:
    world = World()
    sched = world.top(round_robin(10 * US), cores)
    lock, done = world.spinlock(1 << 62), []

    def steps(flow: Any, number: int) -> Any:
        yield (lock.acquire, None)
        world.spend(flow, hold)
        yield (lock.release, None)
        done.append(number)

    for number in range(flows):
        world.flow(world.thread(sched), lambda flow, n=number: steps(flow, n))
    return world, lock, done


def test_a_kernel_preempts_nobody_who_holds_a_spinlock() -> None:
    """Slices of 10 us, held for 30: each keeps its CPU to the end, and nobody ever spins."""
    world, lock, done = toy(3)
    with no_hang():
        world.run(MS)
    assert done == [0, 1, 2]
    rows = world.rows()
    assert lock.spin_what not in {row[WHAT] for row in rows}
    assert max(row[END] for row in rows) == 90 * US


def test_a_spinner_gets_the_lock_when_it_is_through_with_all_that_interrupted_it() -> None:
    """At 5 us an interrupt of 1 that leaves 30 to do; within these, at 15, another one."""
    world = World()
    sched = world.top(round_robin(), 2)
    lock, station = world.spinlock(1 << 62), world.station(sched, 2)
    holder, spinner = world.thread(sched), world.thread(sched)

    def takes(flow: Any, hold: int) -> Any:
        yield (lock.acquire, None)
        world.spend(flow, hold)
        yield (lock.release, None)

    def disturbs(flow: Any, at: int) -> Any:
        yield from world.disk(station, at)
        yield from world.interrupt(sched.cpus[1])
        world.spend(flow, US)
        yield from world.hop(holder, 30 * US)

    world.flow(holder, lambda flow: takes(flow, 40 * US))
    world.flow(spinner, lambda flow: takes(flow, US))
    for at in (5 * US, 15 * US):
        device = Flow(station.thread)
        device.steps = disturbs(device, at).send
        carry_on(device, station.thread, 0)
    world.run(MS)
    found = [row for row in world.rows() if row[THREAD] == spinner.id]
    spins = [(row[START], row[END]) for row in found if row[WHAT] == lock.spin_what]
    held = [(row[START], row[END]) for row in found if row[WHAT] == world.op_what]
    assert spins == [(0, 5 * US)]
    assert held == [(67 * US, 68 * US)]


def test_after_it_has_unlocked_a_thread_is_preempted_at_once() -> None:
    world = World()
    sched = world.top(round_robin(10 * US))
    lock, at = world.spinlock(1 << 62), {}

    def holder(flow: Any) -> Any:
        yield (lock.acquire, None)
        world.spend(flow, 30 * US)
        yield (lock.release, None)
        world.spend(flow, 30 * US)
        yield SETTLE
        at["holder"] = world.sim.now

    def other(flow: Any) -> Any:
        world.spend(flow, 5 * US)
        yield SETTLE
        at["other"] = world.sim.now

    world.flow(world.thread(sched), holder)
    world.flow(world.thread(sched), other)
    with no_hang():
        world.run(MS)
    assert at == {"other": 35 * US, "holder": 65 * US}


@pytest.mark.parametrize("kind", ["spin", "sleep"])
def test_a_lock_whose_holder_is_killed_goes_to_the_next(kind: str) -> None:
    world = World()
    sched = world.top(fair(), 2)
    lock: Any = world.spinlock(1 << 62) if kind == "spin" else world.lock()
    done = {}

    def steps(flow: Any, name: str, first: int) -> Any:
        world.spend(flow, first)
        yield (lock.acquire, None)
        world.spend(flow, 100 * US)
        yield (lock.release, None)
        done[name] = world.sim.now

    doomed = world.thread(sched)
    world.flow(doomed, lambda flow: steps(flow, "doomed", 1))
    world.flow(world.thread(sched), lambda flow: steps(flow, "heir", 10 * US))

    def strike() -> None:
        kill([doomed], world.sim.now)
        lock.sweep(world.sim.now)

    world.sim.at(50 * US, strike)
    with no_hang():
        world.run(MS)
    assert done == {"heir": 150 * US}
    assert (10 * US, 50 * US) in {(row[START], row[END]) for row in world.rows()}  # it spun, or waited
