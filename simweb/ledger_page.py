"""/numbers/: which numbers of the ledger an address asks for, and how they are shown.

Every state of the page is an address: `?q=&component=&op=&status=&source=`. A short list carries each
number's whole certificate; in a long one it is fetched when the row is opened, so that the page stays light.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

import simcore
from simweb.presenters import role_words

__all__ = [
    "Certificate",
    "Filter",
    "Group",
    "Row",
    "Segment",
    "page",
    "segments",
    "status_words",
]

STATUSES = ("measured", "published", "derived", "assumed")
WHOLE = 100
"""So many numbers at most are shown with their certificates already in the page."""
LONGEST_SEARCH = 200
LONGEST_VALUE = 34
LONGEST_TITLE = 60
LONGEST_REASON = 90


@dataclass(frozen=True)
class Filter:
    """What is asked for; empty: everything."""

    q: str = ""
    component: str = ""
    op: str = ""
    status: str = ""
    source: str = ""

    @staticmethod
    def of(query: Mapping[str, str]) -> "Filter":
        return Filter(*(query.get(one.name, "").strip()[:LONGEST_SEARCH] for one in fields(Filter)))

    @property
    def url(self) -> str:
        asked = {name: value for name, value in asdict(self).items() if value}
        return f"{reverse('numbers')}{'?' if asked else ''}{urlencode(asked)}"

    @property
    def is_empty(self) -> bool:
        return self == Filter()

    def takes(self, row: simcore.Number) -> bool:
        """Whether all that is asked for is so of the number (a source or a word: or of one under it)."""
        if row.inherited and self.component != row.component:
            return False  # shown where it is stated
        return (
            self.component in ("", row.component)
            and self.op in ("", row.op)
            and self.status in ("", row.status)
            and (not self.source or any(one.source and one.source.key == self.source for one in row.all))
            and all(word in _searched(row) for word in self.q.lower().split())
        )


@lru_cache(maxsize=8192)
def _searched(row: simcore.Number) -> str:
    """All that is written about a number, to look for words in."""
    said: list[Any] = [row.id, row.component_label, row.era, row.label, row.role]
    for one in row.all:
        said += [one.value, one.where, one.machine, one.reason, one.note, *one.evidence]
        said += [one.source.key, one.source.title, one.source.authors, one.source.year] if one.source else []
    return " ".join(str(part) for part in said if part).lower()


@dataclass(frozen=True)
class Segment:
    """A part of a bar of 100 units: so many numbers of one status."""

    status: str
    label: str
    n: int
    x: float
    width: float


@dataclass(frozen=True)
class Certificate:
    """One number with all that is known about it: `facts` are term and text; `uses` say which machines' runs
    take it."""

    number: simcore.Number
    amount: str
    status: str
    facts: list[tuple[str, str]]
    uses: list[str]


@dataclass(frozen=True)
class Row:
    """A line of the list. `origin` is who says so, or why it is assumed."""

    number: simcore.Number
    amount: str
    status: str
    origin: str
    url: str
    certificates: list[Certificate]


@dataclass(frozen=True)
class Group:
    """The numbers of one component."""

    component: str
    label: str
    role: str
    role_label: str
    era: str
    url: str
    rows: list[Row]
    bar: list[Segment]


def page(asked: Filter, lang: str) -> dict[str, Any]:
    """Everything that the page shows of the ledger."""
    every = simcore.numbers(lang)
    own = [row for row in every if not row.inherited]
    rows = [row for row in every if asked.takes(row)]
    return {
        "asked": asked,
        "groups": list(_groups(rows)),
        "n": len(rows),
        "of": len(own),
        "also": sum(len(row.also) for row in own),
        "bar": segments(own),
        "components": _components(own),
        "sources": _sources(own),
        "words": simcore.numbers_explained(lang),
    }


def segments(rows: Iterable[simcore.Number]) -> list[Segment]:
    """How many numbers there are of each status, in the order of what they are worth."""
    count = Counter(row.status for row in rows)
    total, x, found = count.total() or 1, 0.0, []
    for status in STATUSES:
        width = 100 * count[status] / total
        found.append(Segment(status, status_words()[status], count[status], round(x, 3), round(width, 3)))
        x += width
    return found


def _groups(rows: list[simcore.Number]) -> Iterator[Group]:
    words, whole = role_words(), len(rows) <= WHOLE
    by_role = sorted(rows, key=lambda row: (list(words).index(row.role), row.component))
    for component, group in groupby(by_role, key=lambda row: row.component):
        own = list(group)
        first = own[0]
        yield Group(
            component,
            first.component_label,
            first.role,
            words[first.role],
            first.era,
            Filter(component=component).url,
            [_row(row, whole) for row in own],
            segments(own),
        )


def _row(number: simcore.Number, whole: bool) -> Row:
    who = short(number.source) if number.source else cut(number.reason or number.probe or "", LONGEST_REASON)
    return Row(
        number,
        cut(amount(number), LONGEST_VALUE),
        status_words()[number.status],
        who,
        Filter(component=number.component, op=number.op).url,
        [_certificate(one, number) for one in number.all] if whole else [],
    )


def _certificate(one: simcore.Number, main: simcore.Number) -> Certificate:
    clock = f" ({one.clock_hz / 1e9:g} GHz)" if one.clock_hz else ""
    facts = [
        (_("Spread"), _spread(one)),
        (_("Machine"), f"{one.machine}{clock}" if one.machine else ""),
        (_("Modelled"), one.era if one is main else ""),
        (_("Samples"), f"{one.n:,}" if one.n else ""),
        (_("Probe"), one.probe or ""),
        (_("Evidence"), ", ".join(one.evidence)),
        (_("Reason"), one.reason or ""),
        (_("Note"), one.note or ""),
        (_("A profile replaces it by"), " ".join(_terms(one))),
    ]
    known = [(term, text) for term, text in facts if text]
    return Certificate(
        one, amount(one), status_words()[one.status], known, [_use(use) for use in one.used_on]
    )


def _terms(one: simcore.Number) -> Iterator[str]:
    """“0.5 × syscall − read_1_byte”."""
    for place, (quantity, factor) in enumerate(one.measured_by):
        sign = "− " if factor < 0 else "+ " if place else ""
        yield f"{sign}{'' if abs(factor) == 1 else f'{float(abs(factor)):.4g} × '}{quantity}"


def _use(use: simcore.Use) -> str:
    if use.own:
        return _("%(machine)s: not this one, but %(own)s of its own") % {"machine": use.label, "own": use.own}
    name = f"{use.label}, {simcore.show_time(use.ns)}" if use.ns is not None else use.label
    return _("%(machine)s (borrowed)") % {"machine": name} if use.borrowed else name


def amount(one: simcore.Number) -> str:
    """The value as written, with its unit: “500 ms per GiB”."""
    value = re.sub(r"(?<=\d )us\b", "µs", one.value)
    value = re.sub(r"(?<=\d )cycles\b", _("cycles"), value)
    if one.per:
        return _("%(value)s per %(unit)s") % {"value": value, "unit": one.per_label}
    return _("%(value)s over %(quantity)s") % {"value": value, "quantity": one.over} if one.over else value


def _spread(one: simcore.Number) -> str:
    if one.spread in (None, "none"):
        return _("always the same") if one.spread else ""
    tail = re.fullmatch(r"p99=([\d.]+)x", one.spread or "")
    ends = re.fullmatch(r"range=([\d.]+)x\.\.([\d.]+)x", one.spread or "")
    if tail:
        text = _("one in a hundred takes %(x)s times the median") % {"x": tail[1]}
    elif ends:
        text = _("anything from %(low)s to %(high)s times it") % {"low": ends[1], "high": ends[2]}
    else:
        text = str(one.spread)
    return f"{text} ({status_words().get(one.spread_status or '', one.spread_status)})"


def _components(rows: Iterable[simcore.Number]) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """For the choice: the components that have numbers, with how many, by role."""
    count = Counter((row.role, row.component, row.component_label) for row in rows)
    listed = {
        word: [(component, label, n) for (of, component, label), n in count.items() if of == role]
        for role, word in role_words().items()
    }
    return [(word, found) for word, found in listed.items() if found]


def _sources(rows: Iterable[simcore.Number]) -> list[tuple[str, str, int]]:
    """For the choice: the sources in use, each with how many rows rest on it."""
    under = [{one.source.key: one.source for one in row.all if one.source} for row in rows]
    count = Counter(key for found in under for key in found)
    known = {key: source for found in under for key, source in found.items()}
    named = [(key, f"{short(source)}: {cut(source.title)}", count[key]) for key, source in known.items()]
    return sorted(named, key=lambda one: one[1].lower())


def short(source: simcore.Source) -> str:
    """“Barham et al. 2003”."""
    first, *others = source.authors.split(",")
    more = " et al." if others and "et al" not in first else ""
    return f"{cut(first.strip(), 36)}{more} {source.year}".strip()


def cut(text: str, most: int = LONGEST_TITLE) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def status_words() -> dict[str, str]:
    return {
        "measured": _("measured"),
        "published": _("published"),
        "derived": _("derived"),
        "assumed": _("assumed"),
    }
