"""Threads and processes: making them, and switching between them.

How: two of them wake each other in turn through a pair of pipes or a futex, both on one CPU or each on its
own; a sample is the mean of 100 round trips, and a round trip is two switches or two wake-ups. A thread is
made and joined; a process is forked by a small one and waited for; the program that it executes is static,
without a library, and ends at once. Disturbed by: other load, CPUs that fall asleep in the pauses (that is
what makes two cores slower than one), a hypervisor.
"""

from .bench import Bench

TITLE = "Processes: switches, threads, fork and exec"
SWITCHES = (
    "pipe_round_trip_one_core",
    "pipe_round_trip_two_cores",
    "futex_round_trip_one_core",
    "futex_round_trip_two_cores",
)
QUANTITIES = (*SWITCHES, "thread_create", "fork_exit", "fork_exec", "exec_only")
SECONDS = (3, 10)
PORTABLE = False


def measure(bench: Bench) -> None:
    for name in SWITCHES:
        with bench.attempt(name):
            samples = bench.native(name, bench.pick(100, 600))
            bench.timing(name, samples, note="each sample is the mean of 100 round trips")
    with bench.attempt("thread_create"):
        bench.timing(
            "thread_create", bench.native("thread", bench.pick(1000, 5000)), note="until it is joined"
        )
    with bench.attempt("fork_exit"):
        bench.timing("fork_exit", bench.native("fork", bench.pick(500, 2000)), note="until it is waited for")
    with bench.attempt("fork_exec"):
        samples = bench.native("fork_exec", bench.pick(500, 2000), bench.tiny())
        bench.timing("fork_exec", samples, note="a static program without a library, until it has ended")
    with bench.attempt("exec_only"):
        samples = bench.native("exec", bench.pick(50, 300), bench.tiny())
        note = "of a static program; from chains of 50, each sample is the mean of one"
        bench.timing("exec_only", samples, note=note)
