"""A packet to another machine and its answer: who stands on its way, by what stands below the guest."""

from functools import cache
from typing import Any

import pytest

import simcore
from tests.seen import Span, family, requests, spans

CARDS = ("virtio-net", "vhost-net", "e1000", "sriov-vf")
QUICK = {"host-os.init": "direct"}


@cache
def run(card: str = "", hypervisor: str = "kvm") -> simcore.Result:
    """On the bare machine, or in a guest with this card. Without spread."""
    stack = f"linux-on-{hypervisor}" if card else "linux"
    vary: dict[str, Any] = QUICK | {"host.network": "nic"}
    if card:
        vary |= {"guest-os.init": "direct", "vm1.network": card}
    raw = simcore.prebuilt()[stack]
    return simcore.run(simcore.scenario(raw, workload="request-response", vary=vary), spread=False)


def last(result: simcore.Result) -> list[Span]:
    """What costs time in the last question, in order."""
    request = requests(result.trace, "round_trip", "request-response")[-1]
    found = family(result.trace, spans(result.trace), request)
    return sorted((s for s in found if s.kind != "serve"), key=lambda s: (s.start, s.id))


def mean(result: simcore.Result) -> int:
    found: int = result.outcome["workloads"]["request-response"]["mean_ns"]
    return found


def exits(result: simcore.Result) -> int:
    """In the last question, by whatever cause."""
    kinds, rows = result.trace.header["instant_kinds"], result.trace.rows("instants")
    question = requests(result.trace, "round_trip", "request-response")[-1]
    begin, end = question["start_ns"], question["end_ns"]
    return sum(kinds[row["kind"]] == "exit" and begin <= row["at_ns"] < end for row in rows)


def test_the_call_returns_while_the_packet_is_on_its_way() -> None:
    """What the process does before it sleeps lies beside the card's time, not before it."""
    out = next(span for span in last(run()) if span.op == "transmit")
    beside = [span.op for span in spans(run().trace) if span.start == out.start and span.kind == "cpu"]
    assert beside == ["syscall_exit"]


@pytest.mark.parametrize("card", CARDS)
def test_the_packet_leaves_by_the_real_card_once(card: str) -> None:
    """Also where the host does not see it."""
    found = last(run(card))
    there = [span for span in found if span.op == "far_end"]
    assert [span.node for span in there] == ["vm1.network" if card == "sriov-vf" else "host.network"]


def test_only_a_part_of_the_card_itself_spares_the_hosts_network_stack() -> None:
    crossed = {card: sum(s.op == "bridge_forward" for s in last(run(card))) for card in CARDS}
    assert crossed == {"virtio-net": 2, "vhost-net": 2, "e1000": 2, "sriov-vf": 0}


def test_vhost_removes_the_monitor_and_its_system_calls() -> None:
    """The guest's and the host's kernel are left; both still notify."""
    by_monitor, by_kernel = last(run("virtio-net")), last(run("vhost-net"))
    for found, calls in ((by_monitor, True), (by_kernel, False)):
        host = [span.op for span in found if span.node == "host-os"]
        assert ("syscall_entry" in host) is calls
        assert [span.op for span in found].count("ioeventfd") == 1
    assert {span.thread for span in by_monitor} & {"host-os/vm1/io"}
    assert not {span.thread for span in by_kernel} & {"host-os/vm1/io"}
    assert mean(run("vhost-net")) < mean(run("virtio-net"))


def test_the_registers_of_a_real_card_cost_several_exits() -> None:
    """One to send; three to learn why it interrupted, and to mask and unmask that."""
    assert [span.op for span in last(run("e1000"))].count("exit_to_user") == 2  # one, and three in one span
    assert exits(run("e1000")) > exits(run("virtio-net")) >= 1


def test_a_part_of_the_real_card_causes_no_exit_and_costs_what_the_bare_machine_does() -> None:
    ops = [span.op for span in last(run("sriov-vf"))]
    assert not {"vm_exit", "ioeventfd", "irqfd", "exit_to_user"} & set(ops)
    assert mean(run()) < mean(run("sriov-vf")) < mean(run()) * 1.05
    assert mean(run("sriov-vf")) < mean(run("vhost-net"))


def test_all_memory_of_a_guest_with_a_part_of_the_card_is_there_from_the_start() -> None:
    raw = simcore.prebuilt()["sriov-nic"]
    settings = {"guest-os.init": "direct"}
    memory = simcore.run(simcore.scenario(raw, vary=settings)).outcome["nodes"]["vm1"]["memory"]
    assert memory == 2 << 30


def test_a_container_adds_virtual_cards_on_the_way() -> None:
    raw = simcore.prebuilt()["docker-on-linux"]
    vary = {"host.network": "nic", **QUICK}
    result = simcore.run(simcore.scenario(raw, workload="request-response", vary=vary), spread=False)
    ops = [span.op for span in last(result)]
    assert (ops.count("veth_xmit"), ops.count("bridge_forward")) == (2, 2)
    assert mean(run()) < mean(result) < mean(run()) * 1.1


@pytest.mark.parametrize(
    ("stack", "vary", "finding"),
    [
        ("linux", {}, "no-network at request-response"),
        ("linux-on-kvm", {"host.network": "nic"}, "no-network at request-response"),
        ("linux-on-kvm", {"vm1.network": "vhost-net"}, "no-network at vm1"),
        ("linux", {"host.network": "nvme"}, "wrong-place at host.network"),
        ("linux", {"host.disk": "nic"}, "wrong-place at host.disk"),
        ("linux-on-virtualbox", {"host.network": "nic", "vm1.network": "vhost-net"}, "not-offered"),
        ("linux-on-kvm", {"host.network": "nic", "host.iommu": False, "vm1.network": "sriov-vf"}, "no-iommu"),
    ],
)
def test_a_packet_needs_a_card_on_all_its_way(stack: str, vary: dict[str, Any], finding: str) -> None:
    with pytest.raises(simcore.ScenarioError, match=finding):
        simcore.scenario(simcore.prebuilt()[stack], workload="request-response", vary=vary)
