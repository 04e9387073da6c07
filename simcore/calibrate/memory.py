"""Memory: copying it and waiting for it by the size of what is touched, and the kernel handing it out.

How: memcpy between two buffers; a chain of loads through all 64-byte lines of a buffer in random order, so
that neither prefetching nor parallel loads help; the first write to fresh pages of 4 KiB and 2 MiB, the
first read of a mapped file that is in the page cache. Pages are of 4 KiB unless the system gives larger
ones by itself, so the latency of a large buffer includes misses of the TLB. Disturbed by: other load on the
memory or the shared cache, automatic huge pages, a hypervisor that has not yet given the memory (the first
sample is thrown away).
"""

from .bench import Bench

TITLE = "Memory: copies, latency, page faults"
SIZES = {"32k": 2**15, "1m": 2**20, "16m": 2**24, "256m": 2**28}
QUANTITIES = (
    "memory_copy",
    *(f"memory_copy_{size}" for size in SIZES if size != "256m"),
    *(f"memory_latency_{size}" for size in SIZES),
    "fault_4k",
    "fault_2m",
    "fault_file",
    "mmap_munmap",
)
SECONDS = (4, 9)
PORTABLE = True

LARGE_PAGE = 2**21


def measure(bench: Bench) -> None:
    portable = {"source": "native_portable"}
    for size, n in SIZES.items():
        name = "memory_copy" if size == "256m" else f"memory_copy_{size}"
        with bench.attempt(name):
            samples = bench.native("copy", bench.pick(30, 100), n, **portable)
            note = f"memcpy; source and destination have {n // 2**10:,} KiB together"
            bench.timing(name, samples, per="B", note=note)
        with bench.attempt(f"memory_latency_{size}"):
            samples = bench.native("latency", bench.pick(50, 300), n, **portable)
            bench.timing(f"memory_latency_{size}", samples, note="each sample is the mean of 20,000 loads")
    with bench.attempt("fault_4k"):
        samples = bench.native("fault_4k", bench.pick(200, 1000))
        bench.timing("fault_4k", samples, note="first write to a page; each sample is the mean of 512")
    with bench.attempt("fault_2m"):
        bench.timing(
            "fault_2m", bench.native("fault_2m", bench.pick(200, 1000)), note="first write to a page"
        )
    with bench.attempt("fault_file"):
        file = bench.scratch / "cached"
        file.write_bytes(bytes(LARGE_PAGE))
        samples = bench.native("fault_file", bench.pick(200, 1000), file)
        note = "first read; maps up to 16 pages at once; each sample is the mean of 32"
        bench.timing("fault_file", samples, note=note)
    with bench.attempt("mmap_munmap"):
        note = "one anonymous page that is not touched; each sample is the mean of 200"
        bench.timing("mmap_munmap", bench.native("mmap", bench.pick(200, 1000)), note=note)
