"""Without the processor's help, and VMware: who is in the CPU's privileged mode, and what that makes dear."""

import copy
from typing import Any

import pytest

import simcore
from tests.seen import Span, family, requests, spans

TRANSLATED, TRAPPED, WORKSTATION = "binary-translation", "trap-and-emulate", "vmware-workstation"
ASKING = "paravirtual"
EMULATED = ["trap", "emulate", "resume"]


def run(stack: str, workload: str, own: dict[str, Any] | None = None, **vary: Any) -> simcore.Result:
    """A workload on the subject, with kernels that start nothing else."""
    raw = dict(simcore.prebuilt()[stack])
    raw["workloads"] = [{"id": workload, "is": workload, "on": raw["subject"], "settings": own or {}}]
    kernels = [node.id for node in simcore.scenario(raw).nodes.values() if "init" in node.entry.settings]
    sooner = dict.fromkeys((f"{kernel}.init" for kernel in kernels), "direct")
    return simcore.run(simcore.scenario(raw, vary=sooner | vary), spread=False)


def steps(result: simcore.Result, kind: str, workload: str | None, number: int = -1) -> list[Span]:
    """What costs time in one request of a kind, in order."""
    request = requests(result.trace, kind, workload)[number]
    found = family(result.trace, spans(result.trace), request)
    return sorted((s for s in found if s.kind in ("cpu", "device")), key=lambda s: (s.start, s.id))


def of(found: list[Span], node: str) -> list[str]:
    return [span.op for span in found if span.node == node]


def mean(stack: str, workload: str, own: dict[str, Any] | None = None, **vary: Any) -> int:
    found: int = run(stack, workload, own, **vary).outcome["workloads"][workload]["mean_ns"]
    return found


# -------------------------------------------------------------------------------------- binary translation


def test_a_system_call_of_a_translated_kernel_goes_through_the_monitor_both_ways() -> None:
    call = steps(run(TRANSLATED, "system-call"), "syscall", "system-call")
    assert [(span.node, span.op) for span in call] == [
        ("hv", "trap"),
        ("hv", "enter_kernel"),
        ("guest-os", "syscall_entry"),
        ("guest-os", "null_call"),
        ("guest-os", "syscall_exit"),
        ("hv", "return_to_program"),
    ]


def test_a_thousand_system_calls_are_ten_times_dearer_translated_and_cost_nothing_more_with_help() -> None:
    native, helped, translated = (mean(s, "system-call") for s in ("linux", "linux-on-kvm", TRANSLATED))
    assert helped == native
    assert 8 * native < translated < 12 * native


def test_a_page_table_write_is_cheap_translated_and_takes_exits_on_the_first_hardware_help() -> None:
    """The same first touch of a page; only who notices the write differs."""
    translated = steps(run(TRANSLATED, "page-touch"), "touch", "page-touch", 0)
    shadowed = steps(run(WORKSTATION, "page-touch", **{"hv.paging": "shadow"}), "touch", "page-touch", 0)
    written = [span for span in translated if span.op == "write_shadow"]
    assert len(written) == 1
    after = of(shadowed, "hv")[of(shadowed, "hv").index("open_table") - 2 :]
    assert after[:4] == ["vm_exit", "monitor_dispatch", "open_table", "vm_entry"]
    assert after[4:8] == ["vm_exit", "monitor_dispatch", "write_shadow", "vm_entry"]
    begin = next(span.start for span in shadowed if span.op == "open_table")
    end = next(span.end for span in shadowed if span.op == "write_shadow")
    assert end - begin > 10 * written[0].length


def test_a_fault_is_dearer_than_native_translated_and_dearer_still_by_exits() -> None:
    """The second pass of the guest's first memory: the host has nothing to do any more."""
    nested, translated, shadowed = (
        mean(stack, "page-touch", {"size": "1 MiB"}, **{"vm1.prealloc": True, **vary})
        for stack, vary in (
            ("linux-on-kvm", {}),
            (TRANSLATED, {}),
            (WORKSTATION, {"hv.paging": "shadow"}),
        )
    )
    native = mean("linux", "page-touch", {"size": "1 MiB"})
    assert native < nested < translated < shadowed


def test_translated_or_by_hardware_a_process_is_made_in_the_order_that_was_measured() -> None:
    """Native, then translated; the first hardware help came last."""
    own = {"exec": False, "count": 5}
    native, translated = (mean(stack, "spawn", own) for stack in ("linux", TRANSLATED))
    assert native < translated < mean(WORKSTATION, "spawn", own, **{"hv.paging": "shadow"})


def test_the_first_touches_of_a_new_process_are_faults_that_its_kernel_never_sees() -> None:
    for stack, there in ((TRANSLATED, True), (TRAPPED, True), (WORKSTATION, False)):
        made = steps(run(stack, "spawn", {"exec": False, "count": 2}), "fork", None)
        assert ("hidden_fault" in of(made, "hv")) is there, stack
        assert "fault_entry" not in of(made, "guest-os")


def test_code_is_translated_when_it_first_runs_and_a_program_never_is() -> None:
    result = run(TRANSLATED, "system-call")
    found = spans(result.trace)
    translated = [span for span in found if span.op == "translate"]
    calls = [found[row["span"]] for row in requests(result.trace, "syscall", "system-call")]
    assert translated
    assert max(span.end for span in translated) < min(call.start for call in calls)


def test_a_computation_is_as_quick_translated_as_on_the_bare_machine() -> None:
    """Its instructions run as they are; and page tables of the monitor's own have no second dimension."""
    native, translated = (mean(s, "compute", {"program": "xz"}) for s in ("linux", TRANSLATED))
    assert translated == pytest.approx(native, rel=0.01)


def test_changing_processes_goes_by_the_monitor_only_where_it_holds_the_page_tables() -> None:
    for stack, there in ((TRANSLATED, True), (TRAPPED, True), (WORKSTATION, False)):
        trip = steps(run(stack, "ping-pong"), "round_trip", "ping-pong")
        assert ("switch_shadow" in of(trip, "hv")) is there, stack


def test_nothing_of_it_needs_the_processors_help() -> None:
    for entry in ("binary-translator", "trap-and-emulate"):
        assert "hw-virtualization" not in simcore.catalog()[entry].needs


# ---------------------------------------------------------------------------------------- trap and emulate


def test_every_privileged_instruction_on_the_way_into_a_kernel_and_out_traps() -> None:
    call = steps(run(TRAPPED, "system-call"), "syscall", "system-call")
    kernel = [place for place, span in enumerate(call) if span.node == "guest-os"]
    before, after = of(call[: kernel[0]], "hv"), of(call[kernel[-1] + 1 :], "hv")
    constants = simcore.catalog()["trap-and-emulate"].constants
    assert before == ["trap", "reflect", "resume"] + EMULATED * constants["entry_instructions"].value
    assert after == EMULATED * constants["exit_instructions"].value


def test_a_write_to_a_page_table_traps() -> None:
    touch = steps(run(TRAPPED, "page-touch"), "touch", "page-touch", 0)
    written = of(touch, "hv").index("write_shadow")
    assert of(touch, "hv")[written - 1 : written + 2] == ["trap", "write_shadow", "resume"]
    fault = next(place for place, span in enumerate(touch) if span.op == "fault_entry")
    assert of(touch[:fault], "hv")[:4] == ["trap", "find_fault", "reflect", "resume"]


def test_classic_x86_is_refused_for_not_everything_traps_there() -> None:
    raw = copy.deepcopy(simcore.prebuilt()["linux-on-virtualbox"])
    hypervisor = raw["stack"]["holds"][0]["holds"][0]
    hypervisor["is"] = "trap-and-emulate"
    (found,) = simcore.check(raw)
    assert (found.id, found.path, found.severity) == ("does-not-trap", "hv", "error")
    assert "POPF" in found.as_dict("en")["why"]
    hypervisor["is"] = "binary-translator"  # which is what the hint says
    assert simcore.check(raw) == []


def test_a_translator_for_x86_is_for_nothing_else() -> None:
    raw = copy.deepcopy(simcore.prebuilt()[TRAPPED])
    raw["stack"]["holds"][0]["holds"][0]["is"] = "binary-translator"
    assert "isa-mismatch" in {found.id for found in simcore.check(raw)}


# ----------------------------------------------------------------- a kernel that asks, beside the other two


def visits(found: list[Span]) -> int:
    """How often the monitor is entered."""
    entered = ("trap", "enter_kernel", "leave_kernel", "return_to_program", "hypercall")
    return sum(span.node == "hv" and span.op in entered for span in found)


def test_a_system_call_visits_the_monitor_never_twice_or_at_each_privileged_instruction() -> None:
    """A kernel that asks has its system calls to itself with 32 bits; with 64, Xen passes them up and back.
    Whatever is visited more often is dearer, against the same call on the bare machine."""
    short = {"vm1.bits": "32-bit"}
    stacks = ((ASKING, short), (ASKING, {}), (TRANSLATED, {}), (TRAPPED, {}))
    calls = [steps(run(stack, "system-call", **vary), "syscall", "system-call") for stack, vary in stacks]
    constants = simcore.catalog()["trap-and-emulate"].constants
    privileged = constants["entry_instructions"].value + constants["exit_instructions"].value
    assert visits(calls[0]) == 0
    assert visits(calls[1]) == 2
    assert of(calls[2], "hv") == ["trap", "enter_kernel", "return_to_program"]
    assert visits(calls[3]) == 1 + privileged
    cost = [sum(s.length for s in call) / sum(s.length for s in call if s.node != "hv") for call in calls]
    assert cost[0] == 1
    assert cost == sorted(cost)


def test_a_fault_is_xens_with_either_number_of_bits() -> None:
    for bits in ("64-bit", "32-bit"):
        touch = steps(run(ASKING, "page-touch", **{"vm1.bits": bits}), "touch", "page-touch", 0)
        fault = next(place for place, span in enumerate(touch) if span.op == "fault_entry")
        assert touch[fault - 1].node == "hv"


def test_a_page_table_is_changed_in_place_by_request_for_many_or_by_a_trap_for_each_entry() -> None:
    """The same fork; what of it is the monitor's, for each entry that is written."""
    entries = simcore.catalog()["linux"].constants["tlb_refill"].value
    batch = simcore.catalog()["xen"].constants["mmu_batch"].value
    each, written = [], []
    for stack, op, way in (
        (TRANSLATED, "write_shadow", 0),
        (ASKING, "mmu_update", 1),
        (TRAPPED, "write_shadow", 1),
    ):
        made = steps(run(stack, "spawn", {"exec": False, "count": 2}), "fork", None)
        places = [place for place, span in enumerate(made) if span.op == op]
        around = [span for place in places for span in made[place - way : place + way + 1]]
        written.append([span.op for span in around])
        each.append(sum(span.length for span in around) / entries)
    assert written[0] == ["write_shadow"]  # no way in or out: it is done where the kernel's store was
    assert written[1] == ["hypercall", "mmu_update", "return_to_guest"] * (entries // batch)
    assert written[2] == ["trap", "write_shadow", "resume"]  # as often as there are entries
    assert each == sorted(each)


def test_a_kernel_that_was_not_changed_to_ask_is_refused() -> None:
    """The same kernel runs where it may do everything itself, or where what it may not do is caught."""
    for stack in (TRANSLATED, TRAPPED, "xen-hvm"):
        assert simcore.scenario(simcore.prebuilt()[stack], vary={"guest-os.paravirt": False})
    with pytest.raises(simcore.ScenarioError) as refused:
        simcore.scenario(simcore.prebuilt()[ASKING], vary={"guest-os.paravirt": False})
    (found,) = refused.value.findings
    assert (found.id, found.path) == ("not-ported", "guest-os")
    assert "without the CPU's privileges" in found.as_dict("en")["why"]
    assert "paravirt: true" in found.as_dict("en")["hint"]


def test_nor_may_the_guest_with_the_drivers_have_such_a_kernel() -> None:
    with pytest.raises(simcore.ScenarioError, match="not-ported at dom0-os"):
        simcore.scenario(simcore.prebuilt()[ASKING], vary={"dom0-os.paravirt": False})


# -------------------------------------------------------------------------------------- VMware Workstation


def test_a_device_is_reached_by_a_world_switch_and_the_process_behind_it() -> None:
    """To the host, out of the driver, the device, and back: the guest has not noticed."""
    read = of(steps(run(WORKSTATION, "random-read"), "read", "random-read"), "hv")
    first = read.index("world_switch")
    assert read[first - 2 : first] == ["vm_exit", "monitor_dispatch"]
    assert read[first + 1 : first + 6] == [
        "return_to_vmx",
        "device_emulate",
        "call_driver",
        "switch_back",
        "vm_entry",
    ]


def test_a_system_call_switches_no_world() -> None:
    for workload, kind in (("system-call", "syscall"), ("random-read", "read")):
        found = steps(run(WORKSTATION, workload), kind, workload)
        assert ("world_switch" in of(found, "hv")) is (kind == "read")


def test_the_device_is_played_by_system_calls_of_whatever_kernel_is_the_host() -> None:
    for stack in (WORKSTATION, "vmware-on-windows"):
        read = steps(run(stack, "random-read"), "read", "random-read")
        assert of(read, "hv") == of(steps(run(WORKSTATION, "random-read"), "read", "random-read"), "hv")
        assert of(read, "host-os")
    assert of(read, "host-os") != of(steps(run(WORKSTATION, "random-read"), "read", "random-read"), "host-os")
