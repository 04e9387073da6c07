"""Golden files: what a person reads, to be reviewed like prose. `REWRITE_GOLDEN=1` writes them anew.

All runs are without spread, so a changed line means a changed model or a changed timing.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import simcore
from simcore.component import LANGUAGES
from simcore.texts import render, show_time, texts
from tests.seen import PREBUILT, lines, ran, requests

GOLDENS = Path(__file__).parent / "goldens"
REWRITE = os.environ.get("REWRITE_GOLDEN") == "1"
KVM = ("kvm-vhost", "kvm-emulated-ide", "firecracker", "nvme-passthrough")
VMWARE = ("binary-translation", "trap-and-emulate", "paravirtual", "vmware-workstation")
TYPE_1 = ("xen-pv", "xen-pvh", "xen-hvm", "hyperv-server", "hyperv-windows", "linux-on-esxi")
WINDOWS = ("virtualbox-on-windows", "virtualbox-with-hyperv", "vmware-on-windows", "vmware-with-hyperv")
FURTHER = ("nested-kvm", "sriov-nic", "arm-on-x86-tcg", "x86-on-arm-tcg", "arm-container-on-x86")
SYSTEMS = (*PREBUILT, "windows", *TYPE_1, *KVM, *VMWARE, *WINDOWS, *FURTHER)
JOURNEYS = {
    "system-call": ("system-call", "syscall", 0),
    "first-touch": ("page-touch", "touch", 0),
    "second-touch": ("page-touch", "touch", 256),
    "ping-pong": ("ping-pong", "round_trip", 50),
    "send": ("request-response", "round_trip", 150),
}
"""What has a golden journey on these stacks: workload, kind of request, and which of them."""
AFTER_A_RESTORE = {"first-call": ("system-call", "syscall", 0), "second-read": ("random-read", "read", 1)}
"""As the others; a first read there is the first call ten times over."""


def compare(name: str, text: str) -> None:
    file = GOLDENS / name
    if REWRITE:
        GOLDENS.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"tests/goldens/{name} is missing: run with REWRITE_GOLDEN=1, then read it"
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("stack", SYSTEMS)
def test_one_read_goes_through_every_layer_and_back(stack: str, lang: str) -> None:
    trip = simcore.journey(ran(stack, "random-read", spread=False).trace)
    compare(f"read.{stack}.{lang}.txt", trip.as_text(lang))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("stack", SYSTEMS)
@pytest.mark.parametrize("name", JOURNEYS)
def test_what_needs_no_disk_stays_near_its_kernel(name: str, stack: str, lang: str) -> None:
    workload, kind, number = JOURNEYS[name]
    trace = ran(stack, workload, spread=False).trace
    request = requests(trace, kind, workload)[number]["id"]
    compare(f"{name}.{stack}.{lang}.txt", simcore.journey(trace, request).as_text(lang))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", AFTER_A_RESTORE)
def test_after_a_restore_what_is_first_of_its_kind_waits_for_its_pages(name: str, lang: str) -> None:
    workload, kind, number = AFTER_A_RESTORE[name]
    trace = ran("snapshot-restore", workload, spread=False).trace
    request = requests(trace, kind, workload)[number]["id"]
    compare(f"{name}.snapshot-restore.{lang}.txt", simcore.journey(trace, request).as_text(lang))


@pytest.mark.parametrize("stack", [*SYSTEMS, "snapshot-restore"])
def test_a_boot_goes_layer_by_layer(stack: str) -> None:
    compare(f"boot.{stack}.txt", "".join(landmarks(ran(stack, "boot", spread=False))))


def landmarks(result: simcore.Result) -> Iterator[str]:
    """The console of every node, in one: when, who, what; then who was ready when.

    Until its own kernel is ready the host does the same in all stacks: that is told once, for `linux`, and
    once for `windows`.
    """
    header, words = result.trace.header, texts("en")["components"]
    tenants = [node for node in header["nodes"] if node["tenant"] and node["role"] != "workload"]
    host = result.outcome["nodes"].get("host-os")
    begin = host["ready_ns"] if host is not None and tenants else 0
    if begin:
        host_os = next(node["is"] for node in header["nodes"] if node["id"] == "host-os")
        told = "windows" if host_os == "windows" else "linux"
        yield f"{seconds(begin)}  the host's kernel is ready, as in boot.{told}.txt\n\n"
    width = max(len(node["id"]) for node in header["nodes"])
    for row in result.trace.rows("logs"):
        node, line = header["nodes"][row["node"]], header["texts"][row["text"]]
        if row["at_ns"] <= begin:
            continue
        said = render(words[line["is"]]["log"][line["text"]], line["params"])
        yield f"{seconds(row['at_ns'])}  {node['id']:<{width}}  {said}\n"
    yield "\n"
    outcome = result.outcome
    ready = [(node["ready_ns"], name) for name, node in outcome["nodes"].items() if node["ready_ns"] > begin]
    for at, name in sorted(ready):
        yield f"{seconds(at)}  {name:<{width}}  ready\n"
    lane = outcome["lane"]
    yield f"{seconds(lane['end_ns'])}  first user instruction\n\n"
    yield f"from host-ready to the first user instruction: {show_time(lane['end_ns'] - lane['start_ns'])}\n"


def seconds(at_ns: int) -> str:
    """As a kernel prints them: seconds and six digits."""
    return f"[{at_ns // 10**9:>3}.{at_ns % 10**9 // 1000:06}]"


def test_every_golden_file_is_compared_with_something() -> None:
    wanted = {f"boot.{stack}.txt" for stack in SYSTEMS}
    wanted |= {f"read.{stack}.{lang}.txt" for stack in SYSTEMS for lang in LANGUAGES}
    wanted |= {f"{name}.{stack}.{lang}.txt" for name in JOURNEYS for stack in SYSTEMS for lang in LANGUAGES}
    wanted |= {f"{name}.snapshot-restore.{lang}.txt" for name in AFTER_A_RESTORE for lang in LANGUAGES}
    wanted |= {"boot.snapshot-restore.txt"}
    assert {file.name for file in GOLDENS.iterdir()} == wanted


@pytest.mark.parametrize("stack", SYSTEMS)
def test_a_journey_reads_like_its_description(stack: str) -> None:
    """The signs in order, as JOURNEYS tells them: switch into the kernel, device without CPU, wake-up,
    return."""
    text = simcore.journey(ran(stack, "random-read", spread=False).trace).as_text("en")
    steps = [line.split("  ") for line in text.splitlines() if "  " in line]
    assert steps
    order = ["System call entry", "‖", "Interrupt entry", "Context switch", "System call exit"]
    places = [text.index(word) for word in order[:2]]
    places += [text.index(word, places[-1]) for word in order[2:]]
    assert places == sorted(places)
    lent = stack == "nvme-passthrough"  # the drive answers through the IOMMU, and nothing leaves the guest
    assert text.count("‖") == (3 if lent else 2)  # one device, and the line that explains the signs
    assert (text.count("→!") > 2) is ("guest-os" in text and not lent)


def test_the_landmarks_of_a_boot_are_in_order_of_time() -> None:
    for stack in SYSTEMS:
        times = [at for at, _, _ in lines(ran(stack, "boot", spread=False).trace)]
        assert times == sorted(times)
