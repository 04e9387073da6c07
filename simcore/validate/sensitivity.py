"""What the published conclusions would be if a number that is only assumed were half or twice what it is."""

import math
from typing import Any

from .cases import Study
from .measure import Key, Simulated, simulate
from .runs import Runs
from .score import LEAST_DIFFERENCE

__all__ = ["sensitivity"]

FACTORS = (0.5, 2.0)
SMALL = 0.002
"""An assumed number with less than this share of a run's time moves nothing that is shown."""
Side = tuple[str, float, str]  # run, measured, name


def sensitivity(studies: tuple[Study, ...], runs: Runs) -> list[dict[str, Any]]:
    """Which order would turn round if a number that is only assumed were half or twice what it is.

    First by share of the time, which is quick; what might flip is simulated again.
    """
    found = []
    assumed = sorted(
        {
            key
            for run in runs.done.values()
            if isinstance(run, Simulated)
            for key, status in run.statuses.items()
            if status == "assumed" and run.by_op[key] > SMALL
        }
    )
    named = _named_pairs(studies)
    for key in assumed:
        for factor in FACTORS:
            flips = [
                f"{study.id}: {a[2]} / {b[2]}"
                for study, metric, a, b in named
                if _may_flip(runs, study, metric, a, b, key, factor)
                and _flips(runs, study, metric, a, b, key, factor)
            ]
            if flips:
                found.append({"component": key[0], "op": key[1], "factor": factor, "flips": flips})
    return found


def _named_pairs(studies: tuple[Study, ...]) -> list[tuple[Study, str, Side, Side]]:
    """Each case against its anchor, where the difference is clear."""
    found = []
    for study in studies:
        for case in study.cases:
            if case.anchor is None:
                continue
            for point in case.points:
                if abs(math.log(point.measured / case.anchor.measured)) > max(
                    2 * study.noise, LEAST_DIFFERENCE
                ):
                    anchor = (case.anchor.run, case.anchor.measured, case.anchor.run)
                    found.append((study, case.metric, (point.run, point.measured, case.id), anchor))
    return found


def _may_flip(runs: Runs, study: Study, metric: str, a: Side, b: Side, key: Key, factor: float) -> bool:
    try:
        first, second = runs.get(study.id, a[0]), runs.get(study.id, b[0])
        before = math.log(first.value(metric) / second.value(metric))
    except ValueError:
        return False
    up = -1 if metric.endswith("per_s") else 1
    change = [up * math.log(1 + run.by_op.get(key, 0) * (factor - 1)) for run in (first, second)]
    return before * (before + 1.5 * (change[0] - change[1])) < 0


def _flips(runs: Runs, study: Study, metric: str, a: Side, b: Side, key: Key, factor: float) -> bool:
    machine = runs.machine_of(study.id)
    again = [simulate(study.runs[one[0]], machine, {key: factor}).value(metric) for one in (a, b)]
    before = [runs.value(study.id, one[0], metric) for one in (a, b)]
    return (again[0] - again[1]) * (before[0] - before[1]) < 0
