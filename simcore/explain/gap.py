"""Why one lane is slower than another: the difference of their critical paths, part by part, to the ns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from simcore.texts import show_time, texts
from simcore.trace import NONE, Trace

from .critical import Part, critical_path
from .journey import NOT_ASKED

__all__ = [
    "RACE_STARTS",
    "Gap",
    "Lane",
    "RaceResult",
    "lane_of",
    "part_label",
    "race",
    "race_starts",
    "signed_time",
]

RACE_STARTS = ("host-ready", "power-on", "first-request")
IDLE = "waiting"
"""The text of a part in which nothing was under way."""


class Ran(Protocol):
    """What a race needs of a run's result."""

    @property
    def trace(self) -> Trace: ...


@dataclass(frozen=True)
class Lane:
    """One stack's way from the start that all share to its own finish. `end_ns` counts from that start."""

    stack: str
    start_ns: int
    end_ns: int
    finished: bool
    trace: Trace = field(repr=False, compare=False)

    @cached_property
    def path(self) -> list[Part]:
        return critical_path(self.trace, self.start_ns, self.start_ns + self.end_ns, self.finish)

    @cached_property
    def parts(self) -> Mapping[tuple[str, str, str], int]:
        """(layer, component, text) → ns on the critical path. They sum to `end_ns` exactly."""
        header, spans = self.trace.header, self.trace.spans
        nodes, ops = header["nodes"], header["ops"]
        sums: dict[tuple[str, str, str], int] = {}
        for part in self.path:
            key = ("", "", IDLE)
            if part.span != NONE:
                op = ops[spans["op"][part.span]]
                node = spans["node"][part.span]
                key = (nodes[node]["id"] if node >= 0 else "", op["is"], op["op"])
            sums[key] = sums.get(key, 0) + part.end_ns - part.start_ns
        return sums

    @property
    def finish(self) -> int:
        """The outermost span of the first workload's own run; if it never began, the last span of all."""
        requests = self.trace.tables["requests"]
        for span, workload in zip(requests["span"], requests["workload"], strict=True):
            if workload == 0 and span != NONE:
                return int(span)
        return max(range(len(self.trace.spans["id"])), key=self.trace.spans["end_ns"].__getitem__)


@dataclass(frozen=True)
class Gap:
    """By how much `to` finished after `from_`, and the parts that sum to it; negative ones are savings."""

    from_: Lane
    to: Lane

    @property
    def total_ns(self) -> int:
        return self.to.end_ns - self.from_.end_ns

    @cached_property
    def parts(self) -> list[dict[str, Any]]:
        """The largest first: layer (a node's id), the component and text id of what it did there, and ns."""
        differences = dict(self.to.parts)
        for key, ns in self.from_.parts.items():
            differences[key] = differences.get(key, 0) - ns
        ordered = sorted(differences.items(), key=lambda item: (-abs(item[1]), item[0]))
        return [
            {"layer": layer, "is": component, "text": text, "ns": ns}
            for (layer, component, text), ns in ordered
            if ns
        ]

    def as_dict(self) -> dict[str, Any]:
        return {
            "from": self.from_.stack,
            "to": self.to.stack,
            "total_ns": self.total_ns,
            "parts": [dict(part) for part in self.parts],
        }


@dataclass(frozen=True)
class RaceResult:
    """Lanes as they were entered, and who came in when. Lanes that never finished come last."""

    lanes: list[Lane]
    start: str
    results: list[Any] = field(default_factory=list, repr=False)

    @cached_property
    def ordered(self) -> list[Lane]:
        return sorted(self.lanes, key=lambda lane: (not lane.finished, lane.end_ns))

    @property
    def order(self) -> list[str]:
        return [lane.stack for lane in self.ordered]

    @cached_property
    def gaps(self) -> list[Gap]:
        """Between each neighbour in the order."""
        return [Gap(first, second) for first, second in zip(self.ordered, self.ordered[1:], strict=False)]

    @cached_property
    def gap(self) -> Gap:
        """From the first to the last."""
        return Gap(self.ordered[0], self.ordered[-1])

    def as_dict(self) -> dict[str, Any]:
        return {
            "lanes": [
                {"stack": lane.stack, "end_ns": lane.end_ns, "finished": lane.finished} for lane in self.lanes
            ],
            "order": self.order,
            "gaps": [gap.as_dict() for gap in self.gaps],
            "gap": self.gap.as_dict(),
        }


def race(results: Sequence[Ran], names: Sequence[str], start: str = "host-ready") -> RaceResult:
    """The lanes of these runs on one axis: from `host-ready`, from `power-on`, or from where each first
    workload asks for its first request, so that only what the requests took is compared."""
    if start not in RACE_STARTS:
        raise ValueError(f"a race starts from {' or '.join(RACE_STARTS)}, not from {start!r}")
    lanes = [lane_of(result.trace, name, start) for result, name in zip(results, names, strict=True)]
    return RaceResult(lanes, start, list(results))


def race_starts(trace: Trace) -> dict[str, int]:
    """When a lane of this run begins, for each place where a race can start; ns since power-on."""
    lane = trace.header["outcome"]["lane"]
    moments = (lane["start_ns"], lane["power_on_ns"], _first_request_ns(trace))
    return dict(zip(RACE_STARTS, moments, strict=True))


def lane_of(trace: Trace, name: str, start: str) -> Lane:
    lane, begin = trace.header["outcome"]["lane"], race_starts(trace)[start]
    return Lane(name, begin, lane["end_ns"] - begin, bool(lane.get("finished", True)), trace)


def _first_request_ns(trace: Trace) -> int:
    """When the first workload asked for the first time (one that asks for nothing but its end: when it
    began); the lane's end if it never did."""
    rows, kinds = trace.tables["requests"], trace.header["request_kinds"]
    columns = zip(rows["workload"], rows["kind"], rows["span"], rows["start_ns"], strict=True)
    begun = [
        (kinds[kind], start) for workload, kind, span, start in columns if workload == 0 and span != NONE
    ]
    asked = [start for kind, start in begun if kind not in (*NOT_ASKED, "exit")]
    return min(asked or [start for _, start in begun], default=int(trace.header["outcome"]["lane"]["end_ns"]))


def part_label(part: Mapping[str, Any], gap: Gap, lang: str) -> tuple[str, str]:
    """The layer's and the operation's name in one language."""
    words = texts(lang)
    headers = (gap.from_.trace.header, gap.to.trace.header)
    nodes = {node["id"]: node["is"] for header in headers for node in header["nodes"]}
    component = part["is"] or nodes.get(part["layer"], "")
    layer = words["components"].get(component, {}).get("short", part["layer"])
    ops = words["components"].get(part["is"], {}).get("ops", {})
    named = ops.get(part["text"]) or words["kinds"].get(part["text"]) or {}
    return layer, named.get("name", part["text"])


def signed_time(ns: int) -> str:
    return f"+{show_time(ns)}" if ns > 0 else show_time(ns)
