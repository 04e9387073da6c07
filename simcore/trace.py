"""The record of one run: what every view reads, and nothing else.

A run writes spans (who did what, on which thread, from when to when) and little else while it runs: forty
bytes a span. Columns, instants and counters are made from them once, when the run is over.
`docs/reference/trace.md` describes the bytes; `static/strata/trace.js` reads them in the browser.
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import sub
from struct import Struct
from typing import Any

MAGIC = b"STRATA1\n"
VERSION = 1
ALIGN = 8
KINDS = ("cpu", "wait", "queue", "device", "serve")
CPU, WAIT, QUEUE, DEVICE, SERVE = range(5)
INSTANT_KINDS = ("exit", "interrupt", "fault", "marker")
NONE = -1

# While a run goes on, a span is five 64-bit integers: parent span, what (an index into `Recorder.whats`),
# thread, start, end. A *place* is where one begins, in bytes. Few spans have a request or a cause of their
# own; the others have their parent's.
FIELD = 8
PARENT, WHAT, THREAD, START, END = range(0, 5 * FIELD, FIELD)
WIDTH = 5 * FIELD
span_bytes = Struct("5q").pack
_one = Struct("q")
OPEN = -1  # the end of a span that is not closed yet


@dataclass(frozen=True, slots=True)
class What:
    """What a span is about: a node does an operation, of a kind, at the cost of a timing."""

    node: int
    op: int
    kind: int
    timing: int
    marks: int = NONE  # the kind of instant that stands at its start


@dataclass(slots=True)
class Recorder:
    """Takes down one run. Times are integer nanoseconds since power-on."""

    data: bytearray = field(
        default_factory=bytearray
    )  # the spans: `data += span_bytes(parent, what, thread, start, end)`
    asked: dict[int, int] = field(default_factory=dict)  # span -> the request that it carries
    causes: dict[int, int] = field(
        default_factory=dict
    )  # span -> the span that caused it without being its parent
    whats: list[What] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)  # kind, workload, node, span, cause
    wakeups: list[int] = field(default_factory=list)  # at, waker, woken, request, span
    unfinished: set[int] = field(default_factory=set)  # spans that the run's end, or their thread's, cut off
    logs: list[int] = field(default_factory=list)  # place of the mark, or ~time; node, text, request
    counters: list[int] = field(default_factory=list)  # at, series, value
    counts: dict[int, int] = field(default_factory=dict)  # spans that stand for several equal ones: how many
    marks: list[int] = field(
        default_factory=list
    )  # at, kind, node, request, span: instants that are no operation

    @property
    def spans(self) -> int:
        return len(self.data) // WIDTH

    @property
    def size_bytes(self) -> int:
        """About how much memory the record takes; a number in a list takes four times its eight bytes."""
        loose = sum(map(len, (self.requests, self.wakeups, self.logs, self.counters, self.marks)))
        return len(self.data) + 4 * FIELD * loose

    def here(self) -> int:
        """The place of the next span."""
        return len(self.data)

    def get(self, place: int) -> int:
        value: int = _one.unpack_from(self.data, place)[0]
        return value

    def put(self, place: int, value: int) -> None:
        _one.pack_into(self.data, place, value)

    def shift(self, place: int, stop: int, closed: Sequence[int], gaps: Sequence[tuple[int, int]]) -> None:
        """Move the marks of a burst past the times when its CPU was elsewhere.

        `place` to `stop` are the burst's spans, `closed` the places of older spans that it closed, `gaps`
        (start, length) in order. A start at or after a gap's start moves, an end only when it lies after it;
        a span without length at the gap's start stays with its parent.
        """
        for begin, length in gaps:
            for at in range(place, stop, WIDTH):
                start, end = self.get(at + START), self.get(at + END)
                if start == end == begin:
                    parent = self.get(at + PARENT)
                    if parent == NONE or self.get(parent * WIDTH + START) <= begin:
                        continue
                    self.put(at + END, end + length)
                elif end > begin:
                    self.put(at + END, end + length)
                if start >= begin:
                    self.put(at + START, start + length)
            for at in closed:
                if self.get(at + END) > begin:
                    self.put(at + END, self.get(at + END) + length)

    def truncate(self, place: int, stop: int, closed: Sequence[int], now: int) -> None:
        """A burst ends at `now` unpaid: what it had written beyond that has not happened."""
        self._unwrite(place, stop, now)
        for at in (*closed, *range(place, stop, WIDTH)):
            self.put(at + START, min(self.get(at + START), now))
            self.put(at + END, min(self.get(at + END), now) if self.get(at + END) != OPEN else OPEN)

    def _unwrite(self, place: int, stop: int, now: int) -> None:
        """Forget the console lines of these spans that were not reached by `now`."""
        lines = self.logs
        self.logs = []
        for first in range(0, len(lines), 4):
            at = lines[first]
            if not (place <= at < stop and self.get(at) > now):
                self.logs += lines[first : first + 4]

    def cut(self, end_ns: int, killed: Mapping[int, int] | None = None) -> int:
        """End the record: whatever is open or in the future ends at `end_ns`. Returns how many spans were
        cut.

        `killed`: threads that ended before, and when. What was open on them then ended with them.
        """
        cut = 0
        if killed:
            self._end(killed)
        self._unwrite(0, len(self.data), end_ns)
        ends = self.column(END)
        for span, end in enumerate(ends):
            if end == OPEN or end > end_ns:
                place = span * WIDTH
                self.put(place + END, end_ns)
                self.put(place + START, min(self.get(place + START), end_ns))
                self.unfinished.add(span)
                cut += 1
        return cut

    def column(self, which: int) -> array[int]:
        """All spans' starts, ends, …"""
        rows = array("q")
        rows.frombytes(self.data)
        return rows[which // FIELD :: WIDTH // FIELD]

    def _end(self, killed: Mapping[int, int]) -> None:
        """Close what dead threads left open, but not before the end of what still went on for it: a device's
        part."""
        latest: dict[int, int] = {}
        for place in range(len(self.data) - WIDTH, -1, -WIDTH):
            died = killed.get(self.get(place + THREAD))
            if died is not None:
                end = self.get(place + END)
                if end == OPEN:
                    self.put(place + END, max(died, latest.get(place, died)))
                    self.unfinished.add(place // WIDTH)
                elif (
                    self.whats[self.get(place + WHAT)].kind in (WAIT, QUEUE)
                    and self.get(place + START) <= died
                ):
                    self.put(place + END, min(end, died))
            over = self.get(place + PARENT) * WIDTH
            if over >= 0:
                end = self.get(place + END)
                latest[over] = max(latest.get(over, end), end)


# ---------------------------------------------------------------------------------------------------- columns

Column = Sequence[int]
SIGNS = bytes(
    0xFF * (byte >> 7) for byte in range(256)
)  # what continues a number whose highest byte is this one
TABLES: dict[str, dict[str, str]] = {
    "spans": {
        "id": "delta",
        "parent": "from:id",
        "cause": "plain",
        "request": "delta",
        "node": "plain",
        "op": "plain",
        "thread": "plain",
        "kind": "plain",
        "start_ns": "delta",
        "end_ns": "from:start_ns",
        "timing": "plain",
        "count": "plain",
    },
    "instants": {"at_ns": "delta", "kind": "plain", "node": "plain", "request": "plain", "span": "delta"},
    "wakeups": {"at_ns": "delta", "waker": "plain", "woken": "plain", "request": "plain", "span": "delta"},
    "logs": {"at_ns": "delta", "node": "plain", "text": "plain", "request": "plain"},
    "counters": {"at_ns": "delta", "series": "plain", "value": "plain"},
    "requests": {
        "id": "delta",
        "kind": "plain",
        "workload": "plain",
        "node": "plain",
        "span": "delta",
        "start_ns": "delta",
        "end_ns": "from:start_ns",
        "cause": "plain",
    },
}


def columns_of(recorder: Recorder) -> dict[str, dict[str, Column]]:
    """All tables of an ended run, column by column (see the contract in `docs/reference/trace.md`)."""
    whats = recorder.whats
    what, start, end, parent = map(recorder.column, (WHAT, START, END, PARENT))
    request, own = array("q", parent), recorder.asked
    for i, above in enumerate(parent):
        request[i] = own[i] if i in own else NONE if above == NONE else request[above]
    cause = array("q", [NONE]) * len(what)
    for span, by in recorder.causes.items():
        cause[span] = by
    node_of = [w.node for w in whats]
    spans: dict[str, Any] = {
        "id": range(len(what)),
        "parent": parent,
        "cause": cause,
        "request": request,
        "node": array("q", map(node_of.__getitem__, what)),
        "op": array("q", map([w.op for w in whats].__getitem__, what)),
        "thread": recorder.column(THREAD),
        "kind": array("q", map([w.kind for w in whats].__getitem__, what)),
        "start_ns": start,
        "end_ns": end,
        "timing": array("q", map([w.timing for w in whats].__getitem__, what)),
        "count": array("q", [1]) * len(what),
    }
    for span, times in recorder.counts.items():
        spans["count"][span] = times
    marks = {i: w.marks for i, w in enumerate(whats) if w.marks != NONE}
    instants: list[tuple[int, ...]] = list(_by(recorder.marks, 5))
    for i, w in enumerate(what):
        if w in marks:  # a span that stands for several has as many instants, one for each round
            times = spans["count"][i]
            length = end[_last_of_round(recorder, what, parent, i) if times > 1 else i] - start[i]
            mark, node, asker = marks[w], node_of[w], request[i]
            instants += [(start[i] + length * k // times, mark, node, asker, i) for k in range(times)]
    logs = [
        (recorder.get(line[0]) if line[0] >= 0 else ~line[0], *line[1:]) for line in _by(recorder.logs, 4)
    ]
    asked = [
        (i, kind, workload, node, span, *((start[span], end[span]) if span >= 0 else (NONE, NONE)), cause)
        for i, (kind, workload, node, span, cause) in enumerate(_by(recorder.requests, 5))
    ]
    tables: dict[str, dict[str, Column]] = {"spans": spans}
    listed: tuple[tuple[str, Iterable[tuple[int, ...]]], ...] = (
        ("instants", sorted(instants)),
        ("wakeups", sorted(_by(recorder.wakeups, 5), key=lambda row: row[0])),
        ("logs", sorted(logs, key=lambda row: row[0])),
        ("counters", sorted(_by(recorder.counters, 3), key=lambda row: row[0])),
        ("requests", asked),
    )
    for table, entries in listed:
        names = TABLES[table]
        turned = [array("q", column) for column in zip(*entries, strict=True)] or [array("q") for _ in names]
        tables[table] = dict(zip(names, turned, strict=True))
    return tables


def _last_of_round(recorder: Recorder, what: Column, parent: Column, first: int) -> int:
    """Steps that are done in turn, equally often, are one span each, side by side: the last of them."""
    times, seen = recorder.counts[first], {what[first]}
    last = first
    while (
        recorder.counts.get(last + 1) == times
        and parent[last + 1] == parent[first]
        and what[last + 1] not in seen
    ):
        last += 1
        seen.add(what[last])
    return last


def _by(flat: list[int], width: int) -> Iterable[tuple[int, ...]]:
    return zip(*[iter(flat)] * width, strict=True)


# ------------------------------------------------------------------------------------------------------ bytes


def encode(header: dict[str, Any], tables: dict[str, dict[str, Column]]) -> bytes:
    """The file's bytes: the same tables and header give the same bytes on every machine."""
    listed: list[dict[str, Any]] = []
    parts: list[bytes] = []
    offset = 0
    for table, names in TABLES.items():
        for name, encoding in names.items():
            code, data = _pack(_encoded(tables[table], name, encoding))
            listed.append(
                {
                    "table": table,
                    "name": name,
                    "type": code,
                    "encoding": encoding,
                    "offset": offset,
                    "length": len(tables[table][name]),
                }
            )
            data += b"\0" * (-len(data) % ALIGN)
            parts.append(data)
            offset += len(data)
    text = json.dumps(
        {**header, "columns": listed}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
    text += b" " * (-len(text) % ALIGN)
    return b"".join([MAGIC, struct.pack("<II", len(text), 0), text, *parts])


def _encoded(table: dict[str, Column], name: str, encoding: str) -> array[int]:
    column = table[name]
    if encoding == "plain":
        return column if isinstance(column, array) else array("q", column)
    if encoding == "delta":
        return array("q", map(sub, column, [0, *column[:-1]])) if len(column) else array("q")
    return array("q", map(sub, column, table[encoding.removeprefix("from:")]))


def _pack(values: array[int]) -> tuple[str, bytes]:
    """The narrowest whole number of bytes that holds every value, and those bytes in planes: first the lowest
    byte of every row, then the next of every row. Neighbours are alike there, so that it compresses to two
    thirds."""
    low, high = (min(values), max(values)) if values else (0, 0)
    width = next(w for w in range(1, ALIGN + 1) if -(1 << 8 * w - 1) <= low and high < 1 << 8 * w - 1)
    if sys.byteorder == "big":
        values = array("q", values)
        values.byteswap()
    data = values.tobytes()
    return f"i{8 * width}", b"".join(data[plane::ALIGN] for plane in range(width))


def _unpack(data: bytes, width: int) -> array[int]:
    rows = len(data) // width
    wide = bytearray(ALIGN * rows)
    for plane in range(width):
        wide[plane::ALIGN] = data[plane * rows : (plane + 1) * rows]
    signs = data[(width - 1) * rows :].translate(SIGNS)
    for plane in range(width, ALIGN):
        wide[plane::ALIGN] = signs
    values = array("q", bytes(wide))
    if sys.byteorder == "big":
        values.byteswap()
    return values


@dataclass(frozen=True)
class Trace:
    """A run to look at: its header (a dict, see the reference) and its tables by name, each a dict of
    columns."""

    header: dict[str, Any]
    tables: dict[str, dict[str, Column]]

    @property
    def spans(self) -> dict[str, Column]:
        return self.tables["spans"]

    def column(self, table: str, name: str) -> Column:
        return self.tables[table][name]

    def rows(self, table: str) -> Iterable[dict[str, int]]:
        names = list(self.tables[table])
        for values in zip(*self.tables[table].values(), strict=True):
            yield dict(zip(names, values, strict=True))

    def to_bytes(self) -> bytes:
        return encode(self.header, self.tables)

    @classmethod
    def from_bytes(cls, data: bytes) -> Trace:
        """Reads a trace file. Raises ValueError if the bytes are none of ours."""
        if data[:8] != MAGIC:
            raise ValueError(f"not a Strata trace: it starts with {data[:8]!r}, not {MAGIC!r}")
        size, _ = struct.unpack_from("<II", data, 8)
        header = json.loads(data[16 : 16 + size])
        tables: dict[str, dict[str, Column]] = {}
        for column in header["columns"]:
            width = int(column["type"][1:]) // 8
            at = 16 + size + column["offset"]
            values = _unpack(data[at : at + column["length"] * width], width)
            table = tables.setdefault(column["table"], {})
            table[column["name"]] = _decoded(values, column["encoding"], table)
        return cls({k: v for k, v in header.items() if k != "columns"}, tables)


def _decoded(values: array[int], encoding: str, table: dict[str, Column]) -> Column:
    if encoding == "plain":
        return values
    if encoding == "delta":
        total, out = 0, array("q")
        add: Callable[[int], None] = out.append
        for value in values:
            total += value
            add(total)
        return out
    base = table[encoding.removeprefix("from:")]
    return array("q", (value + other for value, other in zip(values, base, strict=True)))
