"""The same scenario and seed give the same bytes, everywhere and however they are run; and runs end as they
should."""

import itertools
import os
import subprocess
import sys
import zlib
from collections import defaultdict
from typing import Any

import pytest

import simcore
from simcore.trace import Trace
from tests.seen import PREBUILT, S, lines, ran, requests, scenario, spans

HASHES = """
import sys, simcore
for name in sys.argv[1:]:
    for workload in ("boot", "random-read"):
        print(simcore.run(simcore.scenario(simcore.prebuilt()[name], workload=workload), 7).trace_sha256)
"""


# ------------------------------------------------------------------------------------------- the same again


@pytest.mark.parametrize("stack", PREBUILT)
def test_the_same_seed_gives_the_same_trace(stack: str) -> None:
    again = simcore.run(scenario(stack, workload="random-read"), 1)
    assert again.trace_sha256 == ran(stack, "random-read").trace_sha256
    assert again.trace_bytes == ran(stack, "random-read").trace_bytes


@pytest.mark.parametrize("stack", PREBUILT)
def test_another_seed_gives_another_trace(stack: str) -> None:
    assert ran(stack, "random-read", 2).trace_sha256 != ran(stack, "random-read", 1).trace_sha256


def test_two_processes_with_other_hashes_of_texts_give_the_same_traces() -> None:
    """Nothing may depend on the order of a set, which PYTHONHASHSEED shuffles."""
    printed = []
    for hash_seed in ("1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", HASHES, *PREBUILT],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        )
        printed.append(done.stdout.split())
    assert printed[0] == printed[1]
    assert len(set(printed[0])) == 2 * len(PREBUILT)


@pytest.mark.parametrize("stack", PREBUILT)
def test_stepping_equals_running(stack: str) -> None:
    run = simcore.Run(scenario(stack, workload="random-read"), 1)
    while run.step():
        pass
    stepped, whole = run.result(), ran(stack, "random-read")
    assert stepped.trace_sha256 == whole.trace_sha256
    assert stepped.events == whole.events
    assert run.step() is False


def test_a_step_is_one_event() -> None:
    run = simcore.Run(scenario("linux", workload="boot"), 1)
    assert [run.step() for _ in range(5)] == [True] * 5
    assert run.events == 5


def test_looking_at_the_progress_changes_nothing() -> None:
    seen: list[tuple[int, int]] = []
    watched = simcore.run(
        scenario("linux-on-kvm", workload="random-read"), 1, progress=lambda *at: seen.append(at)
    )
    assert watched.trace_sha256 == ran("linux-on-kvm", "random-read").trace_sha256
    assert seen
    assert seen == sorted(seen)


@pytest.mark.parametrize("stack", PREBUILT)
def test_a_trace_survives_being_written_and_read(stack: str) -> None:
    trace = ran(stack, "random-read").trace
    data = trace.to_bytes()
    read = Trace.from_bytes(data)
    assert read.to_bytes() == data
    assert read.header == trace.header
    for table, columns in trace.tables.items():
        for name, column in columns.items():
            assert list(read.column(table, name)) == list(column), (table, name)


def test_bytes_that_are_no_trace_are_refused() -> None:
    with pytest.raises(ValueError, match="not a Strata trace"):
        Trace.from_bytes(b"PK\x03\x04 something else")


@pytest.mark.parametrize("stack", PREBUILT)
def test_a_scenario_and_its_canonical_form_are_the_same_run(stack: str) -> None:
    first = scenario(stack, workload="boot")
    again = simcore.scenario(first.canonical())
    yaml = simcore.scenario(simcore.load(first.to_yaml()))
    assert first.id(1) == again.id(1) == yaml.id(1)
    assert first.id(1) != first.id(2)
    assert simcore.run(again).trace_sha256 == simcore.run(first).trace_sha256


# ------------------------------------------------------------------------------------- each node's own luck


def durations(
    result: simcore.Result, node: str, until: int | None = None
) -> dict[tuple[str, str], list[int]]:
    """How long each operation of a node took, in order, without what interrupted it."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    rows = spans(result.trace)
    inside: dict[int, int] = defaultdict(int)
    for span in rows:
        if span.parent >= 0 and rows[span.parent].kind == "cpu":
            inside[span.parent] += span.length
    for span in rows:
        over = until is not None and span.end > until
        if span.node == node and span.kind in ("cpu", "device") and span.component and not over:
            found[span.step].append(span.length - inside[span.id])
    return found


def with_another_container(raw: dict[str, Any]) -> dict[str, Any]:
    (kernel,) = raw["stack"]["holds"]
    other = {"id": "other", "is": "container", "runtime": "engine"}
    return {**raw, "stack": {**raw["stack"], "holds": [{**kernel, "holds": [*kernel["holds"], other]}]}}


def test_an_unrelated_node_leaves_the_luck_of_the_others_alone() -> None:
    """The k-th draw of a node's operation depends on nothing but seed, node, operation and k."""
    raw = simcore.prebuilt()["docker-on-linux"]
    alone = ran("docker-on-linux", "random-read")
    beside = simcore.run(scenario(with_another_container(raw), workload="random-read"), 1)
    for node in ("web", "random-read"):
        assert durations(beside, node) == durations(alone, node)
    ready = alone.outcome["host_ready_ns"]
    assert beside.outcome["host_ready_ns"] == ready
    for node in alone.outcome["nodes"]:  # until then the second container does nothing
        assert durations(beside, node, ready) == durations(alone, node, ready)
    assert len(durations(alone, "host-os", ready)["linux", "blk_submit"]) > 50


def test_with_spread_the_same_operation_varies_and_without_it_does_not() -> None:
    for spread, varies in ((True, True), (False, False)):
        reads = durations(ran("linux", "random-read", spread=spread), "host-os")["linux", "vfs_read"]
        assert len(reads) == 100
        assert (len(set(reads)) > 1) is varies


def test_like_nodes_have_like_luck_in_all_stacks() -> None:
    """Two stacks differ only by what differs in them: the same drive reads in the same time."""
    first = durations(ran("linux", "random-read"), "host.disk")["nvme", "medium_read"]
    for stack in PREBUILT[1:]:
        other = durations(ran(stack, "random-read"), "host.disk")["nvme", "medium_read"]
        assert other[: len(first) - 100] == first[: len(first) - 100]  # the boot of the host


# --------------------------------------------------------------------------------------------- how runs end


def test_a_span_budget_cuts_the_run_and_says_so() -> None:
    result = simcore.run(
        scenario("linux", workload="random-read", vary={"random-read.count": 100000}),
        budget=simcore.Budget(spans=20_000),
    )
    assert result.cut is not None
    assert result.cut["id"] == "budget-spans"
    assert 20_000 < result.spans < 60_000  # it is looked at now and then
    assert result.trace.header["cut"] == result.cut
    assert result.trace.header["end_ns"] == result.cut["at_ns"]
    assert max(result.trace.spans["end_ns"]) <= result.cut["at_ns"]
    assert result.outcome["lane"]["finished"] is False
    assert 0 < result.outcome["workloads"]["random-read"]["n"] < 100_000


def test_a_time_budget_cuts_the_run_and_says_so() -> None:
    result = simcore.run(
        scenario("linux", workload="random-read", vary={"random-read.count": 1_000_000}),
        budget=simcore.Budget(wall_s=0.05),
    )
    assert result.cut is not None
    assert result.cut["id"] == "budget-wall"
    assert result.wall_s < 5


def test_until_ends_the_run_in_mid_work_and_nothing_lies_beyond() -> None:
    whole = ran("linux", "random-read")
    middle = (whole.outcome["lane"]["start_ns"] + whole.outcome["lane"]["end_ns"]) // 2
    result = simcore.run(scenario("linux", workload="random-read", until=f"{middle} ns"))
    assert result.trace.header["end_ns"] == middle
    assert result.cut == {"id": "until", "at_ns": middle}
    for table, column in (
        ("spans", "end_ns"),
        ("logs", "at_ns"),
        ("wakeups", "at_ns"),
        ("requests", "end_ns"),
    ):
        assert max(result.trace.column(table, column), default=0) <= middle
    assert 0 < result.outcome["workloads"]["random-read"]["n"] < 100
    before = list(zip(whole.trace.spans["start_ns"], whole.trace.spans["op"], strict=True))
    assert (
        list(zip(result.trace.spans["start_ns"], result.trace.spans["op"], strict=True))[:500] == before[:500]
    )


def test_a_run_ends_with_its_last_event_and_that_is_no_cut() -> None:
    result = simcore.run(scenario("linux", workload="boot", until="900 s"))
    assert result.trace.header["end_ns"] == ran("linux", "boot").trace.header["end_ns"] < 900 * S
    assert result.cut is None


def test_only_what_was_answered_counts() -> None:
    """A read that is under way at the end has no length yet."""
    whole = ran("linux", "random-read", spread=False)
    third = requests(whole.trace, "read", "random-read")[2]
    middle = (third["start_ns"] + third["end_ns"]) // 2
    result = simcore.run(scenario("linux", workload="random-read", until=f"{middle} ns"), spread=False)
    assert result.outcome["workloads"]["random-read"]["n"] == 2
    assert result.outcome["workloads"]["random-read"]["mean_ns"] == 8846
    began = requests(result.trace, "read", "random-read")[0]["start_ns"]
    assert result.outcome["workloads"]["random-read"]["per_s"] == round(2e9 / (middle - began), 3)


# ----------------------------------------------------------------------------------- what is in every trace


@pytest.mark.parametrize("workload", ["boot", "random-read"])
@pytest.mark.parametrize("stack", PREBUILT)
def test_a_console_line_stands_within_the_request_that_wrote_it(stack: str, workload: str) -> None:
    trace = ran(stack, workload).trace
    rows = list(trace.rows("requests"))
    for line in trace.rows("logs"):
        request = rows[line["request"]]
        assert request["start_ns"] <= line["at_ns"] <= request["end_ns"]


@pytest.mark.parametrize("stack", PREBUILT)
def test_console_lines_of_a_kernel_come_in_the_order_of_its_boot(stack: str) -> None:
    result = ran(stack, "boot")
    order = [
        "linux_version",
        "memory",
        "smp",
        "disk_found",
        "free_initramfs",
        "mount_root",
        "run_init",
        "target",
    ]
    for node, facts in result.outcome["nodes"].items():
        if node.endswith("-os"):
            texts = [text for _, _, text in lines(result.trace, node)]
            assert [text for text in texts if text in order] == order
            times = {text: at for at, _, text in lines(result.trace, node)}
            assert len({times[text] for text in order}) == len(order)
            assert times["target"] <= facts["ready_ns"]


def test_the_traces_of_the_boot_race_of_four_are_small() -> None:
    sizes = {stack: len(zlib.compress(ran(stack, "boot").trace_bytes)) for stack in PREBUILT}
    assert sum(sizes.values()) <= 150 * 1024, sizes


def test_provenance_shares_sum_to_one() -> None:
    for stack in PREBUILT:
        assert sum(ran(stack, "boot").provenance.values()) == pytest.approx(1, abs=1e-5)


def spans_of(trace: Trace, op: str) -> list[dict[str, int]]:
    ids = {i for i, known in enumerate(trace.header["ops"]) if known["op"] == op}
    return [row for row in trace.rows("spans") if row["op"] in ids]


def test_a_page_on_its_way_is_waited_for_and_not_asked_for_twice() -> None:
    """Eight readers at once of a file of sixteen pages: each page comes from the disk once, and some wait."""
    wide = {"random-read.cache": "buffered", "random-read.depth": 8, "random-read.count": 400}
    result = simcore.run(
        scenario("linux", workload="random-read", vary=wide | {"random-read.file": "64 KiB"})
    )
    asked = {row["id"] for row in requests(result.trace, "read", "random-read")}
    assert len([row for row in spans_of(result.trace, "medium_read") if row["request"] in asked]) == 16
    assert [row for row in spans_of(result.trace, "waiting") if row["request"] in asked]
    assert result.outcome["workloads"]["random-read"]["n"] == 400


def test_a_drives_link_carries_one_answer_at_a_time() -> None:
    large = {"random-read.block": "1 MiB", "random-read.depth": 8, "random-read.count": 40}
    result = simcore.run(scenario("linux", workload="random-read", vary=large))
    times = sorted((row["start_ns"], row["end_ns"]) for row in spans_of(result.trace, "transfer"))
    assert len(times) > 40
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times))


def test_what_a_request_leaves_behind_on_a_cpu_names_it_as_its_cause() -> None:
    trace = ran("linux-on-kvm", "random-read").trace
    left = [row for row in spans_of(trace, "vm_entry") if row["parent"] < 0]
    asked = {row["id"] for row in requests(trace, "read", "random-read")}
    causes = [row["cause"] for row in left if row["cause"] >= 0]
    assert {trace.spans["request"][cause] for cause in causes} >= asked


def test_a_cut_run_shows_nobody_on_a_cpu_that_another_had() -> None:
    """Two threads on one CPU, the run cut in mid-slice: one of them has lost it, and the record says so."""
    two = {"host.cpus": 1, "spin.threads": 2, "spin.work": "1 s", "spin.count": 1}
    whole = scenario("linux", workload="spin", vary=two)
    until = ran("linux", "boot").outcome["host_ready_ns"] + 12 * S
    result = simcore.run(whole.with_until(f"{until} ns").vary({"spin.work": "10 s"}))
    work = spans_of(result.trace, "compute")
    inside = {row["id"] for row in work}
    used = sum(row["end_ns"] - row["start_ns"] for row in work)
    lost = sum(
        row["end_ns"] - row["start_ns"] for row in result.trace.rows("spans") if row["parent"] in inside
    )
    assert len(work) == 2
    assert used - lost <= result.trace.header["end_ns"] - min(row["start_ns"] for row in work)
