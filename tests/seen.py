"""What a test looks at in a trace: spans with names instead of numbers, and runs that several tests share."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import simcore
from simcore.trace import Trace

US, MS, S = 10**3, 10**6, 10**9
QEMU = 16 * 2**20  # bytes of its own, beside the guest's
PREBUILT = ("linux", "docker-on-linux", "linux-on-kvm", "linux-on-virtualbox")
GUESTS = PREBUILT[2:]


@dataclass(frozen=True)
class Span:
    id: int
    parent: int
    request: int
    node: str
    component: str
    op: str
    thread: str
    kind: str
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def step(self) -> tuple[str, str]:
        return self.component, self.op


def spans(trace: Trace) -> list[Span]:
    header = trace.header
    nodes = [node["id"] for node in header["nodes"]]
    threads = [thread["id"] for thread in header["threads"]]
    return [
        Span(
            row["id"],
            row["parent"],
            row["request"],
            nodes[row["node"]] if row["node"] >= 0 else "",
            header["ops"][row["op"]]["is"],
            header["ops"][row["op"]]["op"],
            threads[row["thread"]] if row["thread"] >= 0 else "",
            header["kinds"][row["kind"]],
            row["start_ns"],
            row["end_ns"],
        )
        for row in trace.rows("spans")
    ]


def requests(trace: Trace, kind: str, workload: str | None = None) -> list[dict[str, int]]:
    """The requests of a kind that began; of one workload, if it is named."""
    kinds, names = trace.header["request_kinds"], trace.header["workloads"]
    return [
        row
        for row in trace.rows("requests")
        if kinds[row["kind"]] == kind
        and row["span"] >= 0
        and (workload is None or (row["workload"] >= 0 and names[row["workload"]] == workload))
    ]


def family(trace: Trace, found: list[Span], request: dict[str, int]) -> list[Span]:
    """All spans under a request's outermost one, that included."""
    inside = {request["span"]}
    for span in found[request["span"] :]:  # a child stands after its parent, but for gaps, which are leaves
        if span.parent in inside:
            inside.add(span.id)
    return [span for span in found if span.id in inside or span.parent in inside]


def lines(trace: Trace, node: str | None = None) -> Iterator[tuple[int, str, str]]:
    """Console lines: when, the node, the text id."""
    header = trace.header
    for row in trace.rows("logs"):
        name = header["nodes"][row["node"]]["id"]
        if node is None or name == node:
            yield row["at_ns"], name, header["texts"][row["text"]]["text"]


def scenario(raw: dict[str, Any] | str, **edits: Any) -> simcore.Scenario:
    return simcore.scenario(simcore.prebuilt()[raw] if isinstance(raw, str) else raw, **edits)


@cache
def ran(stack: str, workload: str, seed: int = 1, spread: bool = True) -> simcore.Result:
    """A run of a prebuilt stack, made once for all tests that look at it."""
    return simcore.run(scenario(stack, workload=workload), seed, spread=spread)
