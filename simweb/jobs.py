"""What worker processes run: a scenario or a race in, plain data and zipped traces out. No Django here."""

import gzip
from collections.abc import Callable
from typing import Any

import simcore

__all__ = ["race", "run"]

Progress = Callable[..., None]
LEVEL = 6


def _kept(result: Any) -> dict[str, Any]:
    return {
        "hash": result.trace_sha256,
        "gz": gzip.compress(result.trace_bytes, LEVEL, mtime=0),
        "size": len(result.trace_bytes),
        "outcome": result.outcome,
    }


def run(canonical: dict[str, Any], seed: int, *, progress: Progress) -> dict[str, Any]:
    """One scenario: its trace and outcome."""
    return _kept(simcore.run(simcore.scenario(canonical), seed, progress=progress))


def race(canonicals: list[dict[str, Any]], seed: int, start: str, *, progress: Progress) -> dict[str, Any]:
    """Several scenarios on one axis: each one's trace, the order, and the gaps with their parts."""
    scenarios = [simcore.scenario(canonical) for canonical in canonicals]
    raced = simcore.race(scenarios, seed, start, progress=progress)
    starts = [lane.start_ns for lane in raced.lanes]
    return raced.as_dict() | {"runs": [_kept(result) for result in raced.results], "starts": starts}
