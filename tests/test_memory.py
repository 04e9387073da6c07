"""Memory under a hypervisor: what a touch, a walk, a shortage cost, and whose memory it is."""

import copy
from typing import Any

import pytest

import simcore
from tests.seen import Span, family, lines, requests, scenario, spans

PARTS = 512  # small pages in a large one
MIB = 2**20
AT_ONCE = {"host_os__init": "direct", "guest_os__init": "direct"}


def run(stack: str, workload: str, **vary: Any) -> simcore.Result:
    named = {key.replace("__", ".").replace("_", "-"): value for key, value in vary.items()}
    return simcore.run(scenario(stack, workload=workload, vary=named), spread=False)


def touched(result: simcore.Result) -> list[list[Span]]:
    """What costs CPU time in each access of a page-touch."""
    found = spans(result.trace)
    return [
        [span for span in family(result.trace, found, request) if span.kind == "cpu"]
        for request in requests(result.trace, "touch", "page-touch")
    ]


def count(steps: list[list[Span]], op: str) -> int:
    return sum(span.op == op for access in steps for span in access)


# ------------------------------------------------------------------------------------------- sizes of pages


def slowdown(
    program: str = "xz", guests: str = "4 KiB", hosts: str = "4k", stack: str = "linux-on-kvm"
) -> float:
    """How much longer a program takes in a guest than on the bare machine."""
    own = {"compute__program": program, "compute__work": "1 ms", "compute__pages": guests}
    native, guest = run("linux", "compute", **own), run(stack, "compute", **own, vm1__pages=hosts)
    times = [result.outcome["workloads"]["compute"]["mean_ns"] for result in (guest, native)]
    return times[0] / times[1] - 1


def test_large_pages_in_both_layers_remove_most_of_a_guests_slowdown_and_in_one_only_a_part() -> None:
    small, both = slowdown(), slowdown(guests="2 MiB", hosts="2m")
    assert small > 0.1
    assert both < small / 10
    for one in (slowdown(guests="2 MiB"), slowdown(hosts="2m")):
        assert small / 2 < one < small


def test_where_even_large_pages_are_too_small_the_walk_is_still_shorter() -> None:
    """16 GiB are beyond what the TLB covers in pages of 2 MiB, but not in pages of 1 GiB."""
    small, large, huge = (
        slowdown("random-access", guests, hosts)
        for guests, hosts in (("4 KiB", "4k"), ("2 MiB", "2m"), ("1 GiB", "1g"))
    )
    assert huge == 0
    assert large / small == pytest.approx(12 / 20 * (1 - 3 / 16), rel=0.01)  # steps beyond a bare machine's


def test_a_walk_through_tables_made_by_the_monitor_has_one_dimension() -> None:
    assert slowdown(stack="binary-translation") == 0


@pytest.mark.parametrize(("pages", "op"), [("4k", "first_touch"), ("2m", "first_touch_2m")])
def test_a_large_page_of_the_hosts_is_one_violation_for_512_small_ones(pages: str, op: str) -> None:
    result = run("linux-on-kvm", "page-touch", vm1__pages=pages, page_touch__size="8 MiB")
    touches = touched(result)
    half = len(touches) // 2
    assert count(touches[:half], "fault_entry") == 4 * PARTS  # the guest's own pages are small
    wanted = 4 * PARTS if pages == "4k" else 4
    assert wanted <= count(touches[:half], op) <= wanted + 1  # the first may lie beside what was there
    assert {tuple(span.op for span in access) for access in touches[half:]} == {("access",)}


def test_a_large_page_of_the_guests_is_one_fault_and_cleared_whole() -> None:
    result = run(
        "linux-on-kvm", "page-touch", page_touch__size="8 MiB", page_touch__pages="2m", vm1__pages="2m"
    )
    touches = touched(result)
    assert len(touches) == 2 * 4
    assert count(touches[:4], "fault_entry") == count(touches[:4], "clear_large_page") == 4
    assert count(touches[:4], "first_touch_2m") == 4
    assert {tuple(span.op for span in access) for access in touches[4:]} == {("access",)}
    second = next(span for span in touches[1] if span.op == "first_touch_2m")
    small = touched(run("linux-on-kvm", "page-touch", page_touch__size="8 MiB"))
    alone = next(span.length for span in small[1] if span.op == "first_touch")
    assert alone < second.length < PARTS * alone


def test_a_guest_has_its_memory_in_whole_pages_whether_it_uses_all_of_them_or_not() -> None:
    """One page more than a multiple of the large one."""
    held = {
        pages: run("linux-on-kvm", "page-touch", vm1__pages=pages, page_touch__size="4 KiB").outcome["nodes"][
            "vm1"
        ]
        for pages in ("4k", "2m", "1g")
    }
    assert held["4k"]["memory"] < held["2m"]["memory"] < held["4k"]["memory"] + 2 * MIB
    assert held["2m"]["memory"] % (2 * MIB) == 0
    assert held["1g"]["memory"] == 1024 * MIB


def test_filled_in_large_pages_a_guest_starts_sooner() -> None:
    ready = [
        run("linux-on-kvm", "boot", vm1__prealloc=True, vm1__pages=pages).outcome["nodes"]["vm1"]["ready_ns"]
        for pages in ("4k", "2m", "1g")
    ]
    assert ready == sorted(ready, reverse=True)


# ------------------------------------------------------------------------------------------------ two nodes


def test_memory_of_the_other_socket_is_slower_and_dealt_out_in_turn_half_of_that() -> None:
    own = {"compute__program": "random-access", "compute__work": "1 ms"} | AT_ONCE
    times = {
        numa: run("linux-on-kvm", "compute", **own, vm1__numa=numa).outcome["workloads"]["compute"]["mean_ns"]
        for numa in ("local", "interleave", "remote")
    }
    assert times["local"] < times["interleave"] < times["remote"]
    assert times["interleave"] - times["local"] == pytest.approx(
        (times["remote"] - times["local"]) / 2, rel=0.01
    )


def test_a_machine_with_one_node_has_no_other() -> None:
    raw = copy.deepcopy(dict(simcore.prebuilt()["linux-on-kvm"]))
    raw["stack"]["is"] = "laptop"
    vary = {"compute.work": "1 ms", "vm1.numa": "remote"}
    result = simcore.run(simcore.scenario(raw, workload="compute", vary=vary), spread=False)
    assert "remote_access" not in {span.op for span in spans(result.trace)}


# ---------------------------------------------------------------------------- more is promised than there is


def short(size: str, swap: str | None = "1 GiB", **vary: Any) -> simcore.Result:
    """A guest that is promised twice as much as the machine has, and touches so much beside its boot's."""
    pages = {"vm1__pages": "2m", "page_touch__pages": "2m", "page_touch__size": size}
    own = {"host__memory": "256 MiB", "vm1__memory": "512 MiB", "host_os__swap": swap}
    return run("linux-on-kvm", "page-touch", **AT_ONCE | pages | own | vary)


def disk(result: simcore.Result, kind: str, *accesses: dict[str, int]) -> int:
    """Requests of a kind that the machine's disk serves for these accesses."""
    found = spans(result.trace)
    return sum(
        span.node == "host.disk" and span.op == kind
        for access in accesses
        for span in family(result.trace, found, access)
    )


def test_more_memory_may_be_promised_than_there_is() -> None:
    raw = copy.deepcopy(dict(simcore.prebuilt()["linux-on-kvm"]))
    raw["stack"]["settings"] = {"memory": "256 MiB"}
    found = [(finding.id, finding.severity) for finding in simcore.check(raw)]
    assert found == [("memory-overcommitted", "warning")]


def test_what_nobody_looks_at_goes_to_the_disk_first_and_is_not_missed() -> None:
    result = short("192 MiB")
    touches = requests(result.trace, "touch", "page-touch")
    half = len(touches) // 2
    assert disk(result, "write", *touches[:half]) > 0
    assert disk(result, "read", *touches) == 0
    assert result.outcome["nodes"]["vm1"]["memory"] == 256 * MIB


def test_a_guest_that_goes_round_in_more_than_there_is_waits_for_the_disk_at_every_step() -> None:
    result = short("300 MiB")
    touches = requests(result.trace, "touch", "page-touch")
    half = len(touches) // 2
    assert disk(result, "read", *touches[:half]) == 0
    assert disk(result, "read", *touches[half:]) == half
    first, then = (spread[len(spread) // 2] for spread in (touches[:half], touches[half:]))
    assert then["end_ns"] - then["start_ns"] > first["end_ns"] - first["start_ns"]
    assert result.outcome["nodes"]["vm1"]["memory"] == 256 * MIB


def test_without_swap_the_largest_process_is_killed_and_that_is_the_guest() -> None:
    result = short("300 MiB", swap=None)
    nodes = result.outcome["nodes"]
    assert nodes["vm1"]["state"] == "killed"
    assert nodes["host-os"]["state"] == "ready"
    assert nodes["vm1"]["memory"] == 0
    assert "oom" in [text for _, _, text in lines(result.trace, "host-os")]
    assert not result.outcome["lane"]["finished"]


def test_where_there_is_enough_nothing_goes() -> None:
    result = short("192 MiB", host__memory="1 GiB")
    ops = {span.op for span in spans(result.trace)}
    assert not ops & {"swap_out", "page_missing", "drop_page", "oom_kill"}


def under_esxi(*loads: dict[str, Any], guests: int = 1) -> simcore.Result:
    raw = copy.deepcopy(dict(simcore.prebuilt()["linux-on-esxi"]))
    raw["stack"]["settings"] |= {"memory": "512 MiB"}
    (vm,) = raw["stack"]["holds"][0]["holds"]
    vm["settings"] |= {"vcpus": 1, "memory": "768 MiB", "pages": "2m"}
    vm["holds"][0]["settings"] = {"init": "direct"}
    raw["stack"]["holds"][0]["holds"] = vms = [copy.deepcopy(vm) for _ in range(guests)]
    for number, one in enumerate(vms[1:], start=2):
        one["id"], one["holds"][0]["id"] = f"vm{number}", f"guest{number}"
    raw["workloads"] = [{"is": "page-touch", **load} for load in loads]
    return simcore.run(simcore.scenario(raw), spread=False)


def greedy(id_: str, on: str, size: str, passes: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": id_, "on": on, "settings": {"size": size, "pages": "2m", "passes": passes}, **more}


@pytest.mark.parametrize(("size", "compressed"), [("470 MiB", True), ("600 MiB", False)])
def test_the_vmkernel_compresses_and_what_does_not_fit_any_more_goes_to_the_disk(
    size: str, compressed: bool
) -> None:
    result = under_esxi(greedy("page-touch", "guest-os", size, passes=2))
    found = spans(result.trace)
    touches = requests(result.trace, "touch", "page-touch")
    half = len(touches) // 2
    assert disk(result, "read", *touches[:half]) == 0
    assert "compress_page" in {span.op for span in found}
    then = {span.op for access in touches[half:] for span in family(result.trace, found, access)}
    assert ("decompress_page" in then) == compressed
    assert (disk(result, "read", *touches[half:]) == 0) == compressed
    assert result.outcome["nodes"]["vm1"]["memory"] < 512 * MIB


def test_what_a_guest_has_free_goes_by_the_balloon_and_nothing_else_must() -> None:
    """The first has used 200 MiB and given them back to its kernel, when the second needs them."""
    first = greedy("first", "guest-os", "200 MiB")
    then = greedy("then", "guest2", "180 MiB", start="400 s")
    result = under_esxi(first, then, guests=2)
    assert result.outcome["workloads"]["then"]["finished_ns"] is not None
    ops = {span.op for span in spans(result.trace)}
    assert "inflate_balloon" in ops
    assert not ops & {"compress_page", "decompress_page"}
    held = [result.outcome["nodes"][vm]["memory"] for vm in ("vm1", "vm2")]
    assert held[0] < 150 * MIB < 300 * MIB < held[1]


# ---------------------------------------------------------------------------------- the limit of a container


def limited(limit: str | None, size: str = "8 MiB") -> simcore.Result:
    raw = dict(simcore.prebuilt()["docker-on-linux"])
    raw["workloads"] = [
        {"id": "greedy", "is": "page-touch", "on": "web", "settings": {"size": size, "passes": 1}},
        {"id": "beside", "is": "page-touch", "on": "host-os", "settings": {"size": "1 MiB"}},
    ]
    vary = {"host-os.init": "direct", "web.memory": limit}
    return simcore.run(simcore.scenario(raw, vary=vary), spread=False)


def test_over_its_limit_a_program_in_a_container_is_killed_and_nobody_else() -> None:
    result = limited("6 MiB")
    ends = {name: numbers["finished_ns"] for name, numbers in result.outcome["workloads"].items()}
    assert ends["greedy"] is None
    assert ends["beside"] is not None
    assert [text for _, _, text in lines(result.trace, "host-os")].count("group_oom") == 1
    assert {node["state"] for node in result.outcome["nodes"].values()} == {"ready"}
    header = result.trace.header
    (web,) = [n for n, one in enumerate(header["series"]) if header["nodes"][one["node"]]["id"] == "web"]
    held = [row["value"] for row in result.trace.rows("counters") if row["series"] == web]
    assert max(held) <= 6 * MIB
    assert held[-1] == 0


def test_under_its_limit_a_container_does_not_notice_it() -> None:
    free, bound = limited(None), limited("16 MiB")
    assert free.outcome["workloads"] == bound.outcome["workloads"]
    assert free.outcome["workloads"]["greedy"]["finished_ns"] is not None
