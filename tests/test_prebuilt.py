"""The four stacks of the gallery: what must come out of them, whatever the numbers are."""

from collections import Counter
from typing import Any

import pytest

import simcore
from simcore.catalog import load_catalog
from simcore.component import LANGUAGES
from simcore.stack.rules import INSTRUCTION_SETS
from tests.seen import GUESTS, MS, PREBUILT, US, Span, family, ran, requests, scenario, spans

WORKLOADS = [entry.id for entry in load_catalog().of_role("workload")]
LIKE_PARTS = {
    "linux": "host host-os host.disk host.firmware",
    "docker-on-linux": "host host-os host.disk host.firmware engine web",
    "linux-on-kvm": "host host-os host.disk host.firmware hv vm1 vm1.disk vm1.firmware guest-os",
    "linux-on-virtualbox": "host host-os host.disk host.firmware hv vm1 vm1.disk vm1.firmware guest-os",
}
every_stack = pytest.mark.parametrize("stack", PREBUILT)


def test_all_four_are_there() -> None:
    assert set(PREBUILT) <= set(simcore.prebuilt())


@pytest.mark.parametrize("stack", sorted(simcore.prebuilt()))
def test_a_prebuilt_stack_has_no_finding_and_its_texts_in_every_language(stack: str) -> None:
    raw = simcore.prebuilt()[stack]
    assert simcore.check(raw) == [] or {f.severity for f in simcore.check(raw)} == {"warning"}
    for text in ("label", "question", "summary"):
        assert set(raw[text]) == set(LANGUAGES)
        assert all(sentence.strip() for sentence in raw[text].values())


@every_stack
def test_like_parts_have_like_ids(stack: str) -> None:
    assert set(scenario(stack).nodes) == set(LIKE_PARTS[stack].split())


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("stack", sorted(simcore.prebuilt()))
def test_every_prebuilt_stack_accepts_every_workload(stack: str, workload: str) -> None:
    result = ran(stack, workload)
    assert result.outcome["lane"]["finished"]
    assert result.outcome["workloads"][workload]["n"] > 0
    assert {node["state"] for node in result.outcome["nodes"].values()} == {"ready"}


@pytest.mark.parametrize("machine", [entry.id for entry in load_catalog().of_role("machine")])
@every_stack
def test_every_stack_runs_on_every_machine_of_its_instruction_set(stack: str, machine: str) -> None:
    own = scenario(stack, workload="boot").stack.entry
    if INSTRUCTION_SETS.isdisjoint({*own.provides} & {*load_catalog()[machine].provides}):
        with pytest.raises(simcore.ScenarioError, match=r"isa-mismatch"):
            scenario(stack, workload="boot", machine=machine)
        return
    result = simcore.run(scenario(stack, workload="boot", machine=machine))
    assert result.outcome["lane"]["finished"]
    assert result.trace.header["nodes"][0]["is"] == machine


# ---------------------------------------------------------------------------------------------------- races


@pytest.fixture(scope="module")
def boot_race() -> simcore.RaceResult:
    return simcore.race([scenario(name, workload="boot") for name in PREBUILT], names=PREBUILT)


@pytest.fixture(scope="module")
def read_race() -> simcore.RaceResult:
    return simcore.race([scenario(name, workload="random-read") for name in PREBUILT], names=PREBUILT)


def test_a_process_starts_before_a_container_and_a_container_before_a_guest(
    boot_race: simcore.RaceResult,
) -> None:
    assert boot_race.order[:2] == ["linux", "docker-on-linux"]
    assert set(boot_race.order[2:]) == set(GUESTS)
    ends = [lane.end_ns for lane in boot_race.ordered]
    assert ends[0] < 10 * MS < ends[1] < 2000 * MS < ends[2]


def test_the_order_does_not_depend_on_the_seed() -> None:
    for seed in range(2, 6):
        race = simcore.race([scenario(name, workload="boot") for name in PREBUILT], seed, names=PREBUILT)
        assert race.order[:2] == ["linux", "docker-on-linux"]


@pytest.mark.parametrize("which", ["boot_race", "read_race"])
def test_the_parts_of_every_gap_sum_to_it_exactly(which: str, request: pytest.FixtureRequest) -> None:
    race: simcore.RaceResult = request.getfixturevalue(which)
    shown = race.as_dict()
    ends = {lane["stack"]: lane["end_ns"] for lane in shown["lanes"]}
    assert shown["order"] == sorted(ends, key=ends.__getitem__)
    pairs = list(zip(shown["order"], shown["order"][1:], strict=False))
    assert [(gap["from"], gap["to"]) for gap in shown["gaps"]] == pairs
    for gap in [*shown["gaps"], shown["gap"]]:
        assert gap["total_ns"] == ends[gap["to"]] - ends[gap["from"]]
        assert sum(part["ns"] for part in gap["parts"]) == gap["total_ns"]
        assert all(part["ns"] and part["text"] for part in gap["parts"])
    assert (shown["gap"]["from"], shown["gap"]["to"]) == (shown["order"][0], shown["order"][-1])


@pytest.mark.parametrize("which", ["boot_race", "read_race"])
def test_a_gap_is_explained_by_layers_that_are_in_one_of_the_stacks(
    which: str, request: pytest.FixtureRequest
) -> None:
    race: simcore.RaceResult = request.getfixturevalue(which)
    for gap in race.gaps:
        nodes = {node["id"] for lane in (gap.from_, gap.to) for node in lane.trace.header["nodes"]}
        assert {part["layer"] for part in gap.parts} <= nodes | {""}
        unexplained = sum(abs(part["ns"]) for part in gap.parts if not part["layer"])
        assert unexplained <= abs(gap.total_ns) / 100


def test_nearly_all_of_a_guests_boot_is_the_guests_own(boot_race: simcore.RaceResult) -> None:
    """Its second kernel and the services of its init, not the hypervisor."""
    (gap,) = [gap for gap in boot_race.gaps if gap.from_.stack == "docker-on-linux"]
    layers: Counter[str] = Counter()
    for part in gap.parts:
        layers[part["layer"]] += part["ns"]
    assert layers.most_common(1)[0][0] == "guest-os"
    assert layers["guest-os"] > gap.total_ns / 2


def test_from_power_on_the_lanes_are_longer_by_the_boot_of_the_host() -> None:
    stacks = [scenario(name, workload="boot") for name in PREBUILT[:2]]
    from_ready, from_power = (
        simcore.race(stacks, start=start, names=PREBUILT[:2]) for start in ("host-ready", "power-on")
    )
    for short, long in zip(from_ready.lanes, from_power.lanes, strict=True):
        assert long.end_ns - short.end_ns == short.start_ns > 0
    for gap in from_power.gaps:
        assert sum(part["ns"] for part in gap.parts) == gap.total_ns


def test_a_race_of_a_stack_with_itself_is_a_tie_without_parts() -> None:
    race = simcore.race([scenario("linux", workload="boot")] * 2, names=["a", "b"])
    assert race.gap.total_ns == 0
    assert race.gap.parts == []


# ---------------------------------------------------------------------------------------------------- reads


def read_spans(stack: str, number: int = 0) -> list[Span]:
    """The steps of one read without spread, in order of time."""
    trace = ran(stack, "random-read", spread=False).trace
    found = family(trace, spans(trace), requests(trace, "read", "random-read")[number])
    return sorted((span for span in found if span.kind != "serve"), key=lambda span: (span.start, span.id))


@every_stack
def test_no_span_of_a_read_touches_the_control_plane(stack: str) -> None:
    """That Docker lies under a running container is the misconception to kill."""
    trace = ran(stack, "random-read").trace
    beside = {node["id"] for node in trace.header["nodes"] if node["beside"]}
    assert beside == ({"engine"} if stack == "docker-on-linux" else set())
    found = spans(trace)
    threads = {thread["id"]: thread["node"] for thread in trace.header["threads"]}
    engines = {number for number, node in enumerate(trace.header["nodes"]) if node["beside"]}
    reads = {row["id"] for row in requests(trace, "read", "random-read")}
    assert len(reads) == 100
    for read in requests(trace, "read", "random-read")[:3]:
        for span in family(trace, found, read):
            assert span.node not in beside
            assert threads[span.thread] not in engines
    assert not [span for span in found if span.request in reads and span.node in beside]


def test_a_container_adds_no_stop_to_a_read() -> None:
    """Only its filter and accounting, at most 0.3 us; no exit, no switch, no wait, no copy."""
    plain, contained = read_spans("linux"), read_spans("docker-on-linux")
    added = [span for span in contained if span.node == "web"]
    assert {span.step for span in added} == {("container", "seccomp_filter"), ("container", "accounting")}
    assert sum(span.length for span in added) <= 0.3 * US
    assert [(span.node, span.step, span.length) for span in contained if span.node != "web"] == [
        (span.node, span.step, span.length) for span in plain
    ]


@every_stack
def test_only_guests_exit(stack: str) -> None:
    trace = ran(stack, "random-read").trace
    exits = trace.header["instant_kinds"].index("exit")
    kinds = list(trace.column("instants", "kind"))
    assert (exits in kinds) is (stack in GUESTS)
    trip = simcore.journey(trace)
    assert bool([i for i in trip.instants if i["kind"] == "exit"]) is (stack in GUESTS)


def test_virtio_leaves_the_guest_once_for_a_read_and_ahci_often() -> None:
    """One notification out; the completion finds the vCPU halted. AHCI pays for each register."""
    exits = {}
    for stack in GUESTS:
        exits[stack] = sum(span.op in ("vm_exit", "kick_exit") for span in read_spans(stack))
        registers = [span for span in read_spans(stack) if span.op in ("device_emulate", "mmio_emulate")]
        assert bool(registers) is (stack == "linux-on-virtualbox")
    assert exits["linux-on-kvm"] == 1
    assert exits["linux-on-virtualbox"] > 1


@pytest.mark.parametrize("stack", GUESTS)
def test_a_guests_read_is_a_read_in_a_read(stack: str) -> None:
    """The guest's kernel does what any kernel does; below it a program reads from the host likewise."""

    def steps(of: str, node: str) -> list[str]:
        ops = [span.op for span in read_spans(of) if span.node == node and span.op != "context_switch"]
        return ops[ops.index("syscall_entry") : ops.index("syscall_exit") + 1]

    assert steps(stack, "guest-os") == steps(stack, "host-os") == steps("linux", "host-os")


@every_stack
def test_the_reader_sleeps_while_the_device_works_and_an_interrupt_wakes_it(stack: str) -> None:
    trace = ran(stack, "random-read", spread=False).trace
    trip = simcore.journey(trace)
    device = [stop for stop in trip.stops if stop.kind == "device"]
    assert [stop.node for stop in device] == ["host.disk"]
    kinds = [instant["kind"] for instant in trip.instants if instant["at_ns"] >= device[0].end_ns]
    assert "interrupt" in kinds
    assert "wakeup" in kinds
    assert kinds.index("interrupt") < len(kinds) - 1 - kinds[::-1].index("wakeup")


@every_stack
def test_the_stops_of_a_journey_tile_it(stack: str) -> None:
    trace = ran(stack, "random-read").trace
    for number in (0, 1, 50, 99):
        request = requests(trace, "read", "random-read")[number]
        trip = simcore.journey(trace, request["id"])
        assert trip.start_ns == request["start_ns"]
        assert trip.end_ns == request["end_ns"]
        edges = [trip.start_ns, *(stop.end_ns for stop in trip.stops)]
        assert [stop.start_ns for stop in trip.stops] == edges[:-1]
        assert edges[-1] == trip.end_ns
        assert all(trip.start_ns <= instant["at_ns"] <= trip.end_ns for instant in trip.instants)


def test_reads_are_dearer_the_more_there_is_below() -> None:
    means = [ran(stack, "random-read").outcome["workloads"]["random-read"]["mean_ns"] for stack in PREBUILT]
    assert means == sorted(means)
    assert means[1] - means[0] <= 0.3 * US
    assert means[2] > 1.5 * means[0]


def mean_read(stack: str, **vary: Any) -> int:
    changed = scenario(
        stack, workload="random-read", vary={f"random-read.{key}": value for key, value in vary.items()}
    )
    mean: int = simcore.run(changed, spread=False).outcome["workloads"]["random-read"]["mean_ns"]
    return mean


def test_a_read_from_the_page_cache_costs_the_same_in_a_guest_as_without_one() -> None:
    """A system call that does no I/O leaves no guest."""
    fast = []
    for stack in ("linux", *GUESTS):
        changed = scenario(
            stack,
            workload="random-read",
            vary={"random-read.cache": "buffered", "random-read.count": 400, "random-read.file": "64 KiB"},
        )
        result = simcore.run(changed, spread=False)
        fast.append(result.outcome["workloads"]["random-read"]["p50_ns"])
        last = simcore.journey(result.trace, requests(result.trace, "read", "random-read")[-1]["id"])
        assert {stop.node for stop in last.stops} <= {"host-os", "guest-os"}
        assert not [i for i in last.instants if i["kind"] in ("exit", "wakeup", "interrupt")]
    assert len(set(fast)) == 1
    assert fast[0] < 1 * US


def test_on_a_hard_disk_all_stacks_read_alike() -> None:
    """Milliseconds of mechanics hide what the path costs."""
    means = []
    for stack in PREBUILT:
        changed = scenario(stack, workload="random-read", vary={"host.disk": "hdd", "random-read.count": 20})
        means.append(simcore.run(changed, spread=False).outcome["workloads"]["random-read"]["mean_ns"])
    assert max(means) < 1.05 * min(means)
    assert min(means) > 3 * MS


@every_stack
def test_a_deeper_queue_brings_more_reads_a_second(stack: str) -> None:
    rates = []
    for depth in (1, 4, 16):
        changed = scenario(
            stack, workload="random-read", vary={"random-read.depth": depth, "random-read.count": 400}
        )
        rates.append(simcore.run(changed).outcome["workloads"]["random-read"]["per_s"])
    assert rates[0] < rates[1] <= rates[2] * 1.02


def test_a_larger_block_takes_longer() -> None:
    assert (
        mean_read("linux", block="4 KiB")
        < mean_read("linux", block="64 KiB")
        < mean_read("linux", block="1 MiB")
    )


def test_kicks_and_interrupts_are_suppressed_with_depth() -> None:
    """While the other side is at work anyway, nobody needs to be told: exits for each read fall."""
    exits = {}
    for depth in (1, 16):
        changed = scenario(
            "linux-on-kvm",
            workload="random-read",
            vary={"random-read.depth": depth, "random-read.count": 320},
        )
        trace = simcore.run(changed).trace
        reads = {row["id"] for row in requests(trace, "read", "random-read")}
        exits[depth] = sum(span.op == "ioeventfd" and span.request in reads for span in spans(trace)) / len(
            reads
        )
    assert exits[1] == pytest.approx(1, abs=0.05)
    assert exits[16] < 0.7


# --------------------------------------------------------------------------------------------- who is where


def test_containers_print_no_kernel_line_of_their_own() -> None:
    header = ran("docker-on-linux", "boot").trace.header
    web = [node["id"] for node in header["nodes"]].index("web")
    assert web not in list(ran("docker-on-linux", "boot").trace.column("logs", "node"))


@pytest.mark.parametrize("stack", GUESTS)
def test_a_guest_boots_a_second_kernel_after_the_host_is_ready(stack: str) -> None:
    outcome = ran(stack, "boot").outcome
    assert outcome["host_ready_ns"] <= outcome["nodes"]["vm1.firmware"]["ready_ns"]
    assert (
        outcome["nodes"]["host-os"]["ready_ns"]
        < outcome["nodes"]["vm1"]["ready_ns"]
        < outcome["nodes"]["guest-os"]["ready_ns"]
    )


@every_stack
def test_tenants_are_guests_and_containers_and_what_they_hold(stack: str) -> None:
    nodes = ran(stack, "boot").trace.header["nodes"]
    tenants = {node["id"] for node in nodes if node["tenant"]}
    expected = {"linux": set(), "docker-on-linux": {"web", "boot"}}
    guest = {"vm1", "vm1.disk", "vm1.firmware", "guest-os", "boot"}
    assert tenants == expected.get(stack, guest)


@every_stack
def test_time_zero_is_power_on_and_the_lane_starts_when_the_host_is_ready(stack: str) -> None:
    result = ran(stack, "boot")
    lane = result.outcome["lane"]
    assert min(result.trace.spans["start_ns"]) == 0 == lane["power_on_ns"]
    assert lane["start_ns"] == result.outcome["host_ready_ns"]
    (first,) = [span for span in spans(result.trace) if span.op == "first_instruction"]
    assert first.end == lane["end_ns"]


def test_init_without_services_is_ready_sooner() -> None:
    direct = simcore.run(scenario("linux", workload="boot", vary={"host-os.init": "direct"}))
    assert direct.outcome["host_ready_ns"] < ran("linux", "boot").outcome["host_ready_ns"] - 500 * MS


def test_a_guest_with_all_its_memory_filled_starts_later() -> None:
    filled = simcore.run(scenario("linux-on-kvm", workload="boot", vary={"vm1.prealloc": True}))
    assert filled.outcome["lane"]["end_ns"] > ran("linux-on-kvm", "boot").outcome["lane"]["end_ns"] + 200 * MS
