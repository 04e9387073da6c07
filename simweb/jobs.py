"""What worker processes run: a scenario or a race in, plain data and zipped traces out. No Django here."""

import gzip
from collections.abc import Callable, Sequence
from typing import Any

import simcore

__all__ = ["outcome", "race", "run"]

Progress = Callable[..., None]
LEVEL = 6


def _kept(result: Any) -> dict[str, Any]:
    return {
        "hash": result.trace_sha256,
        "gz": gzip.compress(result.trace_bytes, LEVEL, mtime=0),
        "size": len(result.trace_bytes),
        "outcome": result.outcome,
        "parts": simcore.time_parts(result.trace),
        "steps": simcore.time_steps(result.trace),
        "starts": simcore.race_starts(result.trace),
    }


def _meet(profiles: Sequence[str]) -> None:
    """Know the measured machines that the scenarios stand on: processes do not share them."""
    for text in profiles:
        simcore.add_machine(text)


def run(
    canonical: dict[str, Any], seed: int, profiles: Sequence[str] = (), *, progress: Progress
) -> dict[str, Any]:
    """One scenario: its trace and outcome."""
    _meet(profiles)
    return _kept(simcore.run(simcore.scenario(canonical), seed, progress=progress))


def outcome(
    canonical: dict[str, Any], seed: int, profiles: Sequence[str] = (), *, progress: Progress
) -> dict[str, Any]:
    """What a run comes to, and nothing else of it: for a page that asks while a finger slides."""
    _meet(profiles)
    found: dict[str, Any] = simcore.run(simcore.scenario(canonical), seed, progress=progress).outcome
    return found


def race(
    canonicals: list[dict[str, Any]],
    seed: int,
    start: str,
    profiles: Sequence[str] = (),
    *,
    progress: Progress,
) -> dict[str, Any]:
    """Several scenarios on one axis: each one's trace, the order, and the gaps with their parts."""
    _meet(profiles)
    scenarios = [simcore.scenario(canonical) for canonical in canonicals]
    raced = simcore.race(scenarios, seed, start, progress=progress)
    starts = [lane.start_ns for lane in raced.lanes]
    return raced.as_dict() | {"runs": [_kept(result) for result in raced.results], "starts": starts}
