"""A machine's memory when more of it is wanted than there is: what is left, and whose pages go first.

Pages that a program names are known one by one, in the order in which they came or, once memory is scarce,
were last seen in use. All others (what a boot touched, a kernel's own for a process) are only counted for
each owner; they go first, since nobody here ever looks at them again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .sharing import Sharing

Page = tuple[int, int]
"""Whose memory, by its node, and which page of it."""


class Held(NamedTuple):
    """Somebody's pages: one large or small one that has a name, or some that have none."""

    owner: Any  # the virtual machine; None: a program on the machine itself
    page: Page | None
    pages: int


class Frames:
    def __init__(self, total: int) -> None:
        self.total, self.used = total, 0
        self.scarce = False  # something had to go already
        self.unnamed: dict[Any, int] = {}
        self.named: dict[Page, Held] = {}  # the one that was seen longest ago comes first
        self.away: dict[Page, Held] = {}  # wherever they were put
        self.gone = 0  # how many pages are there
        self.cached = 0  # pages of files, which can be read again
        self.programs: dict[int, str] = {}  # by node
        self.sharing: Sharing | None = None  # of equal pages
        self.told: Callable[[], None] | None = None  # whoever wants to know that a virtual machine has more

    def lack(self, pages: int) -> bool:
        return self.used + pages > self.total

    def cache(self, pages: int) -> None:
        """So many pages of files come, or go if negative."""
        self.cached += pages
        self.used += pages

    def give(self, owner: Any, page: Page | None, pages: int, program: str = "") -> None:
        self.used += pages
        if self.told is not None and owner is not None:
            self.told()
        if page is not None:
            self.programs[page[0]] = program
        if page is None or page in self.named:
            self.unnamed[owner] = self.unnamed.get(owner, 0) + pages
        else:
            self.named[page] = Held(owner, page, pages)

    def take(self, owner: Any, pages: int) -> None:
        """Given back by the owner, who does not say which."""
        self.used -= pages
        self.unnamed[owner] = self.unnamed.get(owner, 0) - pages

    def see(self, page: Page) -> bool:
        """It is in use. Is it there?"""
        if page in self.away:
            return False
        if page in self.named:
            self.named[page] = self.named.pop(page)
        return True

    def small_pages(self, owner: Any) -> list[Page]:
        """Somebody's pages that are known by name."""
        return [page for page, held in self.named.items() if held.owner is owner and held.pages == 1]

    def drop(self, page: Page) -> None:
        """There is an equal one."""
        self.used -= self.named.pop(page).pages

    def put_away(self, most: int) -> list[Held]:
        """Those that go now: at least one page, and about as many as this."""
        self.scarce = True
        gone: list[Held] = []
        for owner, pages in self.unnamed.items():
            if pages > 0:
                gone.append(Held(owner, None, min(pages, most)))
                self.unnamed[owner] -= gone[0].pages
                break
        else:
            while self.named and sum(held.pages for held in gone) < most:
                page = next(iter(self.named))
                gone.append(self.named.pop(page))
                self.away[page] = gone[-1]
        pages = sum(held.pages for held in gone)
        self.used -= pages
        self.gone += pages
        for held in gone:
            if held.owner is not None:
                held.owner.moved(held.pages)
        return gone

    def bring_back(self, page: Page) -> Held:
        held = self.named[page] = self.away.pop(page)
        self.used += held.pages
        self.gone -= held.pages
        if held.owner is not None:
            held.owner.moved(-held.pages)
        return held

    def forget(self, node: int, owner: Any = None) -> int:
        """A program has ended, or a virtual machine with all its programs: how many pages were known by name,
        wherever they are."""
        if owner is not None:
            self.used -= max(0, self.unnamed.pop(owner, 0))
        if self.sharing is not None and owner is not None:
            self.sharing.forget(owner)
        known = 0
        for table in (self.named, self.away):
            for page in [page for page, held in table.items() if self._is(held, node, owner)]:
                pages = table.pop(page).pages
                known += pages
                if table is self.named:
                    self.used -= pages
                else:
                    self.gone -= pages
        return known

    @staticmethod
    def _is(held: Held, node: int, owner: Any) -> bool:
        if owner is not None:
            return held.owner is owner
        return held.owner is None and held.page is not None and held.page[0] == node

    def largest(self) -> Held | None:
        """Who has most: a virtual machine, or a program by its node."""
        sizes: dict[tuple[Any, int], int] = {}
        for owner, pages in self.unnamed.items():
            if owner is not None:
                sizes[owner, -1] = pages
        for page, held in self.named.items():
            key = held.owner, -1 if held.owner is not None else page[0]
            sizes[key] = sizes.get(key, 0) + held.pages
        if not sizes:
            return None
        (owner, node), pages = max(sizes.items(), key=lambda one: one[1])
        return Held(owner, None if owner is not None else (node, 0), pages)
