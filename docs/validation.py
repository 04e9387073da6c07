"""The page of the model's error, made from the result that is shipped with this version."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import simcore
from simcore.terminal import off_by, score_cells

__all__ = ["validation_page"]

INTRO = """\
How far off is the model? Here it is compared with measurements that other people published, and with whole
results measured on one machine that it had to predict from that machine's primitives. The table is what
`python -m simcore validate` prints; the site shows the same at `/fidelity/`. A miss is listed with what is
known of its reason. No case is dropped for missing, and no number is bent to hit one.

## How to read it

**Ratios.** Within a study one value, usually the bare machine's, is the *anchor*: it says how fast that
machine was. Measured and predicted are both given as ratios to it, so that a faster or slower computer
cancels out. A drive's figures in a run are those of the study's bare machine, for the same reason.

**Error.** e = |ln(predicted ÷ measured)|, shown as a factor with its sign: ×0.80 means that the prediction
is 20 % too low. A curve is one case; its e is the mean over its points. Where the measured effect is below
the study's noise, only "no effect predicted: yes or no" is scored.

**Tiers** are never mixed. *F*: an entry uses a value of the case itself, so that hitting it proves nothing.
*S*: another value of that study is an input. *X*: nothing of the study is an input; its anchor only sets
the speed. *L*: a whole result of the machine whose profile is shipped, predicted from primitives of the
same run; absolute, not a ratio. Which tier a case is in is computed from the evidence that entries cite.

**Scores** are macro-averaged: the median of each study, then over studies, so that a study with forty
values weighs no more than one with two. Intervals (90 %) come from drawing studies and cases anew, a
thousand times.

**Skill** = 1 − mean e ÷ mean e of the *null model*, which says that every ratio is 1, that is: that no
stack differs from the bare machine. 0 is no better than saying nothing, 1 is perfect, below 0 is worse than
saying nothing.

**Orders.** Two results of one study that differ clearly, by more than twice its noise and by at least 10 %,
should come out the same way round.
"""


def validation_page(made: str) -> str:
    result = simcore.validation()
    lines = ["# Validation", "", made, "", *INTRO.splitlines(), ""]
    lines += ["## Scores", "", *_scores(result), ""]
    lines += ["## Orders", "", *_orders(result["orders"]), ""]
    lines += ["## Cases", "", *_cases(result), ""]
    lines += ["## Which layer takes most", "", *_largest(result["largest"]), ""]
    lines += ["## What rests on assumed numbers", "", *_sensitivity(result["sensitivity"]), ""]
    lines += ["## Studies", "", *_studies(result["studies"]), ""]
    lines += ["## What is no case, and why", "", *_left_out(result["left_out"])]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def _scores(result: Mapping[str, Any]) -> Iterator[str]:
    targets = result["targets"]
    rows = []
    for name, totals in result["tiers"].items():
        if totals["n"]:
            aim = targets["tiers"].get(name)
            rows.append(
                [f"tier {name}", *score_cells(totals), f"×{aim[0]:.2f}, ×{aim[1]:.2f}" if aim else ""]
            )
    for name, totals in result["families"].items():
        rows.append([f"family {name} (S and X)", *score_cells(totals), f"skill {targets['skill']}"])
    yield from _table(
        ["", "cases", "median", "p90", "90 % interval", "skill", "no effect, rightly", "target"], rows
    )
    yield ""
    missed = list(_missed(result))
    yield f"Targets missed: {'; '.join(missed)}." if missed else "Every target is met."


def _missed(result: Mapping[str, Any]) -> Iterator[str]:
    targets = result["targets"]
    for name, (middle, far) in targets["tiers"].items():
        totals = result["tiers"][name]
        if totals["n"] and totals["median_factor"] is not None:
            if totals["median_factor"] > middle:
                yield f"median of tier {name}"
            if totals["p90_factor"] > far:
                yield f"p90 of tier {name}"
    for name, totals in result["families"].items():
        if totals["skill"] is not None and totals["skill"] < targets["skill"]:
            yield f"skill in {name}"
    if result["orders"]["share"] < targets["orders"]:
        yield "orders"


def _orders(orders: Mapping[str, Any]) -> Iterator[str]:
    share = f"{orders['share']:.0%}"
    yield f"{orders['right']} of {orders['n']} pairs come out the right way round ({share}). Inverted:"
    yield ""
    rows = [
        [wrong["study"], wrong["a"], wrong["b"], (wrong["why"] or {}).get("en", "")]
        for wrong in orders["inversions"]
    ]
    yield from _table(["study", "one", "other", "why"], rows)


def _cases(result: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [
            f"`{case['id']}`",
            case["label"]["en"],
            case["family"],
            case["tier"],
            f"{case['measured']:.4g}",
            f"{case['predicted']:.4g}",
            off_by(case),
            (case["why"] or {}).get("en", ""),
        ]
        for case in result["cases"]
    ]
    head = ["case", "what", "family", "tier", "measured", "predicted", "off by", "known limits"]
    yield from _table(head, rows)


def _largest(claims: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = [
        [
            claim["label"]["en"],
            claim["expect"],
            f"{claim['most']} ({claim['share']:.0%})",
            "yes" if claim["right"] else "no",
        ]
        for claim in claims
    ]
    yield from _table(["where", "measured", "predicted", "the same"], rows)


def _sensitivity(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "Each number that is only assumed was halved and doubled. These would turn an order round:"
    yield ""
    shown = [
        [f"`{row['component']}.{row['op']}`", f"× {row['factor']:g}", ", ".join(row["flips"])] for row in rows
    ]
    yield from _table(["number", "factor", "orders that turn round"], shown)


def _studies(studies: Mapping[str, Any]) -> Iterator[str]:
    for name, study in studies.items():
        yield f"**{name}**: {study['note']['en']}"
        yield ""


def _left_out(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    shown = [[", ".join(f"`{group}`" for group in row["groups"]), row["reason"]["en"]] for row in rows]
    yield from _table(["values", "why"], shown)
