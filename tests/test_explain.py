"""Explanations: paths that leave no instant out, gaps that sum, journeys that read like the diagram."""

import functools
import re
from itertools import pairwise
from pathlib import Path

import pytest

import simcore
from simcore.component import LANGUAGES
from simcore.explain.critical import critical_path
from simcore.explain.gap import part_label
from simcore.explain.gap import race as lanes_of
from simcore.explain.journey import requests_of

GOLDEN = Path(__file__).parent / "data" / "journeys"
STACKS = list(simcore.prebuilt())
STARTS = simcore.RACE_STARTS


@functools.cache
def result(stack, workload, seed=1, spread=True):
    scenario = simcore.scenario(simcore.prebuilt()[stack], workload=workload)
    return simcore.run(scenario, seed, spread=spread)


@functools.cache
def race(start, workload="boot"):
    return lanes_of([result(stack, workload) for stack in STACKS], STACKS, start)


def first_read(stack, spread=False):
    trace = result(stack, "random-read", spread=spread).trace
    return simcore.journey(trace, requests_of(trace)[20])


# ── the critical path and the gap ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("stack", STACKS)
def test_every_instant_of_a_lane_belongs_to_exactly_one_span(stack, start):
    lane = next(lane for lane in race(start).lanes if lane.stack == stack)
    end = lane.start_ns + lane.end_ns
    path = critical_path(lane.trace, lane.start_ns, end, lane.finish)
    assert (path[0].start_ns, path[-1].end_ns) == (lane.start_ns, end)
    assert all(first.end_ns == second.start_ns for first, second in pairwise(path))
    spans = lane.trace.spans
    for part in path:
        assert part.start_ns < part.end_ns
        assert part.span >= 0
        assert spans["start_ns"][part.span] <= part.start_ns
        assert part.end_ns <= spans["end_ns"][part.span]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("stack", STACKS)
def test_the_critical_path_does_not_stop_at_a_wait_for_another_flow(stack, start):
    lane = next(lane for lane in race(start).lanes if lane.stack == stack)
    waited = sum(ns for (_, component, text), ns in lane.parts.items() if not component and text == "waiting")
    assert waited <= lane.end_ns / 100


@pytest.mark.parametrize("stack", STACKS)
def test_the_turns_of_the_critical_path_follow_one_another_and_their_parts_sum_to_them(stack):
    trace = result(stack, "boot").trace
    steps, lane = simcore.time_steps(trace), trace.header["outcome"]["lane"]
    assert 1 <= len(steps) <= 40, "to be read at one sight"
    assert (steps[0]["start_ns"], steps[-1]["end_ns"]) == (lane["start_ns"], lane["end_ns"])
    assert all(first["end_ns"] == second["start_ns"] for first, second in pairwise(steps))
    for step in steps:
        own = sum(part["ns"] for part in step["parts"]) + step["rest"]["ns"]
        assert own == step["end_ns"] - step["start_ns"]
        for part in step["parts"]:
            assert step["start_ns"] <= part["start_ns"] < step["end_ns"]


def test_a_service_works_on_behalf_of_the_boot_that_waits_for_it():
    steps = simcore.time_steps(result("linux-on-kvm", "boot").trace)
    network = next(s for s in steps if s["parts"][0]["text"] == "wait_network_online")
    assert network["kind"] == "service"
    assert network["for"] == {"layer": "guest-os", "kind": "boot"}
    assert network["parts"][0]["thread"] == "network_online"
    assert steps[0]["for"] is None, "the boot itself is nobody's errand"


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("workload", ["boot", "random-read", "spin"])
def test_the_parts_of_every_gap_sum_to_it_exactly(start, workload):
    outcome = race(start, workload)
    ends = {lane.stack: lane.end_ns for lane in outcome.lanes}
    for gap in [*outcome.gaps, outcome.gap]:
        assert gap.total_ns == ends[gap.to.stack] - ends[gap.from_.stack]
        assert sum(part["ns"] for part in gap.parts) == gap.total_ns


@pytest.mark.parametrize("workload", ["random-read", "request-response", "system-call", "page-touch"])
def test_from_the_first_request_on_a_lane_is_only_what_its_requests_took(workload):
    raced = race("first-request", workload)
    for lane, result in zip(raced.lanes, raced.results, strict=True):
        asked = requests_of(lane.trace)
        begin = lane.trace.tables["requests"]["start_ns"][asked[0]]
        (answered,) = result.outcome["workloads"].values()
        assert lane.start_ns == begin
        assert lane.end_ns >= answered["n"] * answered["mean_ns"]
        assert lane.start_ns + lane.end_ns == result.outcome["lane"]["end_ns"]


def test_a_workload_without_requests_races_from_where_it_begins():
    lane = race("first-request").lanes[0]
    requests = lane.trace.tables["requests"]
    assert lane.start_ns == min(
        requests["start_ns"][i] for i, own in enumerate(requests["workload"]) if own == 0
    )
    assert 0 < lane.end_ns < race("host-ready").lanes[0].end_ns


def test_the_process_is_first_then_the_container_then_the_guests():
    order = race("host-ready").order
    assert order[0] == "linux"
    container = order.index("docker-on-linux")
    assert container < min(order.index(guest) for guest in ("linux-on-kvm", "linux-on-virtualbox"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_part_of_a_gap_has_a_name(lang):
    for gap in race("power-on").gaps:
        for part in gap.parts:
            layer, op = part_label(part, gap, lang)
            assert layer
            assert op
            assert not part["is"] or part["text"] in simcore.texts(lang)["components"][part["is"]]["ops"]


def test_a_race_starts_at_a_known_event():
    with pytest.raises(ValueError, match="power-on"):
        simcore.race([simcore.scenario(simcore.prebuilt()["linux"], workload="boot")] * 2, start="lunch")


# ── the journey ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stack", STACKS)
def test_the_stops_tile_the_time_from_submission_to_return(stack):
    trace = result(stack, "random-read").trace
    for request in requests_of(trace)[::10]:
        trip = simcore.journey(trace, request)
        assert (trip.stops[0].start_ns, trip.stops[-1].end_ns) == (trip.start_ns, trip.end_ns)
        assert all(first.end_ns == second.start_ns for first, second in pairwise(trip.stops))
        assert all(stop.kind != "serve" for stop in trip.stops)
        assert all(trip.start_ns <= instant["at_ns"] <= trip.end_ns for instant in trip.instants)


@pytest.mark.parametrize("stack", STACKS)
def test_no_read_stops_at_a_control_plane(stack):
    """An emulator of programs stands beside the stack as well, but is the program that reads."""
    trace = result(stack, "random-read").trace
    catalog = simcore.catalog()
    emulators = {entry.id for entry in catalog.entries.values() if "binfmt" in entry.provides}
    beside = {n["id"] for n in trace.header["nodes"] if n["beside"] and n["is"] not in emulators}
    for request in requests_of(trace):
        assert not beside & {stop.node for stop in simcore.journey(trace, request).stops}


def test_a_container_adds_no_stop_but_its_filter_and_accounting():
    plain, container = first_read("linux"), first_read("docker-on-linux")
    own = [stop for stop in container.stops if stop.node == "web"]
    assert [(s.node, s.op) for s in container.stops if s.node != "web"] == [
        (s.node, s.op) for s in plain.stops
    ]
    assert 0 < sum(stop.end_ns - stop.start_ns for stop in own) <= 300


def test_a_containers_filter_is_the_kernels_and_runs_once_the_call_has_entered_it():
    stops = [(stop.node, stop.op) for stop in first_read("docker-on-linux").stops]
    assert stops[:2] == [("host-os", "syscall_entry"), ("web", "seccomp_filter")]
    assert stops.index(("web", "accounting")) > stops.index(("host-os", "blk_submit"))


def test_native_reads_never_exit_and_guests_do():
    exits = {stack: sum(i["kind"] == "exit" for i in first_read(stack).instants) for stack in STACKS}
    assert exits["linux"] == exits["docker-on-linux"] == 0
    assert 0 < exits["linux-on-kvm"] < exits["linux-on-virtualbox"]


def test_exits_that_are_told_together_are_one_a_round_of_all_that_is_done_in_turn():
    """Eight accesses to a register are eight exits, each followed by its trip to QEMU: not all before it."""
    trip = first_read("kvm-emulated-ide")
    rounds = [stop for stop in trip.stops if stop.count > 1]
    first = [stop for stop in rounds if stop.count == rounds[0].count]
    assert [stop.op for stop in first] == ["vm_exit", "exit_to_user", "device_emulate", "vm_entry"]
    exits = [i["at_ns"] for i in trip.instants if i["kind"] == "exit"]
    within = [at for at in exits if first[0].start_ns <= at < first[-1].end_ns]
    assert len(within) == first[0].count
    step = (first[-1].end_ns - first[0].start_ns) / first[0].count
    assert [round((at - within[0]) / step) for at in within] == list(range(first[0].count))


def test_a_journey_may_be_read_from_the_traces_bytes():
    outcome = result("linux", "random-read")
    assert (
        simcore.journey(outcome.trace_bytes, None).as_dict() == simcore.journey(outcome.trace, None).as_dict()
    )


def test_a_request_that_is_not_there_is_refused_by_its_number():
    with pytest.raises(ValueError, match="99999999"):
        simcore.journey(result("linux", "random-read").trace, 99_999_999)


@pytest.mark.parametrize("workload", [entry.id for entry in simcore.catalog().of_role("workload")])
def test_every_workload_has_a_journey(workload):
    stack = "sriov-nic" if workload == "request-response" else "linux"
    assert simcore.journey(result(stack, workload).trace, None).stops


# ------------------------------------------------------------------------------------------- a run in words


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("stack", ["docker-on-linux", "linux-on-kvm", "xen-pv"])
def test_a_run_can_be_told_in_words(stack: str, lang: str) -> None:
    """Every line of every console, when who was ready, the work and one request: all from the record."""
    trace = result(stack, "random-read", spread=False).trace
    told = simcore.narration(trace, lang)
    by_kind = {section.kind: section.lines for section in told.sections}
    assert list(by_kind) == ["stack", "events", "parts", "steps", "work", "journey"]
    assert len(by_kind["stack"]) == len(trace.header["nodes"])
    logs = sum(1 for _ in trace.rows("logs"))
    ready = sum(node["ready_ns"] is not None for node in trace.header["outcome"]["nodes"].values())
    assert len(by_kind["events"]) == logs + ready
    assert simcore.journey(trace).as_text(lang).splitlines()[0] == by_kind["journey"][0]
    assert not re.search(r"[{}]", told.as_text())


def test_where_it_is_about_requests_the_one_of_middle_length_comes_first_or_that_of_the_moment():
    trace = result("linux-on-kvm", "random-read").trace
    rows = trace.tables["requests"]
    reads = requests_of(trace)
    lengths = sorted(rows["end_ns"][i] - rows["start_ns"][i] for i in reads)
    told = simcore.narration(trace, "en", "read").sections[0]
    assert told.lines[0] == f"Read · {simcore.show_time(lengths[len(lengths) // 2])}"
    assert told.title.endswith(f"of {len(reads)}, stop by stop")
    moment = simcore.narration(trace, "en", "read", rows["start_ns"][reads[6]] + 1).sections[0]
    assert moment.title == f"Read 7 of {len(reads)}, stop by stop"
    names = {line[22:].strip().split("  ")[0] for line in moment.lines if "µs" in line[:20]}
    assert {"Linux (host-os)", "KVM + QEMU"} <= names, "by name, with the id where two are alike"


@pytest.mark.parametrize("stack", ["linux", "linux-on-kvm", "hyperv-server"])
def test_what_the_time_went_to_sums_to_the_lane(stack: str) -> None:
    trace = result(stack, "boot", spread=False).trace
    lane = trace.header["outcome"]["lane"]
    assert sum(part["ns"] for part in simcore.time_parts(trace)) == lane["end_ns"] - lane["start_ns"]
