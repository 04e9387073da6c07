"""Equal pages, kept once: who has been found to have them, and whose own they are again after a write.

Whoever looks (KSM of a Linux host, ESXi's transparent page sharing) looks page by page. What a page holds is
not kept byte by byte: a virtual machine says of each which content it has, if others may have the same
(`VirtualMachine.contents`). KSM compares only what it has seen twice, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from .frames import Frames, Page

Place = Hashable
"""Which page of a virtual machine: a program's by its name, any other by what it is for and a number."""
ZERO = "zero"
"""The content of a page that nobody has written to, or only zeros."""


class Sharing:
    def __init__(
        self, frames: Frames, report: Callable[[], None], looks: int = 1, most: int | None = None
    ) -> None:
        self.frames = frames
        self.report = report  # that there are more copies, or fewer
        self.looks = looks  # before a page is compared with others
        self.most = most  # how many may have the same copy
        self.news = False  # something was seen that was not known
        self.noted: dict[Any, dict[Place, Hashable]] = {}  # by virtual machine
        self.merged: dict[Any, dict[Place, Hashable]] = {}
        self.waiting: dict[Hashable, tuple[Any, Place]] = {}  # one of each content, for an equal one
        self.sharers: dict[Hashable, int] = {}
        self.copies = 0

    @property
    def saved(self) -> int:
        """How many pages less there are."""
        return sum(self.sharers.values()) - self.copies

    def look(self, vm: Any, place: Place, content: Hashable) -> list[Any]:
        """A page is looked at: whose pages are merged now, once for each of them."""
        if content is None or place in self.merged.setdefault(vm, {}):
            return []
        noted = self.noted.setdefault(vm, {})
        if noted.get(place) != content:
            noted[place], self.news = content, True
            if self.looks > 1:
                return []
        if content in self.sharers:
            return self._merge(content, (vm, place))
        other = self.waiting.setdefault(content, (vm, place))
        if other == (vm, place):
            return []
        del self.waiting[content]
        return self._merge(content, other, (vm, place))

    def write(self, vm: Any, places: Iterable[Place]) -> int:
        """How many of these were merged: whoever writes to one gets a page of its own."""
        own, merged = 0, self.merged.get(vm, {})
        for place in places:
            content = merged.pop(place, None)
            if content is not None:
                own += 1
                del self.noted[vm][place]
                self._count(content, -1)
                self.frames.give(vm, self._name(place), 1)
        if own:
            self.report()
        return own

    def of_program(self, vm: Any, node: int) -> list[Page]:
        """Those merged ones that a program has named."""
        names = (self._name(place) for place in self.merged.get(vm, {}))
        return [name for name in names if name is not None and name[0] == node]

    def forget(self, vm: Any) -> None:
        """It is no more."""
        self.noted.pop(vm, None)
        for content in self.merged.pop(vm, {}).values():
            self._count(content, -1)
        self.waiting = {content: one for content, one in self.waiting.items() if one[0] is not vm}
        self.report()

    def _merge(self, content: Hashable, *pages: tuple[Any, Place]) -> list[Any]:
        self.news = True
        for vm, place in pages:
            self.merged[vm][place] = content
            self._count(content, 1)
            name = self._name(place)
            if name is None:
                self.frames.take(vm, 1)
            else:
                self.frames.drop(name)
        return [vm for vm, _ in pages]

    def _count(self, content: Hashable, more: int) -> None:
        """Of what several have there is one copy, or one for each so many of them."""
        before = self.sharers.pop(content, 0)
        after = before + more
        most = self.most or max(1, before, after)
        copies = -(-after // most) - -(-before // most)
        self.copies += copies
        if copies:
            self.frames.give(None, None, copies)
        if after:
            self.sharers[content] = after

    @staticmethod
    def _name(place: Any) -> Page | None:
        """A program's page is known by name, and stands in the list of what is used."""
        return place if isinstance(place[0], int) else None
