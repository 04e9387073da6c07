"""A guest from a snapshot: quick to be there, slow at what it does first, and then like any other."""

import copy
from functools import cache
from typing import Any

import pytest

import simcore
from simcore.texts import texts
from tests.seen import MS, QEMU, Span, family, ran, requests, scenario, spans

DISK, CACHE = "disk", "page-cache"
ENTRY = simcore.catalog()["restored-vm"]


@cache
def restored(workload: str = "boot", memory_file: str = DISK, **vary: Any) -> simcore.Result:
    settings = {"vm1.memory_file": memory_file} | {f"vm1.{name}": value for name, value in vary.items()}
    return simcore.run(scenario("snapshot-restore", workload=workload, vary=settings), spread=False)


def lane_ns(result: simcore.Result) -> int:
    lane = result.outcome["lane"]
    return int(lane["end_ns"] - lane["start_ns"])


def ready_ns(result: simcore.Result, node: str = "guest-os") -> int:
    """Since the host was ready."""
    return int(result.outcome["nodes"][node]["ready_ns"] - result.outcome["host_ready_ns"])


def took_ns(result: simcore.Result, op: str) -> int:
    """One operation of the guest's computer, all of it together."""
    return sum(span.length for span in spans(result.trace) if span.node == "vm1" and span.op == op)


def steps(result: simcore.Result, kind: str) -> list[list[Span]]:
    """What costs time in each request of a kind by the workload, in order."""
    found = spans(result.trace)
    return [
        [span for span in family(result.trace, found, request) if span.kind in ("cpu", "device")]
        for request in requests(result.trace, kind)
        if request["workload"] >= 0
    ]


def count(found: list[Span], node: str, op: str) -> int:
    return sum((span.node, span.op) == (node, op) for span in found)


def media(found: list[Span]) -> int:
    """Reads that reached the real disk."""
    return count(found, "host.disk", "medium_read")


def length_ns(result: simcore.Result, kind: str, number: int) -> int:
    asked = [one for one in requests(result.trace, kind) if one["workload"] >= 0][number]
    return int(asked["end_ns"] - asked["start_ns"])


# -------------------------------------------------------------------------------------------- the restore


def test_a_restored_guest_is_ready_much_sooner_than_a_booted_one() -> None:
    assert ready_ns(restored()) * 100 < ready_ns(ran("linux-on-kvm", "boot", spread=False))


def test_nothing_boots_in_it() -> None:
    """No firmware, no kernel: the guest writes nothing to its console, and its disk is not asked."""
    trace = restored().trace
    names = [node["id"] for node in trace.header["nodes"]]
    inside = ("vm1.firmware", "guest-os", "vm1.disk")
    assert {names[row["node"]] for row in trace.rows("logs")}.isdisjoint(inside)
    ready = restored().outcome["nodes"]["guest-os"]["ready_ns"]
    ran_before = {s.op for s in spans(trace) if s.node in inside and s.kind == "cpu" and s.end <= ready}
    assert ran_before <= {"context_switch"}


def test_the_monitor_starts_as_for_any_guest() -> None:
    ops = {span.op for span in spans(restored().trace) if span.node == "hv"}
    assert {"fork_exec_qemu", "qemu_init", "create_vm", "create_vcpu"} <= ops


def test_a_restore_grows_with_the_size_of_the_memory_though_none_of_it_is_read() -> None:
    small, large = (restored(memory=size) for size in ("1 GiB", "9 GiB"))
    per_gib = ENTRY.timings["map_memory"].mean_ns(1)
    assert ready_ns(large) - ready_ns(small) == pytest.approx(8 * per_gib, rel=0.01)
    assert small.outcome["nodes"]["vm1"]["memory"] == large.outcome["nodes"]["vm1"]["memory"]


def test_with_all_memory_read_at_the_start_nothing_faults_afterwards() -> None:
    whole = restored("random-read", prealloc=True)
    assert ready_ns(whole) > 2 * ready_ns(restored("random-read"))
    assert took_ns(whole, "file_fault") == took_ns(whole, "first_touch") == 0


def test_what_a_boot_would_have_touched_is_what_the_file_holds() -> None:
    """Read as a whole, a window at a time; the file has holes where the guest never had a page."""
    whole = restored("boot", prealloc=True)
    file_bytes = ENTRY.constants["boot_touched"].value
    began, ready = whole.outcome["host_ready_ns"], whole.outcome["nodes"]["vm1"]["ready_ns"]
    reads = [s for s in spans(whole.trace) if s.op == "medium_read" and began < s.start < ready]
    assert len(reads) == file_bytes // ENTRY.constants["read_around"].value + 1  # and the state


def test_what_ran_in_the_guest_runs_again_at_once() -> None:
    """An engine in the guest was started before the snapshot was taken."""
    raw = copy.deepcopy(dict(simcore.prebuilt()["snapshot-restore"]))
    guest = raw["stack"]["holds"][0]["holds"][0]["holds"][0]
    guest["holds"][0]["holds"] = [{"id": "engine", "is": "docker"}]
    again = simcore.run(simcore.scenario(raw, workload="boot"), spread=False)
    started = [span.op for span in spans(again.trace) if span.node == "engine" and span.kind == "cpu"]
    assert started == []
    assert again.outcome["nodes"]["engine"]["state"] == "ready"


# --------------------------------------------------------------------------------- the touches afterwards


def test_the_first_touches_go_to_the_hosts_disk() -> None:
    """Each read is the host's, a window long; the guest's CPU is told and interrupted."""
    result = restored("random-read")
    first = steps(result, "read")[0]
    wanted = ENTRY.constants["first_pages"].value["read"]
    reads = -(-wanted // ENTRY.constants["wanted_per_read"].value)
    assert count(first, "vm1", "page_ready") == reads
    assert media(first) == reads + 1  # and the read that the program asked for
    faults = [span for span in first if (span.node, span.op) == ("vm1", "file_fault")]
    assert {span.thread.split("/")[0] for span in faults} == {"guest-os"}
    assert count(first, "host-os", "page_alloc") == reads
    assert count(first, "hv", "irqfd") == reads + 1


def test_with_the_memory_file_in_the_page_cache_they_are_cheap() -> None:
    first = steps(restored("random-read", CACHE), "read")[0]
    assert media(first) == 1
    cold, warm = (length_ns(restored("random-read", where), "read", 0) for where in (DISK, CACHE))
    assert warm * 5 < cold


@pytest.mark.parametrize("where", [DISK, CACHE])
def test_a_second_pass_has_no_faults(where: str) -> None:
    result = restored("random-read", where)
    for read in steps(result, "read")[1:]:
        assert count(read, "vm1", "file_fault") == 0
        assert media(read) == 1


@pytest.mark.parametrize("where", [DISK, CACHE])
@pytest.mark.parametrize("kind", ["read", "exec"])
def test_the_first_of_a_kind_is_slower_than_after_a_boot(kind: str, where: str) -> None:
    booted = length_ns(ran("linux-on-kvm", "random-read", spread=False), kind, 0)
    assert length_ns(restored("random-read", where), kind, 0) > booted


def test_later_reads_take_as_long_as_after_a_boot() -> None:
    booted = ran("linux-on-kvm", "random-read", spread=False)
    assert length_ns(restored("random-read"), "read", -1) == pytest.approx(
        length_ns(booted, "read", -1), rel=0.01
    )


def test_a_page_that_the_guest_never_had_is_no_matter_of_the_file() -> None:
    touches = steps(restored("page-touch"), "touch")
    assert count(touches[1], "vm1", "first_touch") == 1
    assert count(touches[1], "vm1", "file_fault") == media(touches[1]) == 0


def test_the_host_gives_memory_only_for_what_was_touched() -> None:
    after_restore = restored().outcome["nodes"]["vm1"]["memory"]
    after_boot = ran("linux-on-kvm", "boot", spread=False).outcome["nodes"]["vm1"]["memory"]
    assert 0 < (after_restore - QEMU) * 10 < after_boot - QEMU


def test_two_that_need_the_same_pages_wait_for_them_together() -> None:
    raw = copy.deepcopy(dict(simcore.prebuilt()["snapshot-restore"]))
    raw["workloads"] = [{"id": f"w{n}", "is": "random-read", "on": "guest-os"} for n in range(2)]
    result = simcore.run(simcore.scenario(raw), spread=False)
    ready = [one for one in spans(result.trace) if (one.node, one.op) == ("vm1", "page_ready")]
    kinds = ENTRY.constants["first_pages"].value
    asked = {kind for kind in kinds if any(r["workload"] >= 0 for r in requests(result.trace, kind))}
    per_read = ENTRY.constants["wanted_per_read"].value
    assert len(ready) == sum(-(-kinds[kind] // per_read) for kind in asked)
    firsts = [requests(result.trace, "read", f"w{n}")[0] for n in range(2)]
    assert all(first["end_ns"] - first["start_ns"] > MS for first in firsts)


# ------------------------------------------------------------------------------------------------ the race


def test_even_from_a_cold_disk_the_lane_ends_sooner_than_a_boot_and_sooner_still_from_the_cache() -> None:
    booted = ran("linux-on-kvm", "boot", spread=False)
    assert lane_ns(restored("boot", CACHE)) < lane_ns(restored()) < lane_ns(booted)


def test_a_slower_disk_makes_the_first_program_slower_and_the_restore_hardly() -> None:
    raw = simcore.prebuilt()["snapshot-restore"]
    fast, slow = (
        simcore.run(simcore.scenario(raw, workload="boot", vary={"host.disk": disk}), spread=False)
        for disk in ("nvme", "sata-ssd")
    )
    assert ready_ns(slow) - ready_ns(fast) < 2 * MS
    assert length_ns(slow, "exec", 0) > 1.5 * length_ns(fast, "exec", 0)


# ---------------------------------------------------------------------------------------------- what is not


def test_a_hypervisor_that_cannot_and_a_device_that_was_lent_are_findings() -> None:
    words = texts("en")["findings"]
    assert {"no-snapshots", "device-not-saved"} <= set(words)
    raw = copy.deepcopy(dict(simcore.prebuilt()["snapshot-restore"]))
    raw["stack"]["holds"][0]["holds"][0]["is"] = "virtualbox"
    with pytest.raises(simcore.ScenarioError, match="no-snapshots at vm1"):
        simcore.scenario(raw)
