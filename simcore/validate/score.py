"""How far off the model is: one error a case, tiers never mixed, and whether it says more than nothing.

The error of a case is e = |ln(predicted / measured)|, shown as a factor: ×1.10. Both are ratios to the
study's anchor, so how fast that machine was cancels out. Where the measured effect is below the study's
noise, only "no effect predicted: yes or no" is scored.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from statistics import fmean, median
from typing import Any

from simcore.simulation import MASK, ODD, STEP

__all__ = ["TARGETS", "case_error", "inversions", "tier_of", "totals"]

TARGETS: Mapping[str, tuple[float, float]] = {"L": (1.10, 1.30), "S": (1.15, 1.5), "X": (1.3, 2.0)}
"""Median and 90th percentile of the factor, by tier."""
SKILL, ORDERS = 0.5, 0.95
LEAST_DIFFERENCE = math.log(1.1)
RESAMPLES = 1000


def tier_of(
    composite: bool, evidence: Iterable[str], sources: Iterable[str], cited: Mapping[str, Iterable[str]]
) -> str:
    """L: local composite. F: an entry uses a value of the case itself. S: another of its study. X: none.

    `cited`: what entries use, evidence ids by source key.
    """
    if composite:
        return "L"
    used = {one for ids in cited.values() for one in ids}
    if used.intersection(evidence):
        return "F"
    return "S" if any(source in cited for source in sources) else "X"


def case_error(measured: Sequence[float], predicted: Sequence[float]) -> float:
    """The mean over a curve's points."""
    return fmean(abs(math.log(p / m)) for m, p in zip(measured, predicted, strict=True))


def inversions(rows: Sequence[tuple[str, float, float]], noise: float) -> tuple[int, list[tuple[str, str]]]:
    """Of (name, measured, predicted): how many pairs differ clearly, and which of them come out the wrong way
    round."""
    least, compared, wrong = max(2 * noise, LEAST_DIFFERENCE), 0, []
    for a, b in combinations(rows, 2):
        difference = math.log(a[1] / b[1])
        if abs(difference) <= least:
            continue
        compared += 1
        if (a[2] - b[2]) * difference <= 0:
            wrong.append((a[0], b[0]))
    return compared, wrong


def totals(cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Macro-averaged: the median of each study, then over studies; intervals by drawing studies and cases
    anew."""
    scored = [case for case in cases if case["e"] is not None]
    silent = [case for case in cases if case["e"] is None]
    found: dict[str, Any] = {
        "n": len(cases),
        "studies": len({case["study"] for case in cases}),
        "no_effect": {"n": len(silent), "right": sum(case["no_effect_predicted"] for case in silent)},
    }
    if not scored:
        return found | dict.fromkeys(("median_factor", "p90_factor", "interval", "skill", "skill_interval"))
    groups = _by_study(scored)
    low, high = _interval(groups, _macro_median)
    found |= {
        "median_factor": _factor(_macro_median(groups)),
        "p90_factor": _factor(_percentile([case["e"] for case in scored], 0.9)),
        "interval": [_factor(low), _factor(high)],
    }
    relative = _by_study([case for case in scored if case["e_null"] is not None])
    if not relative:
        return found | {"skill": None, "skill_interval": None}
    return found | {
        "skill": round(_skill(relative), 3),
        "skill_interval": [round(one, 3) for one in _interval(relative, _skill)],
    }


Groups = Sequence[Sequence[Mapping[str, Any]]]


def _by_study(cases: Sequence[Mapping[str, Any]]) -> Groups:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for case in cases:
        found.setdefault(case["study"], []).append(case)
    return list(found.values())


def _macro_median(groups: Groups) -> float:
    return float(median(median(case["e"] for case in group) for group in groups))


def _skill(groups: Groups) -> float:
    """1 − mean e ÷ mean e of the null model, which says that every ratio is 1."""
    own = fmean(fmean(case["e"] for case in group) for group in groups)
    null = fmean(fmean(case["e_null"] for case in group) for group in groups)
    return 1 - own / null if null else 0.0


def _interval(groups: Groups, score: Callable[[Groups], float]) -> tuple[float, float]:
    """The middle 90 % of the score over resampled studies and, in them, cases. The same draws every time."""
    state = 1

    def draw(below: int) -> int:
        nonlocal state
        state = (state * STEP + ODD) & MASK
        return (state >> 8) % below

    found = []
    for _ in range(RESAMPLES):
        picked = [groups[draw(len(groups))] for _ in groups]
        found.append(score([[group[draw(len(group))] for _ in group] for group in picked]))
    return _percentile(found, 0.05), _percentile(found, 0.95)


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _factor(e: float) -> float:
    return round(math.exp(e), 3)
