"""Predicted against measured, case by case: what makes a simulator one that can be believed.

Cases are data, committed before the model was tuned to anything; values marked as checks are never inputs.
Every run here is simulated with each time at its mean, from shipped files only, so the result is the same
everywhere. `result.json` is that result as shipped: the docs and the page show it.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from simcore.catalog import load_catalog
from simcore.component import Entry
from simcore.timings import Constant, EntryError, Timing
from simcore.units import duration_ns

from . import score
from .cases import FAMILIES, Case, Study, left_out, read_studies
from .runs import Progress, Runs
from .sensitivity import sensitivity

__all__ = ["RESULT", "shipped", "validate"]

RESULT = Path(__file__).parent / "result.json"


def shipped() -> dict[str, Any]:
    """The result as it was published with this version."""
    found: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    return found


def validate(machine: Entry | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """`cases, families, tiers, orders, skill, largest, sensitivity, studies, left_out`: see the docs.

    Raises EntryError with all runs that cannot be made or are cut.

    `machine`: another profile, whose composites take the place of the shipped one's.
    """
    studies = read_studies()
    runs = Runs(studies, machine, progress)
    cited = _cited()
    faults: list[str] = []
    found = [_case(study, case, runs, cited, machine, faults) for study in studies for case in study.cases]
    if faults:
        raise EntryError(faults)
    cases = [case for case in found if case is not None]
    told = [case for case in cases if case["tier"] in ("S", "X")]
    families = {name: score.totals([c for c in told if c["family"] == name]) for name in FAMILIES}
    families = {name: totals for name, totals in families.items() if totals["n"]}
    tiers = {name: score.totals([c for c in cases if c["tier"] == name]) for name in ("F", "S", "X", "L")}
    return {
        "ledger": load_catalog().version,
        "cases": cases,
        "families": families,
        "tiers": tiers,
        "orders": _orders(studies, runs),
        "skill": {name: totals["skill"] for name, totals in families.items()},
        "largest": _largest(studies, runs),
        "targets": {"tiers": score.TARGETS, "skill": score.SKILL, "orders": score.ORDERS},
        "sensitivity": sensitivity(studies, runs),
        "studies": {
            study.id: {"note": dict(study.note), "sources": list(study.sources)} for study in studies
        },
        "left_out": list(left_out()),
    }


def _cited() -> dict[str, set[str]]:
    """Evidence ids that entries use, by the key of their source."""
    found: dict[str, set[str]] = {}
    for entry in load_catalog().entries.values():
        numbers: list[Timing | Constant] = [*entry.timings.values(), *entry.constants.values()]
        for number in numbers:
            for one in (number, *number.also):
                if one.source:
                    found.setdefault(one.source, set()).update(one.evidence)
    return found


def _case(
    study: Study,
    case: Case,
    runs: Runs,
    cited: Mapping[str, set[str]],
    machine: Entry | None,
    faults: list[str],
) -> dict[str, Any] | None:
    """A row of the result; None for a composite that the machine could not measure. A run that fails is a
    fault: no case is dropped."""
    measured = [point.measured for point in case.points]
    if case.composite is not None:
        local = _composite(study, case, machine)
        if local is None:
            return None
        measured = [local]
    row: dict[str, Any] = {
        "id": case.id, "study": study.id, "label": dict(case.label), "family": case.family,
        "quantity": case.quantity, "unit": case.unit, "sources": list(study.sources),
        "evidence_ids": [*case.evidence, *([case.anchor_evidence] if case.anchor_evidence else [])],
        "tier": score.tier_of(case.composite is not None, case.evidence, study.sources, cited),
        "why": dict(case.why) if case.why else None, "noise": study.noise,
    }  # fmt: skip
    row["fitted"] = row["tier"] == "F"
    try:
        predicted = [runs.value(study.id, point.run, case.metric) for point in case.points]
        base = 1.0
        if case.anchor is not None:
            base = runs.value(study.id, case.anchor.run, case.anchor.metric or case.metric)
    except ValueError as fault:
        faults.append(f"case {case.id}: {fault}")
        return None
    against = 1.0 if case.anchor is None else case.anchor.measured
    ratios = [value / against for value in measured]
    foretold = [value / base for value in predicted]
    effect = max(abs(math.log(ratio)) for ratio in ratios) if case.anchor is not None else math.inf
    silent = effect <= study.noise
    e = score.case_error(ratios, foretold)
    e_null = None if silent or case.anchor is None else score.case_error(ratios, [1.0] * len(ratios))
    curve = zip(case.points, ratios, foretold, strict=True) if len(case.points) > 1 else ()
    return row | {
        "measured": _few(geometric_mean(ratios)),
        "predicted": _few(geometric_mean(foretold)),
        "points": [{"x": p.x, "measured": _few(m), "predicted": _few(f)} for p, m, f in curve],
        "factor": _few(geometric_mean(foretold) / geometric_mean(ratios)),
        "e": None if silent else _few(e),
        "e_null": None if e_null is None else _few(e_null),
        "effect": None if case.anchor is None else _few(effect),
        "no_effect_predicted": max(abs(math.log(p)) for p in foretold) <= study.noise if silent else None,
    }


def _few(value: float) -> float:
    """Five significant digits."""
    return float(f"{value:.5g}")


def _composite(study: Study, case: Case, machine: Entry | None) -> float | None:
    """What the profile measured: a time in ns, or a plain value. None: that machine could not measure it."""
    entry = machine or load_catalog()[study.profile or ""]
    table = entry.raw.get("composites", {}).get(case.composite)
    if table is None:
        return None
    return float(duration_ns(table["time"])) if "time" in table else float(table["value"])


def _orders(studies: tuple[Study, ...], runs: Runs) -> dict[str, Any]:
    compared, wrong = 0, []
    for study, quantity, rows in _quantities(studies, runs):
        n, pairs = score.inversions(rows, study.noise)
        compared += n
        wrong += [
            {"study": study.id, "quantity": quantity, "a": a, "b": b, "why": _why(study, a, b)}
            for a, b in pairs
        ]
    right = compared - len(wrong)
    return {
        "n": compared,
        "right": right,
        "share": round(right / compared, 4) if compared else None,
        "inversions": wrong,
    }


def _quantities(
    studies: tuple[Study, ...], runs: Runs
) -> list[tuple[Study, str, list[tuple[str, float, float]]]]:
    """Within each study what was measured in the same words: (case or anchor, measured, predicted)."""
    found = []
    for study in studies:
        rows: dict[tuple[str, str], dict[str, tuple[str, float, float]]] = {}
        for case in study.cases:
            if case.anchor is None:
                continue
            points = [(case.id if len(case.points) == 1 else f"{case.id} @ {p.x}", p) for p in case.points]
            for name, point in [*points, (f"anchor {case.anchor.run}", case.anchor)]:
                predicted = runs.value(study.id, point.run, point.metric or case.metric)
                place = rows.setdefault((case.quantity, case.unit), {})
                place[f"{point.run} {point.measured}"] = name, point.measured, predicted
        found += [(study, quantity, list(table.values())) for (quantity, _), table in rows.items()]
    return found


def _why(study: Study, *names: str) -> Mapping[str, str] | None:
    for case in study.cases:
        if case.why and any(name.split(" @ ")[0] == case.id for name in names):
            return dict(case.why)
    return None


def _largest(studies: tuple[Study, ...], runs: Runs) -> list[dict[str, Any]]:
    found = []
    for study in studies:
        for claim in study.largest:
            shares = runs.get(study.id, claim.run).by_node
            most = max(shares, key=shares.__getitem__)
            found.append(
                {
                    "id": claim.id, "study": study.id, "label": dict(claim.label), "expect": claim.expect,
                    "most": most, "share": round(shares[most], 4), "right": most == claim.expect,
                    "evidence_ids": list(claim.evidence), "why": dict(claim.why) if claim.why else None,
                }
            )  # fmt: skip
    return found
