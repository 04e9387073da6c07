"""A stack or a race as a picture of its own: title, question and drawing in one SVG with its own styles,
light or dark as the reader's system is. It stands where no frame can be: in Markdown, in a mail, in print."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders

from simweb import diagram, presenters
from simweb.presenters import Lane

EDGE, GAP = 28, 28
TITLE, TEXT, NAME = 22, 15, 14
LEADING = 1.45


@dataclass(frozen=True)
class Placed:
    """One drawing, and where it stands."""

    lane: Lane
    x: float
    y: float
    name_y: float


@dataclass(frozen=True)
class Poster:
    """Everything in SVG units. `heading` and `said` are lines with their baselines."""

    width: float
    height: float
    title: str
    heading: list[tuple[float, str]]
    said: list[tuple[float, str]]
    placed: list[Placed]


def drawn(lanes: Sequence[Lane], view: str) -> Poster:
    """All drawings on one ground line, at one scale."""
    width = sum(lane.drawing.width for lane in lanes) + GAP * (len(lanes) - 1)
    race = len(lanes) > 1
    title = title_of(lanes, view)
    heading = baselines(wrapped(title, width, TITLE), EDGE + TITLE * 0.8, TITLE)
    below = heading[-1][0] + TITLE * 0.3
    said = baselines([] if race else wrapped(lanes[0].question, width, TEXT), below + TEXT * LEADING, TEXT)
    top = (said or heading)[-1][0] + 22 + (NAME * LEADING if race else 0)
    ground = top + max(lane.drawing.height for lane in lanes)
    placed, x = [], float(EDGE)
    for lane in lanes:
        placed.append(Placed(lane, x, round(ground - lane.drawing.height, 1), round(top - 12, 1)))
        x += lane.drawing.width + GAP
    return Poster(width + 2 * EDGE, round(ground + EDGE + 24, 1), title, heading, said, placed)


def baselines(lines: Sequence[str], first: float, size: float) -> list[tuple[float, str]]:
    return [(round(first + number * size * LEADING, 1), line) for number, line in enumerate(lines)]


def title_of(lanes: Sequence[Lane], view: str) -> str:
    if len(lanes) == 1:
        return lanes[0].label
    return presenters.race_title(view)


def wrapped(text: str, room: float, size: float) -> list[str]:
    """The text in lines that fit, broken after spaces and between Chinese characters."""
    lines = [""]
    for piece in re.split(r"(?<= )|(?<=[\u3000-\u9fff，。？！：；])(?![，。？！：；])", text):
        if diagram.text_width((lines[-1] + piece).rstrip(), size) > room and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines if line.strip()]


@lru_cache(maxsize=1)
def style() -> str:
    """The colours and the drawing's rules, as the pages have them, in one line each."""
    files = (finders.find(f"strata/{name}.css") for name in ("tokens", "stack"))
    css = "\n".join(Path(str(file)).read_text(encoding="utf-8") for file in files)
    return re.sub(r"/\*.*?\*/|(?<=[:;{},]) +|^ +", "", css, flags=re.S | re.M).strip()


@lru_cache(maxsize=1)
def style_hash() -> str:
    digest = hashlib.sha256(style().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
