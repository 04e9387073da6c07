"""What a read, a write and an fsync cost on the file system that holds the scratch directory.

One file of random bytes. Direct reads and writes (O_DIRECT, past the page cache) are at random places; at a
depth of n, n reads are under way at any time, and the time per read is that between two completions. Reads
through the page cache find everything there. A sequential read starts with a cold page cache, first direct
and then through it. fsync is timed after a write of 4 KiB through the page cache, which it has to put on the
disk together with the journal. Where fio is installed it does the direct and the sequential ones (the steps
of its histogram are 1.6 % wide); else a loop in C does, by pread, pwrite and io_submit.

Disturbed by: other users of the disk; caches below the kernel (a host's page cache, a controller's), so that
a virtual disk may answer faster than any real one; limits of a cloud volume, which let a short burst through.
"""

import json
import os
import shutil
from pathlib import Path

from .bench import Bench, Missing

HELPER = "native_disk"
KIB, MIB = 1 << 10, 1 << 20
NO_DISK = ("tmpfs", "ramfs", "rootfs")
MOST = 20000
PIECE_MIB = 4
LOG_MS = 20
SLOW = 3
"""So many times longer may a sequential read of the whole file take than each other measurement."""
DEPTHS = (4, 16, 32)
RANDOM = {
    "disk_read_4k_direct_d1": ("read", 4 * KIB),
    "disk_read_128k_direct": ("read", 128 * KIB),
    "disk_write_4k_direct_d1": ("write", 4 * KIB),
}
SEQUENTIAL = {"disk_sequential_read_direct": "direct", "disk_sequential_read": "buffered"}

TITLE = "Disk: the file system of the scratch directory"
QUANTITIES = (
    *RANDOM,
    *(f"disk_read_4k_direct_d{depth}" for depth in DEPTHS),
    *SEQUENTIAL,
    "disk_read_4k_buffered",
    "disk_fsync",
)
SECONDS = (13, 40)
PORTABLE = False


def measure(bench: Bench) -> None:
    kind = file_system(bench.scratch)
    if kind in NO_DISK:
        raise Missing(f"the scratch directory is on {kind}, not on a disk: set TMPDIR to a directory on one")
    with_fio = shutil.which("fio") is not None
    if not with_fio:
        bench.binary(HELPER)
    file = bench.scratch / "disk"
    bench.undo(lambda: file.unlink(missing_ok=True))
    _fill(file, bench.pick(256, 512))
    seconds = bench.pick(1, 4)
    loops = Fio(bench, file, seconds) if with_fio else Own(bench, file, seconds)
    note = f"{kind}, {loops.name}"
    for name, (what, block) in RANDOM.items():
        with bench.attempt(name):
            bench.timing(name, loops.random(what, block), note=note)
    for depth in DEPTHS:
        name = f"disk_read_4k_direct_d{depth}"
        with bench.attempt(name):
            bench.timing(name, loops.deep(depth, 4 * KIB), note=f"{note}; time per read")
    for name, how in SEQUENTIAL.items():
        with bench.attempt(name):
            bench.timing(name, loops.sequential(how), per="MiB", note=note)
    with bench.attempt("disk_read_4k_buffered"):
        took = bench.native("cached", bench.pick(500, 2000), file, 4 * KIB, source=HELPER)
        bench.timing("disk_read_4k_buffered", took, note=f"{kind}, own loop; in the page cache")
    with bench.attempt("disk_fsync"):
        took = bench.native("fsync", MOST, file, seconds, source=HELPER)
        bench.timing("disk_fsync", took, note=f"{kind}, own loop; after a write of 4 KiB")


class Own:
    """The loop in C."""

    name = "own loop"

    def __init__(self, bench: Bench, file: Path, seconds: int) -> None:
        self.bench, self.file, self.seconds = bench, file, seconds

    def random(self, what: str, block: int) -> list[float]:
        return self.bench.native("random", MOST, self.file, what, block, self.seconds, source=HELPER)

    def deep(self, depth: int, block: int) -> list[float]:
        return self.bench.native("deep", MOST, self.file, depth, block, self.seconds, source=HELPER)

    def sequential(self, how: str) -> list[float]:
        return self.bench.native("sequential", MOST, self.file, how, SLOW * self.seconds, source=HELPER)


class Fio(Own):
    """fio as a single process, since its worker processes would outlive it."""

    name = "fio"

    def random(self, what: str, block: int) -> list[float]:
        report = self._run(f"rw=rand{what}", f"bs={block}", "direct=1", "ioengine=psync", *self._timed())
        return latencies(report, what)

    def deep(self, depth: int, block: int) -> list[float]:
        log = self.bench.scratch / f"depth{depth}"
        self._run(
            "rw=randread", f"bs={block}", "direct=1", "ioengine=libaio", f"iodepth={depth}", *self._timed(),
            f"write_iops_log={log}", f"log_avg_msec={LOG_MS}",
        )  # fmt: skip
        return intervals(Path(f"{log}_iops.1.log").read_text())

    def sequential(self, how: str) -> list[float]:
        report = self._run(
            "rw=read", f"bs={PIECE_MIB}m", f"direct={int(how == 'direct')}", "ioengine=psync",
            f"runtime={SLOW * self.seconds}",
        )  # fmt: skip
        return [one / PIECE_MIB for one in latencies(report, "read")]

    def _timed(self) -> tuple[str, ...]:
        return "time_based", "norandommap", f"runtime={self.seconds}", "ramp_time=200ms"

    def _run(self, *options: str) -> str:
        report = self.bench.scratch / "fio.json"
        given = ("name=strata", f"filename={self.file}", "thread", "output-format=json+", f"output={report}")
        self.bench.run(self.bench.tool("fio"), *(f"--{option}" for option in (*given, *options)))
        return report.read_text()


def latencies(report: str, what: str) -> list[float]:
    """The latencies of all reads or writes in fio's report (json+), in ns: its histogram written out."""
    job = json.loads(report[report.index("{") :])["jobs"][0]
    if job["error"]:
        raise Missing(f"fio: {os.strerror(job['error'])}")
    bins = job[what]["clat_ns"]["bins"]
    return [float(ns) for ns, count in bins.items() for _ in range(count)]


def intervals(log: str) -> list[float]:
    """fio's log of I/Os per second → the time of each I/O in ns, for each stretch of the log."""
    rates = (float(line.split(",")[1]) for line in log.splitlines())
    return [1e9 / rate for rate in rates if rate > 0]


def file_system(place: Path) -> str:
    """Its kind: that of the mount with the longest matching path."""
    found = ("", "unknown")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        mount = before.split()[4]
        if place.resolve().is_relative_to(mount) and len(mount) >= len(found[0]):
            found = (mount, after.split()[0])
    return found[1]


def _fill(file: Path, mib: int) -> None:
    """Bytes that no disk can compress or share."""
    if shutil.disk_usage(file.parent).free < 2 * mib * MIB:
        raise Missing(f"the disk probe needs {2 * mib} MiB of room: make room, or set TMPDIR to another disk")
    with file.open("wb") as out:
        for _ in range(mib):
            out.write(os.urandom(MIB))
        out.flush()
        os.fsync(out.fileno())
