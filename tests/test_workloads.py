"""System calls, first touches, processes and messages: native, in a container, in a guest."""

from collections import Counter
from typing import Any

import pytest

import simcore
from tests.seen import GUESTS, MS, PREBUILT, QEMU, US, Span, family, ran, requests, scenario, spans

KIB, MIB = 1 << 10, 1 << 20
PAGE = 4 * KIB
PAGES = 256  # of the default 1 MiB of page-touch
QUICK = {"host-os.init": "direct"}
KVM = {**QUICK, "guest-os.init": "direct"}


def run(stack: str | dict[str, Any], workload: str | None, **vary: Any) -> simcore.Result:
    """Without spread. `vary` writes `ping_pong__over` for `ping-pong.over`."""
    named = {key.replace("__", ".").replace("_", "-"): value for key, value in vary.items()}
    if isinstance(stack, str):
        named |= KVM if stack in GUESTS else QUICK
    return simcore.run(scenario(stack, workload=workload, vary=named), spread=False)


def of_requests(result: simcore.Result, kind: str, workload: str) -> list[list[Span]]:
    """The spans that cost time, of each request of a kind, with all that is below it."""
    found = spans(result.trace)
    kept = []
    for request in requests(result.trace, kind, workload):
        inside = [span for span in family(result.trace, found, request) if span.kind != "serve"]
        kept.append(sorted(inside, key=lambda span: (span.start, span.id)))
    return kept


def ops(found: list[Span]) -> Counter[str]:
    return Counter(span.op for span in found)


def marks(result: simcore.Result, kind: str, begin: int, end: int) -> int:
    """How many instants of a kind there are in a stretch of time."""
    kinds = result.trace.header["instant_kinds"]
    rows = result.trace.rows("instants")
    return sum(kinds[row["kind"]] == kind and begin <= row["at_ns"] < end for row in rows)


def mean(result: simcore.Result, workload: str) -> int:
    found: int = result.outcome["workloads"][workload]["mean_ns"]
    return found


# ------------------------------------------------------------------------------------------ system calls


@pytest.mark.parametrize("stack", PREBUILT)
def test_a_thousand_getpids_cause_no_exit(stack: str) -> None:
    """A guest calls its own kernel; the hypervisor does not hear of it."""
    result = ran(stack, "system-call", spread=False)
    calls = requests(result.trace, "syscall", "system-call")
    assert len(calls) == 1000
    begin, end = calls[0]["start_ns"], calls[-1]["end_ns"]
    assert marks(result, "exit", begin, end) == 0
    whose = {span.node for span in spans(result.trace) if begin <= span.start < end and span.kind == "cpu"}
    assert whose <= {"guest-os", "host-os", "web"}
    assert ("host-os" in whose) is (stack not in GUESTS)


def test_a_system_call_takes_as_long_in_a_guest_as_without_one() -> None:
    times = {stack: mean(ran(stack, "system-call", spread=False), "system-call") for stack in PREBUILT}
    assert times["linux-on-kvm"] == times["linux-on-virtualbox"] == times["linux"]
    assert times["linux"] == pytest.approx(222 / 3.4, rel=0.05)  # 222 cycles, way in and way out


def test_a_container_adds_its_filter_to_a_system_call_and_nothing_else() -> None:
    plain, contained = (ran(stack, "system-call", spread=False) for stack in ("linux", "docker-on-linux"))
    added = [span for span in spans(contained.trace) if span.node == "web" and span.kind == "cpu"]
    calls = {row["id"] for row in requests(contained.trace, "syscall", "system-call")}
    own = [span for span in added if span.request in calls]
    assert {span.op for span in own} == {"seccomp_filter"}
    assert len(own) == 1000
    assert mean(contained, "system-call") - mean(plain, "system-call") == own[0].length


def test_before_linux_5_11_each_system_call_runs_the_whole_filter() -> None:
    """Docker before 1.10 had none."""
    off, bitmap, program = (
        mean(run("docker-on-linux", "system-call", web__seccomp=how), "system-call")
        for how in ("off", "bitmap", "program")
    )
    assert (bitmap - off, program - off) == (30, 70)


# ------------------------------------------------------------------------------------------ first touches


@pytest.mark.parametrize("stack", PREBUILT)
def test_each_page_faults_once_and_never_again(stack: str) -> None:
    touches = of_requests(ran(stack, "page-touch", spread=False), "touch", "page-touch")
    assert len(touches) == 2 * PAGES
    for first in touches[:PAGES]:
        assert ops(first)["fault_entry"] == ops(first)["zero_page"] == ops(first)["map_page"] == 1
        assert ops(first)["first_touch"] == (stack in GUESTS)
    assert {tuple(ops(again)) for again in touches[PAGES:]} == {("access",)}


def test_a_second_pass_over_memory_has_no_violation_and_no_fault() -> None:
    result = ran("linux-on-kvm", "page-touch", spread=False)
    touches = requests(result.trace, "touch", "page-touch")
    middle = touches[PAGES]["start_ns"]
    assert marks(result, "exit", touches[0]["start_ns"], middle) == PAGES
    assert marks(result, "fault", touches[0]["start_ns"], middle) == PAGES
    assert marks(result, "exit", middle, touches[-1]["end_ns"]) == 0
    assert marks(result, "fault", middle, touches[-1]["end_ns"]) == 0


def test_the_violation_happens_while_the_guest_clears_the_page() -> None:
    touch = of_requests(ran("linux-on-kvm", "page-touch", spread=False), "touch", "page-touch")[0]
    order = [span.op for span in touch]
    assert order[:6] == ["access", "fault_entry", "page_alloc", "first_touch", "zero_page", "map_page"]


def one_after_the_other(stack: str, size: str = "1 MiB") -> dict[str, Any]:
    """Two programs that touch as much memory; the second begins long after the first has ended."""
    raw = dict(simcore.prebuilt()[stack])
    settings = {"size": "1 MiB", "passes": 1}
    raw["workloads"] = [
        {"id": "first", "is": "page-touch", "on": raw["subject"], "settings": settings},
        {"id": "then", "is": "page-touch", "on": raw["subject"], "settings": {**settings, "size": size}}
        | {"start": "200 s"},
    ]
    return raw


def test_who_gets_pages_that_another_gave_back_pays_only_the_guests_fault() -> None:
    result = run(one_after_the_other("linux-on-kvm"), None)
    first, then = (of_requests(result, "touch", name) for name in ("first", "then"))
    assert sum(ops(touch)["first_touch"] for touch in first) == PAGES
    assert sum(ops(touch)["first_touch"] for touch in then) == 0
    assert sum(ops(touch)["fault_entry"] for touch in then) == PAGES


def test_who_needs_more_than_was_given_back_pays_for_the_rest() -> None:
    result = run(one_after_the_other("linux-on-kvm", size="3 MiB"), None)
    assert sum(ops(touch)["first_touch"] for touch in of_requests(result, "touch", "then")) == 2 * PAGES


def test_a_guest_that_was_given_all_its_memory_has_no_violation() -> None:
    result = run("linux-on-kvm", "page-touch", vm1__prealloc=True)
    touches = of_requests(result, "touch", "page-touch")
    assert sum(ops(touch)["fault_entry"] for touch in touches) == PAGES
    assert sum(ops(touch)["first_touch"] for touch in touches) == 0


def test_a_guest_never_has_more_memory_of_the_hosts_than_it_was_promised() -> None:
    result = run("linux-on-kvm", "page-touch", vm1__memory="256 MiB", page_touch__size="300 MiB")
    assert result.outcome["nodes"]["vm1"]["memory"] == 256 * MIB + QEMU


def test_a_containers_memory_is_what_its_programs_have_touched_and_not_given_back() -> None:
    result = run("docker-on-linux", "page-touch")
    header = result.trace.header
    (series,) = [n for n, one in enumerate(header["series"]) if header["nodes"][one["node"]]["id"] == "web"]
    counted = [row["value"] for row in result.trace.rows("counters") if row["series"] == series]
    begin = counted[0]
    assert max(counted) == begin + MIB
    assert counted[1 : 1 + PAGES] == [begin + n * PAGE for n in range(1, PAGES + 1)]
    assert counted[-1] == result.outcome["nodes"]["web"]["memory"] == 0


def test_a_fault_costs_what_was_measured() -> None:
    """695 ns on a Xeon X3460; in a guest 1.883 us come on top, the first time."""
    for stack, expected in (("linux", 695), ("linux-on-kvm", 695 + 1883)):
        touches = of_requests(ran(stack, "page-touch", spread=False), "touch", "page-touch")
        took = sum(span.length for span in touches[0] if span.op != "access")
        assert took == pytest.approx(expected, rel=0.03)


# ---------------------------------------------------------------------------------------------- processes


def test_a_child_is_a_process_of_its_own_and_two_wakeups_lead_to_it_and_back() -> None:
    result = ran("linux", "spawn", spread=False)
    child = of_requests(result, "round_trip", "spawn")[5]
    by = [(span.thread, span.op) for span in child if span.op in ("fork", "exec", "exit", "reap")]
    assert [op for _, op in by] == ["fork", "exec", "exit", "reap"]
    parent, other = by[0][0], by[1][0]
    assert [thread for thread, _ in by] == [parent, other, other, parent]
    assert parent != other
    assert ops(child)["wake_up"] == 2


def test_only_a_child_whose_program_was_never_read_reads_the_disk() -> None:
    children = of_requests(ran("linux", "spawn", spread=False), "round_trip", "spawn")
    read = [any(span.kind == "device" for span in child) for child in children]
    assert read == [True] + [False] * 19


def test_making_processes_takes_what_lmbench_measured_on_one_cpu() -> None:
    """fork, exit and wait: 128 us; with an exec in between: 479 us."""
    for exec_, expected in ((False, 128 * US), (True, 479 * US)):
        result = run("linux", "spawn", host__cpus=1, spawn__exec=exec_)
        p50 = result.outcome["workloads"]["spawn"]["p50_ns"]
        assert p50 == pytest.approx(expected, rel=0.02)


def test_in_a_guest_only_the_first_child_touches_pages_that_the_host_must_provide() -> None:
    children = of_requests(ran("linux-on-kvm", "spawn", spread=False), "round_trip", "spawn")
    assert [ops(child)["first_touch"] for child in children] == [1] + [0] * 19


# ----------------------------------------------------------------------------------------------- messages


def trips(stack: str, **vary: Any) -> list[list[Span]]:
    return of_requests(run(stack, "ping-pong", **vary), "round_trip", "ping-pong")


@pytest.mark.parametrize("stack", GUESTS)
def test_a_wakeup_across_vcpus_leaves_the_guest_and_on_one_vcpu_it_does_not(stack: str) -> None:
    for trip in trips(stack):
        assert ops(trip)["ipi"] == ops(trip)["wake_up"] == 2
        assert {span.node for span in trip if span.op == "vm_exit"} == {"hv"}
    for vary in ({"ping_pong__cpus": "one"}, {"vm1__vcpus": 1}):
        found = [span for trip in trips(stack, **vary) for span in trip]
        assert {span.node for span in found} == {"guest-os"}
        assert ops(found)["context_switch"] == 2 * 100


def test_without_a_hypervisor_no_wakeup_exits() -> None:
    for stack in PREBUILT[:2]:
        found = ops([span for trip in trips(stack) for span in trip])
        assert found["ipi"] == found["vm_exit"] == 0
        assert found["idle_exit"] == 2 * 100


def test_the_sender_has_left_the_guest_before_the_other_vcpu_comes_up() -> None:
    trip = trips("linux-on-kvm")[50]
    order = [span.op for span in trip]
    assert order[: order.index("pipe_read")] == [
        "syscall_entry", "pipe_write", "wake_up", "vm_exit", "ipi", "halt_wake", "vm_entry", "context_switch",
    ]  # fmt: skip
    sender, receiver = trip[order.index("ipi")].thread, trip[order.index("pipe_read")].thread
    assert sender == trip[0].thread != receiver


def test_who_sent_the_interrupt_goes_back_into_the_guest_beside_the_other() -> None:
    """The sender's way back is no part of the round trip: it is paid while the receiver runs."""
    result = run("linux-on-kvm", "ping-pong")
    first = requests(result.trace, "round_trip", "ping-pong")[50]
    during = [
        span
        for span in spans(result.trace)
        if first["start_ns"] <= span.start < first["end_ns"] and span.kind == "cpu" and span.request < 0
    ]
    assert ops(during)["vm_entry"] >= 1
    assert ops(during)["halt_exit"] >= 1


def test_a_guests_threads_that_begin_side_by_side_wake_the_other_vcpu_by_an_exit_too() -> None:
    for vcpus, expected in ((2, True), (1, False)):
        result = run("linux-on-kvm", "spin", vm1__vcpus=vcpus, spin__threads=2, spin__work="100 us")
        begin = requests(result.trace, "service", "spin")[0]["start_ns"]
        told = [span for span in spans(result.trace) if span.op == "ipi" and span.start >= begin - MS]
        assert bool(told) is expected


def test_two_threads_on_one_cpu_take_turns_and_wake_no_other() -> None:
    found = [span for trip in trips("linux", ping_pong__cpus="one") for span in trip]
    assert ops(found)["idle_exit"] == 0
    assert ops(found)["context_switch"] == 2 * 100
    assert len({span.thread for span in found}) == 2


def test_a_round_trip_takes_what_was_measured() -> None:
    """A pipe on one CPU: 1.865 us on a Xeon X3460; TCP over loopback: 6.09 us on an Ice Lake, whose two
    wake-ups and switches take 0.72 us longer than those of the Xeon, on which ours rest."""
    pipe = run("linux", "ping-pong", ping_pong__cpus="one")
    tcp = run("linux", "ping-pong", ping_pong__cpus="one", ping_pong__over="tcp")
    assert mean(pipe, "ping-pong") == pytest.approx(1865, rel=0.06)
    assert mean(tcp, "ping-pong") == pytest.approx(6090 - 720, rel=0.06)


def two_containers(peer: str | None) -> dict[str, Any]:
    raw = dict(simcore.prebuilt()["docker-on-linux"])
    boxes = [{"id": name, "is": "container", "runtime": "engine"} for name in ("web", "db")]
    engine = {"id": "engine", "is": "docker"}
    raw["stack"] = {
        "id": "host",
        "is": "server-2s-xeon",
        "holds": [
            {"id": "host-os", "is": "linux", "settings": {"init": "direct"}, "holds": [engine, *boxes]}
        ],
    }
    settings = {"over": "tcp", "count": 20} | ({} if peer is None else {"peer": peer})
    raw["workloads"] = [{"id": "talk", "is": "ping-pong", "on": "web", "settings": settings}]
    return raw


@pytest.mark.parametrize(("peer", "cards"), [(None, 0), ("web", 0), ("host-os", 1), ("db", 2)])
def test_between_containers_a_packet_crosses_two_veth_pairs_and_a_bridge(
    peer: str | None, cards: int
) -> None:
    """To the host it is one pair; within one container nothing."""
    for trip in of_requests(run(two_containers(peer), None), "round_trip", "talk"):
        assert ops(trip)["veth_xmit"] == 2 * cards
        assert ops(trip)["bridge_forward"] == 2 * bool(cards)
        assert ops(trip)["tcp_send"] == ops(trip)["softirq_receive"] == ops(trip)["wake_up"] == 2


def test_the_way_between_containers_has_no_further_stop() -> None:
    """What is added is the kernel's own code; no thread, no wait, no exit."""
    near, far = (
        of_requests(run(two_containers(peer), None), "round_trip", "talk")[10] for peer in ("web", "db")
    )
    added = ops(far) - ops(near)
    assert added == {"veth_xmit": 4, "bridge_forward": 2}
    assert {span.node for span in far} == {"web", "db", "host-os", "host"}


def test_a_pipe_does_not_care_in_which_container_its_ends_are() -> None:
    raws = [two_containers(peer) for peer in ("web", "db")]
    for raw in raws:
        raw["workloads"][0]["settings"]["over"] = "pipe"
    near, far = (mean(run(raw, None), "talk") for raw in raws)
    assert near == far


@pytest.mark.parametrize(
    ("on", "peer"), [("guest-os", "host-os"), ("host-os", "vm1"), ("host-os", "guest-os")]
)
def test_who_talks_across_kernels_is_refused(on: str, peer: str) -> None:
    raw = dict(simcore.prebuilt()["linux-on-kvm"])
    raw["workloads"] = [{"id": "talk", "is": "ping-pong", "on": on, "settings": {"peer": peer}}]
    assert [(found.id, found.path) for found in simcore.check(raw)] == [("peer-elsewhere", "talk.peer")]
    raw["workloads"][0]["settings"]["peer"] = "nobody"
    assert [found.id for found in simcore.check(raw)] == ["unknown-node"]


def test_the_other_end_is_waited_for() -> None:
    raw = two_containers("db")
    (kernel,) = raw["stack"]["holds"]
    kernel["holds"][2] = {**kernel["holds"][2], "start": "150 s"}
    result = run(raw, None)
    assert result.outcome["nodes"]["db"]["ready_ns"] > 150 * 1000 * MS
    assert (
        requests(result.trace, "round_trip", "talk")[0]["start_ns"]
        > result.outcome["nodes"]["db"]["ready_ns"]
    )
    assert result.outcome["workloads"]["talk"]["n"] == 20


# -------------------------------------------------------------------------------------------- a launcher


def launched(at_once: int, n: int = 12, **settings: Any) -> list[tuple[int, int]]:
    """When each container was told to start, and when it was ready, in this order."""
    boxes = [{"id": f"box{i}", "is": "container", "runtime": "engine", "start": "manual"} for i in range(n)]
    os = {"id": "os", "is": "linux", "settings": {"init": "direct", **settings}}
    os["holds"] = [{"id": "engine", "is": "runc"}, *boxes]
    stack = {"id": "host", "is": "laptop", "settings": {"cpus": 1, "disk": "nvme"}, "holds": [os]}
    launcher = {"id": "launcher", "is": "launcher", "on": "os", "settings": {"at_once": at_once}}
    result = simcore.run(
        scenario({"schema_version": 1, "stack": stack, "workloads": [launcher]}), spread=False
    )
    names = [node["id"] for node in result.trace.header["nodes"]]
    orders = [row for row in requests(result.trace, "boot") if names[row["node"]].startswith("box")]
    told = {names[row["node"]]: row["start_ns"] for row in reversed(orders)}
    nodes = result.outcome["nodes"]
    return sorted((told[name], nodes[name]["ready_ns"]) for name in told)


def most_under_way(times: list[tuple[int, int]]) -> int:
    return max(sum(told <= at < ready for told, ready in times) for at, _ in times)


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_launcher_has_no_more_under_way_than_it_may(at_once: int) -> None:
    times = launched(at_once)
    assert len(times) == 12
    assert most_under_way(times) == at_once


def test_before_linux_6_6_a_busy_computer_slows_its_launcher() -> None:
    """Each new process queues behind all others, and the launcher waits for it."""
    assert most_under_way(launched(24, 24, scheduler="cfs")) < most_under_way(launched(24, 24))
