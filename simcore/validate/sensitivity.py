"""What the published conclusions would be if a number that is only assumed were half or twice what it is."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .cases import Study
from .measure import Key, Simulated, simulate
from .runs import Runs
from .score import LEAST_DIFFERENCE

__all__ = ["sensitivity"]

FACTORS = (0.5, 2.0)
SMALL = 0.002
"""An assumed number with less than this share of a run's time moves nothing that is shown."""
CAUTION = 1.5
"""A share of the time tells only roughly how a result moves: what comes near is simulated again."""


@dataclass(frozen=True)
class Pair:
    """A case and its anchor, which differ clearly: their order is a conclusion."""

    study: Study
    case: str
    first: tuple[str, str]  # run, metric
    second: tuple[str, str]


def sensitivity(studies: tuple[Study, ...], runs: Runs) -> list[dict[str, Any]]:
    """Which order would turn round if a number that is only assumed were half or twice what it is."""
    found = []
    pairs = list(_pairs(studies))
    for key in _assumed(runs):
        for factor in FACTORS:
            near = [pair for pair in pairs if _comes_near(runs, pair, key, factor)]
            flips = [pair.case for pair in near if _turns_round(runs, pair, key, factor)]
            if flips:
                found.append({"component": key[0], "op": key[1], "factor": factor, "flips": flips})
    return found


def _assumed(runs: Runs) -> list[Key]:
    simulated = [run for run in runs.done.values() if isinstance(run, Simulated)]
    shares = [(run, table) for run in simulated for table in (run.lane_shares, run.boot_shares)]
    return sorted(
        {
            key
            for run, table in shares
            for key, share in table.items()
            if share > SMALL and run.statuses[key] == "assumed"
        }
    )


def _pairs(studies: tuple[Study, ...]) -> Iterator[Pair]:
    for study in studies:
        for case in study.cases:
            for point in case.points if case.anchor else ():
                assert case.anchor is not None
                difference = abs(math.log(point.measured / case.anchor.measured))
                if difference > max(2 * study.noise, LEAST_DIFFERENCE):
                    second = case.anchor.run, case.anchor.metric or case.metric
                    yield Pair(study, case.id, (point.run, case.metric), second)


def _comes_near(runs: Runs, pair: Pair, key: Key, factor: float) -> bool:
    before = math.log(runs.value(pair.study.id, *pair.first) / runs.value(pair.study.id, *pair.second))
    moved = []
    for run, metric in (pair.first, pair.second):
        change = math.log(1 + runs.get(pair.study.id, run).share(metric, key) * (factor - 1))
        moved.append(-change if metric.endswith("per_s") else change)
    return before * (before + CAUTION * (moved[0] - moved[1])) < 0


def _turns_round(runs: Runs, pair: Pair, key: Key, factor: float) -> bool:
    machine = runs.machine_of(pair.study.id)
    sides = pair.first, pair.second
    before = [runs.value(pair.study.id, *side) for side in sides]
    again = [
        simulate(pair.study.runs[run], machine, scaled={key: factor}).value(metric) for run, metric in sides
    ]
    return (again[0] - again[1]) * (before[0] - before[1]) < 0
