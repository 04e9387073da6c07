"""QEMU: how long it takes to start, and how much slower code is that it translates.

How: QEMU starts a PC without devices whose firmware is ours and writes a byte to a port at its first
instruction; until that byte arrives, with KVM and with TCG. The same static program with loops of integer,
floating-point, memory and system-call work runs here and as the init of a Linux kernel under TCG; the ratio
of the medians is the slow-down. Where there is no kernel to boot or no qemu-system, it runs under qemu-
user, which has no page tables to look up and lets this kernel do the system calls. Fresh code is executed
twice for the cost of a translation. Disturbed by: other load, the page cache (the first start is thrown
away), and in TCG by itself: it translates in the same thread.
"""

import os
import platform
import statistics
from collections.abc import Sequence

from .bench import Bench, Missing
from .composites import KERNELS, cpio

TITLE = "Emulation: QEMU's start, code under TCG"
LOOPS = ("integer", "float", "memory", "syscall")
QUANTITIES = (
    "qemu_start_kvm",
    "qemu_start_tcg",
    *(f"tcg_slowdown_{loop}" for loop in LOOPS),
    "tcg_translate",
)
SECONDS = (5, 15)
PORTABLE = False

KVM = "/dev/kvm"
ROM_SIZE = 2**16
RESET = -16
"""A PC's first instruction stands 16 bytes before the end of its firmware."""
SAY_AND_STOP = bytes.fromhex("b021 e6e9 f4 ebfd")  # mov $'!', %al; out %al, $0xe9; hlt; jmp to the hlt
BOOT_S = 60


def measure(bench: Bench) -> None:
    for accelerator in ("kvm", "tcg"):
        with bench.attempt(f"qemu_start_{accelerator}"):
            if accelerator == "kvm" and not os.access(KVM, os.R_OK | os.W_OK):
                raise Missing(f"{KVM} is not there or may not be opened: join the group kvm, or be root")
            samples = bench.native("first_output", bench.pick(8, 30), *_bare(bench, accelerator))
            bench.timing(
                f"qemu_start_{accelerator}", samples, note="from fork to the guest's first instruction"
            )
    with bench.attempt(*(f"tcg_slowdown_{loop}" for loop in LOOPS), "tcg_translate"):
        here = _results([bench.run(bench.binary("native_loops")).stdout])
        there, how = _emulated(bench)
        for loop in LOOPS:
            ratio = statistics.median(there[loop]) / statistics.median(here[loop])
            bench.constant(f"tcg_slowdown_{loop}", ratio, len(there[loop]), how)
        bench.timing("tcg_translate", there["translate"], per="block", note=f"of 8 instructions; {how}")


def _bare(bench: Bench, accelerator: str) -> list[object]:
    """QEMU with no devices and the firmware of four instructions."""
    rom = bench.scratch / "firmware"
    if not rom.exists():
        image = bytearray(ROM_SIZE)
        image[RESET : RESET + len(SAY_AND_STOP)] = SAY_AND_STOP
        rom.write_bytes(image)
    return [
        bench.tool("qemu-system-x86_64"), "-accel", accelerator, "-nodefaults", "-display", "none",
        "-m", 128, "-bios", rom, "-debugcon", "stdio",
    ]  # fmt: skip


def _emulated(bench: Bench) -> tuple[dict[str, list[float]], str]:
    """The loops under TCG: in a guest, else in qemu-user. How it was done is said."""
    try:
        return _in_a_guest(bench), "in a Linux guest under TCG"
    except Missing as no_guest:
        name = f"qemu-{platform.machine()}"
        try:
            qemu = bench.tool(name)
        except Missing as no_user:
            raise Missing(f"{no_guest}; {no_user}") from None
    runs = [bench.run(qemu, bench.binary("native_loops")).stdout for _ in range(bench.pick(2, 5))]
    return _results(runs), f"in {name}"


def _in_a_guest(bench: Bench) -> dict[str, list[float]]:
    qemu = bench.tool("qemu-system-x86_64")
    if platform.machine() != "x86_64":
        raise Missing("the guest's kernel and init are for x86-64")
    kernels = [file for file in sorted(KERNELS.glob("vmlinuz*")) if os.access(file, os.R_OK)]
    if not kernels:
        raise Missing("there is no readable kernel to boot: install linux-image-cloud-amd64, or be root")
    initramfs = bench.scratch / "loops"
    initramfs.write_bytes(cpio({"init": bench.binary("native_loops").read_bytes()}))
    runs = [
        bench.run(
            qemu, "-accel", "tcg", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
            "-m", 256, "-kernel", kernels[-1], "-initrd", initramfs,
            "-append", "console=ttyS0 quiet panic=-1", timeout=BOOT_S,
        ).stdout
        for _ in range(bench.pick(1, 3))
    ]  # fmt: skip
    found = _results(runs)
    if not all(found.get(loop) for loop in LOOPS):
        raise Missing("the guest under TCG did not report")
    return found


def _results(runs: Sequence[str]) -> dict[str, list[float]]:
    """Samples by loop, from lines such as "integer 1.25" among those of the kernel."""
    found: dict[str, list[float]] = {name: [] for name in (*LOOPS, "translate")}
    for line in "\n".join(runs).splitlines():
        name, _, ns = line.strip().partition(" ")
        if name in found:
            found[name].append(float(ns))
    return found
