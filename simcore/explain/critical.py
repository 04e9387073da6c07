"""The critical path: of all that went on, what did the finish really wait for?

Walk back from the finish. Where the flow worked, stood in a queue or waited for a device, that was it. Where
it waited for another flow, that flow takes over, at the moment it let the waiting one go; where a flow began,
the one that caused it. So every instant belongs to exactly one span, and the parts sum to the whole.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from simcore.trace import KINDS, NONE, Trace

__all__ = ["Part", "critical_path"]

WAIT, SERVE = KINDS.index("wait"), KINDS.index("serve")
QUEUE = KINDS.index("queue")


class Part(NamedTuple):
    """An interval of the path and the span that it belongs to; NONE: nothing was under way."""

    start_ns: int
    end_ns: int
    span: int


def critical_path(trace: Trace, start_ns: int, end_ns: int, finish: int) -> list[Part]:
    """The path from `start_ns` to `end_ns`, in order of time, that ends in the tree of the span `finish`."""
    return _Walk(trace).back(finish, start_ns, end_ns)


class _Walk:
    """The spans of a trace as trees, and who woke whom."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        spans = trace.spans
        self.parent, self.cause, self.kind = spans["parent"], spans["cause"], spans["kind"]
        self.start, self.end = spans["start_ns"], spans["end_ns"]
        self.thread, self.request = spans["thread"], spans["request"]
        self.children: dict[int, list[int]] = {}
        for span, parent in enumerate(self.parent):
            if parent != NONE:
                self.children.setdefault(parent, []).append(span)
        self.starts: dict[int, list[int]] = {}
        self.foreign_ops = {i for i, op in enumerate(trace.header["ops"]) if not op["is"]}

    @cached_property
    def wakers(self) -> dict[tuple[int, int, int], int]:
        """(when, woken thread, its request) → the span of the flow that woke it."""
        rows = self.trace.tables["wakeups"]
        keys = zip(rows["at_ns"], rows["woken"], rows["request"], strict=True)
        return dict(zip(keys, rows["span"], strict=True))

    @cached_property
    def flows(self) -> tuple[list[int], list[int]]:
        """Ends and root spans of all requests that are flows of their own, in order of their ends."""
        roots = [s for s in self.trace.tables["requests"]["span"] if s != NONE and self.parent[s] == NONE]
        roots.sort(key=lambda span: (self.end[span], span))
        return [self.end[span] for span in roots], roots

    def back(self, finish: int, start_ns: int, end_ns: int) -> list[Part]:
        parts: list[Part] = []
        root, now = self.root(finish), end_ns
        seen: set[tuple[int, int]] = set()
        while now > start_ns:
            if root == NONE or self.start[root] >= now or self.end[root] < now:
                toll = self.toll(root, now)
                if toll == NONE:
                    root, low = self.before(root, now)
                else:
                    low = self.start[toll]
                if low < now:
                    parts.append(Part(max(low, start_ns), now, toll))
                    now = low
                continue
            span, low = self.leaf(root, now)
            released_by = self.releaser(span, now)
            if released_by != NONE and (released_by, now) not in seen:
                seen.add((released_by, now))
                root = released_by
                continue
            parts.append(Part(max(low, start_ns), now, span))
            now = low
        return parts[::-1]

    @cached_property
    def tolls(self) -> dict[tuple[int, int], int]:
        """(thread, end) → what a thread did for no request: leaving idle, a context switch."""
        free = [s for s, request in enumerate(self.request) if request == NONE and self.parent[s] == NONE]
        return {(self.thread[s], self.end[s]): s for s in free if self.start[s] < self.end[s]}

    def toll(self, root: int, now: int) -> int:
        """What the thread of a flow that begins at `now` did right before that, to begin with it."""
        if root == NONE or self.start[root] < now:
            return NONE
        return self.tolls.get((self.thread[root], now), NONE)

    def root(self, span: int) -> int:
        while self.parent[span] != NONE:
            span = self.parent[span]
        return span

    def leaf(self, root: int, now: int) -> tuple[int, int]:
        """The deepest span of the tree under way just before `now`, and since when without a break."""
        span = root
        while True:
            children = self.children.get(span)
            if children is None:
                return span, self.start[span]
            place = bisect_left(self.starts_of(span, children), now) - 1
            if place < 0:
                return span, self.start[span]
            child = children[place]
            if self.end[child] < now:
                return span, self.end[child]
            span = child

    def starts_of(self, span: int, children: list[int]) -> Sequence[int]:
        """When the children started; both lists are in order of that."""
        known = self.starts.get(span)
        if known is None:
            children.sort(key=self.start.__getitem__)
            known = self.starts[span] = [self.start[child] for child in children]
        return known

    def releaser(self, span: int, now: int) -> int:
        """The root of the other flow that ended this wait at `now`; NONE if it is not a wait for a flow."""
        if self.end[span] != now or self.kind[span] not in (WAIT, QUEUE):
            return NONE
        if self.trace.spans["op"][span] not in self.foreign_ops:
            return NONE
        waker = self.wakers.get((now, self.thread[span], self.request[span]), NONE)
        if waker == NONE:
            return NONE
        root = self.root(waker)
        own = self.root(span)
        return root if root != own and self.start[root] < now <= self.end[root] else NONE

    def before(self, root: int, now: int) -> tuple[int, int]:
        """The flow to go on with where `root` does not reach: its cause, else the last to end until now."""
        if root != NONE and self.cause[root] != NONE:
            cause = self.root(self.cause[root])
            if self.start[cause] < now <= self.end[cause]:
                return cause, now
        ends, roots = self.flows
        place = bisect_right(ends, now) - 1
        while place >= 0 and self.start[roots[place]] >= now:
            place -= 1
        if place < 0:
            return NONE, 0
        return roots[place], min(now, ends[place])
