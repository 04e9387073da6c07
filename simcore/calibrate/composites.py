"""Whole results of this machine, which the model has to predict from the primitives of the same run.

They are never an input. `runc run` and QEMU are timed from fork until the end, or until what they were
started for has happened; the rest is timed inside the C helper. In full calibrations only.

Disturbed by: anything else that runs on the machine, since they use all of it.
"""

import os
import platform
import re
import statistics
from collections.abc import Mapping
from pathlib import Path

from .bench import Bench, Missing
from .network import placed, round_trips
from .sandbox import Bundle, cgroup_version, fresh_cgroups, two_cpus

HELPER = "native_composites"
TOGETHER = 8
NICE = (0, 0, 5)
NICE_MS, ROUNDS = 3000, 3
BOOTS = 5
PAUSE_US = 50000
KERNELS, CLOUD = Path("/boot"), "vmlinuz-*cloud*"
MARKER = "strata-init "
S = 1e9

TITLE = "Whole results of this machine, to be predicted"
QUANTITIES = (
    "runc_run",
    "runc_run_8",
    "unshare_exec",
    "quota_100ms",
    "nice_0",
    "nice_5",
    "tcg_boot",
    "pipe_two_namespaces",
    "pipe_two_namespaces_two_cores",
    "tcp_veth_bridge",
)
SECONDS = (0, 60)
PORTABLE = False


def measure(bench: Bench) -> None:
    with bench.attempt("runc_run"):
        bundle = Bundle.make(bench, "runc")
        took = bench.native("spawn", 60, "apart", 1, *bundle.command("run"), source="native_containers")
        bench.composite("runc_run", took)
    with bench.attempt("runc_run_8"):
        bundle = Bundle.make(bench, "runc", TOGETHER)
        took = bench.native(
            "spawn", 20, "apart", TOGETHER, *bundle.command("run"), source="native_containers"
        )
        bench.composite("runc_run_8", took, note="until the last of 8 that start together has ended")
    with bench.attempt("unshare_exec"):
        took = bench.native("unshare_exec", 100, bench.tiny(), PAUSE_US, source=HELPER)
        bench.composite("unshare_exec", took, note="fork, unshare of all eight kinds in one call, exec, exit")
    with bench.attempt("quota_100ms"):
        _quota(bench)
    with bench.attempt("nice_0", "nice_5"):
        _nice(bench)
    with bench.attempt("tcg_boot"):
        _tcg_boot(bench)
    first, second = two_cpus()
    for name, other in (("pipe_two_namespaces", first), ("pipe_two_namespaces_two_cores", second)):
        with bench.attempt(name):
            if name.endswith("two_cores") and first == second:
                raise Missing("only one CPU may be used")
            took = bench.native("pipe", 300, first, other, source=HELPER)
            bench.composite(name, took, note=f"{placed(first, other)}; each sample is the mean of 100")
    with bench.attempt("tcp_veth_bridge"):
        took = round_trips(bench, 20000, "tcp", "bridge", first, second)
        bench.composite("tcp_veth_bridge", took, note=placed(first, second))


def _quota(bench: Bench) -> None:
    version = cgroup_version()
    groups = fresh_cgroups(bench, f"strata-{os.getpid()}")
    limits = [group for group in groups if _can_limit(group.parent)]
    if not limits:
        raise Missing("no cgroup can limit CPU time here: enable the cpu controller (cgroup.subtree_control)")
    took = bench.native("quota", 20, limits[0], f"v{version}", source=HELPER)
    bench.composite("quota_100ms", took, note=f"100 ms of CPU time under 20 ms/100 ms, cgroup v{version}")


def _can_limit(parent: Path) -> bool:
    enabled = parent / "cgroup.subtree_control"  # version 2
    if enabled.exists():
        return "cpu" in enabled.read_text().split()
    return (parent / "cpu.shares").exists()


def _nice(bench: Bench) -> None:
    """Spinners on one CPU; the share of each in what all of them got."""
    cpu = two_cpus()[0]
    rounds = [bench.native("nice", NICE_MS, cpu, *NICE, source=HELPER) for _ in range(ROUNDS)]
    for level in sorted(set(NICE)):
        shares = [
            used / sum(took)
            for took in rounds
            for used, nice in zip(took, NICE, strict=True)
            if nice == level
        ]
        note = f"share of CPU {cpu} among spinners of nice {', '.join(map(str, NICE))}"
        bench.composite(f"nice_{level}", value=statistics.median(shares), n=len(shares), note=note)


def _tcg_boot(bench: Bench) -> None:
    """QEMU without KVM boots the distribution's cloud kernel, whose only file is an init that says so."""
    qemu = bench.tool("qemu-system-x86_64")
    kernels = sorted(KERNELS.glob(CLOUD), key=_by_number)
    if not kernels:
        raise Missing("there is no kernel to boot: install one, such as the package linux-image-cloud-amd64")
    if platform.machine() != "x86_64":
        raise Missing("the guest's init is built for this machine, and QEMU boots x86-64: run it on one")
    if not os.access(kernels[-1], os.R_OK):
        raise Missing("the cloud kernel's file is not readable by this user: run it as root")
    initramfs = bench.scratch / "initramfs"
    initramfs.write_bytes(cpio({"init": bench.binary(HELPER).read_bytes()}))
    command = [
        qemu, "-accel", "tcg", "-smp", 1, "-m", 256, "-nographic", "-no-reboot", "-display", "none",
        "-nic", "none", "-kernel", kernels[-1], "-initrd", initramfs,
        "-append", "console=ttyS0 quiet panic=-1",
    ]  # fmt: skip
    boots = [bench.native("until", 1, MARKER, *command, source=HELPER) for _ in range(1 + BOOTS)][1:]
    version, clock_s = (
        kernels[-1].name.removeprefix("vmlinuz-"),
        statistics.median(own for _, own in boots) / S,
    )
    note = f"Linux {version}, from exec of QEMU; by the guest's own clock init ran after {clock_s:.2f} s"
    bench.composite("tcg_boot", [ns for ns, _ in boots], note=note)


def _by_number(file: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", file.name)]


def cpio(files: Mapping[str, bytes]) -> bytes:
    """An archive in the format of an initramfs (newc): programs in the root folder."""
    parts = []
    for number, (name, data) in enumerate([*files.items(), ("TRAILER!!!", b"")]):
        fields = [number, 0o100755, 1, 0, 0, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        parts += [part + bytes(-len(part) % 4) for part in (head, data)]
    return b"".join(parts)
