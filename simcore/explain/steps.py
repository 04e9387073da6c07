"""The critical path as a story: whose turn it was, one flow after another, and for whom each of them worked.

A flow's turn lasts from where the path comes to it until the path goes on to another. What a CPU did to begin
with it (leaving idle, the context switch) is of no flow and belongs to the turn that follows.
"""

from itertools import groupby
from typing import Any

from simcore.trace import NONE, Trace

from .critical import Part
from .gap import IDLE, RACE_STARTS, lane_of

__all__ = ["time_steps"]

MOST = 6
LONG = 100
"""A part is listed by itself if it is at least one in so many of its turn."""


def time_steps(trace: Trace) -> list[dict[str, Any]]:
    """The turns from host-ready to the lane's finish, in order of time, each where the one before it ends.

    Of each: `start_ns`, `end_ns`; of its flow the root `span`, where (`layer`) and what `kind` of request it
    is, and `for`, the layer and kind of the flow that asked for it, or None; its longest `parts` (as those of
    `time_parts`, each with the `kind` of time, and the `thread`, start and id of its longest span); and
    `rest`, the number of the other parts and their ns.
    """
    path = lane_of(trace, "", RACE_STARTS[0]).path
    turns = groupby(zip(_flows(trace, path), path, strict=True), key=lambda item: item[0])
    return [_step(trace, root, [part for _, part in turn]) for root, turn in turns]


def _flows(trace: Trace, path: list[Part]) -> list[int]:
    """For each part of the path the root of the flow whose turn it is; NONE if none follows."""
    request = trace.spans["request"]
    found = []
    turn = NONE
    for part in reversed(path):
        root = _root(trace, part.span)
        if root != NONE and request[root] != NONE:
            turn = root
        found.append(turn)
    return found[::-1]


def _root(trace: Trace, span: int) -> int:
    parent = trace.spans["parent"]
    while span != NONE and parent[span] != NONE:
        span = parent[span]
    return span


def _step(trace: Trace, root: int, turn: list[Part]) -> dict[str, Any]:
    whole = turn[-1].end_ns - turn[0].start_ns
    parts = _parts(trace, turn)
    listed = [part for part in parts[:MOST] if part["ns"] * LONG >= whole] or parts[:1]
    rest = parts[len(listed) :]
    asker = NONE if root == NONE else _root(trace, trace.spans["cause"][root])
    return {
        "start_ns": turn[0].start_ns,
        "end_ns": turn[-1].end_ns,
        "span": root,
        **_flow(trace, root),
        "for": None if asker == NONE else _flow(trace, asker),
        "parts": listed,
        "rest": {"n": len(rest), "ns": sum(part["ns"] for part in rest)},
    }


def _flow(trace: Trace, root: int) -> dict[str, str]:
    """Where a flow is at home, and the kind of its request."""
    if root == NONE:
        return {"layer": "", "kind": IDLE}
    header, spans = trace.header, trace.spans
    op, node = header["ops"][spans["op"][root]], spans["node"][root]
    return {"layer": header["nodes"][node]["id"] if node != NONE else "", "kind": op["op"]}


def _parts(trace: Trace, turn: list[Part]) -> list[dict[str, Any]]:
    """What a turn was made of, by layer and operation, the longest first."""
    header, spans = trace.header, trace.spans
    sums: dict[tuple[int, int], int] = {}
    longest: dict[tuple[int, int], Part] = {}
    for part in turn:
        key = (NONE, NONE) if part.span == NONE else (spans["node"][part.span], spans["op"][part.span])
        sums[key] = sums.get(key, 0) + part.end_ns - part.start_ns
        if key not in longest or part.end_ns - part.start_ns > longest[key].end_ns - longest[key].start_ns:
            longest[key] = part
    found = []
    for key, ns in sorted(sums.items(), key=lambda item: (-item[1], item[0])):
        (node, op), part = key, longest[key]
        thread = NONE if part.span == NONE else spans["thread"][part.span]
        found.append(
            {
                "layer": header["nodes"][node]["id"] if node != NONE else "",
                "is": header["ops"][op]["is"] if op != NONE else "",
                "text": header["ops"][op]["op"] if op != NONE else IDLE,
                "kind": header["kinds"][spans["kind"][part.span]] if part.span != NONE else "wait",
                "thread": header["threads"][thread]["name"] if thread != NONE else "",
                "ns": ns,
                "start_ns": part.start_ns,
                "span": part.span,
            }
        )
    return found
