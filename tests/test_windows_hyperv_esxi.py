"""Windows, Hyper-V and ESXi: who drives the disk, who schedules the virtual CPUs, who goes down with whom."""

import ast
import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import simcore
from simcore.catalog import load_catalog
from simcore.component import LANGUAGES
from simcore.explain import type_label
from tests.seen import MS, US, Span, family, lines, ran, requests, scenario, spans
from tests.test_properties import check_run, examples

HYPER_V = ("hyperv-server", "hyperv-windows")
SIMCORE = Path(simcore.__file__).parent
LATE = "200 s"  # every stack is up by then, on one CPU too


def read_of(stack: str, number: int = 50) -> list[Span]:
    """The steps of a read without spread, in order of time."""
    trace = ran(stack, "random-read", spread=False).trace
    found = family(trace, spans(trace), requests(trace, "read", "random-read")[number])
    return sorted((span for span in found if span.kind != "serve"), key=lambda span: (span.start, span.id))


def ops(steps: list[Span], *nodes: str) -> list[str]:
    return [span.op for span in steps if span.node in nodes]


def raw(stack: str, *workloads: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A prebuilt stack as one may write it, with other workloads."""
    return {**copy.deepcopy(dict(simcore.prebuilt()[stack])), "workloads": list(workloads), **fields}


def spin(name: str, on: str, *, work: str = "1 ms", count: int = 10**6, **fields: Any) -> dict[str, Any]:
    """Computes from a moment when all are up; counted are the pieces that it got done."""
    settings = {"work": work, "count": count, **fields.pop("settings", {})}
    return {"id": name, "is": "spin", "on": on, "settings": settings, "start": LATE, "for": "3 s", **fields}


def done(result: simcore.Result, *workloads: str) -> list[int]:
    return [result.outcome["workloads"][name]["n"] for name in workloads]


# ---------------------------------------------------------------------------------------------------- Windows


def test_the_interrupt_leaves_the_rest_to_a_deferred_call_and_that_to_the_readers_own_thread() -> None:
    found = ops(read_of("windows"), "host-os", "host.disk")
    assert found[found.index("interrupt_entry") :] == [
        *("interrupt_entry", "complete_command"),  # at the device's interrupt level
        *("queue_dpc", "dpc", "io_complete", "wake_up", "interrupt_exit"),  # before any thread runs
        *("context_switch", "completion_apc", "syscall_exit"),  # in the reader's context
    ]


def test_a_read_takes_longer_than_on_linux_by_the_stack_of_drivers_and_by_nothing_else() -> None:
    windows, linux = read_of("windows"), read_of("linux")
    for node in ("host.disk", "host"):
        assert [(s.op, s.length) for s in windows if s.node == node] == [
            (s.op, s.length) for s in linux if s.node == node
        ]
    assert sum(s.length for s in windows) > sum(s.length for s in linux) + 1 * US
    assert {"io_manager", "filter_stack", "ntfs_map", "storage_stack"} <= set(ops(windows, "host-os"))


@pytest.mark.parametrize(("edition", "turn"), [("server", 187.5), ("client", 31.25)])
def test_threads_of_one_priority_take_turns_of_a_quantum(edition: str, turn: float) -> None:
    both = raw("windows", spin("a", "host-os"), spin("b", "host-os"), until="203 s")
    result = simcore.run(simcore.scenario(both, vary={"host.cpus": 1, "host-os.edition": edition}))
    waits = [s for s in spans(result.trace) if s.op == "run_queue" and s.thread == "host-os/a"]
    assert sorted(done(result, "a", "b"))[0] > 1200
    lengths = [s.length / MS for s in waits if s.start > 200_500 * MS]
    assert lengths
    assert lengths[1:-1] == pytest.approx([turn] * len(lengths[1:-1]), abs=1.1)


def test_a_higher_priority_runs_alone() -> None:
    both = raw("windows", spin("high", "host-os", settings={"nice": -10}), spin("low", "host-os"))
    high, low = done(simcore.run(simcore.scenario(both, vary={"host.cpus": 1})), "high", "low")
    assert high > 2900
    assert low < 0.05 * high


def test_a_thread_that_waits_for_a_disk_gets_in_before_one_that_computes() -> None:
    """It is raised by one when it wakes up; without that it would wait for the other's quantum each time."""
    reads = {"id": "reads", "is": "random-read", "on": "host-os", "start": "201 s", "settings": {"count": 50}}
    beside = raw("windows", reads, spin("computes", "host-os"))
    outcome = simcore.run(simcore.scenario(beside, vary={"host.cpus": 1})).outcome
    assert outcome["workloads"]["reads"]["n"] == 50
    assert outcome["workloads"]["reads"]["p90_ns"] < 30 * US


def test_a_page_that_is_touched_was_cleared_before() -> None:
    """Linux clears it in the fault; Windows has a thread that does it when nothing else is to be done."""
    for stack, cleared in (("windows", False), ("linux", True)):
        trace = ran(stack, "page-touch", spread=False).trace
        found = family(trace, spans(trace), requests(trace, "touch", "page-touch")[0])
        assert ("zero_page" in [span.op for span in found]) is cleared
        assert next(s.op for s in found if s.node == "host-os" and s.kind == "cpu") == "fault_entry"


def test_a_process_is_dearer_than_on_linux_and_is_not_copied() -> None:
    means = {
        stack: ran(stack, "spawn", spread=False).outcome["workloads"]["spawn"]["mean_ns"]
        for stack in ("windows", "linux")
    }
    assert means["windows"] > 2 * means["linux"]


def test_windows_boots_from_its_boot_manager_to_the_logon_screen() -> None:
    result = ran("windows", "boot", spread=False)
    found = [(at, text) for at, _, text in lines(result.trace, "host-os")]
    stages = ["bootmgr", "winload", "version", "driver", "mounted", "session_manager", "wininit", "running"]
    firsts = [next(at for at, text in found if text == stage) for stage in [*stages, "logon"]]
    assert firsts == sorted(firsts)
    assert result.outcome["host_ready_ns"] == firsts[-1]


# ---------------------------------------------------------------------------------------------------- Hyper-V


@pytest.mark.parametrize("stack", HYPER_V)
def test_a_read_under_hyper_v_visits_the_root_partition(stack: str) -> None:
    """By one hypercall there and one back; in between a thread of Windows reads the file."""
    steps = read_of(stack)
    device = next(s for s in steps if s.kind == "device")
    down, up = [s for s in steps if s.start < device.start], [s for s in steps if s.start >= device.end]
    assert [s.op for s in steps].count("vmbus_signal") == 2
    assert ops(down, "hv", "vm1.disk", "root-os")[:3] == ["ring_put", "vm_exit", "vmbus_signal"]
    provider = next(s for s in down if s.op == "take_packet")
    assert provider.thread == "root-os/vm1/io"
    assert ops(down, "root-os")[-4:] == ["io_manager", "filter_stack", "ntfs_map", "storage_stack"]
    assert ops(up, "root-os")[:4] == ["interrupt_entry", "queue_dpc", "dpc", "io_complete"]
    assert ops(up, "hv")[:2] == ["interrupt_entry", "forward_interrupt"]  # the disk's interrupt, first of all
    assert "syscall_entry" not in ops(steps, "root-os")


def lending(stack: str, number: int) -> dict[str, Any]:
    """With a second drive, lent to the guest; `number`: which of what the hypervisor holds is the guest."""
    lent = raw(stack, {"id": "random-read", "is": "random-read", "on": "guest-os"})
    lent["stack"]["settings"] |= {"disk2": "nvme", "iommu": True}
    guest = lent["stack"]["holds"][0]["holds"][number]
    guest["settings"]["disk"] = {"is": "passthrough", "device": "host.disk2"}
    return lent


def test_with_the_drive_lent_to_the_guest_no_read_visits_the_root_partition() -> None:
    result = simcore.run(simcore.scenario(lending("hyperv-server", 1)), spread=False)
    assert {node["state"] for node in result.outcome["nodes"].values()} == {"ready"}
    request = requests(result.trace, "read", "random-read")[50]
    found = [s for s in family(result.trace, spans(result.trace), request) if s.kind != "serve"]
    assert {s.node for s in found} <= {"guest-os", "vm1.disk", "host.disk2", "hv", "host"}
    assert "vm_exit" not in ops(found, "hv")
    assert "root-os/vm1/io" not in {s.thread for s in found}


def test_a_desktop_lends_no_device() -> None:
    found = simcore.check(lending("hyperv-windows", 1))
    assert [(f.id, f.path) for f in found if f.severity == "error"] == [("not-offered", "vm1.disk")]


def test_signals_are_left_out_while_the_back_end_is_at_work() -> None:
    kicks = {}
    for depth in (1, 16):
        changed = scenario(
            "hyperv-server",
            workload="random-read",
            vary={"random-read.depth": depth, "random-read.count": 320},
        )
        trace = simcore.run(changed).trace
        reads = {row["id"] for row in requests(trace, "read", "random-read")}
        kicks[depth] = sum(s.op == "channel_callback" and s.request in reads for s in spans(trace)) / 320
    assert kicks[1] == pytest.approx(1, abs=0.05)
    assert kicks[16] < 0.9


def vcpu_threads(stack: str) -> set[str]:
    threads = ran(stack, "boot").trace.header["threads"]
    return {thread["id"] for thread in threads if thread["name"].startswith("vm1/vcpu")}


def test_the_virtual_cpus_are_the_hypervisors_threads_on_a_server_and_windows_threads_on_a_desktop() -> None:
    assert vcpu_threads("hyperv-server") == {"hv/vm1/vcpu0", "hv/vm1/vcpu1"}
    assert vcpu_threads("hyperv-windows") == {"root-os/vm1/vcpu0", "root-os/vm1/vcpu1"}
    dispatched = {stack: "dispatch_vp" in [s.op for s in read_of(stack)] for stack in HYPER_V}
    assert dispatched == {"hyperv-server": False, "hyperv-windows": True}


@pytest.mark.parametrize(("stack", "queue", "turn"), [(HYPER_V[0], "hv", 10), (HYPER_V[1], "root-os", 31.25)])
def test_a_guest_waits_for_a_program_of_the_root_in_whoevers_queue_schedules_it(
    stack: str, queue: str, turn: float
) -> None:
    """On a server the two are virtual CPUs of the hypervisor, on a desktop two threads of Windows."""
    both = raw(stack, spin("inside", "guest-os"), spin("beside", "root-os"), until="203 s")
    quick = {"host.cpus": 1, "vm1.vcpus": 1, "guest-os.init": "direct"}
    result = simcore.run(simcore.scenario(both, vary=quick))
    inside, beside = done(result, "inside", "beside")
    assert inside == pytest.approx(beside, rel=0.1)
    waits = [s for s in spans(result.trace) if s.op == "run_queue" and s.thread == "guest-os/inside"]
    late = [s for s in waits if s.start > 200_500 * MS and s.length > 1 * MS][1:-1]
    assert {s.node for s in late} == {queue}
    assert [s.length / MS for s in late] == pytest.approx([turn] * len(late), abs=1.1)


@pytest.mark.parametrize("stack", HYPER_V)
def test_windows_starts_first_and_is_slid_up_to_become_the_root_partition(stack: str) -> None:
    result = ran(stack, "boot", spread=False)
    told = [(node, text) for _, node, text in lines(result.trace) if node in ("root-os", "hv")]
    order = [
        *(("root-os", "bootmgr"), ("root-os", "winload")),  # on the bare machine
        *(("hv", "start"), ("hv", "cpus"), ("hv", "scheduler"), ("hv", "root")),  # beneath what runs already
        *(("root-os", "version"), ("root-os", "root")),  # on virtual processors
    ]
    assert told[: len(order)] == order
    loader = [s for s in spans(result.trace) if s.node == "root-os" and s.op == "winload"]
    kernel = [s for s in spans(result.trace) if s.node == "root-os" and s.op == "executive"]
    assert [s.thread for s in loader] == ["hv/root/builder"]
    assert [s.thread for s in kernel] == ["root-os/root-os/system"]


@pytest.mark.parametrize("stack", HYPER_V)
def test_a_guest_has_all_its_memory_before_it_starts_so_no_touch_leaves_it(stack: str) -> None:
    result = ran(stack, "page-touch", spread=False)
    assert result.outcome["nodes"]["vm1"]["memory"] == 2 << 30
    found = family(result.trace, spans(result.trace), requests(result.trace, "touch", "page-touch")[0])
    assert {s.node for s in found} <= {"page-touch", "guest-os", "vm1"}
    assert "first_touch" not in [s.op for s in found]


ALL = {"hv", "root", "root-os", "vm1", "guest-os"}


@pytest.mark.parametrize("stack", HYPER_V)
@pytest.mark.parametrize(("victim", "gone"), [("root", ALL), ("root-os", ALL), ("vm1", {"vm1", "guest-os"})])
def test_without_its_root_partition_no_guest_lives_on(stack: str, victim: str, gone: set[str]) -> None:
    killed = raw(stack, spin("load", "guest-os"), interventions=[{"at": "201 s", "on": victim, "do": "fail"}])
    result = simcore.run(simcore.scenario(killed | {"until": "203 s"}))
    states = {name: node["state"] for name, node in result.outcome["nodes"].items() if name in ALL}
    assert {name for name, state in states.items() if state == "killed"} == gone
    assert 500 < done(result, "load")[0] < 1500


# ------------------------------------------------------------------------------------------------------- ESXi


def test_a_read_under_esxi_visits_no_other_domain_and_wakes_nobody_on_its_way_down() -> None:
    """The world that the guest runs in does the VMkernel's part, down to the real disk's doorbell."""
    steps = read_of("linux-on-esxi")
    assert {s.node for s in steps} == {"guest-os", "vm1.disk", "hv", "host.disk", "host"}
    device = next(s for s in steps if s.kind == "device")
    down = [s for s in steps if s.end <= device.start]
    assert {s.thread for s in down} == {"guest-os/random-read"}
    assert ops(down, "hv") == ["vm_exit", "vmm_doorbell", "vmfs_map", "select_path", "issue_io"]
    assert ops(steps, "host.disk")[:2] == ["queue_command", "doorbell"]
    up = [s for s in steps if s.start >= device.end]
    assert ops(up, "hv")[:3] == ["interrupt_entry", "complete_io", "post_interrupt"]


def test_the_guest_goes_on_while_the_vmkernels_request_is_under_way() -> None:
    trace = ran("linux-on-esxi", "random-read", spread=False).trace
    device = next(s for s in read_of("linux-on-esxi") if s.kind == "device")
    after = [s for s in spans(trace) if device.start <= s.start < device.end and s.node == "hv"]
    assert [s.op for s in sorted(after, key=lambda s: s.start)][:2] == ["vm_entry", "halt_exit"]


def two_guests(first: dict[str, Any], second: dict[str, Any], **fields: Any) -> simcore.Result:
    """Two guests that compute, on one CPU."""
    stack = raw("linux-on-esxi", spin("a", "guest-os"), spin("b", "os-2"), **fields)
    stack["stack"]["settings"]["cpus"] = 1
    (one,) = stack["stack"]["holds"][0]["holds"]
    one["settings"] |= {"vcpus": 1} | first
    one["holds"][0]["settings"] = {"init": "direct"}
    other = {**copy.deepcopy(one), "id": "vm2"}
    other["holds"][0]["id"] = "os-2"
    other["settings"] = {**other["settings"], "shares": 1000, "reservation": None, "limit": None} | second
    other["settings"] = {name: value for name, value in other["settings"].items() if value is not None}
    stack["stack"]["holds"][0]["holds"].append(other)
    return simcore.run(simcore.scenario(stack))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, (0.5, 0.5)),
        ({"shares": 3000}, {}, (0.75, 0.25)),
        ({"reservation": 0.8}, {"shares": 9000}, (0.8, 0.2)),  # its shares alone would give it a tenth
        ({"limit": 0.1}, {}, (0.1, 0.9)),
        ({"shares": 9000, "limit": 0.2}, {"shares": 100}, (0.2, 0.8)),  # a limit beats any shares
    ],
)
def test_two_guests_divide_a_cpu_by_shares_reservations_and_limits(
    first: dict[str, Any], second: dict[str, Any], expected: tuple[float, float]
) -> None:
    mine, other = done(two_guests(first, second), "a", "b")
    assert (mine / 3000, other / 3000) == pytest.approx(expected, abs=0.03)


def test_a_limit_holds_though_nobody_else_wants_the_cpu() -> None:
    alone = raw("linux-on-esxi", spin("a", "guest-os"))
    changed = {"vm1.limit": 0.25, "vm1.vcpus": 1, "guest-os.init": "direct"}
    result = simcore.run(simcore.scenario(alone, vary=changed))
    assert done(result, "a")[0] == pytest.approx(750, abs=40)
    waits = [s for s in spans(result.trace) if s.op == "throttled" and s.thread == "guest-os/a"]
    assert {(s.node, s.kind) for s in waits} == {("hv", "queue")}


def test_shares_that_are_set_in_mid_run_hold_from_then_on() -> None:
    change = {"at": "201500 ms", "on": "vm1", "do": "set", "settings": {"shares": 3000}}
    mine, other = done(two_guests({}, {}, interventions=[change]), "a", "b")
    assert (mine / 3000, other / 3000) == pytest.approx((0.625, 0.375), abs=0.03)


@pytest.mark.parametrize(
    ("memory", "vcpus", "mib"), [("1 GiB", 1, 25.9), ("4 GiB", 8, 76.78), ("256 MiB", 4, 32.23)]
)
def test_a_virtual_machine_takes_the_overhead_memory_that_vmware_publishes(
    memory: str, vcpus: int, mib: float
) -> None:
    changed = {"vm1.memory": memory, "vm1.vcpus": vcpus, "guest-os.init": "direct"}
    result = simcore.run(scenario("linux-on-esxi", workload="boot", vary=changed))
    assert result.outcome["nodes"]["hv"]["memory"] == pytest.approx(mib * 2**20, abs=1)


def test_between_the_published_sizes_overhead_memory_lies_between_theirs() -> None:
    result = ran("linux-on-esxi", "boot")  # 2 GiB, 2 virtual CPUs
    assert 29.91 < result.outcome["nodes"]["hv"]["memory"] / 2**20 < 52.72


def test_a_guest_of_esxi_ends_alone_and_with_the_vmkernel_ends_everything() -> None:
    for victim, gone in (("vm1", {"vm1", "guest-os"}), ("hv", {"hv", "vm1", "guest-os"})):
        killed = raw("linux-on-esxi", spin("load", "guest-os"), until="203 s")
        killed["interventions"] = [{"at": "201 s", "on": victim, "do": "fail"}]
        outcome = simcore.run(simcore.scenario(killed)).outcome
        found = {n for n, node in outcome["nodes"].items() if node["state"] == "killed" and "." not in n}
        assert found == gone


def test_the_read_is_shortest_where_the_hypervisor_drives_the_disk_itself() -> None:
    """Each visit to another domain is two hypercalls and a thread to be woken."""
    means = [
        ran(stack, "random-read", spread=False).outcome["workloads"]["random-read"]["mean_ns"]
        for stack in ("linux", "linux-on-esxi", "hyperv-server", "hyperv-windows")
    ]
    assert means == sorted(means)


# ----------------------------------------------------------------------------------------- any stack of these

GUESTS_OF = {"esxi": ("esxi-vm", "pvscsi"), "hyper-v": ("vm", "storvsc"), "hyper-v-root": ("vm", "storvsc")}
LOADS: dict[str, dict[str, Any]] = {
    "spin": {"work": "40000 us", "count": 2, "threads": 2},
    "random-read": {"count": 12, "depth": 4},
    "random-write": {"count": 5},
    "system-call": {"count": 20},
    "page-touch": {"size": "150 KiB", "passes": 1},
    "spawn": {"count": 2, "exec": True},
    "ping-pong": {"count": 4, "over": "tcp", "cpus": "two"},
}


@st.composite
def stacks(draw: st.DrawFn) -> dict[str, Any]:
    hypervisor = draw(st.sampled_from(sorted(GUESTS_OF)))
    vm, disk = GUESTS_OF[hypervisor]
    homes, holds = [], []
    if vm == "vm":
        edition = draw(st.sampled_from(["server", "client"]))
        kernel = {"id": "root-os", "is": "windows", "settings": {"edition": edition}}
        few = {"vcpus": 1} if draw(st.booleans()) else {}
        holds.append({"id": "root", "is": "root-partition", "settings": few, "holds": [kernel]})
        homes.append("root-os")
    for number in range(draw(st.integers(1, 2))):
        settings = {
            "vcpus": draw(st.integers(1, 2)),
            "memory": "256 MiB",
            "disk": disk,
            "firmware": "uefi-vm",
        }
        if vm == "esxi-vm":
            settings["shares"] = draw(st.sampled_from([100, 1000, 5000]))
            settings |= draw(st.sampled_from([{}, {"limit": 0.3}, {"limit": 1.5}, {"reservation": 0.4}]))
        os = {"id": f"os{number}", **draw(st.sampled_from([LINUX, {"is": "windows"}]))}
        holds.append({"id": f"vm{number}", "is": vm, "settings": settings, "holds": [os]})
        homes.append(os["id"])
    loads = [
        {"id": f"load{n}", "is": is_, "on": draw(st.sampled_from(homes)), "settings": LOADS[is_]}
        for n, is_ in enumerate(draw(st.lists(st.sampled_from(sorted(LOADS)), min_size=1, max_size=3)))
    ]
    machine = {"cpus": draw(st.integers(1, 3)), "memory": "16 GiB"}
    held = [{"id": "hv", "is": hypervisor, "holds": holds}]
    stack = {"id": "host", "is": "server-2s-xeon", "settings": machine, "holds": held}
    return {"stack": stack, "workloads": loads}


LINUX = {"is": "linux", "settings": {"init": "direct"}}


@examples(60)
@given(stacks(), st.integers(1, 1000))
def test_in_any_stack_of_these_time_is_conserved_and_all_work_gets_done(
    stack: dict[str, Any], seed: int
) -> None:
    check_run(stack, simcore.run(simcore.scenario(stack), seed))


# --------------------------------------------------------------------------------------------- the type label


@pytest.mark.parametrize(
    ("stack", "facts", "label"),
    [
        ("linux-on-esxi", ("hv", "hv", "hv"), "type 1"),
        ("hyperv-server", ("hv", "root-os", "hv"), "type 1, with a control domain"),
        ("hyperv-windows", ("hv", "root-os", "root-os"), "type 1 by privilege alone"),
        ("linux-on-kvm", ("host-os", "host-os", "host-os"), "type 2"),
        ("linux-on-virtualbox", ("host-os", "host-os", "host-os"), "type 2"),
    ],
)
def test_the_type_label_follows_from_three_facts(stack: str, facts: tuple[str, ...], label: str) -> None:
    found = simcore.type_label(scenario(stack, workload="boot"), "hv")
    assert tuple(found.facts.values()) == facts
    assert found.label("en") == label


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_type_label_says_its_facts_in_every_language(lang: str) -> None:
    words = simcore.texts(lang)["components"]
    text = simcore.type_label(scenario("hyperv-windows", workload="boot"), "hv").as_text(lang)
    for component in ("hyper-v-root", "windows"):
        assert words[component]["label"] in text
    assert len(text.splitlines()) == 5


def test_every_verdict_has_its_sentences_in_every_language() -> None:
    for lang in LANGUAGES:
        words = type_label._words(lang)
        assert set(words["verdicts"]) == set(type_label.VERDICTS.values())
        assert set(words["facts"]) == {"privileged", "drivers", "scheduler"}


def test_kvm_and_virtualbox_differ_in_none_of_the_facts() -> None:
    """So a label of one that is not the other's would say something about words, not about machines."""
    kvm, virtualbox = (
        simcore.type_label(scenario(stack, workload="boot"), "hv")
        for stack in ("linux-on-kvm", "linux-on-virtualbox")
    )
    assert kvm.facts == virtualbox.facts


def test_no_timing_depends_on_the_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """Swap all labels: every byte of the trace stays."""
    before = simcore.run(scenario("hyperv-windows", workload="random-read")).trace_sha256
    verdicts = list(type_label.VERDICTS.values())
    swapped = dict(zip(type_label.VERDICTS, verdicts[1:] + verdicts[:1], strict=True))
    monkeypatch.setattr(type_label, "VERDICTS", swapped)
    changed = scenario("hyperv-windows", workload="random-read")
    assert simcore.type_label(changed, "hv").label() != "type 1 by privilege alone"
    assert simcore.run(changed).trace_sha256 == before


def test_no_model_knows_the_label_and_no_entry_states_one() -> None:
    knows = [
        file.relative_to(SIMCORE).as_posix()
        for file in SIMCORE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("type_label")
    ]
    assert knows == ["__init__.py"]
    stated = [name for name, entry in load_catalog().entries.items() if {"type", "label"} & set(entry.raw)]
    assert stated == []


def test_what_is_no_hypervisor_or_runs_nothing_has_no_label() -> None:
    with pytest.raises(ValueError, match="no hypervisor here: there is hv"):
        simcore.type_label(scenario("linux-on-esxi", workload="boot"), "vm1")
    empty = raw("hyperv-server")
    empty["stack"]["holds"][0]["holds"].pop()
    with pytest.raises(ValueError, match="holds no virtual machine"):
        simcore.type_label(simcore.scenario({**empty, "subject": "root-os"}), "hv")
