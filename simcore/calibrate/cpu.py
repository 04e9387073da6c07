"""The processor and the way into the kernel."""

from .bench import Bench

TITLE = "CPU: clock and system calls"
QUANTITIES = ("syscall",)
SECONDS = (1, 3)
PORTABLE = True


def measure(bench: Bench) -> None:
    with bench.attempt("syscall"):
        bench.timing("syscall", bench.native("syscall", bench.pick(200, 1000)))
