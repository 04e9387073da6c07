"""Timers and wake-ups: how late a sleeper runs.

How: sleeps of 1 ms until a given time; how much later the thread runs, with the slack that Linux gives
every process by default (50 us, so that timers can be served together) and with the least that can be set.
A thread that sleeps on a futex for 0.3 ms is woken by another one on the same CPU or on another, which
sleeps by then too; until it runs. Disturbed by: other load, deep sleep of the CPU, a hypervisor (its timers
come on top).
"""

from .bench import Bench

TITLE = "Timers and wake-ups"
QUANTITIES = ("timer_late", "timer_late_no_slack", "wake_one_core", "wake_two_cores")
SECONDS = (2, 8)
PORTABLE = False


def measure(bench: Bench) -> None:
    for name, slack_ns in (("timer_late", 0), ("timer_late_no_slack", 1)):
        with bench.attempt(name):
            samples = bench.native("timer", bench.pick(500, 2000), slack_ns)
            given = "default" if slack_ns == 0 else "least"
            bench.timing(name, samples, note=f"clock_nanosleep of 1 ms, with the {given} timer slack")
    for name in ("wake_one_core", "wake_two_cores"):
        with bench.attempt(name):
            samples = bench.native(name, bench.pick(1000, 4000))
            bench.timing(name, samples, note="from the waking call until the sleeper runs")
