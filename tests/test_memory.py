"""Memory under a hypervisor: what a touch, a walk, a shortage cost, and whose memory it is."""

import copy
from typing import Any

import pytest

import simcore
from tests.seen import QEMU, Span, family, lines, requests, scenario, spans

PARTS = 512  # small pages in a large one
MIB = 2**20
AT_ONCE = {"host_os__init": "direct", "guest_os__init": "direct"}


def run(stack: str, workload: str, **vary: Any) -> simcore.Result:
    named = {key.replace("__", ".").replace("_", "-"): value for key, value in vary.items()}
    return simcore.run(scenario(stack, workload=workload, vary=named), spread=False)


def touched(result: simcore.Result, workload: str = "page-touch") -> list[list[Span]]:
    """What costs CPU time in each access of a page-touch."""
    found = spans(result.trace)
    return [
        [span for span in family(result.trace, found, request) if span.kind == "cpu"]
        for request in requests(result.trace, "touch", workload)
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
    small = touched(run("linux-on-kvm", "page-touch", page_touch__size="8 MiB"))
    alone = length(small[1], "first_touch")
    assert alone < length(touches[1], "first_touch_2m") < PARTS * alone
    assert length(touches[1], "fault_entry") == length(small[1], "fault_entry")


def length(access: list[Span], op: str) -> int:
    """How long all of an op together takes, which a span may stand for many times."""
    return sum(span.length for span in access if span.op == op)


def test_a_large_page_of_the_guests_on_small_ones_of_the_hosts_is_one_fault_and_512_violations() -> None:
    sizes = {"page_touch__size": "8 MiB", "vm1__pages": "4k"}
    large, small = (
        touched(run("linux-on-kvm", "page-touch", page_touch__pages=pages, **sizes)) for pages in ("2m", "4k")
    )
    assert length(large[1], "fault_entry") == length(small[1], "fault_entry")
    assert length(large[1], "first_touch") == PARTS * length(small[1], "first_touch")


def test_a_guest_has_its_memory_in_whole_pages_whether_it_uses_all_of_them_or_not() -> None:
    """One page more than a multiple of the large one."""
    by_size = {
        pages: run("linux-on-kvm", "page-touch", vm1__pages=pages, page_touch__size="4 KiB").outcome["nodes"][
            "vm1"
        ]
        for pages in ("4k", "2m", "1g")
    }
    assert by_size["4k"]["memory"] < by_size["2m"]["memory"] < by_size["4k"]["memory"] + 2 * MIB
    assert by_size["2m"]["memory"] % (2 * MIB) == 0
    assert by_size["1g"]["memory"] == 1024 * MIB + QEMU


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


def under_esxi(
    *loads: dict[str, Any], guests: int = 1, hypervisor: dict[str, Any] | None = None
) -> simcore.Result:
    raw = copy.deepcopy(dict(simcore.prebuilt()["linux-on-esxi"]))
    raw["stack"]["settings"] |= {"memory": "512 MiB"}
    raw["stack"]["holds"][0]["settings"] = hypervisor or {}
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
    first_held, then_held = (result.outcome["nodes"][vm]["memory"] for vm in ("vm1", "vm2"))
    assert first_held < 150 * MIB < 300 * MIB < then_held


# ------------------------------------------------------------------------------- equal pages, kept once


def merging(
    guests: list[dict[str, Any]],
    loads: list[dict[str, Any]] | None = None,
    ends: list[dict[str, Any]] | None = None,
    **kernel: Any,
) -> simcore.Result:
    """So many guests of KVM, and a ksmd that looks at 5,000 pages at a time."""
    raw = copy.deepcopy(dict(simcore.prebuilt()["linux-on-kvm"]))
    host = raw["stack"]["holds"][0]
    host["settings"] = {"init": "direct", "ksm": True, "ksm_pages": 5000} | kernel
    (vm,) = host["holds"][0]["holds"]
    vm["settings"] |= {"vcpus": 1, "memory": "256 MiB", "disk": "virtio-blk"}
    host["holds"][0]["holds"] = vms = [copy.deepcopy(vm) for _ in guests]
    for number, (one, guest) in enumerate(zip(vms, guests, strict=True), start=1):
        one["id"] = f"vm{number}"
        one["settings"] |= guest.get("vm", {})
        one["holds"] = [{"id": f"guest{number}", "is": guest["is"], "settings": {"init": "direct"}}]
    raw |= {"subject": "guest1", "workloads": loads or [], "interventions": ends or []}
    return simcore.run(simcore.scenario(raw), spread=False)


def held(result: simcore.Result, *names: str) -> list[int]:
    return [result.outcome["nodes"][name]["memory"] for name in names]


def ksmd(result: simcore.Result) -> list[Span]:
    return [span for span in spans(result.trace) if span.op in ("ksm_look", "ksm_merge")]


KERNEL_IMAGE = 8 * MIB  # what a guest without services has read


def test_two_guests_of_one_kernel_have_its_pages_once_and_those_of_two_kernels_do_not() -> None:
    alone, same, different = (
        merging([{"is": kernel} for kernel in kernels])
        for kernels in (["linux"], ["linux", "linux"], ["linux", "linux-cloud"])
    )
    (own,) = held(alone, "vm1")
    assert held(same, "vm1", "vm2") == [own - KERNEL_IMAGE] * 2
    assert held(same, "host-os") == [KERNEL_IMAGE]
    assert held(different, "vm1", "vm2") == [own] * 2
    assert [text for _, _, text in lines(same.trace)].count("ksm") == 1
    assert "ksm" not in [text for _, _, text in lines(different.trace)]


def test_services_that_both_start_are_equal_though_one_starts_more() -> None:
    raw = copy.deepcopy(dict(simcore.prebuilt()["linux-on-kvm"]))
    host = raw["stack"]["holds"][0]
    host["settings"] = {"init": "direct", "ksm": True, "ksm_pages": 5000}
    first = host["holds"][0]["holds"][0]
    second = copy.deepcopy(first)
    second["id"] = "vm2"
    second["holds"][0] |= {"id": "guest2", "settings": {"units": "minimal"}}
    host["holds"][0]["holds"].append(second)
    raw["workloads"] = []
    merged = held(simcore.run(simcore.scenario(raw), spread=False), "host-os")[0]
    minimal = 10 + 1 + 8 + 4 + 3 + 1 + 2 + 6  # reads of its units
    assert merged == KERNEL_IMAGE + minimal * MIB // 2


def test_without_being_told_to_a_host_merges_nothing() -> None:
    for result in (
        merging([{"is": "linux"}] * 2, ksm=False),
        merging([{"is": "linux", "vm": {"pages": "2m"}}] * 2),
    ):
        assert held(result, "vm1", "vm2") == held(result, "vm1") * 2
        assert held(result, "host-os") == [None]
        assert not [span for span in ksmd(result) if span.op == "ksm_merge"]


def test_looking_costs_the_host_time_even_where_nothing_is_equal() -> None:
    """Each page of the one guest is looked at; the pace bounds how much of a CPU that takes."""
    at_once, slowly = (merging([{"is": "linux"}], ksm_pages=pages) for pages in (5000, 100))
    pages = held(at_once, "vm1")[0] // 4096
    look = 1500
    for result in at_once, slowly:
        spent = sum(span.length for span in ksmd(result) if span.op == "ksm_look")
        assert spent % look == 0
        assert spent >= 2 * pages * look  # a second pass compares what the first has noted
    busy = [span for span in ksmd(slowly) if span.op == "ksm_look"]
    share = sum(span.length for span in busy) / (busy[-1].end - busy[0].start)
    assert share == pytest.approx(100 * look / 20_000_000, rel=0.02)


PAGES = 64


def rewriting(content: str, pause: str) -> tuple[list[list[Span]], list[int]]:
    """Two guests of different kernels, and in each a program that writes to its pages three times; a ksmd
    that looks at all memory every second. The first one's accesses; what the host's kernel held, in pages."""
    settings = {"size": f"{PAGES * 4} KiB", "passes": 3, "pause": pause, "content": content}
    loads = [{"id": f"w{n}", "is": "page-touch", "on": f"guest{n}", "settings": settings} for n in (1, 2)]
    pace = {"ksm_pages": 10**6, "ksm_sleep": "1 s"}
    trace = (result := merging([{"is": "linux"}, {"is": "linux-cloud"}], loads, **pace)).trace
    nodes, series = trace.header["nodes"], trace.header["series"]
    copies = [
        row["value"] // 4096
        for row in trace.rows("counters")
        if nodes[series[row["series"]]["node"]]["id"] == "host-os"
    ]
    return touched(result, "w1"), copies


@pytest.mark.parametrize("content", ["same", "zero"])
def test_a_write_to_a_merged_page_leaves_the_guest_once_and_the_page_counts_again(content: str) -> None:
    """In each pass, if ksmd has had time in between. Of zeros there is one page for all."""
    touches, copies = rewriting(content, "10 s")
    first, *later = (touches[start : start + PAGES] for start in range(0, 3 * PAGES, PAGES))
    assert count(first, "copy_on_write") == 0
    for accesses in later:
        assert {tuple(span.op for span in access) for access in accesses} == {("access", "copy_on_write")}
    assert max(copies) == (PAGES if content == "same" else 1)
    assert copies.count(0) == 2  # after each of the two passes it is kept once for nobody


@pytest.mark.parametrize(("content", "pause"), [("same", "1 us"), ("own", "10 s")])
def test_what_ksmd_has_not_seen_twice_or_nobody_else_has_stays_the_programs(content: str, pause: str) -> None:
    touches, copies = rewriting(content, pause)
    assert count(touches, "copy_on_write") == 0
    if content == "own":
        assert max(copies, default=0) == 0


def test_pages_that_a_guest_was_given_and_never_used_are_one_page() -> None:
    """All memory is filled at the start; the guest uses half of it. 256 at most have one copy."""
    filled = merging([{"is": "linux", "vm": {"prealloc": True}}])
    unused = 128 * MIB
    assert held(filled, "vm1", "host-os") == [256 * MIB - unused + QEMU, unused // 256]


def test_what_two_guests_share_is_one_copy_until_both_have_ended() -> None:
    """A write to a page leaves it to the other; so does the end of one guest."""
    loads = [{"id": "w", "is": "boot", "on": "guest1"}]
    ends = [{"at": f"{100 * n} s", "on": f"vm{n}", "do": "fail"} for n in (1, 2)]
    one, both = (merging([{"is": "linux"}] * 2, loads, ends=ends[:n]) for n in (1, 2))
    assert held(one, "vm1", "vm2", "host-os") == [0, 120 * MIB + QEMU, KERNEL_IMAGE]
    assert held(both, "vm1", "vm2", "host-os") == [0, 0, 0]


@pytest.mark.parametrize("sharing", ["within", "between"])
def test_esxi_shares_between_guests_only_if_told_to_and_before_it_asks_for_anything_else(
    sharing: str,
) -> None:
    """Two guests of the same kernel, and a program for which a little less is missing than that kernel.
    Within a guest only what it has not used of its last large page is equal."""
    own = {"page_sharing": sharing}
    result = under_esxi(greedy("w", "guest-os", "250 MiB"), guests=2, hypervisor=own)
    ops = [span.op for span in spans(result.trace)]
    assert "inflate_balloon" not in ops
    assert ("compress_page" in ops) == (sharing == "within")
    if sharing == "within":
        assert ops.index("share_look") < ops.index("compress_page")
    host, alone = (held(one, "hv")[0] for one in (result, under_esxi(guests=2)))
    assert (host - alone >= KERNEL_IMAGE) == (sharing == "between")


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
    values = [row["value"] for row in result.trace.rows("counters") if row["series"] == web]
    assert max(values) <= 6 * MIB
    assert values[-1] == 0


def test_under_its_limit_a_container_does_not_notice_it() -> None:
    free, bound = limited(None), limited("16 MiB")
    assert free.outcome["workloads"] == bound.outcome["workloads"]
    assert free.outcome["workloads"]["greedy"]["finished_ns"] is not None


@pytest.mark.parametrize(("limit", "own"), [("6 MiB", False), (None, True)])
def test_at_its_limit_a_container_gives_up_pages_of_files_before_its_program_is_killed(
    limit: str | None, own: bool
) -> None:
    """4 MiB of files and then 4 MiB of memory: more than the limit together, each less."""
    raw = dict(simcore.prebuilt()["docker-on-linux"])
    reads = {"cache": "buffered", "file": "4 MiB", "block": "256 KiB", "count": 100}
    touches = {"size": "4 MiB", "passes": 1}
    raw["workloads"] = [
        {"id": "files", "is": "random-read", "on": "web", "settings": reads},
        {"id": "memory", "is": "page-touch", "on": "web", "settings": touches, "start": "400 s"},
    ]
    vary = {"host-os.init": "direct", "web.memory": limit}
    result = simcore.run(simcore.scenario(raw, vary=vary), spread=False)
    assert result.outcome["workloads"]["memory"]["finished_ns"] is not None
    assert "group_oom" not in [text for _, _, text in lines(result.trace)]
    kept = result.outcome["nodes"]["host-os"]["page_cache"]
    assert (kept == 4 * MIB) == own
    assert kept >= 1.5 * MIB
    dropped = [span for span in spans(result.trace) if span.op == "drop_page"]
    assert (not dropped) == own
