"""A scenario as a picture: boxes that stand on each other, hardware at the bottom.

    [ workload                        ]
    [ docker  ] [ container           ]      the engine stands beside the path, not on it
    [ linux                           ]
    [ server      ] [ UEFI ] [ NVMe   ]      firmware and devices stand beside the machine that owns them

The path of a request falls straight down the right side. Everything here is plain geometry in viewBox units;
the template draws it. Four sizes: `FULL` with a second line of text, `COMPACT` for three or four lanes,
`SLIM` for four in a frame on another page, `CARD` for the gallery.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from unicodedata import east_asian_width

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import simcore

__all__ = [
    "CARD",
    "COMPACT",
    "FULL",
    "SLIM",
    "Box",
    "Diagram",
    "Part",
    "Rail",
    "Size",
    "draw",
    "names_of",
    "parts_of",
    "shortened",
    "title_of",
]

BESIDE = ("engine",)
SAID_OF_A_BRANCH = ("hypervisor", "kernel", "container")
MOST_BRANCHES = 3
OWNERS = ("machine", "vm")
OWNED = ("firmware", "nic", "disk")
"""The order in which the parts of a machine or vm stand beside it: the disk last, on the path."""


@dataclass(frozen=True)
class Size:
    name: str
    width: int
    row: int
    gap: int
    edge: int
    rail: int
    text: float
    small: float
    second_line: bool


FULL = Size("full", width=480, row=60, gap=6, edge=46, rail=26, text=15.5, small=12.5, second_line=True)
COMPACT = Size("compact", width=260, row=46, gap=5, edge=14, rail=20, text=13, small=11.5, second_line=False)
SLIM = Size("slim", width=200, row=46, gap=5, edge=12, rail=14, text=13, small=10.5, second_line=False)
CARD = Size("card", width=260, row=38, gap=4, edge=14, rail=11, text=13, small=11.5, second_line=False)
LATIN_WIDTHS = {"Iijl|!'.,:;()[] ": 0.33, "ftr-·/": 0.42, "ckszvxy": 0.57, "mwMW@%—…": 0.96}
OTHER_LATIN_WIDTH = 0.66
"""How wide characters are, as a part of their height, in a wide font."""
EM = {char: width for chars, width in LATIN_WIDTHS.items() for char in chars}
ROOM_FOR_OWNED = 0.35
SMALL_EDGE, SMALL_END = 8, 4
WIDE = 260
"""A full-size box at least this wide has room for a state at the end of its first line."""
NARROW = 150
"""A box narrower than this is small, and one in which its name would not fit."""
BOLD = 1.1
"""A name is in bold, and so much wider than text."""
BREAK = r"(?<=[ -])|(?<=[\u3000-\u9fff])"
"""Where a name may go on in a second line."""


@dataclass
class Part:
    """A node of the tree: what it is, and what stands on, beside and in it."""

    id: str
    is_: str
    role: str
    label: str
    short: str
    sub: str
    on: str = ""
    beside: bool = False
    owned: list["Part"] = field(default_factory=list)
    holds: list["Part"] = field(default_factory=list)

    @property
    def breadth(self) -> float:
        """How much room it wants beside its neighbours: for all that stands on it, and for its own parts."""
        own = 1 + ROOM_FOR_OWNED * len(self.owned)
        return max(own, sum(part.breadth for part in self.holds if not part.beside))

    @property
    def height(self) -> int:
        return 1 + max((part.height for part in self.holds), default=0)


@dataclass(frozen=True)
class Box:
    """One part, placed. `cx, cy` is where a token rests in it."""

    part: Part
    x: float
    y: float
    w: float
    h: float
    cx: float
    cy: float
    lines: tuple[str, ...]
    sub: str
    chip: bool
    small: bool
    """In small letters, without an icon and a second line."""
    size: Size

    @property
    def text_x(self) -> float:
        return self.x + (SMALL_EDGE if self.small else self.size.edge)

    @property
    def name_lines(self) -> list[tuple[float, str]]:
        """Each line of the name with its baseline; above the middle where a second line of text follows."""
        height = self.size.small if self.small else self.size.text
        middle = self.y + self.h / 2
        if self.size is not CARD and not self.small:
            return [(round(middle - 4, 1), self.lines[0])]
        if self.size is not CARD:
            middle = self.y + self.h * 0.37
        top = middle + height * 0.36 - (len(self.lines) - 1) * height * 0.6
        return [(round(top + number * height * 1.2, 1), line) for number, line in enumerate(self.lines)]

    @property
    def sub_y(self) -> float:
        return self.y + self.h / 2 + 15

    @property
    def has_state(self) -> bool:
        return not self.small and (self.size in (COMPACT, SLIM) or self.w >= WIDE)

    @property
    def state_x(self) -> float:
        return self.cx - 18 if self.size is FULL else self.text_x

    @property
    def state_y(self) -> float:
        return self.y + self.h / 2 - 4 if self.size is FULL else self.y + self.h / 2 + 13

    @property
    def edge_y(self) -> float:
        return self.y + 9

    @property
    def edge_h(self) -> float:
        return self.h - 18

    @property
    def mark_x(self) -> float:
        """Where a sign that something is wrong with it hangs: at the corner."""
        return self.x + self.w - 6

    @property
    def mark_y(self) -> float:
        return self.y + 6

    @property
    def icon_x(self) -> float:
        return self.x + 16

    @property
    def icon_y(self) -> float:
        return self.y + self.h / 2 - 10

    @property
    def has_icon(self) -> bool:
        return self.size is FULL and not self.small


@dataclass(frozen=True)
class Rail:
    """The way between two parts. `path` is the way of a request; `under` is not drawn: a device stands
    there; `owned` leads from an owner to its parts; `supervises` from the control plane down."""

    child: str
    parent: str
    path: str
    kind: str


@dataclass(frozen=True)
class Diagram:
    width: float
    height: float
    boxes: list[Box]
    rails: list[Rail]
    size: Size

    @property
    def rows(self) -> int:
        return len({box.y for box in self.boxes})

    @property
    def ground_y(self) -> float:
        return self.height - 1


def parts_of(scenario: Any, texts: Mapping[str, Any]) -> Part:
    """The tree of a legal scenario, its workloads included; `texts` by component id."""
    by_id: dict[str, Part] = {}

    def part(node: Any) -> Part:
        words, role = texts[node.is_], node.entry.role
        label, short = names_of(scenario, node, words)
        sub = _size_of(node) or str(words.get("sub", ""))
        beside = _is_beside(node)
        made = by_id[node.id] = Part(node.id, node.is_, role, label, short, sub, beside=beside)
        return made

    def grow(node: Any) -> Part:
        made = part(node)
        made.owned = [part(node.devices[name]) for name in sorted(node.devices, key=_nearness)]
        made.holds = [grow(held) for held in node.holds]
        return made

    root = grow(scenario.stack)
    for workload in scenario.workloads:
        made = part(workload)
        made.on = workload.on
        by_id[workload.on].holds.append(made)
    return root


def names_of(scenario: Any, node: Any, words: Mapping[str, Any]) -> tuple[str, str]:
    """Label and short name; where there are guests, with whether a kernel is one of theirs or the host's."""
    label, short = str(words.get("label", node.is_)), str(words.get("short", node.is_))
    if node.entry.role == "kernel" and any(one.role == "vm" for one in scenario.nodes.values()):
        where = _("guest") if scenario.computer(node).role == "vm" else _("host")
        label, short = (_("%(name)s (%(where)s)") % {"name": name, "where": where} for name in (label, short))
    return label, short


def title_of(scenario: Any, texts: Mapping[str, Any]) -> str:
    """What a stack without a name of its own is called: what it is made of, branch by branch, each from the
    top down: "2 × Linux on KVM + QEMU, Container (Docker) on Linux"."""
    nodes = [node for node in scenario.nodes.values() if node.owner is None]
    tips = [node for node in nodes if not _is_beside(node) and all(map(_is_beside, node.holds))]
    guests = [tip for tip in tips if not scenario.computer(tip).entry.control_domain]
    branches = Counter(_branch(scenario, tip, texts) for tip in guests or tips)
    said = [text if count == 1 else f"{count} × {text}" for text, count in branches.items()]
    return _(", ").join(said[:MOST_BRANCHES] + ["…"] * (len(said) > MOST_BRANCHES))


def _branch(scenario: Any, tip: Any, texts: Mapping[str, Any]) -> str:
    """Without what goes without saying: virtual machines, and what the lowest hypervisor is on."""
    chain = [node for node in (tip, *scenario.below(tip)) if node is tip or node.role in SAID_OF_A_BRANCH]
    hypervisors = [place for place, node in enumerate(chain) if node.role == "hypervisor"]
    if hypervisors:
        del chain[hypervisors[-1] + 1 :]
    elif tip.role != "container":
        chain = list(dict.fromkeys([*chain, scenario.stack]))
    *upper, said = [_called(scenario, node, texts) for node in chain]
    for name in reversed(upper):
        said = _("%(upper)s on %(lower)s") % {"upper": name, "lower": said}
    return said


def _called(scenario: Any, node: Any, texts: Mapping[str, Any]) -> str:
    name, engine = (
        str(texts.get(one.is_, {}).get("short", one.is_)) if one else ""
        for one in (node, scenario.nodes.get(node.runtime or ""))
    )
    return _("%(name)s (%(where)s)") % {"name": name, "where": engine} if engine else name


def _is_beside(node: Any) -> bool:
    return node.entry.role in BESIDE or node.entry.control_plane


def _size_of(node: Any) -> str:
    """Of a machine or vm: "12 CPUs · 64 GiB"."""
    count, memory = node.settings.get("vcpus") or node.settings.get("cpus"), node.settings.get("memory")
    if node.entry.role not in OWNERS or not isinstance(count, int) or not isinstance(memory, int):
        return ""
    cpus = ngettext("%(count)d CPU", "%(count)d CPUs", count) if node.entry.role == "machine" else ""
    cpus = cpus or ngettext("%(count)d vCPU", "%(count)d vCPUs", count)
    return simcore.render("{cpus} · {memory:bytes}", {"cpus": cpus % {"count": count}, "memory": memory})


def _nearness(name: str) -> int:
    return OWNED.index(name) if name in OWNED else len(OWNED) - 1


def draw(root: Part, size: Size = FULL) -> Diagram:
    """Place every part. A stack is as tall as it has layers, so that a taller one looks like more."""
    height = root.height * size.row + (root.height - 1) * size.gap + 2
    boxes: list[Box] = []
    _place(root, 0.0, float(size.width), height - 2 - size.row, size, boxes)
    at = {box.part.id: box for box in boxes}
    return Diagram(size.width, height, boxes, list(_rails(root, at)), size)


def _place(part: Part, x: float, width: float, y: float, size: Size, boxes: list[Box]) -> None:
    rail = x + width - min(size.rail, width * 0.2)
    if not part.owned:
        boxes.append(_box(part, x, y, width, rail, size))
    else:
        room = width - size.gap * len(part.owned)
        ratio = 0.66 if len(part.owned) == 1 else 0.5 if size is FULL else 0.38
        weights = [text_width(_plain(owned.short), 1) + 4 for owned in part.owned]
        shares = [ratio, *((1 - ratio) * weight / sum(weights) for weight in weights)]
        own, *chips = _dealt(room, shares, [_need(each, size) for each in (part, *part.owned)])
        boxes.append(_box(part, x, y, own, x + own - min(size.rail, own * 0.2), size))
        left = x + own + size.gap
        for owned, chip in zip(part.owned, chips, strict=True):
            boxes.append(
                _box(owned, left, y, chip, left + chip - min(size.rail, chip * 0.3), size, chip=True)
            )
            left += chip + size.gap
    _place_above(part, x, width, y - size.row - size.gap, size, boxes)


def _place_above(part: Part, x: float, width: float, y: float, size: Size, boxes: list[Box]) -> None:
    """What stands on a part: the control plane at the left, the rest shares the room by breadth."""
    beside = [held for held in part.holds if held.beside]
    path = [held for held in part.holds if not held.beside]
    columns, breadth = beside + path, sum(held.breadth for held in path)
    for_beside = 0.3 * width if path else width
    for_path = width - for_beside - size.gap * (len(path) - 1)
    shares = [for_beside / len(beside) - (size.gap if path else 0) for _held in beside]
    shares += [for_path * held.breadth / breadth for held in path]
    room = width - size.gap * (len(columns) - 1)
    left = x
    for held, each in zip(columns, _dealt(room, shares, [_width(c, size) for c in columns]), strict=True):
        _place(held, left, each, y, size, boxes)
        left += each + size.gap


def _dealt(room: float, shares: list[float], needs: list[float]) -> list[float]:
    """The room by shares, but to nobody less than it needs; if that is too much, long names get less."""
    if sum(needs) >= room:
        dealt, left = [0.0] * len(needs), room
        for done, i in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
            dealt[i] = min(needs[i], left / (len(needs) - done))
            left -= dealt[i]
        return dealt
    short: set[int] = set()
    while True:
        left = room - sum(needs[i] for i in short)
        whole = sum(share for i, share in enumerate(shares) if i not in short)
        dealt = [needs[i] if i in short else left * share / whole for i, share in enumerate(shares)]
        more = {i for i, each in enumerate(dealt) if each < needs[i]}
        if not more:
            return dealt
        short |= more


def _width(part: Part, size: Size) -> float:
    """What a part, its own and all that stands on it need for their names."""
    row = sum(_need(each, size) for each in (part, *part.owned)) + size.gap * len(part.owned)
    above = sum(_width(held, size) for held in part.holds) + size.gap * (len(part.holds) - 1)
    return max(row, above)


def _need(part: Part, size: Size) -> float:
    """The width in which the name of a small box stands whole, in two lines."""
    letters, name = size.small * BOLD, _plain(part.short)
    ends = [0, *(found.end() for found in re.finditer(BREAK, name)), len(name)]
    in_two = (max(text_width(name[:at].strip(), letters), text_width(name[at:], letters)) for at in ends)
    return SMALL_EDGE + min(in_two) + SMALL_END + 0.1


def _box(part: Part, x: float, y: float, w: float, cx: float, size: Size, chip: bool = False) -> Box:
    small = chip or w < NARROW
    if size is FULL and not small:
        small = text_width(_plain(part.short), size.text * BOLD) > cx - 12 - x - size.edge
    start = SMALL_EDGE if small else size.edge
    letters = (size.small if small else size.text) * BOLD
    until = x + w - SMALL_END if small or size is CARD else cx - 12
    room = until - x - start
    name = part.short if text_width(part.short, letters) <= room else _plain(part.short)
    lines = _wrapped(name, room, letters, 2 if small or size is CARD else 1)
    sub = "" if small or not size.second_line else shortened(part.sub, until - x - start, size.small)
    cy = y + size.row * (0.72 if small and size is not CARD else 0.5)
    x, y, w, cx, cy = (round(number, 1) for number in (x, y, w, cx, cy))
    return Box(part, x, y, w, size.row, cx, cy, tuple(lines), sub, chip, small, size)


def _rails(part: Part, at: Mapping[str, Box]) -> Iterator[Rail]:
    here = at[part.id]
    for owned in part.owned:
        yield Rail(part.id, owned.id, f"M{here.cx} {here.cy}H{at[owned.id].cx}", "owned")
    for held in part.holds:
        above = at[held.id]
        if held.beside:
            yield Rail(held.id, part.id, f"M{above.cx} {above.cy}V{here.cy}", "supervises")
            yield from _rails(held, at)
            continue
        through = held.owned[-1:] or [held]
        onto = part.owned[-1:] or [part]
        for child in {held.id: held, through[0].id: through[0]}.values():
            for parent in {part.id: part, onto[0].id: onto[0]}.values():
                start, end = at[child.id], at[parent.id]
                kind = "path" if child is through[0] and parent is onto[0] else "under"
                yield Rail(child.id, parent.id, f"M{start.cx} {start.cy}V{end.cy}H{end.cx}", kind)
        yield from _rails(held, at)


def text_width(text: str, size: float) -> float:
    """About how wide a text is in a wide font: Chinese characters are as wide as they are high."""
    return size * sum(
        1.0 if east_asian_width(char) in "WF" else EM.get(char, OTHER_LATIN_WIDTH) for char in text
    )


def shortened(text: str, room: float, size: float) -> str:
    """The text, or as much of it as there is room for, ending in an ellipsis; nothing when there is none."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip(" ,，、·") + "…" if len(text) > 1 else ""


def _plain(name: str) -> str:
    """A name without what follows in brackets, for where there is little room."""
    return re.split(r" ?[(（]", name, maxsplit=1)[0] or name


def _wrapped(text: str, room: float, size: float, lines: int) -> list[str]:
    """Up to `lines` lines, broken after spaces and hyphens and between Chinese characters."""
    if lines == 1 or text_width(text, size) <= room:
        return [shortened(text, room, size)]
    pieces = [piece for piece in re.split(BREAK, text) if piece]
    for cut in range(len(pieces) - 1, 0, -1):
        first, rest = "".join(pieces[:cut]).strip(), "".join(pieces[cut:]).strip()
        if text_width(first, size) <= room:
            return [first, shortened(rest, room, size)]
    return [shortened(text, room, size)]
