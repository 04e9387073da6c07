"""A scenario as a picture: boxes that stand on each other, hardware at the bottom.

    [ workload                        ]
    [ docker  ] [ container           ]      the engine stands beside the path, not on it
    [ linux                           ]
    [ server      ] [ UEFI ] [ NVMe   ]      firmware and devices stand beside the machine that owns them

The path of a request falls straight down the right side. Everything here is plain geometry in viewBox units; the
template draws it. Three sizes: `FULL` with a second line of text, `COMPACT` for three or four lanes side by side,
`CARD` for the gallery.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from unicodedata import east_asian_width

__all__ = ["CARD", "COMPACT", "FULL", "Box", "Diagram", "Part", "Rail", "Size", "draw", "parts_of", "shortened"]

BESIDE = ("engine",)
OWNED = ("firmware", "nic", "disk")
"""The order in which the parts of a machine or vm stand beside it: the disk last, on the path."""


@dataclass(frozen=True)
class Size:
    name: str
    width: int
    row: int
    gap: int
    edge: int
    text: float
    small: float
    second_line: bool


FULL = Size("full", width=480, row=60, gap=6, edge=46, text=15.5, small=12.5, second_line=True)
COMPACT = Size("compact", width=260, row=46, gap=5, edge=14, text=13, small=11.5, second_line=False)
CARD = Size("card", width=260, row=38, gap=4, edge=14, text=13, small=11.5, second_line=False)
ROOM_FOR_STATE = 92
NARROWEST = 10.0


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
    def leaves(self) -> int:
        return max(1, sum(part.leaves for part in self.holds if not part.beside))

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
    size: Size

    @property
    def text_x(self) -> float:
        return self.x + (11 if self.chip else self.size.edge if self.w > 150 else 14)

    @property
    def name_lines(self) -> list[tuple[float, str]]:
        """Each line of the name with its baseline; above the middle where a second line of text follows."""
        height = self.size.small if self.chip else self.size.text
        middle = self.y + self.h / 2
        if not self.chip and self.size is not CARD:
            return [(round(middle - (4 if self.sub or self.size is FULL else 3), 1), self.lines[0])]
        top = middle + height * 0.36 - (len(self.lines) - 1) * height * 0.6
        return [(round(top + number * height * 1.2, 1), line) for number, line in enumerate(self.lines)]

    @property
    def sub_y(self) -> float:
        return self.y + self.h / 2 + 15

    @property
    def state_x(self) -> float:
        return self.cx - 20 if self.size is FULL else self.text_x

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
    def icon_x(self) -> float:
        return self.x + 16

    @property
    def icon_y(self) -> float:
        return self.y + self.h / 2 - 10

    @property
    def has_icon(self) -> bool:
        return self.size is FULL and not self.chip and self.w > 150


@dataclass(frozen=True)
class Rail:
    """The way between two parts. `path` is drawn, the way of a request; `under` is not, because a device stands on
    that way; `owned` leads from an owner to its parts; `supervises` from the control plane to what it stands on."""

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
    def ground_y(self) -> float:
        return self.height - 1


def parts_of(scenario: Any, texts: Mapping[str, Any]) -> Part:
    """The tree of a legal scenario, its workloads included; `texts` by component id."""
    by_id: dict[str, Part] = {}

    def part(node: Any) -> Part:
        words = texts[node.is_]
        made = by_id[node.id] = Part(
            id=node.id,
            is_=node.is_,
            role=node.entry.role,
            label=str(words.get("label", node.is_)),
            short=str(words.get("short", node.is_)),
            sub=str(words.get("sub", "")),
            beside=node.entry.role in BESIDE or node.entry.control_plane,
        )
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
    rail = x + width - (width * 0.12 if width > 200 else width * 0.2)
    if not part.owned:
        boxes.append(_box(part, x, y, width, rail, size))
    else:
        own = width * (0.46 if len(part.owned) > 1 else 0.66)
        chip = (width - own - size.gap * len(part.owned)) / len(part.owned)
        boxes.append(_box(part, x, y, own, x + own - min(26, own * 0.14), size))
        for number, owned in enumerate(part.owned):
            left = x + own + size.gap + number * (chip + size.gap)
            last = number == len(part.owned) - 1
            boxes.append(_box(owned, left, y, chip, rail if last else left + chip / 2, size, chip=True))
    beside = [held for held in part.holds if held.beside]
    path = [held for held in part.holds if not held.beside]
    above = y - size.row - size.gap
    left, room = x, width
    if beside:
        share = room * 0.3 if path else room
        each = (share - size.gap * len(beside)) / len(beside) if path else (room / len(beside))
        for held in beside:
            _place(held, left, each, above, size, boxes)
            left += each + size.gap
        room = x + width - left
    if path:
        leaves = sum(held.leaves for held in path)
        usable = room - size.gap * (len(path) - 1)
        for held in path:
            each = usable * held.leaves / leaves
            _place(held, left, each, above, size, boxes)
            left += each + size.gap


def _box(part: Part, x: float, y: float, w: float, cx: float, size: Size, chip: bool = False) -> Box:
    small = size.small if chip else size.text
    room = w - (18 if chip else (size.edge if w > 150 else 14) + 8) - (0 if chip else min(ROOM_FOR_STATE, w * 0.22))
    lines = _wrapped(part.short, room, small, 2 if chip or size is CARD else 1)
    sub = "" if chip or not size.second_line else shortened(part.sub, room + 20, size.small)
    cy = y + size.row / 2
    numbers = (round(number, 1) for number in (x, y, w, cx, cy))
    x, y, w, cx, cy = numbers
    return Box(part, x, y, w, size.row, cx, cy, tuple(lines), sub, chip, size)


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
    """About how wide a text is: a Chinese character is as wide as it is high, a Latin one a little over half."""
    wide = sum(1.0 if east_asian_width(char) in "WF" else 0.56 for char in text)
    return wide * size


def shortened(text: str, room: float, size: float) -> str:
    """The text, or as much of it as there is room for, ending in an ellipsis; nothing when there is none."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip(" ,，、·") + "…" if len(text) > 1 else ""


def _wrapped(text: str, room: float, size: float, lines: int) -> list[str]:
    """Up to `lines` lines, broken at spaces (between Chinese characters where there are none)."""
    if lines == 1 or text_width(text, size) <= room:
        return [shortened(text, room, size)]
    words = text.split(" ")
    for cut in range(len(words) - 1, 0, -1):
        first, rest = " ".join(words[:cut]), " ".join(words[cut:])
        if text_width(first, size) <= room:
            return [first, shortened(rest, room, size)]
    if any(east_asian_width(char) in "WF" for char in text):
        for cut in range(len(text) - 1, 0, -1):
            if text_width(text[:cut], size) <= room:
                return [text[:cut], shortened(text[cut:], room, size)]
    return [shortened(text, room, size)]
