"""The processor's clock, and the way into the kernel and back.

How: a chain of operations that take a cycle each is timed for the clock; system calls are made in batches
of a thousand or two, and each sample is the mean of a batch. Disturbed by: other load, a clock that changes
(power saving, turbo), a hypervisor that takes the CPU away, mitigations (they are in the conditions).
"""

import statistics

from .bench import Bench

TITLE = "CPU: clock and system calls"
QUANTITIES = ("clock", "syscall", "read_1_byte", "write_1_byte", "clock_gettime", "signal")
SECONDS = (2, 5)
PORTABLE = True

CALLS = {
    "syscall": "getpid",
    "read_1_byte": "of /dev/zero",
    "write_1_byte": "to /dev/null",
    "clock_gettime": "CLOCK_MONOTONIC",
    "signal": "a thread to itself, until its handler has returned",
}
"""Each is also the name of a measurement of the C helper."""


def measure(bench: Bench) -> None:
    with bench.attempt("clock"):
        samples = bench.native("cycles", bench.pick(500, 2000), source="native_portable")
        ghz = 1000 / statistics.median(samples)
        bench.constant("clock", f"{ghz:.4g} GHz", len(samples), "1,000 dependent operations of one cycle")
    for name, note in CALLS.items():
        with bench.attempt(name):
            bench.timing(name, bench.native(name, bench.pick(300, 2000)), note=note)
