"""One request through every layer: the stops it made, and the switches on its way.

Signs of the text form: `→!` a mode or world switch on the same thread (a system call, an exit), `⇢` another
thread goes on with it, `‖` time without a CPU.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any
from unicodedata import east_asian_width

from simcore.texts import show_time, texts
from simcore.trace import KINDS, NONE, Trace

__all__ = ["Journey", "Stop", "followed", "journey"]

SERVE = KINDS.index("serve")
SWITCH, WAKE, PAUSE, ON = "→!", "⇢", "‖", ""
WAYS_IN = ("syscall_entry", "fault_entry")
"""With these a program enters its kernel. What a kernel's own thread asks of it is no switch."""
NOT_ASKED = ("run", "exec", "slot")
"""What a workload's own flow is made of: a journey follows one of its other requests, if there is any."""


@dataclass(frozen=True)
class Stop:
    """An interval of the journey, the span it belongs to, and where."""

    span: int
    node: str
    component: str
    op: str
    thread: str
    kind: str
    start_ns: int
    end_ns: int
    count: int  # of how many equal ones in a row it is made

    def as_dict(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "component": self.component,
            "op": self.op,
            "thread": self.thread,
            "kind": self.kind,
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "count": self.count,
        }


@dataclass(frozen=True)
class Journey:
    """Stops tile the time from submission to return; instants lie on it."""

    request: int
    kind: str
    start_ns: int
    end_ns: int
    stops: list[Stop]
    instants: list[dict[str, Any]]
    trace: Trace = field(repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        return {
            "request": self.request,
            "kind": self.kind,
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "stops": [stop.as_dict() for stop in self.stops],
            "instants": [dict(instant) for instant in self.instants],
        }

    def as_text(self, lang: str = "en", names: Mapping[str, str] | None = None) -> str:
        """A line for each piece on one node and thread: when, how long, sign, where, its steps in order. A
        node goes by its id, or by the name that it has in `names`."""
        return "\n".join(_lines(self, lang, names or {})) + "\n"

    @cached_property
    def exits(self) -> frozenset[int]:
        """Times at which the CPU left a guest."""
        return frozenset(i["at_ns"] for i in self.instants if i["kind"] in ("exit", "fault"))

    @cached_property
    def programs(self) -> frozenset[str]:
        """The nodes that are programs: workloads, and what runs their instructions for them."""
        nodes = self.trace.header["nodes"]
        return frozenset(node["id"] for node in nodes if node["role"] in ("workload", "engine"))

    @cached_property
    def kernels_below(self) -> dict[str, set[str]]:
        """For each node that is a program of a kernel, the kernels below: to enter one is a system call."""
        nodes = self.trace.header["nodes"]
        found: dict[str, set[str]] = {}
        for node in nodes:
            if node["role"] in ("kernel", "container"):
                continue
            below, kernels = node["parent"], set()
            while below != NONE:
                if nodes[below]["role"] == "kernel":
                    kernels.add(nodes[below]["id"])
                below = nodes[below]["parent"]
            found[node["id"]] = kernels
        return found


def requests_of(trace: Trace) -> list[int]:
    """The requests that a journey may follow, in order: what the workloads asked for, else their own runs."""
    rows = trace.tables["requests"]
    kinds = trace.header["request_kinds"]
    begun = [i for i, span in enumerate(rows["span"]) if span != NONE and rows["workload"][i] != NONE]
    asked = [i for i in begun if kinds[rows["kind"][i]] not in NOT_ASKED]
    return asked or begun


def followed(trace: Trace, kind: str, at_ns: int | None = None) -> tuple[int, int, int] | None:
    """Of all requests of a kind, a workload's own if it made any, the one to look at: that of a moment, else
    the one of middle length. Its id, its number among them, and how many they are; None if there is none."""
    rows, kinds = trace.tables["requests"], trace.header["request_kinds"]
    begin, end = rows["start_ns"], rows["end_ns"]
    found = [i for i, each in enumerate(rows["kind"]) if kinds[each] == kind and end[i] > begin[i]]
    found = [i for i in found if rows["workload"][i] >= 0] or found
    if not found:
        return None
    by_length = sorted(found, key=lambda i: end[i] - begin[i])
    here = (i for i in found if at_ns is not None and begin[i] <= at_ns <= end[i])
    request = next(here, by_length[len(by_length) // 2])
    return request, found.index(request) + 1, len(found)


def journey(trace: Trace | bytes, request: int | None = None) -> Journey:
    """The journey of one request: its id in the trace, or None for the first that a workload asked for.

    Raises ValueError if there is no such request.
    """
    trace = Trace.from_bytes(trace) if isinstance(trace, bytes) else trace
    rows, spans = trace.tables["requests"], trace.spans
    if request is None:
        listed = requests_of(trace)
        if not listed:
            raise ValueError("no workload asked for anything in this run")
        request = listed[0]
    if not 0 <= request < len(rows["id"]) or rows["span"][request] == NONE:
        raise ValueError(f"request {request} is not in this trace; it has 0 to {len(rows['id']) - 1}")
    root = rows["span"][request]
    children: dict[int, list[int]] = {}
    family = {root}
    for span in range(root + 1, len(spans["id"])):
        if spans["parent"][span] in family:
            family.add(span)
            children.setdefault(spans["parent"][span], []).append(span)
    start, end = spans["start_ns"][root], spans["end_ns"][root]
    stops = _merged(trace, _tiles(trace, children, root, start, end))
    return Journey(
        request=request,
        kind=trace.header["request_kinds"][rows["kind"][request]],
        start_ns=start,
        end_ns=end,
        stops=stops,
        instants=_instants(trace, family, start, end),
        trace=trace,
    )


def _tiles(
    trace: Trace, children: dict[int, list[int]], span: int, start: int, end: int
) -> Iterator[tuple[int, int, int]]:
    """(span, start, end) of the deepest span at every moment, in order."""
    starts, ends = trace.spans["start_ns"], trace.spans["end_ns"]
    now = start
    for child in sorted(children.get(span, ()), key=starts.__getitem__):
        if starts[child] > now:
            yield span, now, starts[child]
        yield from _tiles(trace, children, child, max(now, starts[child]), ends[child])
        now = max(now, ends[child])
    if now < end or span not in children:
        yield span, now, end


def _merged(trace: Trace, tiles: Iterator[tuple[int, int, int]]) -> list[Stop]:
    header, spans = trace.header, trace.spans
    stops = []
    for span, start, end in tiles:
        if spans["kind"][span] == SERVE and start == end:
            continue
        op, node = header["ops"][spans["op"][span]], header["nodes"][spans["node"][span]]
        thread = spans["thread"][span]
        stops.append(
            Stop(
                span=span,
                node=node["id"],
                component=op["is"] or node["is"],
                op=op["op"],
                thread=header["threads"][thread]["id"] if thread != NONE else "",
                kind=header["kinds"][spans["kind"][span]],
                start_ns=start,
                end_ns=end,
                count=spans["count"][span],
            )
        )
    return stops


def _instants(trace: Trace, family: set[int], start: int, end: int) -> list[dict[str, Any]]:
    """Exits, interrupts, faults and wake-ups of the request's spans, in order of time."""
    header = trace.header
    found = []
    rows = trace.tables["instants"]
    for at, kind, node, span in zip(rows["at_ns"], rows["kind"], rows["node"], rows["span"], strict=True):
        if span in family and start <= at <= end:
            found.append(
                {"kind": header["instant_kinds"][kind], "at_ns": at, "node": header["nodes"][node]["id"]}
            )
    rows = trace.tables["wakeups"]
    for at, woken, span in zip(rows["at_ns"], rows["woken"], rows["span"], strict=True):
        if span in family and start <= at <= end:
            node = header["threads"][woken]["node"]
            name = header["nodes"][node]["id"] if node != NONE else ""
            found.append(
                {"kind": "wakeup", "at_ns": at, "node": name, "thread": header["threads"][woken]["id"]}
            )
    return sorted(found, key=lambda instant: instant["at_ns"])


def _lines(trip: Journey, lang: str, names: Mapping[str, str]) -> Iterator[str]:
    words = texts(lang)
    signs = words["signs"]
    yield f"{words['kinds'][trip.kind]['name']} · {show_time(trip.end_ns - trip.start_ns)}"
    yield ""
    pieces = list(_pieces(trip))
    where = [names.get(piece[0].node, piece[0].node) for _, piece in pieces]
    width = max(map(_width, where), default=0)
    for (sign, piece), node in zip(pieces, where, strict=True):
        at = show_time(piece[0].start_ns - trip.start_ns)
        took = show_time(piece[-1].end_ns - piece[0].start_ns)
        steps = " → ".join(_steps(piece, words))
        yield f"{at:>8} {took:>8}  {sign:<2} {node}{' ' * (width - _width(node))}  {steps}"
    yield ""
    yield f"{SWITCH} {signs['switch']} · {WAKE} {signs['wake']} · {PAUSE} {signs['pause']}"


def _width(text: str) -> int:
    """In columns: a Chinese character takes two."""
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


def _steps(piece: list[Stop], words: dict[str, Any]) -> Iterator[str]:
    """Their names; of what is done several times in a row, how many times."""
    for times, stops in groupby(piece, key=lambda stop: stop.count):
        names = [_name(stop, words) for stop in stops]
        yield from names if times == 1 else [f"{times} × ({' → '.join(names)})"]


def _pieces(trip: Journey) -> Iterator[tuple[str, list[Stop]]]:
    """Stops in a row on one node, without a switch between them, and the sign that they begin with."""
    piece: list[Stop] = []
    sign, thread = ON, trip.stops[0].thread if trip.stops else ""
    for stop in trip.stops:
        begins = _sign(stop, piece[-1] if piece else None, thread, trip)
        if piece and (begins != ON or piece[-1].node != stop.node or sign == PAUSE):
            yield sign, piece
            piece = []
        if not piece:
            sign = begins
        piece.append(stop)
        if stop.kind == "cpu":
            thread = stop.thread
    if piece:
        yield sign, piece


def _sign(stop: Stop, last: Stop | None, thread: str, trip: Journey) -> str:
    """What happens as this stop begins, given the one before it and the thread that the request was on."""
    if stop.kind != "cpu":
        return PAUSE if last is None or last.node != stop.node or last.kind != stop.kind else ON
    if stop.thread != thread:
        return WAKE
    if last is None:  # a request begins with a system call, unless it begins in the program itself
        return ON if stop.node in trip.programs else SWITCH
    if stop.start_ns in trip.exits:
        return SWITCH
    entered = stop.op in WAYS_IN and stop.node in trip.kernels_below.get(last.node, ())
    return SWITCH if entered and stop.node != last.node else ON


def _name(stop: Stop, words: dict[str, Any]) -> str:
    ops = words["components"].get(stop.component, {}).get("ops", {})
    named = ops.get(stop.op) or words["kinds"].get(stop.op) or {}
    return str(named.get("name", stop.op))
