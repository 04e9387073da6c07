"""Properties of every run: over random legal stacks, and stacks with one thing wrong."""

from __future__ import annotations

import copy
import itertools
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simcore
from simcore.catalog import load_catalog
from simcore.explain.gap import Lane
from simcore.trace import Trace
from simcore.units import size_bytes
from tests.seen import Span, spans

CATALOG = load_catalog()
FACTOR = int(os.environ.get("HYPOTHESIS_FACTOR", "1"))
"""HYPOTHESIS_FACTOR=20 tries twenty times as many stacks, other ones each time."""
Raw = dict[str, Any]


def examples(count: int) -> Any:
    return settings(
        max_examples=count * FACTOR,
        deadline=None,
        derandomize=FACTOR == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


def of_role(role: str, on: str | None = None) -> list[str]:
    return [entry.id for entry in CATALOG.of_role(role) if on is None or on in entry.sits_on]


KERNELS = {"x86-64": ["linux", "linux-cloud", "linux-microvm"], "arm64": ["linux-arm"]}
GUESTS = {"x86-64": "vm", "arm64": "vm-arm"}
HYPERVISORS = {
    "x86-64": [
        "kvm-qemu",
        "virtualbox",
        "qemu-tcg",
        "firecracker",
        "vmware-workstation",
        "binary-translator",
    ],
    "arm64": ["kvm-qemu", "qemu-tcg", "trap-and-emulate"],
}
"""By instruction set."""
DOMAINS = {"xen-pv": ["xen-blk"], "xen-pvh": ["xen-blk"], "xen-hvm": ["xen-blk", "ide", "ahci"]}
"""Xen's guests, and their disks. Others that start before any kernel have tests of their own."""


def isa_of(machine: str) -> str:
    return next(isa for isa in KERNELS if isa in CATALOG[machine].provides)


def disks_on(place: str) -> list[str]:
    """No cards, and no real device that has to be named and has one owner."""
    devices = [CATALOG[name] for name in of_role("device", place)]
    return [one.id for one in devices if "network" not in one.provides and "device" not in one.settings]


# -------------------------------------------------------------------------------------------- random stacks


@st.composite
def loads(draw: st.DrawFn, homes: list[str]) -> list[Raw]:
    found = []
    for number in range(draw(st.integers(1, 3))):
        is_ = draw(st.sampled_from([name for name in of_role("workload") if not CATALOG[name].needs]))
        given: Raw = {}
        if is_ == "spin":
            given = {
                "work": f"{draw(st.sampled_from([1, 50, 999, 4000]))} us",
                "count": draw(st.integers(1, 3)),
                "threads": draw(st.integers(1, 3)),
            }
        elif is_ == "periodic":
            given = {"work": f"{draw(st.sampled_from([1, 700]))} us", "count": draw(st.integers(1, 3))}
            given["sleep"] = f"{draw(st.sampled_from([1, 150, 5000]))} us"
        elif is_ in ("random-read", "random-write"):
            given = {
                "count": draw(st.integers(1, 8)),
                "depth": draw(st.integers(1, 4)),
                "block": draw(st.sampled_from(["512 B", "4 KiB", "256 KiB"])),
            }
            if is_ == "random-read":
                given["cache"] = draw(st.sampled_from(["direct", "buffered"]))
                given["file"] = draw(st.sampled_from(["4 KiB", "1 MiB"]))
        elif is_ == "system-call":
            given = {"count": draw(st.integers(1, 50))}
        elif is_ == "page-touch":
            given = {
                "size": draw(st.sampled_from(["4 KiB", "150 KiB"])),
                "passes": draw(st.integers(1, 2)),
            }
        elif is_ == "spawn":
            given = {"count": draw(st.integers(1, 3)), "exec": draw(st.booleans())}
        elif is_ == "ping-pong":
            given = {
                "count": draw(st.integers(1, 4)),
                "over": draw(st.sampled_from(["pipe", "tcp"])),
                "cpus": draw(st.sampled_from(["one", "two"])),
            }
        on = draw(st.sampled_from(homes))
        if is_ == "ping-pong" and draw(st.booleans()):
            given["peer"] = draw(
                st.sampled_from([home for home in homes if kernel_of(home) == kernel_of(on)])
            )
        load: Raw = {"id": f"load{number}", "is": is_, "on": on, "settings": given}
        if draw(st.integers(0, 3)) == 0:
            load["start"] = f"{draw(st.sampled_from([0, 1, 90]))} s"
        found.append(load)
    return found


def kernel_of(home: str) -> str:
    return home.partition("-box")[0]


@st.composite
def kernels(draw: st.DrawFn, name: str, homes: list[str], guests: bool, isa: str) -> Raw:
    """A kernel with containers, and with guests of either hypervisor if its machine can have any."""
    chosen = {
        "init": draw(st.sampled_from(["direct", "direct", "direct", "systemd"])),
        "scheduler": draw(st.sampled_from(["fair", "cfs", "round-robin"])),
    }
    holds: list[Raw] = []
    homes.append(name)
    if draw(st.booleans()):
        makers = [engine for engine in of_role("engine") if "oci-runtime" in CATALOG[engine].provides]
        holds.append({"id": f"{name}-engine", "is": draw(st.sampled_from(makers))})
        emulated = draw(st.booleans())
        if emulated:
            holds.append({"id": f"{name}-binfmt", "is": "qemu-user"})
        for number in range(draw(st.integers(0, 2))):
            box = f"{name}-box{number}"
            limits: Raw = {}
            if draw(st.booleans()):
                limits["cpus"] = draw(st.sampled_from([0.2, 0.5, 2]))
            if draw(st.booleans()):
                limits["weight"] = draw(st.sampled_from([1, 50, 1000]))
            if draw(st.booleans()):
                limits["restart"] = "always"
            if emulated:
                limits["platform"] = draw(st.sampled_from(["x86-64", "arm64"]))
            holds.append({"id": box, "is": "container", "runtime": f"{name}-engine", "settings": limits})
            homes.append(box)
    if guests:
        for hypervisor in draw(st.lists(st.sampled_from(HYPERVISORS[isa]), max_size=2, unique=True)):
            disks, firmware = (
                [name for name in names if {*CATALOG[name].needs} <= {isa, *CATALOG[hypervisor].provides}]
                for names in (disks_on("vm"), of_role("firmware", "vm"))
            )
            vms = []
            for number in range(draw(st.integers(0, 2))):
                vm = f"{hypervisor.split('-')[0]}{number}"
                vms.append(
                    {
                        "id": vm,
                        "is": GUESTS[isa],
                        "settings": {
                            "vcpus": draw(st.integers(1, 2)),
                            "memory": "256 MiB",
                            "disk": draw(st.sampled_from(disks)),
                            "firmware": draw(st.sampled_from(firmware)),
                            "prealloc": draw(st.booleans()),
                        },
                        "holds": [draw(kernels(f"{vm}-os", homes, guests=False, isa=isa))],
                    }
                )
            given = {}
            if hypervisor == "kvm-qemu" and draw(st.booleans()):
                given["halt_poll"] = draw(st.sampled_from(["0 ns", "10 ms"]))
            holds.append({"id": f"hv-{hypervisor}", "is": hypervisor, "holds": vms, "settings": given})
    return {"id": name, "is": draw(st.sampled_from(KERNELS[isa])), "settings": chosen, "holds": holds}


@st.composite
def xens(draw: st.DrawFn, homes: list[str]) -> Raw:
    """Xen with dom0, and guests of every kind."""
    domains: list[Raw] = []
    for number in range(draw(st.integers(0, 3))):
        is_ = draw(st.sampled_from(sorted(DOMAINS)))
        given = {
            "vcpus": draw(st.integers(1, 2)),
            "memory": "256 MiB",
            "weight": draw(st.sampled_from([64, 256, 1000])),
            "disk": draw(st.sampled_from(DOMAINS[is_])),
        }
        held = [draw(kernels(f"dom{number + 1}-os", homes, guests=False, isa="x86-64"))]
        domains.append({"id": f"dom{number + 1}", "is": is_, "settings": given, "holds": held})
    dom0 = {
        "id": "dom0",
        "is": "dom0",
        "settings": {"vcpus": draw(st.integers(1, 2)), "memory": "1 GiB"},
        "holds": [draw(kernels("dom0-os", homes, guests=False, isa="x86-64"))],
    }
    chosen = {
        "scheduler": draw(st.sampled_from(["credit", "credit2"])),
        "ratelimit": draw(st.sampled_from(["0 ns", "1 ms"])),
    }
    return {"id": "xen", "is": "xen", "settings": chosen, "holds": [dom0, *domains]}


@st.composite
def stacks(draw: st.DrawFn) -> Raw:
    homes: list[str] = []
    is_ = draw(st.sampled_from(of_role("machine")))
    isa = isa_of(is_)
    on_xen = isa == "x86-64" and draw(st.integers(0, 3)) == 0
    lowest = xens(homes) if on_xen else kernels("host-os", homes, guests=True, isa=isa)
    machine = {
        "id": "host",
        "is": is_,
        "settings": {
            "cpus": draw(st.integers(1, 4)),
            "memory": "8 GiB",
            "disk": draw(st.sampled_from(disks_on("machine"))),
            "firmware": draw(st.sampled_from(["bios", "uefi"] if isa == "x86-64" else ["uefi"])),
        },
        "holds": [draw(lowest)],
    }
    return {"stack": machine, "workloads": draw(loads(homes))}


seeds = st.integers(1, 1000)


# ------------------------------------------------------------------------------------ what must always hold


def check_tree(trace: Trace, found: list[Span]) -> None:
    """Children lie inside their parents and beside each other; those of a layer's span cover all of it."""
    children: dict[int, list[Span]] = defaultdict(list)
    for span in found:
        assert 0 <= span.start <= span.end <= trace.header["end_ns"], span
        if span.parent >= 0:
            parent = found[span.parent]
            assert parent.start <= span.start <= span.end <= parent.end, (parent, span)
            children[span.parent].append(span)
    for number, inside in children.items():
        inside.sort(key=lambda span: (span.start, span.end))
        now = found[number].start
        for span in inside:
            assert span.start >= now, (found[number], span, "overlaps what is before it")
            if found[number].kind == "serve":
                assert span.start == now, (found[number], span, "leaves a hole")
            now = span.end
        if found[number].kind == "serve":
            assert now == found[number].end, (found[number], "ends with a hole")
    assert [s for s in found if s.kind == "serve" and s.length and s.id not in children] == []


def on_cpu(found: list[Span]) -> list[tuple[int, int, str]]:
    """When CPUs were used and by which thread: CPU spans without what lies inside them."""
    inside: dict[int, list[Span]] = defaultdict(list)
    for span in found:
        if span.parent >= 0 and found[span.parent].kind == "cpu":
            inside[span.parent].append(span)
    used = []
    for span in found:
        if span.kind != "cpu":
            continue
        now = span.start
        for child in sorted(inside[span.id], key=lambda child: child.start):
            used.append((now, child.start, span.thread))
            now = child.end
        used.append((now, span.end, span.thread))
    return [(start, end, thread) for start, end, thread in used if start < end]


def check_cpus(found: list[Span], cores: int) -> None:
    """At no time is more CPU handed out than there are cores, and no thread has two."""
    edges = [(at, step) for start, end, _ in on_cpu(found) for at, step in ((start, 1), (end, -1))]
    busy = 0
    for at, step in sorted(edges):
        busy += step
        assert busy <= cores, f"{busy} of {cores} cores are busy at {at}"
    by_thread: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start, end, thread in on_cpu(found):
        by_thread[thread].append((start, end))
    for thread, times in by_thread.items():
        times.sort()
        for (_, end), (start, _) in itertools.pairwise(times):
            assert end <= start, f"{thread} has two CPUs at {start}"


def asked(load: Raw) -> int:
    """How many requests a workload is to make; one, its own run, if it makes none."""
    known = CATALOG[load["is"]].settings
    own = {name: load["settings"].get(name, known[name].default) for name in known}
    if load["is"] == "page-touch":
        return int(-(-size_bytes(own["size"]) // (4 << 10)) * own["passes"])
    return int(own.get("count", 1) * own.get("threads", 1))


def check_loads(raw: Raw, result: simcore.Result, found: list[Span]) -> None:
    """Every workload does all that it was asked for, after what it runs on is ready, at the CPU time it was
    given."""
    nodes = result.outcome["nodes"]
    inside: dict[int, int] = defaultdict(int)
    for span in found:
        if span.parent >= 0 and found[span.parent].kind == "cpu":
            inside[span.parent] += span.length
    for load in raw["workloads"]:
        assert result.outcome["workloads"][load["id"]]["n"] == asked(load), load
        began = [span.start for span in found if span.node == load["id"]]
        assert min(began) >= nodes[load["on"]]["ready_ns"], load
        translated = load["on"].startswith("qemu")  # then its instructions take longer
        if "work" in load["settings"] and not translated:
            done = [
                span.length - inside[span.id]
                for span in found
                if span.node == load["id"] and span.op == "compute"
            ]
            work = int(load["settings"]["work"].split()[0]) * 1000
            assert done == [work] * asked(load)


def check_run(raw: Raw, result: simcore.Result) -> None:
    assert result.cut is None
    assert {node["state"] for node in result.outcome["nodes"].values()} == {"ready"}
    found = spans(result.trace)
    check_tree(result.trace, found)
    check_cpus(found, raw["stack"]["settings"]["cpus"])
    check_loads(raw, result, found)
    rounds = result.trace.column("spans", "count")
    for row in result.trace.rows("instants"):
        if row["span"] < 0:
            continue
        span = found[row["span"]]
        # What is done several times in turn is marked at each round, in whatever the rounds are part of.
        last = found[span.parent] if rounds[span.id] > 1 and span.parent >= 0 else span
        assert span.start <= row["at_ns"] <= last.end
    for row in result.trace.rows("logs"):
        request = result.trace.tables["requests"]
        assert request["start_ns"][row["request"]] <= row["at_ns"] <= request["end_ns"][row["request"]]
    for table in ("instants", "wakeups", "logs", "counters"):
        times = list(result.trace.column(table, "at_ns"))
        assert times == sorted(times)


@examples(70)
@given(stacks(), seeds)
def test_in_any_legal_stack_time_is_conserved_and_all_work_gets_done(raw: Raw, seed: int) -> None:
    assert [finding for finding in simcore.check(raw) if finding.severity == "error"] == []
    check_run(raw, simcore.run(simcore.scenario(raw), seed))


@examples(20)
@given(stacks(), seeds)
def test_any_run_is_the_same_again_by_stepping_and_through_bytes(raw: Raw, seed: int) -> None:
    scenario = simcore.scenario(raw)
    result = simcore.run(scenario, seed)
    again = simcore.Run(simcore.scenario(scenario.canonical()), seed)
    while again.step():
        pass
    assert again.result().trace_sha256 == result.trace_sha256
    read = Trace.from_bytes(result.trace_bytes)
    assert read.to_bytes() == result.trace_bytes
    assert {t: {n: list(c) for n, c in cs.items()} for t, cs in read.tables.items()} == {
        t: {n: list(c) for n, c in cs.items()} for t, cs in result.trace.tables.items()
    }


@examples(25)
@given(stacks(), seeds, st.integers(1, 10**6))
def test_wherever_a_run_is_cut_what_is_kept_is_in_order(raw: Raw, seed: int, part: int) -> None:
    whole = simcore.run(simcore.scenario(raw), seed)
    until = max(1, whole.trace.header["end_ns"] * part // 10**6)
    result = simcore.run(simcore.scenario(raw, until=f"{until} ns"), seed)
    found = spans(result.trace)
    assert max((span.end for span in found), default=0) <= until
    for span in found:
        if span.parent >= 0:
            assert found[span.parent].start <= span.start <= span.end <= found[span.parent].end
    check_cpus(found, raw["stack"]["settings"]["cpus"])
    assert list(whole.trace.column("logs", "at_ns"))[: len(result.trace.column("logs", "at_ns"))] == list(
        result.trace.column("logs", "at_ns")
    )
    for load, numbers in result.outcome["workloads"].items():
        assert numbers["n"] <= whole.outcome["workloads"][load]["n"]


@examples(15)
@given(stacks(), seeds, st.sampled_from([50, 500, 3000]))
def test_a_budget_is_respected_in_any_stack(raw: Raw, seed: int, budget: int) -> None:
    run = simcore.Run(simcore.scenario(raw), seed, budget=simcore.Budget(spans=budget))
    result = run.run()
    if result.spans > budget + 20_000:  # 1,024 events between two looks
        pytest.fail(f"{result.spans} spans under a budget of {budget}")
    assert (result.cut is not None) or result.spans <= budget or result.events < 1024 + budget


@examples(25)
@given(stacks(), seeds)
def test_the_critical_path_of_any_lane_sums_to_the_lane(raw: Raw, seed: int) -> None:
    result = simcore.run(simcore.scenario(raw), seed)
    for start in (0, result.outcome["lane"]["start_ns"]):
        end = result.outcome["lane"]["end_ns"]
        lane = Lane("one", start, end - start, True, result.trace)
        assert sum(lane.parts.values()) == end - start
        assert all(ns > 0 for ns in lane.parts.values())


@examples(20)
@given(stacks(), seeds)
def test_every_request_of_any_workload_has_a_journey_that_tiles_it(raw: Raw, seed: int) -> None:
    trace = simcore.run(simcore.scenario(raw), seed).trace
    for request in [row for row in trace.rows("requests") if row["workload"] >= 0 and row["span"] >= 0][:20]:
        trip = simcore.journey(trace, request["id"])
        edges = [trip.start_ns, *(stop.end_ns for stop in trip.stops)]
        assert [stop.start_ns for stop in trip.stops] == edges[:-1]
        assert edges[-1] == trip.end_ns
        for lang in ("en", "zh-hans"):
            assert trip.as_text(lang).strip()


@examples(40)
@given(stacks(), seeds, st.data())
def test_after_any_kill_the_dead_do_nothing_and_time_is_conserved(
    raw: Raw, seed: int, data: st.DataObject
) -> None:
    plain = simcore.run(simcore.scenario(raw), seed)
    at = data.draw(st.integers(1, plain.trace.header["end_ns"]))
    on = data.draw(st.sampled_from(sorted(plain.scenario.nodes)))
    killed = {**raw, "interventions": [{"at": f"{at} ns", "on": on, "do": "fail", "fault": "kill"}]}
    result = simcore.run(simcore.scenario(killed), seed)
    found = spans(result.trace)
    for span in found:
        assert 0 <= span.start <= span.end <= result.trace.header["end_ns"]
        if span.parent >= 0:
            assert found[span.parent].start <= span.start <= span.end <= found[span.parent].end
    check_cpus(found, raw["stack"]["settings"]["cpus"])
    dead = {name for name, node in result.outcome["nodes"].items() if node["state"] == "killed"}
    below = {node["id"]: node["parent"] for node in result.trace.header["nodes"]}
    nodes = [node["id"] for node in result.trace.header["nodes"]]
    homes = {load["id"]: load["on"] for load in raw["workloads"]}
    again = {name for name, node in result.outcome["nodes"].items() if node["restarts"]}
    assert on in dead | again
    for load, home in homes.items():
        numbers = result.outcome["workloads"][load]
        if home in dead:
            late = [s for s in found if s.node == load and s.kind == "cpu" and s.end > at]
            assert late == []
        assert numbers["n"] <= plain.outcome["workloads"][load]["n"] * (2 if home in again else 1)
    if on.partition("-box")[0] in ("dom0", "dom0-os") and "-box" not in on and "-engine" not in on:
        assert {home for home in homes.values() if not home.startswith("dom0")} <= dead
        return
    for name in dead - {on}:  # whoever dies stands on it, or is one of its devices
        parents = set()
        while name:
            parents.add(name)
            name = nodes[below[name]] if below[name] >= 0 else ""
        assert on in parents


# ---------------------------------------------------------------------------------- one thing wrong with it


def nodes_of(raw: Raw) -> list[Raw]:
    waiting, found = [raw["stack"]], []
    while waiting:
        node = waiting.pop()
        found.append(node)
        holds = node.get("holds")
        waiting += holds if isinstance(holds, list) else []
    return found


Spoil = Callable[[Raw, st.DataObject], None]


def some(raw: Raw, data: st.DataObject) -> Raw:
    return data.draw(st.sampled_from(nodes_of(raw)))


def another_component(raw: Raw, data: st.DataObject) -> None:
    some(raw, data)["is"] = data.draw(st.sampled_from([*CATALOG.entries, "nope", "", 7, None]))


def another_setting(raw: Raw, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["cpus", "vcpus", "memory", "disk", "firmware", "init", "nope"]))
    value = data.draw(
        st.sampled_from(
            [0, -1, 2, 10**30, "2", "4 KiB", "-4 KiB", "1 s", "nvme", "virtio-blk", [], {}, None, True]
        )
    )
    node = some(raw, data)
    node["settings"] = {**(node["settings"] if isinstance(node.get("settings"), dict) else {}), name: value}


def another_place(raw: Raw, data: st.DataObject) -> None:
    node = some(raw, data)
    target = some(raw, data)
    if node is raw["stack"] or any(target is inner for inner in nodes_of({"stack": node})):
        return
    for parent in nodes_of(raw):
        if isinstance(parent.get("holds"), list):
            parent["holds"] = [held for held in parent["holds"] if held is not node]
    target["holds"] = [*(target["holds"] if isinstance(target.get("holds"), list) else []), node]


def another_field(raw: Raw, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(["id", "holds", "runtime", "start", "nope", "settings"]))
    value = data.draw(st.sampled_from(["host", "host-os", "x", [], {}, 3, None, "5 s", "manual", "X Y"]))
    some(raw, data)[field] = value


def another_load(raw: Raw, data: st.DataObject) -> None:
    load = data.draw(st.sampled_from(raw["workloads"]))
    field = data.draw(st.sampled_from(["on", "is", "start", "for", "settings", "id"]))
    load[field] = data.draw(
        st.sampled_from(
            ["host", "host-os", "spin", "nvme", "1 s", "0 s", {}, {"count": 2}, {"count": 0}, None]
        )
    )


def another_intervention(raw: Raw, data: st.DataObject) -> None:
    raw["interventions"] = [
        {
            "at": data.draw(st.sampled_from(["0 s", "85 s", "-1 s", 5, None])),
            "on": data.draw(st.sampled_from(["host-os", "host-os-box0", "kvm0", "nope", "host.disk", None])),
            "do": data.draw(st.sampled_from(["set", "fail", "stop", "dance", None])),
            **data.draw(
                st.sampled_from([{}, {"settings": {"cpus": 0.5}}, {"fault": "kill"}, {"fault": "rust"}])
            ),
        }
    ]


SPOILS: list[Spoil] = [
    another_component, another_setting, another_place, another_field, another_load, another_intervention,
]  # fmt: skip


@examples(200)
@given(stacks(), st.lists(st.sampled_from(SPOILS), min_size=1, max_size=3), st.data())
def test_a_scenario_builds_exactly_when_it_has_no_errors(
    raw: Raw, spoils: list[Spoil], data: st.DataObject
) -> None:
    spoiled = copy.deepcopy(raw)
    for spoil in spoils:
        spoil(spoiled, data)
    before = copy.deepcopy(spoiled)
    errors = [finding for finding in simcore.check(spoiled) if finding.severity == "error"]
    assert spoiled == before, "checking changed the scenario"
    for finding in errors:
        for lang in ("en", "zh-hans"):
            told = finding.as_dict(lang)
            assert told["message"]
            assert told["why"]
            assert told["hint"]
            assert "{" not in told["message"].replace("{…}", "")
    if errors:
        with pytest.raises(simcore.ScenarioError) as raised:
            simcore.scenario(spoiled)
        assert [f for f in raised.value.findings if f.severity == "error"] == errors
    else:
        scenario = simcore.scenario(spoiled)
        assert simcore.scenario(scenario.canonical()).id(1) == scenario.id(1)
        run = simcore.Run(scenario, 1)
        assert any(run.step() for _ in range(3))


FIELDS = ("stack", "id", "is", "holds", "settings", "workloads", "on", "until", "do", "interventions", "x")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


def tables_and_lists(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)


@examples(60)
@given(st.recursive(SCALARS | st.sampled_from(["host", "linux", "vm"]), tables_and_lists, max_leaves=20))
def test_anything_at_all_gets_findings_and_never_an_exception(raw: object) -> None:
    assert [finding for finding in simcore.check(raw) if finding.severity == "error"]


def test_random_stacks_are_worth_their_name() -> None:
    """The generator reaches what the properties are about."""
    seen: set[str] = set()

    @examples(250)
    @given(stacks())
    def look(raw: Raw) -> None:
        seen.update(node["is"] for node in nodes_of(raw))
        seen.update(load["is"] for load in raw["workloads"])
        guests = [node for node in nodes_of(raw) if node["is"] in GUESTS.values()]
        if len(guests) > 1:
            seen.add("several guests")
        if any(inner["is"] == "container" for guest in guests for inner in nodes_of({"stack": guest})):
            seen.add("a container in a guest")
        if any("cpus" in node.get("settings", {}) for node in nodes_of(raw) if node["is"] == "container"):
            seen.add("a limit")

    look()
    expected = {
        *of_role("machine"),
        *of_role("engine"),
        *itertools.chain(*KERNELS.values(), *HYPERVISORS.values()),
    }
    expected |= {name for name in of_role("workload") if not CATALOG[name].needs}
    assert expected | {"several guests", "a container in a guest", "a limit"} <= seen


def test_the_checks_can_fail() -> None:
    """A hole, an overlap, a third CPU of two."""

    def span(number: int, parent: int, kind: str, start: int, end: int, thread: str = "a") -> Span:
        return Span(number, parent, -1, "n", "c", "op", thread, kind, start, end)

    trace = Trace({"end_ns": 100}, {})
    whole = span(0, -1, "serve", 0, 10)
    check_tree(trace, [whole, span(1, 0, "cpu", 0, 4), span(2, 0, "wait", 4, 10)])
    hole = [span(1, 0, "cpu", 0, 4), span(2, 0, "wait", 5, 10)]
    overlap = [span(1, 0, "cpu", 0, 5), span(2, 0, "wait", 4, 10)]
    for wrong in (hole, overlap, [span(1, 0, "cpu", 0, 4)], [span(1, 0, "cpu", 0, 12)], []):
        with pytest.raises(AssertionError):
            check_tree(trace, [whole, *wrong])
    three = [span(i, -1, "cpu", 0, 5, "abc"[i]) for i in range(3)]
    check_cpus(three, 3)
    with pytest.raises(AssertionError):
        check_cpus(three, 2)
    with pytest.raises(AssertionError):
        check_cpus([span(0, -1, "cpu", 0, 5), span(1, -1, "cpu", 4, 6)], 2)
    check_cpus([span(0, -1, "cpu", 0, 9), span(1, 0, "queue", 3, 5), span(2, -1, "cpu", 3, 5, "b")], 1)
