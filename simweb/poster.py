"""A stack or a race as a picture of its own: title, question, figures and drawing in one SVG with its own
styles, light or dark as the reader's system is. It stands where no frame can be: in Markdown, in a mail, in
print."""

import base64
import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.utils.translation import get_language
from django.utils.translation import gettext as _

import simcore
from simweb import diagram, presenters, store
from simweb.presenters import Lane

EDGE, GAP = 28, 28
TITLE, TEXT, NAME = 22, 15, 14
LEADING = 1.45


@dataclass(frozen=True)
class Placed:
    """One drawing, where it stands, and in a race what stands above it."""

    lane: Lane
    x: float
    y: float
    name: list[tuple[float, str]]
    figure: list[tuple[float, str]]


@dataclass(frozen=True)
class Poster:
    """Everything in SVG units. `heading`, `said` and `figure` are lines with their baselines."""

    width: float
    height: float
    title: str
    heading: list[tuple[float, str]]
    said: list[tuple[float, str]]
    figure: list[tuple[float, str]]
    placed: list[Placed]


def drawn(lanes: Sequence[Lane], view: str, told: Sequence[str]) -> Poster:
    """All drawings on one ground line, at one scale; `told` are the figures of each."""
    width = sum(lane.drawing.width for lane in lanes) + GAP * (len(lanes) - 1)
    race = len(lanes) > 1
    title = title_of(lanes, view)
    heading = baselines(wrapped(title, width, TITLE), EDGE + TITLE * 0.8, TITLE)
    below = heading[-1][0] + TITLE * 0.3
    said = baselines([] if race else wrapped(lanes[0].question, width, TEXT), below + TEXT * LEADING, TEXT)
    below = (said or heading)[-1][0] + (TEXT - 10 if said else TITLE * 0.3)
    figure = baselines([] if race else wrapped(told[0], width, TEXT), below + TEXT * LEADING, TEXT)
    heads = [_head(lane, told[lane.number]) if race else ([], []) for lane in lanes]
    above = (figure or said or heading)[-1][0] + 22
    top = above + NAME * LEADING * max(len(name) + len(figure) for name, figure in heads)
    ground = top + max(lane.drawing.height for lane in lanes)
    placed, x = [], float(EDGE)
    for lane, (name, took) in zip(lanes, heads, strict=True):
        lines = baselines(name + took, top - 12 - NAME * LEADING * (len(name) + len(took) - 1), NAME)
        y = round(ground - lane.drawing.height, 1)
        placed.append(Placed(lane, x, y, lines[: len(name)], lines[len(name) :]))
        x += lane.drawing.width + GAP
    return Poster(width + 2 * EDGE, round(ground + EDGE + 24, 1), title, heading, said, figure, placed)


def _head(lane: Lane, figure: str) -> tuple[list[str], list[str]]:
    """The lines of a lane's name, which is bold, and of its figure."""
    width = lane.drawing.width
    return wrapped(lane.label, width / diagram.BOLD, NAME), wrapped(figure, width, NAME)


def figures(plan: store.Plan, lanes: Sequence[Lane], at_ns: int | None) -> list[str]:
    """What the record says of each lane: when it was finished, or what one request took and where. "" while
    there is no record, since a poster begins no run."""
    result = store.kept(plan)
    if result is None:
        return [""] * len(lanes)
    if plan.is_race:
        found = {finish.lane.number: finish.time for finish in presenters.finishes(lanes, result)}
        return [found[lane.number] or _("never finishes") for lane in lanes]
    record = store.record_of(plan.scenarios[0])
    data = store.trace_bytes(record) if record and lanes[0].follows else None
    if data is not None:
        return [one_request(lanes[0], simcore.Trace.from_bytes(gzip.decompress(data)), at_ns)]
    if record is None or lanes[0].follows or not (took := record.outcome["lane"])["finished"]:
        return [""]
    took_ns = took["end_ns"] - took["start_ns"]
    return [_("%(time)s from the running host to the end of the work") % {"time": time(took_ns)}]


def one_request(lane: Lane, trace: simcore.Trace, at_ns: int | None) -> str:
    """The request that the player opens with: that of the moment asked for, else the one of middle length.
    Its whole, then its layers, which sum to it."""
    if (chosen := simcore.followed(trace, lane.follows, at_ns)) is None:
        return ""
    request, nth, of = chosen
    trip = simcore.journey(trace, request)
    layers: Counter[str] = Counter()
    for stop in trip.stops:
        layers[stop.node] += stop.end_ns - stop.start_ns
    names = {box.part.id: box.part.short for box in lane.drawing.boxes}
    parts = [f"{names.get(node, node)} {time(ns)}" for node, ns in layers.most_common() if ns]
    whole = _("%(what)s %(n)s of %(of)s: %(time)s") % {
        "what": simcore.texts(get_language() or "en")["kinds"][lane.follows]["name"],
        "n": nth,
        "of": of,
        "time": time(trip.end_ns - trip.start_ns),
    }
    return f"{whole} — {' · '.join(parts)}"


def time(ns: int) -> str:
    """A number and its unit, which stay on one line."""
    return str(simcore.show_time(ns)).replace(" ", "\u00a0")


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
