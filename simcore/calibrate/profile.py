"""The machine profile: a hardware entry with what was measured, and under which conditions.

It never holds what would tell whose machine it is: no names of host or user, addresses, serial numbers or
paths.
"""

import getpass
import os
import platform
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from simcore.catalog import load_catalog
from simcore.toml_text import toml_lines

from .bench import Bench, Measured, Missing
from .samples import show_ns, summary

__all__ = ["Profile", "conditions"]

ARCHITECTURES = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "arm64", "arm64": "arm64"}
LIKE = "laptop"
"""The entry that gives what user space cannot measure of a machine, with its reasons."""
GIB = 2**30
WARY = 3
"""Names of fewer letters than this are common words."""
UNKNOWN = "unknown"
HYPERVISORS = {
    "KVMKVMKVM": "kvm",
    "Microsoft Hv": "hyper-v",
    "VMwareVMware": "vmware",
    "XenVMMXenVMM": "xen",
    "VBoxVBoxVBox": "virtualbox",
    "TCGTCGTCGTCG": "tcg",
    "bhyve bhyve ": "bhyve",
}
"""By the signature that it shows the guest in CPUID; "none" is what the C helper says."""
COMMON = {"root", "localhost"}
OWN_PATH = re.compile(r"(?<![\w/])/+(?!(?:dev|proc|sys)/)[\w.@+~-]+(?:/[\w.@+~-]+)*")
"""A path that may tell something; what every Linux has does not."""
CPU_FOLDER = Path("/sys/devices/system/cpu")


@dataclass
class Profile:
    """The conditions, the results, and what is missing."""

    machine: dict[str, Any]
    measured: list[Measured] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)

    def take(self, bench: Bench) -> None:
        """What the probes have found."""
        self.machine["tools"] = {name: anonymous(version) for name, version in sorted(bench.tools.items())}
        self.measured = list(bench.measured)
        self.missing = [
            {"probe": probe, "quantity": name, "reason": anonymous(reason)}
            for name, (probe, reason) in bench.not_measured.items()
        ]

    def entry(self) -> dict[str, Any]:
        """As a hardware entry has it."""
        like = load_catalog()[LIKE].raw
        results: dict[str, dict[str, Any]] = {"timing": {}, "constant": {}, "composite": {}}
        for one in self.measured:
            results[one.kind][one.name] = _table(one)
        constants = {**like["constants"], **self._nominal_clock()}
        return {
            "model": like["model"],
            "role": "machine",
            "family": slug(self.machine["cpu"]),
            "sits_on": [],
            "needs": [],
            "provides": _provides(self.machine["arch"]),
            "control_plane": False,
            "aliases": [],
            "machine": self.machine,
            "settings": _settings(like["settings"], self.machine),
            "timings": like["timings"] | results["timing"],
            "constants": constants | results["constant"],
            **({"composites": results["composite"]} if results["composite"] else {}),
            "missing": self.missing,
        }

    def _nominal_clock(self) -> dict[str, Any]:
        """What the system says of its clock: used if it could not be measured."""
        if self.machine["clock"] == UNKNOWN:
            return {}
        reason = "The clock that the system reports; it could not be measured at work."
        return {"clock": {"value": self.machine["clock"], "status": "derived", "reason": reason}}

    def toml(self) -> str:
        return "\n".join(toml_lines(self.entry())) + "\n"

    def lines(self) -> Iterator[str]:
        """The closing table: what was measured, then what was not, and why."""
        rows = [("quantity", "median", "spread", "n", "outliers"), *map(_row, self.measured)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            cells = [
                cell.ljust(w) if i == 0 else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            ]
            yield "  ".join(cells).rstrip()
        if self.missing:
            yield ""
            yield "Not measured:"
        for (probe, reason), group in groupby(self.missing, key=itemgetter("probe", "reason")):
            yield f"  {', '.join(one['quantity'] for one in group)} ({probe}): {reason}"


def conditions(bench: Bench) -> dict[str, Any]:
    """What the machine is and how busy it is, at the start of a calibration."""
    info = _cpu_info()
    cpu = anonymous(info.get("model name") or platform.processor() or platform.machine())
    cpus, memory = os.cpu_count() or 1, _memory_bytes()
    return {
        "label": f"{cpu}, {cpus} CPUs, {_nominal(memory) // GIB or 1} GiB",
        "date": datetime.now(UTC).date().isoformat(),
        "system": _system(),
        "kernel": anonymous(platform.release()),
        "arch": ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower()),
        "cpu": cpu,
        "cpus": cpus,
        "memory": f"{memory / GIB:.4g} GiB",
        "clock": f"{float(info['cpu MHz']):.0f} MHz" if "cpu MHz" in info else UNKNOWN,
        "clock_source": _read(Path("/sys/devices/system/clocksource/clocksource0/current_clocksource"))
        or UNKNOWN,
        "hypervisor": _hypervisor(bench),
        "mitigations": _mitigations(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else UNKNOWN,
        "root": bench.root,
        "quick": bench.quick,
        "tools": {},
    }


def slug(name: str) -> str:
    """The model of a CPU as a family: "Intel(R) Core(TM) i7-9700K CPU @ 3.60GHz" is intel-core-i7-9700k."""
    plain = re.sub(r"\((?:R|TM)\)|\bCPU\b|\bProcessor\b|@.*", " ", name, flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or UNKNOWN


def anonymous(text: str) -> str:
    """Without the names of host and user, and of a path only the last part."""
    names = {socket.gethostname(), platform.node(), platform.node().partition(".")[0], _user()}
    text = OWN_PATH.sub(lambda path: path[0].rpartition("/")[2], text)
    for name in names:
        if len(name) >= WARY and name not in COMMON:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", text)
    return text


def _table(one: Measured) -> dict[str, Any]:
    """The table of one result."""
    rest = {
        "status": "measured",
        "probe": one.probe,
        "per": one.per,
        "note": anonymous(one.note) if one.note else None,
    }
    if not one.samples:
        value = one.value if isinstance(one.value, str) else float(f"{one.value:.4g}")
        return {"value": value, "n": one.n, **rest}
    found = summary(one.samples)
    return {
        "time": show_ns(found.median),
        "spread": found.spread,
        "spread_status": "measured",
        "n": found.n,
        "outliers": found.outliers,
        **rest,
    }


def _row(one: Measured) -> tuple[str, str, str, str, str]:
    if not one.samples:
        return one.name, str(_table(one)["value"]), "", str(one.n), ""
    found = summary(one.samples)
    per = f" / {one.per}" if one.per else ""
    return one.name, show_ns(found.median) + per, found.spread, str(found.n), str(found.outliers)


def _provides(arch: str) -> list[str]:
    flags = _cpu_info().get("flags", "").split()
    virtual = Path("/dev/kvm").exists() or {"svm", "vmx"} & set(flags)
    return [arch, *(["hw-virtualization"] if virtual else [])]


def _has_iommu() -> bool:
    groups = Path("/sys/kernel/iommu_groups")
    return groups.is_dir() and any(groups.iterdir())


def _settings(like: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Those of LIKE, with this machine's sizes."""
    memory = _nominal(_memory_bytes())
    cpus = machine["cpus"]
    return {
        **like,
        "cpus": {**like["cpus"], "default": cpus, "max": max(cpus, like["cpus"]["max"])},
        "memory": {"type": "size", "default": f"{memory // 2**20} MiB", "min": "256 MiB", "max": "64 TiB"},
        "iommu": {**like["iommu"], "default": _has_iommu()},
    }


def _nominal(memory: int) -> int:
    """What is built in: a kernel keeps some of it to itself."""
    step = GIB if memory >= 2 * GIB else GIB // 4
    return -(-memory // step) * step


def _memory_bytes() -> int:
    if found := re.search(r"MemTotal:\s+(\d+) kB", _read(Path("/proc/meminfo"))):
        return int(found[1]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return GIB


def _cpu_info() -> dict[str, str]:
    first = _read(Path("/proc/cpuinfo")).split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _hypervisor(bench: Bench) -> str:
    try:
        said = bench.run(bench.binary("native_portable"), "hypervisor").stdout.rstrip("\n\0")
    except (Missing, OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return "none" if said == "none" else HYPERVISORS.get(said, UNKNOWN)


def _mitigations() -> list[str]:
    folder = CPU_FOLDER / "vulnerabilities"
    found = {file.name: _read(file) for file in sorted(folder.glob("*"))}
    return [f"{name}: {text}" for name, text in found.items() if text != "Not affected"]


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
