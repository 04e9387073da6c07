"""Probes of containers, network, disk and whole results: what they leave, and what they say is missing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from simcore.calibrate import calibrate, composites, containers, disk, network, probes
from simcore.calibrate.bench import Bench, Missing
from simcore.calibrate.sandbox import fresh_cgroups

PROBES = (containers, network, disk, composites)
WAYS_OUT = ("install", "as root", "TMPDIR")
RUN = """
import importlib, sys
from pathlib import Path
from simcore.calibrate import calibrate
calibrate(False, Path(sys.argv[1]), print, [importlib.import_module("simcore.calibrate." + sys.argv[2])])
"""
PATIENCE_S = 60


def need_a_root_that_makes_namespaces() -> None:
    """Skip where what has to be cleaned up cannot be made, or nothing can be compiled."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("not root on Linux")
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        pytest.skip("no C compiler")
    if subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True).returncode != 0:
        pytest.skip("this root may not make namespaces")


def test_no_two_probes_measure_the_same_quantity() -> None:
    counts = Counter(name for probe in probes() for name in probe.QUANTITIES)
    assert [name for name, times in counts.items() if times > 1] == []


def test_whole_results_come_last_and_not_in_a_quick_calibration() -> None:
    assert probes()[-1].__name__ == composites.__name__
    assert composites.SECONDS[0] == 0


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.__name__.rpartition(".")[2])
def test_without_tools_every_quantity_is_missing_with_the_way_out(
    probe: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    profile = calibrate(False, tmp_path / "profile.toml", print, [probe])
    reasons = {one["quantity"]: one["reason"] for one in profile.missing}
    assert sorted(reasons) == sorted(probe.QUANTITIES)
    assert not [reason for reason in reasons.values() if not any(way in reason for way in WAYS_OUT)]


# ------------------------------------------------------------------------------------------------ clean-up


def snapshot() -> dict[str, set[str]]:
    """What a calibration could leave in the system."""
    return {
        "links": {folder.name for folder in Path("/sys/class/net").iterdir()},
        "mounts": set(Path("/proc/self/mountinfo").read_text().splitlines()),
    }


def processes(of: Path) -> list[str]:
    """The command lines that name a place: all helpers run from the scratch directory."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_text().replace("\0", " ")
        except OSError:
            continue
        if f"{of}/strata-calibrate-" in line:
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("probe", "moment", "number"),
    [
        ("containers", "namespace 200 net", signal.SIGTERM),
        ("network", "peers 20000 udp veth", signal.SIGINT),
    ],
)
def test_an_interrupted_probe_leaves_nothing(
    probe: str, moment: str, number: signal.Signals, tmp_path: Path
) -> None:
    need_a_root_that_makes_namespaces()
    before = snapshot()
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, tmp_path / "profile.toml", probe],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not any(moment in line for line in processes(tmp_path)):
        assert run.poll() is None, "it ended before the moment came"
        assert time.monotonic() < deadline
    run.send_signal(number)
    assert run.wait(PATIENCE_S) != 0
    assert processes(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    assert snapshot() == before
    assert list(Path("/sys/fs/cgroup").rglob(f"strata-{run.pid}*")) == []


def test_a_cgroup_is_removed_with_what_runs_in_it_when_the_probe_ends() -> None:
    need_a_root_that_makes_namespaces()
    with Bench(quick=True) as bench:
        try:
            groups = fresh_cgroups(bench, f"strata-test-{os.getpid()}")
        except Missing as missing:
            pytest.skip(str(missing))
        for group in groups:
            group.mkdir()
        (groups[-1] / "below").mkdir()
        sleeper = subprocess.Popen(["sleep", "1000"])
        (groups[-1] / "below" / "cgroup.procs").write_text(str(sleeper.pid))
        assert bench.clean_up() == []
        assert not [group for group in groups if group.exists()]
        assert not Path(f"/proc/{sleeper.pid}").exists()
        sleeper.wait(PATIENCE_S)


# ----------------------------------------------------------------------------------------------------- fio

REPORT = """fio: this platform does not support process shared mutexes, forcing use of threads.
{"fio version": "fio-3.33", "jobs": [{"jobname": "strata", "error": 0,
  "read": {"total_ios": 6, "clat_ns": {"N": 6, "bins": {"54016": 3, "54528": 2, "3948544": 1}}},
  "write": {"total_ios": 0, "clat_ns": {"N": 0}}}]}"""


def test_every_read_of_fios_histogram_is_a_sample() -> None:
    assert disk.latencies(REPORT, "read") == [54016.0] * 3 + [54528.0] * 2 + [3948544.0]


def test_an_error_of_fio_is_a_reason_and_not_a_measurement() -> None:
    with pytest.raises(Missing, match="No space left"):
        disk.latencies(REPORT.replace('"error": 0', '"error": 28'), "read")


def test_reads_per_second_become_the_time_of_a_read() -> None:
    assert disk.intervals("142, 50000, 0, 0, 0\n162, 100000, 0, 0, 0\n182, 0, 0, 0, 0\n") == [20000, 10000]


# ------------------------------------------------------------------------------------------------ a guest's


def test_the_initramfs_is_an_archive_that_cpio_can_read() -> None:
    """As the kernel does: header, name and data at multiples of four bytes."""
    archive, at, found = composites.cpio({"init": b"\x7fELF!", "etc": b""}), 0, {}
    while at < len(archive):
        magic, fields = archive[at : at + 6], archive[at + 6 : at + 110]
        assert magic == b"070701"
        mode, size, length = (int(fields[8 * i : 8 * i + 8], 16) for i in (1, 6, 11))
        name = archive[at + 110 : at + 110 + length].rstrip(b"\0").decode()
        data = at + 110 + length + -(110 + length) % 4
        found[name] = (oct(mode), archive[data : data + size])
        at = data + size + -size % 4
    assert found == {
        "init": ("0o100755", b"\x7fELF!"),
        "etc": ("0o100755", b""),
        "TRAILER!!!": ("0o100755", b""),
    }
