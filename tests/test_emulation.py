"""Another instruction set: what an emulated guest costs, and where."""

import copy
from typing import Any

import pytest

import simcore
from tests.seen import Span, family, ran, requests, spans

EMULATED = ("arm-on-x86-tcg", "x86-on-arm-tcg")


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
