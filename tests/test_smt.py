"""Two hardware threads on a core: two CPUs to software, hardly more than one to those who use both."""

import copy
from typing import Any

import pytest

import simcore
from simcore.catalog import load_catalog
from simcore.cpu import SETTLE
from tests.seen import spans
from tests.toy import MS, US, Make, World, by_core, fair, no_hang


def spin(smt: str, cores: int, threads: int, stack: str = "linux") -> dict[str, Any]:
    vary = {"host.cpus": cores, "host.smt": smt, "spin.threads": threads, "spin.count": 10}
    scenario = simcore.scenario(simcore.prebuilt()[stack], workload="spin", vary=vary)
    found: dict[str, Any] = simcore.run(scenario, spread=False).outcome["workloads"]["spin"]
    return found


def test_two_threads_on_one_core_do_a_quarter_more_together_and_each_is_slower() -> None:
    alone, turns, both = spin("off", 1, 1), spin("off", 1, 2), spin("on", 1, 2)
    assert turns["per_s"] == pytest.approx(alone["per_s"], rel=0.01)
    assert both["per_s"] == pytest.approx(1.24 * alone["per_s"], rel=0.01)
    assert both["mean_ns"] == pytest.approx(alone["mean_ns"] / 0.62, rel=0.01)


def test_the_scheduler_fills_idle_cores_before_second_threads() -> None:
    assert spin("on", 4, 4)["mean_ns"] == pytest.approx(spin("off", 4, 4)["mean_ns"], rel=0.01)
    five = spin("on", 4, 5)
    assert five["p99_ns"] > 1.5 * spin("off", 4, 4)["p99_ns"]


def test_a_machine_with_two_threads_a_core_shows_twice_as_many_cpus() -> None:
    raw = simcore.prebuilt()["linux"]
    for smt, cpus in ("off", 4), ("on", 8):
        vary = {"host.cpus": 4, "host.smt": smt}
        trace = simcore.run(simcore.scenario(raw, workload="boot", vary=vary), spread=False).trace
        said = [text["params"]["cpus"] for text in trace.header["texts"] if text["text"] == "smp"]
        assert said == [cpus]


def test_what_a_thread_loses_to_its_sibling_stands_inside_its_operation() -> None:
    vary = {"host.cpus": 1, "host.smt": "on", "spin.threads": 2, "spin.count": 1}
    scenario = simcore.scenario(simcore.prebuilt()["linux"], workload="spin", vary=vary)
    found = spans(simcore.run(scenario, spread=False).trace)
    work = {span.id: span for span in found if span.op == "compute"}
    lost = [span for span in found if span.op == "shared_core" and span.parent in work]
    assert {work[span.parent].thread for span in lost} == {"host-os/spin", "host-os/spin/1"}
    assert all(span.node == "host" for span in lost)


def test_a_cpu_without_hardware_threads_offers_none() -> None:
    assert load_catalog()["server-arm"].settings["smt"].choices == ("off",)


# --------------------------------------------------------------------------- whose CPUs may share a core


def guests_on_cores(policy: Make, guests: int, vcpus: int, cores: int = 1) -> tuple[list[float], int]:
    """Guests that compute on all their CPUs: what share of a core each gets, and how often one was seen
    beside another."""
    world, until, mixed = World(), 60 * MS, 0
    top = world.top(policy, cores, rate=0.62)
    inner = [world.guest(top, fair(), vcpus) for _ in range(guests)]
    for guest in inner:
        for _ in range(vcpus):
            world.hog(world.thread(guest))

    def look() -> None:
        nonlocal mixed
        for cpu in top.cpus[:cores]:
            assert cpu.sibling is not None
            on = {one.inner.sched for one in (cpu.current, cpu.sibling.current) if one and one.inner}
            mixed += len(on) > 1

    with no_hang():
        world.run(until, look)
    return [world.total([one for one in world.threads if one.sched is g]) / until for g in inner], mixed


def test_hyper_vs_core_scheduler_never_puts_two_guests_on_one_core() -> None:
    for guests, cores in (2, 1), (3, 1), (3, 2):
        assert guests_on_cores(fair(), guests, 2, cores)[1] > 0
        shares, mixed = guests_on_cores(by_core(), guests, 2, cores)
        assert mixed == 0
        assert sum(shares) == pytest.approx(2 * 0.62 * cores, rel=0.03)
        assert min(shares) > 0.8 * max(shares)


def test_what_that_costs_is_the_second_thread_of_guests_with_one_cpu() -> None:
    """By turns on the whole core instead of side by side."""
    assert guests_on_cores(fair(), 2, 1)[0] == [pytest.approx(0.62, rel=0.02)] * 2
    assert guests_on_cores(by_core(), 2, 1)[0] == [pytest.approx(0.5, rel=0.06)] * 2


def test_hyper_v_on_a_server_schedules_core_by_core() -> None:
    """Two guests with a CPU each: side by side on KVM's core, by turns on Hyper-V's."""
    found = {}
    for stack in "hyperv-server", "linux-on-kvm":
        raw = copy.deepcopy(dict(simcore.prebuilt()[stack]))
        raw["stack"]["settings"] = {"cpus": 1, "smt": "on"}
        holder = raw["stack"]
        while not any(one["is"] == "vm" or one["id"].startswith("vm") for one in holder["holds"]):
            holder = next(
                one for one in holder["holds"] if one.get("holds") and one["is"] != "root-partition"
            )
        vm = next(one for one in holder["holds"] if one["id"].startswith("vm"))
        vm["settings"] = vm.get("settings", {}) | {"vcpus": 1, "memory": "256 MiB"}
        vm["holds"][0]["settings"] = {"init": "direct"}
        other = copy.deepcopy(vm)
        other["id"], other["holds"][0]["id"] = "vm-b", "guest-b"
        holder["holds"].append(other)
        ids = [vm["holds"][0]["id"], "guest-b"]
        loads = [{"id": f"spin-{on}", "is": "spin", "on": on, "start": "300 s"} for on in ids]
        made = simcore.scenario({"stack": raw["stack"], "subject": ids[0], "workloads": loads})
        outcome = simcore.run(made, spread=False).outcome
        found[stack] = outcome["workloads"]["spin-guest-b"]["mean_ns"]
    assert found["linux-on-kvm"] == pytest.approx(10 * MS / 0.62, rel=0.05)
    assert found["hyperv-server"] == pytest.approx(2 * 10 * MS, rel=0.1)


# ----------------------------------------------------------------------------------------- a core by itself


def ends(rate: float, work: dict[str, tuple[int, int]], cores: int = 1) -> dict[str, int]:
    """By name, when it begins to want a CPU and for how long; when each is done."""
    world, done = World(), {}
    sched = world.top(fair(), cores, rate=rate)

    def steps(flow: Any, name: str, ns: int) -> Any:
        world.spend(flow, ns)
        yield SETTLE
        done[name] = world.sim.now

    for name, (at, ns) in work.items():
        thread = world.thread(sched)
        world.sim.at(
            at, lambda t=thread, n=name, ns=ns: world.flow(t, lambda f: steps(f, n, ns), world.sim.now)
        )
    with no_hang():
        world.run(10 * MS)
    return done


def test_a_burst_is_stretched_while_its_sibling_is_busy_and_no_longer() -> None:
    """20 us of work beside the other take 40, in which the other does 20, too."""
    found = ends(0.5, {"long": (0, 100 * US), "short": (50 * US, 20 * US)})
    assert found == {"long": 120 * US, "short": 90 * US}


def test_a_thread_that_wakes_gets_a_whole_core_rather_than_the_idle_half_of_one() -> None:
    """The first two get a core each, the third shares the first one's and stays. When both have gone the next
    begins: beside nobody."""
    found = ends(
        0.5,
        {"a": (0, 10 * US), "b": (1, 10 * US), "stays": (2, 100 * US), "next": (60 * US, 20 * US)},
        cores=2,
    )
    assert found["next"] == 80 * US


def test_the_rate_is_kept_to_the_nanosecond_however_often_the_sibling_comes_and_goes() -> None:
    visits = {f"visit{n}": (n * 10 * US + n, 7) for n in range(1, 50)}  # 11.29 ns each
    found = ends(0.62, {"long": (0, MS)} | visits)
    assert found["long"] - MS == pytest.approx(49 * 7 * (1 / 0.62 - 1), abs=1)


def test_slices_and_quotas_go_by_the_clock_on_the_wall() -> None:
    """20 ms of every 100 are used up after 20 ms, however little got done in them."""
    world = World()
    sched = world.top(fair(), 1, rate=0.5)
    group = world.group(20 * MS, 100 * MS)
    limited, other = world.thread(sched, group=group), world.thread(sched)
    world.hog(limited)
    world.hog(other)
    with no_hang():
        world.run(200 * MS)
    beside = world.total(limited)
    assert beside == pytest.approx(2 * 20 * MS / 2, rel=0.02)
