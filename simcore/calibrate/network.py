"""What it takes to send a byte there and back, and a MiB one way: loopback, veth, and veth, bridge, veth.

Two processes, each pinned to a CPU of its own where there are two, each in a network namespace of its own
except on loopback, send and wait in plain blocking calls. A round trip is timed from before the send until
the answer is there; so it has in it both stacks, twice, and the waking of both sides. On one CPU the waking
is a context switch and no CPU sleeps; the difference to two CPUs is what waking another CPU costs. A stream
is sent in blocks of 128 KiB and timed where it arrives, over 16 MiB at a time. TCP does not delay small
segments.

Disturbed by: other traffic on loopback; firewall rules of the host (loopback only: fresh namespaces have
none); a busy second CPU; the depth to which an idle CPU sleeps.
"""

from .bench import Bench
from .sandbox import two_cpus

ROUND_TRIPS = {
    "udp_loopback_round_trip": ("udp", "loopback"),
    "tcp_loopback_round_trip": ("tcp", "loopback"),
    "udp_veth_round_trip": ("udp", "veth"),
    "udp_bridge_round_trip": ("udp", "bridge"),
}
STREAMS = {"loopback_throughput": "loopback", "veth_throughput": "veth", "bridge_throughput": "bridge"}

TITLE = "Network: loopback, veth, bridge"
QUANTITIES = (*ROUND_TRIPS, *(f"{name}_one_core" for name in ROUND_TRIPS), *STREAMS)
SECONDS = (5, 15)
PORTABLE = False


def measure(bench: Bench) -> None:
    first, second = two_cpus()
    for other, suffix in ((second, ""), (first, "_one_core")):
        for name, (protocol, where) in ROUND_TRIPS.items():
            with bench.attempt(name + suffix):
                took = round_trips(bench, bench.pick(5000, 20000), protocol, where, first, other)
                bench.timing(name + suffix, took, note=placed(first, other))
    for name, where in STREAMS.items():
        with bench.attempt(name):
            took = round_trips(bench, bench.pick(60, 300), "stream", where, first, second)
            bench.timing(name, took, per="MiB", note=placed(first, second))


def round_trips(bench: Bench, count: int, what: str, where: str, first: int, second: int) -> list[float]:
    """Samples in ns; of a stream, per MiB."""
    return bench.native("peers", count, what, where, first, second, source="native_network")


def placed(first: int, second: int) -> str:
    """Where the two sides ran."""
    return f"both on CPU {first}" if first == second else f"on CPU {first} and CPU {second}"
