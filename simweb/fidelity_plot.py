"""The plot of /fidelity/: predicted against measured, both logarithmic, as points that can be followed."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

import simcore
from simweb.presenters import in_language

__all__ = ["FAMILIES", "Dot", "Line", "Plot", "factor", "plot_of", "written"]

FAMILIES = {  # in the hue of the role that it is mostly about
    "start": "kernel",
    "density": "vm",
    "disk": "device",
    "network": "container",
    "cpu": "workload",
    "syscall": "hypervisor",
    "memory": "engine",
    "scheduling": "machine",
}
SIZE, MARGIN = 640.0, 64.0


@dataclass(frozen=True)
class Dot:
    """A point of the plot."""

    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """A case in the plot: its points, joined where it is a curve."""

    id: str
    role: str
    tier: str
    title: str
    dots: list[Dot]
    path: str


@dataclass(frozen=True)
class Plot:
    """Predicted over measured, both logarithmic, in a square of `SIZE`. `bands`: polygons within a factor."""

    lines: list[Line]
    ticks: list[tuple[float, str]]
    bands: list[tuple[str, str]]
    x_label: str
    y_label: str


def plot_of(cases: Iterable[Mapping[str, Any]], local: bool, lang: str) -> Plot | None:
    """Ratios of all tiers; absolute values where only local composites are asked for."""
    drawn = [case for case in cases if (case["tier"] == "L") == local]
    values = [point[side] for case in drawn for point in _points(case) for side in ("measured", "predicted")]
    if not values:
        return None
    low, high = _ends(min(values), max(values))

    def place(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return round(MARGIN + share * (SIZE - 2 * MARGIN), 1)

    def band(within: float) -> str:
        corners = [(low, low), (high, high)]
        log = math.log10(within)
        inside = [(a - log / 2, b + log / 2) for a, b in corners] + [
            (a + log / 2, b - log / 2) for a, b in reversed(corners)
        ]
        return " ".join(f"{place(10**x)},{SIZE - place(10**y)}" for x, y in inside)

    lines = []
    for case in drawn:
        dots = [
            Dot(place(point["measured"]), round(SIZE - place(point["predicted"]), 1))
            for point in _points(case)
        ]
        title = _("%(label)s: measured %(measured)s, predicted %(predicted)s") % {
            "label": in_language(case["label"], lang),
            "measured": written(case["measured"], case),
            "predicted": written(case["predicted"], case),
        }
        path = "M" + "L".join(f"{dot.x} {dot.y}" for dot in dots) if len(dots) > 1 else ""
        lines.append(Line(case["id"], FAMILIES[case["family"]], case["tier"], title, dots, path))
    ticks = [(place(value), _tick(value, local)) for value in _ticks(low, high)]
    return Plot(
        lines,
        ticks,
        [("2", band(2)), ("1.3", band(1.3))],
        _("Measured") if local else _("Measured, as a ratio to the study's anchor"),
        _("Predicted"),
    )


def _points(case: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Those of a curve, else the case itself."""
    return case["points"] or [case]


def _ends(least: float, most: float) -> tuple[float, float]:
    """Exponents of ten just beyond the values, at least a decade apart."""
    low, high = math.log10(least) - 0.08, math.log10(most) + 0.08
    short = max(0.0, 1 - (high - low)) / 2
    return low - short, high + short


def _ticks(low: float, high: float) -> Iterator[float]:
    steps = (1, 2, 5) if high - low <= 2.2 else (1,)
    for exponent in range(math.floor(low), math.ceil(high) + 1):
        for step in steps:
            if low <= math.log10(step * 10**exponent) <= high:
                yield float(step * 10**exponent)


def _tick(value: float, local: bool) -> str:
    return simcore.show_time(round(value)) if local and value >= 1 else f"{value:g}"


def written(value: float, case: Mapping[str, Any]) -> str:
    """A ratio to the anchor; of a local composite the value itself, a time for the most part."""
    if case["tier"] == "L":
        return simcore.show_time(round(value)) if value > 1 else f"{value:.3g}"
    return factor(value)


def factor(value: float | None) -> str:
    """“×1.10”, three significant digits."""
    if value is None:
        return "–"
    return f"×{value:.0f}" if value >= 100 else f"×{float(f'{value:.3g}'):g}"
