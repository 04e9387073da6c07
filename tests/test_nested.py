"""A guest in a guest: which hypervisor an exit reaches, and what the way through both costs."""

import copy
from typing import Any

import pytest

import simcore
from tests.seen import Span, family, ran, requests, scenario, spans

OUTER, INNER = "hv", "inner-hv"
SOONER = {f"{kernel}.init": "direct" for kernel in ("host-os", "guest-os", "inner-os")}


def run(workload: str, subject: str = "inner-os", **vary: Any) -> simcore.Result:
    raw = dict(simcore.prebuilt()["nested-kvm"])
    raw["workloads"] = [{"id": workload, "is": workload, "on": subject}]
    return simcore.run(simcore.scenario(raw, vary=SOONER | vary), spread=False)


def steps(result: simcore.Result, kind: str, workload: str) -> list[list[Span]]:
    """What costs time in each request of a kind, in order."""
    found = spans(result.trace)
    return [
        sorted(
            (s for s in family(result.trace, found, request) if s.kind in ("cpu", "device")),
            key=lambda s: (s.start, s.id),
        )
        for request in requests(result.trace, kind, workload)
    ]


def names(found: list[Span], *nodes: str) -> list[str]:
    return [f"{span.node}.{span.op}" for span in found if span.node in nodes]


def test_each_exit_of_the_inner_guest_lands_with_the_outer_hypervisor_first() -> None:
    """And the inner one's way back into its guest is an exit too."""
    read = steps(run("random-read"), "read", "random-read")[-1]
    order = names(read, OUTER, INNER)
    first = order.index("inner-hv.vm_exit")
    assert order[first - 3 : first] == ["hv.vm_exit", "hv.nested_exit", "hv.vm_entry"]
    back = order.index("inner-hv.vm_entry", first)
    assert order[back + 1 : back + 4] == ["hv.vm_exit", "hv.nested_entry", "hv.vm_entry"]
    assert order.count("inner-hv.vm_exit") == 1
    assert order.count("hv.nested_exit") >= 1
    assert order.count("hv.vm_exit") >= 3  # to and fro for the inner guest, and the middle one's own disk


def test_who_wakes_a_thread_on_another_cpu_of_the_middle_guest_leaves_that_guest_too() -> None:
    """The inner hypervisor wakes its I/O thread: an interrupt between two virtual CPUs of the outer one. With
    one CPU there is nobody to send it to."""
    for vcpus, sent in ((2, 1), (1, 0)):
        read = steps(run("random-read", **{"vm1.vcpus": vcpus}), "read", "random-read")[-1]
        kicked = next(place for place, span in enumerate(read) if span.op == "ioeventfd")
        woken = next(place for place, span in enumerate(read) if span.op == "pop_request")
        assert names(read[kicked:woken], OUTER).count("hv.ipi") == sent


def test_an_exit_that_the_outer_hypervisor_handles_alone_costs_one_and_a_reflected_one_several() -> None:
    """A page that neither has memory for: one exit of the inner guest is passed on, a second is not."""
    touch = steps(run("page-touch"), "touch", "page-touch")[0]
    order = names(touch, OUTER, INNER)
    assert order == [
        *("hv.vm_exit", "hv.nested_exit", "hv.vm_entry"),  # to the inner hypervisor
        *("hv.vm_exit", "hv.nested_entry", "hv.vm_entry"),  # and back
        *("hv.vm_exit", "hv.nested_page", "hv.vm_entry"),  # alone
    ]
    faults = [span.node for span in touch if span.op == "first_touch"]
    assert faults == ["inner-vm", "vm1"]  # the page is found twice


def test_a_second_touch_and_a_system_call_cost_nothing_more_than_in_a_guest() -> None:
    touches = steps(run("page-touch"), "touch", "page-touch")
    assert {tuple(span.op for span in again) for again in touches[len(touches) // 2 :]} == {("access",)}
    inner = run("system-call").outcome["workloads"]["system-call"]["mean_ns"]
    assert (
        inner
        == ran("linux-on-kvm", "system-call", spread=False).outcome["workloads"]["system-call"]["mean_ns"]
    )


def test_without_shadowing_the_inner_hypervisors_questions_are_exits() -> None:
    with_, without = (
        steps(run("random-read", **{"hv.vmcs_shadowing": on}), "read", "random-read")[-1]
        for on in (True, False)
    )
    asked = names(without, OUTER).count("hv.vmcs_access")
    assert names(with_, OUTER).count("hv.vmcs_access") == 0
    assert asked % simcore.catalog()["kvm-qemu"].constants["vmcs_accesses"].value == 0
    assert asked > 0
    assert sum(s.length for s in without) > sum(s.length for s in with_)


def test_without_shadowing_a_fault_too_is_full_of_questions() -> None:
    asked = simcore.catalog()["kvm-qemu"].constants["vmcs_accesses"].value
    with_, without = (
        steps(run("page-touch", **{"hv.vmcs_shadowing": on}), "touch", "page-touch")[0]
        for on in (True, False)
    )
    exits = [sum(s.op == "vm_exit" for s in touch) for touch in (with_, without)]
    assert exits == [3, 4]  # the questions are one span
    longer = sum(s.length for s in without) - sum(s.length for s in with_)
    (question,) = (s.length for s in without if s.op == "vmcs_access")
    assert longer > question > asked
    alone = steps(run("page-touch", subject="guest-os"), "touch", "page-touch")[0]
    own, single = (sum(s.length for s in touch if s.component != "linux") for touch in (without, alone))
    assert own > 6 * single


def test_a_read_is_slower_with_each_floor() -> None:
    native, guest = (
        ran(stack, "random-read", spread=False).outcome["workloads"]["random-read"]["mean_ns"]
        for stack in ("linux", "linux-on-kvm")
    )
    inner = run("random-read").outcome["workloads"]["random-read"]["mean_ns"]
    assert native < guest < inner
    assert inner - guest > guest - native  # an exit of the inner guest costs several


def test_only_a_hypervisor_that_can_lets_guests_have_guests() -> None:
    with pytest.raises(simcore.ScenarioError, match="no-nesting at vm1"):
        scenario("linux-on-virtualbox", vary={"vm1.nested": True})


def test_without_leave_there_is_no_hypervisor_in_a_guest() -> None:
    raw = dict(simcore.prebuilt()["nested-kvm"])
    with pytest.raises(simcore.ScenarioError, match="not-offered at inner-hv"):
        simcore.scenario(raw, vary={"vm1.nested": False})


# ------------------------------------------------------ a guest of a program in the root partition


def read_of(stack: str) -> tuple[list[Span], int]:
    result = ran(stack, "random-read", spread=False)
    return steps(result, "read", "random-read")[-1], result.outcome["workloads"]["random-read"]["mean_ns"]


@pytest.mark.parametrize(
    ("stack", "alone"),
    [("virtualbox-with-hyperv", "virtualbox-on-windows"), ("vmware-with-hyperv", "vmware-on-windows")],
)
def test_over_hyper_v_every_exit_goes_to_the_process_and_all_the_way_back(stack: str, alone: str) -> None:
    """Whose process it is makes no difference; none has a short way through a driver any more."""
    found, mean = read_of(stack)
    order = names(found, "hyperv", "hv")
    first = order.index("hyperv.intercept_message")
    there = ["hyperv.vm_exit", "hyperv.intercept_message", "hyperv.vm_entry", "hv.vm_exit"]
    assert order[first - 1 : first + 3] == there
    back = order.index("hv.vm_entry")
    there = ["hv.vm_entry", "hyperv.vm_exit", "hyperv.enter_partition", "hyperv.vm_entry"]
    assert order[back : back + 4] == there
    handed_over = next(place for place, span in enumerate(found) if span.op == "wake_up")
    told = names(found[:handed_over], "hyperv").count("hyperv.intercept_message")
    assert told == 2  # of the accesses before the command, and of the one that starts it
    own = {"ring0_dispatch", "ring3_return", "world_switch", "return_to_vmx"}
    assert not own & {span.op for span in found}
    before, mean_before = read_of(alone)
    assert own & {span.op for span in before}
    assert mean > mean_before


@pytest.mark.parametrize("stack", ["virtualbox-with-hyperv", "vmware-with-hyperv"])
def test_over_hyper_v_the_root_partition_gives_a_guest_each_page_once(stack: str) -> None:
    touches = steps(ran(stack, "page-touch", spread=False), "touch", "page-touch")
    assert names(touches[0], "hyperv") == [
        *("hyperv.vm_exit", "hyperv.intercept_message", "hyperv.vm_entry"),
        *("hyperv.vm_exit", "hyperv.map_gpa", "hyperv.vm_entry"),
        *("hyperv.vm_exit", "hyperv.enter_partition", "hyperv.vm_entry"),
    ]
    assert not {name for again in touches[len(touches) // 2 :] for name in names(again, "hyperv")}


@pytest.mark.parametrize("hypervisor", ["virtualbox", "vmware-workstation"])
def test_beside_hyper_v_no_other_hypervisor_can_enter_a_guest_itself(hypervisor: str) -> None:
    raw = copy.deepcopy(dict(simcore.prebuilt()["virtualbox-with-hyperv"]))
    raw["stack"]["holds"][0]["holds"][0]["holds"][0]["holds"][0]["is"] = hypervisor
    with pytest.raises(simcore.ScenarioError, match="not-offered at hv"):
        simcore.scenario(raw)
