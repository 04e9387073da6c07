"""Another instruction set: what an emulated guest, or an emulated program, costs, and where."""

import copy
from typing import Any

import pytest

import simcore
from tests.seen import Span, family, lines, ran, requests, spans

EMULATED = ("arm-on-x86-tcg", "x86-on-arm-tcg")
PROGRAM = (("qemu-user", "program"), ("linux", "service_read"))
BY_BINFMT, NATIVE, WHOLE = "arm-container-on-x86", "docker-on-linux", "arm-on-x86-tcg"


def steps(result: simcore.Result, kind: str, workload: str, number: int = 0) -> list[Span]:
    """What costs time in one request of a kind, in order."""
    request = requests(result.trace, kind, workload)[number]
    found = family(result.trace, spans(result.trace), request)
    return sorted((s for s in found if s.kind in ("cpu", "device")), key=lambda s: (s.start, s.id))


@pytest.mark.parametrize("stack", EMULATED)
def test_an_emulated_guests_memory_is_its_emulators(stack: str) -> None:
    """A page that it touches first is a fault of the process, not an exit; and no CPU walks two tables."""
    touch = steps(ran(stack, "page-touch", spread=False), "touch", "page-touch")
    below = [span.op for span in touch if span.node == "host-os"]
    assert below == ["fault_entry", "page_alloc", "zero_page", "map_page"]
    assert not {"vm1", "hv"} & {span.node for span in touch}


def test_an_emulator_runs_in_any_guest_and_has_its_memory_from_there() -> None:
    raw: Any = copy.deepcopy(simcore.prebuilt()["linux-on-virtualbox"])
    kernel = raw["stack"]["holds"][0]["holds"][0]["holds"][0]["holds"][0]
    inner = {"id": "inner-vm", "is": "vm", "holds": [{"id": "inner-os", "is": "linux"}]}
    kernel["holds"] = [{"id": "inner-hv", "is": "qemu-tcg", "holds": [inner]}]
    raw["subject"] = "inner-os"
    result = simcore.run(simcore.scenario(raw, workload="page-touch"), spread=False)
    order = [f"{s.node}.{s.op}" for s in steps(result, "touch", "page-touch")]
    faults = [name for name in order if name.endswith(("fault_entry", "first_touch"))]
    assert faults == ["inner-os.fault_entry", "guest-os.fault_entry", "vm1.first_touch"]


# ------------------------------------------------------------- a container of another instruction set


def without(node: str, workload: str = "random-read") -> simcore.Result:
    raw: Any = copy.deepcopy(simcore.prebuilt()[BY_BINFMT])
    kernel = raw["stack"]["holds"][0]
    kernel["holds"] = [held for held in kernel["holds"] if held["id"] != node]
    return simcore.run(simcore.scenario(raw, workload=workload), spread=False)


def mean(stack: str, workload: str) -> int:
    found: int = ran(stack, workload, spread=False).outcome["workloads"][workload]["mean_ns"]
    return found


def test_a_computation_is_slowed_as_in_a_whole_emulated_guest_and_a_read_hardly_at_all() -> None:
    """A checksum computes, a read waits and is the kernel's: only the whole guest slows both."""
    for load in ("spin", "compute"):
        assert mean(BY_BINFMT, load) == mean(WHOLE, load) > 5 * mean(NATIVE, load)
    assert mean(BY_BINFMT, "random-read") < 1.1 * mean(NATIVE, "random-read")
    assert mean(WHOLE, "random-read") > 5 * mean(NATIVE, "random-read")


def test_a_system_call_is_converted_and_then_the_kernels_own() -> None:
    call = steps(ran(BY_BINFMT, "system-call", spread=False), "syscall", "system-call", -1)
    native = steps(ran(NATIVE, "system-call", spread=False), "syscall", "system-call", -1)
    assert [f"{s.node}.{s.op}" for s in call] == [
        "binfmt.leave_code",
        "binfmt.convert_call",
        *(f"{s.node}.{s.op}" for s in native),
        "binfmt.convert_result",
        "binfmt.enter_code",
    ]
    assert [s.length for s in call[2:-2]] == [s.length for s in native]


def test_a_fault_of_an_emulated_program_is_the_kernels_and_nothing_is_converted() -> None:
    touch = steps(ran(BY_BINFMT, "page-touch", spread=False), "touch", "page-touch")
    native = steps(ran(NATIVE, "page-touch", spread=False), "touch", "page-touch")
    assert [s.step for s in touch] == [s.step for s in native]


def test_each_process_translates_anew_and_the_interpreter_is_read_from_the_disk_once() -> None:
    trace = ran(BY_BINFMT, "spawn", spread=False).trace
    found = spans(trace)
    started = [family(trace, found, request) for request in requests(trace, "exec")]
    emulated = [start for start in started if "binfmt" in {span.node for span in start}]
    assert len(emulated) > 2
    assert all("translate_block" in {span.op for span in start} for start in emulated)
    program, piece = (simcore.catalog()[e].constants[c].value for e, c in PROGRAM)
    reads = [sum(span.op == "medium_read" for span in start) for start in emulated]
    assert reads[0] >= program // piece
    assert set(reads[2:]) == {0}


def test_no_step_of_a_foreign_container_is_a_virtual_machines() -> None:
    for load in ("random-read", "compute"):
        trace = ran(BY_BINFMT, load, spread=False).trace
        assert "exit" not in {trace.header["instant_kinds"][row["kind"]] for row in trace.rows("instants")}
        assert not {"hypervisor", "vm"} & {node["role"] for node in trace.header["nodes"]}


def test_without_an_emulator_the_container_starts_and_its_program_fails() -> None:
    """Docker makes it all the same; then the kernel knows nobody for the program. Legal, with a warning."""
    raw: Any = copy.deepcopy(simcore.prebuilt()[BY_BINFMT])
    raw["stack"]["holds"][0]["holds"].pop(1)
    (found,) = simcore.check(raw)
    assert (found.id, found.severity, found.path) == ("exec-format-error", "warning", "web.platform")
    result = without("binfmt")
    outcome = result.outcome
    assert outcome["nodes"]["web"]["ready_ns"] > 0
    assert outcome["nodes"]["web"]["state"] == "killed"
    assert outcome["nodes"]["engine"]["state"] == "ready"
    assert outcome["workloads"]["random-read"]["n"] == 0
    assert not outcome["lane"]["finished"]
    assert list(lines(result.trace, "web"))[-1][2] == "exec_format_error"
    assert not requests(result.trace, "read", "random-read")


def test_an_image_of_the_machines_own_instruction_set_needs_no_emulator_and_uses_none() -> None:
    raw = simcore.prebuilt()[BY_BINFMT]
    own = simcore.scenario(raw, workload="random-read", vary={"web.platform": "x86-64"})
    assert simcore.run(own, spread=False).outcome["workloads"]["random-read"]["mean_ns"] == mean(
        NATIVE, "random-read"
    )


def test_when_the_emulators_registration_ends_what_runs_goes_on() -> None:
    """It stands beside the path: each process has a copy of its own."""
    raw: Any = copy.deepcopy(simcore.prebuilt()[BY_BINFMT])
    raw["workloads"] = [{"id": "reads", "is": "random-read", "on": "web"}]
    ready = ran(BY_BINFMT, "random-read").outcome["nodes"]["web"]["ready_ns"]
    raw["interventions"] = [{"at": f"{ready + 1000} ns", "on": "binfmt", "do": "fail"}]
    outcome = simcore.run(simcore.scenario(raw)).outcome
    assert outcome["workloads"]["reads"]["n"] == 100
    assert outcome["nodes"]["web"]["state"] == "ready"


def test_an_emulator_makes_no_container() -> None:
    raw: Any = copy.deepcopy(simcore.prebuilt()[BY_BINFMT])
    raw["stack"]["holds"][0]["holds"][2]["runtime"] = "binfmt"
    assert [found.id for found in simcore.check(raw)] == ["runtime-unknown"]
