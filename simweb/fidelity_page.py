"""/fidelity/: predicted against measured, as `simcore.validation()` was published with this version.

Every state is an address: `?family=&tier=&sort=`. Nothing here scores anything; it shows what was scored.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

import simcore
from simweb.fidelity_plot import FAMILIES, factor, plot_of, written
from simweb.ledger_page import amount
from simweb.presenters import in_language

__all__ = ["Choice", "Score", "ShownCase", "page"]

TIERS = ("S", "X", "L", "F")
SORTS = ("study", "family", "tier", "measured", "predicted", "factor", "error")
MOST_OCTAVES = 3
"""A bar of an error ends at eight times, or an eighth."""


@dataclass(frozen=True)
class Choice:
    """What is asked for; empty: everything, by study. A sort with a minus before it runs downwards."""

    family: str = ""
    tier: str = ""
    sort: str = ""

    @staticmethod
    def of(query: Mapping[str, str]) -> "Choice":
        asked = Choice(*(query.get(one.name, "") for one in fields(Choice)))
        return Choice(
            asked.family if asked.family in FAMILIES else "",
            asked.tier if asked.tier in TIERS else "",
            asked.sort if asked.sort.removeprefix("-") in SORTS else "",
        )

    @property
    def url(self) -> str:
        asked = {name: value for name, value in asdict(self).items() if value}
        return f"{reverse('fidelity')}{'?' if asked else ''}{urlencode(asked)}"

    def sorted_by(self, name: str) -> str:
        """The address that sorts by a column, the other way round if it is sorted so already."""
        return replace(self, sort=f"-{name}" if self.sort == name else name).url


@dataclass(frozen=True)
class ShownCase:
    """A row of the table. `x`, `width`: its error as a bar from the middle of 100, to the right too much."""

    id: str
    label: str
    study: str
    family: str
    family_label: str
    role: str
    tier: str
    measured: str
    predicted: str
    factor: str
    verdict: str
    good: bool | None
    x: float
    width: float
    quantity: str
    note: str
    why: str
    evidence: str
    sources: list[tuple[str, str, str]]
    points: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Score:
    """A figure beside its target."""

    term: str
    label: str
    value: str
    target: str
    met: bool | None
    detail: str = ""
    unit: str = ""


# The whole page


def page(result: Mapping[str, Any], choice: Choice, lang: str) -> dict[str, Any]:
    cases = result["cases"]
    chosen = [
        case for case in cases if choice.family in ("", case["family"]) and choice.tier in ("", case["tier"])
    ]
    labels = {case["id"]: in_language(case["label"], lang) for case in cases}
    present = {case["family"] for case in cases}
    return {
        "choice": choice,
        "n": len(chosen),
        "of": len(cases),
        "studies": len({case["study"] for case in cases}),
        "sources": len({source for case in cases for source in case["sources"]}),
        "headline": _headline(result),
        "scores": list(_scores(result)),
        "families": list(_families(result)),
        "cases": _sorted([_shown(case, result["studies"], lang) for case in chosen], chosen, choice.sort),
        "plot": plot_of(chosen, choice.tier == "L", lang),
        "family_links": [
            (name, family_words()[name], role, replace(choice, family=name).url)
            for name, role in FAMILIES.items()
            if name in present
        ],
        "all_families": replace(choice, family="").url,
        "tier_links": [("", _("all"), replace(choice, tier="").url)]
        + [(name, tier_words()[name], replace(choice, tier=name).url) for name in TIERS],
        "columns": _columns(choice),
        "inversions": list(_inversions(result["orders"], labels, lang)),
        "orders": result["orders"],
        "largest": [
            {**one, "label": in_language(one["label"], lang), "why": in_language(one["why"], lang)}
            for one in result["largest"]
        ],
        "sensitivity": list(_sensitivity(result["sensitivity"], labels, lang)),
        "left_out": [
            (", ".join(one["groups"]), in_language(one["reason"], lang)) for one in result["left_out"]
        ],
        "left_out_groups": sum(len(one["groups"]) for one in result["left_out"]),
        "ledger_of_result": result["ledger"],
    }


def _headline(result: Mapping[str, Any]) -> dict[str, str] | None:
    """The strictest tier that has cases, in plain words."""
    tiers = result["tiers"]
    name = next((name for name in ("X", "S", "L") if tiers[name]["median_factor"]), None)
    if name is None:
        return None
    found = tiers[name]
    return {
        "tier": name,
        "half": factor(found["median_factor"]),
        "nine": factor(found["p90_factor"]),
        "n": str(found["n"]),
    }


def _scores(result: Mapping[str, Any]) -> Iterator[Score]:
    targets = result["targets"]
    for name in ("L", "S", "X"):
        found, (half, nine) = result["tiers"][name], targets["tiers"][name]
        term, label, target = f"tier-{name}", tier_words()[name], f"×{half:g} · ×{nine:g}"
        if found["median_factor"] is None:
            yield Score(term, label, _("no case yet"), target, None)
            continue
        low, high = (factor(end) for end in found["interval"])
        yield Score(
            term,
            label,
            f"{factor(found['median_factor'])} · {factor(found['p90_factor'])}",
            target,
            found["median_factor"] <= half and found["p90_factor"] <= nine,
            _("cases: %(n)s, studies: %(studies)s; interval of the half %(low)s – %(high)s")
            % {"n": found["n"], "studies": found["studies"], "low": low, "high": high},
            _("half within · nine in ten within"),
        )
    skills = [skill for skill in result["skill"].values() if skill is not None]
    enough = sum(skill >= targets["skill"] for skill in skills)
    yield Score(
        "skill",
        _("Skill"),
        f"{enough} / {len(skills)}",
        _("at least %(skill)s in every family") % {"skill": targets["skill"]},
        enough == len(skills),
        unit=_("families with skill enough"),
    )
    orders = result["orders"]
    yield Score(
        "orders",
        _("Orders"),
        "–" if orders["share"] is None else percent(orders["share"]),
        percent(targets["orders"]),
        None if orders["share"] is None else orders["share"] >= targets["orders"],
        unit=_("%(right)s of %(n)s right") % {"right": orders["right"], "n": orders["n"]},
    )
    right, n = sum(one["right"] for one in result["largest"]), len(result["largest"])
    yield Score(
        "largest",
        _("Which layer takes most"),
        f"{right} / {n}",
        _("all of them"),
        right == n if n else None,
        unit=_("claims right"),
    )


def _families(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    least = result["targets"]["skill"]
    for name, role in FAMILIES.items():
        if (found := result["families"].get(name)) is None:
            continue
        skill = found["skill"]
        yield {
            "label": family_words()[name],
            "role": role,
            "n": found["n"],
            "studies": found["studies"],
            "median": factor(found["median_factor"]),
            "p90": factor(found["p90_factor"]),
            "interval": " – ".join(factor(end) for end in found["interval"] or ()),
            "skill": "" if skill is None else minus(f"{skill:.2f}"),
            "met": None if skill is None else skill >= least,
            "x": round(50 + 50 * max(-1.0, min(0.0, skill or 0.0)), 2),
            "width": round(50 * min(1.0, abs(skill or 0.0)), 2),
            "least": 50 + 50 * least,
            "silent": f"{found['no_effect']['right']} / {found['no_effect']['n']}"
            if found["no_effect"]["n"]
            else "",
        }


# The table


def _shown(case: Mapping[str, Any], studies: Mapping[str, Any], lang: str) -> ShownCase:
    verdict, good = _verdict(case)
    octaves = math.log2(case["factor"])
    length = 50 * min(abs(octaves), MOST_OCTAVES) / MOST_OCTAVES
    return ShownCase(
        id=case["id"],
        label=in_language(case["label"], lang),
        study=case["study"],
        family=case["family"],
        family_label=family_words()[case["family"]],
        role=FAMILIES[case["family"]],
        tier=case["tier"],
        measured=written(case["measured"], case),
        predicted=written(case["predicted"], case),
        factor=factor(case["factor"]) if case["e"] is not None else "",
        verdict=verdict,
        good=good,
        x=round(50 - length if octaves < 0 else 50, 2),
        width=round(max(length, 0.5), 2) if case["e"] is not None else 0,
        quantity=case["quantity"],
        note=in_language(studies[case["study"]]["note"], lang),
        why=in_language(case["why"], lang),
        evidence=", ".join(case["evidence_ids"]),
        sources=[_source(key, lang) for key in case["sources"]],
        points=[
            (f"{point['x']:g}", written(point["measured"], case), written(point["predicted"], case))
            for point in case["points"]
        ],
    )


def _verdict(case: Mapping[str, Any]) -> tuple[str, bool | None]:
    """What the sign of the error means, in words; of a case without an effect, whether none is predicted."""
    if case["e"] is None:
        if case["no_effect_predicted"]:
            return _("no effect, as measured"), True
        return _("an effect where none was measured"), False
    if abs(math.log(case["factor"])) < math.log(1.005):
        return _("as measured"), None
    return (_("predicted too much") if case["factor"] > 1 else _("predicted too little")), None


def _source(key: str, lang: str) -> tuple[str, str, str]:
    """Title, who, and where it can be read."""
    made = simcore.texts(lang)["sources"].get(key, {})
    who = ", ".join(str(made[part]) for part in ("authors", "year") if made.get(part))
    return str(made.get("title", key)), who, str(made.get("url", ""))


def _sorted(shown: list[ShownCase], cases: Sequence[Mapping[str, Any]], sort: str) -> list[ShownCase]:
    name = sort.removeprefix("-")
    if not name:
        return shown
    keys: dict[str, Any] = {
        "study": lambda case: (case["study"], case["id"]),
        "family": lambda case: (list(FAMILIES).index(case["family"]), case["id"]),
        "tier": lambda case: (TIERS.index(case["tier"]), case["id"]),
        **{key: itemgetter(key) for key in ("measured", "predicted", "factor")},
        "error": lambda case: -1.0 if case["e"] is None else case["e"],
    }
    order = sorted(range(len(cases)), key=lambda at: keys[name](cases[at]), reverse=sort.startswith("-"))
    return [shown[at] for at in order]


def _columns(choice: Choice) -> list[dict[str, str]]:
    words = {
        "study": _("What was measured"),
        "family": _("Family"),
        "tier": _("Tier"),
        "measured": _("Measured"),
        "predicted": _("Predicted"),
        "factor": _("Predicted ÷ measured"),
        "error": _("Error"),
    }
    now = choice.sort or "study"
    return [
        {
            "name": name,
            "label": word,
            "url": choice.sorted_by(name),
            "sort": "descending" if now == f"-{name}" else "ascending" if now == name else "none",
        }
        for name, word in words.items()
    ]


# What went wrong, what would change, what is not there


def _inversions(orders: Mapping[str, Any], labels: Mapping[str, str], lang: str) -> Iterator[dict[str, str]]:
    """`b` is empty where a case is held against its study's anchor, as its label says already."""
    for one in orders["inversions"]:
        named = [name for key in ("a", "b") if (name := _named(one[key], labels))]
        yield {
            "a": named[0] if named else one["study"],
            "b": named[1] if len(named) > 1 else "",
            "study": one["study"],
            "why": in_language(one["why"], lang),
        }


def _named(name: str, labels: Mapping[str, str]) -> str:
    """A case by its label, with its place on a curve; nothing for an anchor."""
    case, _at, x = name.partition(" @ ")
    return f"{labels[case]} ({x})" if case in labels and x else labels.get(case, "")


def _sensitivity(
    found: Iterable[Mapping[str, Any]], labels: Mapping[str, str], lang: str
) -> Iterator[dict[str, Any]]:
    rows = {(row.component, row.op): row for row in simcore.numbers(lang)}
    for one in found:
        row = rows.get((one["component"], one["op"]))
        yield {
            "component": one["component"],
            "op": one["op"],
            "value": amount(row) if row else "",
            "factor": f"×{one['factor']:g}",
            "flips": [labels.get(name, name) for name in one["flips"]],
        }


# Words


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def minus(text: str) -> str:
    return text.replace("-", "−")


def family_words() -> dict[str, str]:
    return {
        "start": _("start"),
        "density": _("density"),
        "disk": _("disk"),
        "network": _("network"),
        "cpu": _("CPU"),
        "syscall": _("system call"),
        "memory": _("memory"),
        "scheduling": _("scheduling"),
    }


def tier_words() -> dict[str, str]:
    return {
        "L": _("L: this machine"),
        "S": _("S: same study"),
        "X": _("X: unseen"),
        "F": _("F: fitted"),
    }
