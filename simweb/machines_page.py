"""/machines/: hardware that a stack can stand on: of the catalogue, or measured and sent in."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

import simcore
from simweb.ledger_page import Filter, amount
from simweb.presenters import GROUPS, cards, role_words

__all__ = ["Card", "Quantity", "Swap", "cards_of", "faults_in_words", "page"]

BARE, UNKNOWN = "none", "unknown"
MOST_OCTAVES = 3
"""A bar of the comparison ends at eight times, or an eighth."""


@dataclass(frozen=True)
class Card:
    """A machine in the list."""

    id: str
    label: str
    sub: str
    note: str
    era: str
    family: str
    measured: bool
    virtual: str
    races: bool  # the four stacks to begin with run on it


@dataclass(frozen=True)
class Quantity:
    """What a probe measured."""

    name: str
    value: str
    spread: str
    n: int | None
    outliers: int | None
    probe: str
    note: str
    status: str


@dataclass(frozen=True)
class Swap:
    """A number of the catalogue and this machine's own, with a bar from the middle of 100: to the left where
    this machine is faster. Its hue is the component's."""

    label: str
    where: str
    role: str
    url: str
    catalogue: str
    own: str
    ratio: str
    x: float
    width: float


def cards_of(entries: Iterable[Any], lang: str) -> list[Card]:
    return [_card(entry, lang) for entry in entries]


def _card(entry: Any, lang: str) -> Card:
    words = entry.texts(lang)
    return Card(
        entry.id,
        words["label"],
        words["sub"],
        words["note"],
        words.get("era", ""),
        entry.family or "",
        entry.is_profile,
        virtual(entry),
        all(_runs_on(stack, entry.id) for stack in GROUPS[0][2]),
    )


def virtual(entry: Any) -> str:
    """Said plainly where the machine that was measured is itself a virtual one."""
    found = str(entry.raw.get("machine", {}).get("hypervisor", BARE))
    if found == BARE:
        return ""
    if found == UNKNOWN:
        return _("Measured inside a virtual machine, or on one that hides whether it is.")
    return _("Measured inside a virtual machine (%(hypervisor)s).") % {"hypervisor": found}


@lru_cache(maxsize=4096)
def _runs_on(stack: str, machine: str) -> bool:
    """Whether a prebuilt stack is legal on the machine: one of another instruction set is not."""
    raw = simcore.prebuilt()[stack]
    try:
        simcore.scenario(raw, workload="boot", machine=machine)
    except simcore.ScenarioError:
        return False
    return True


def page(entry: Any, lang: str) -> dict[str, Any]:
    """Everything that one machine's page shows."""
    raw = entry.raw
    swaps = sorted(_swaps(entry, lang), key=lambda swap: (list(role_words()).index(swap.role), swap.where))
    return {
        "card": _card(entry, lang),
        "conditions": list(_conditions(entry, lang)),
        "mitigations": raw.get("machine", {}).get("mitigations", []),
        "tools": raw.get("machine", {}).get("tools", {}),
        "quantities": list(_quantities(entry)),
        "swaps": swaps,
        "composites": list(_composites(raw.get("composites", {}))),
        "missing": raw.get("missing", []),
        "stacks": [card for card in cards(lang) if _runs_on(card.id, entry.id)],
    }


def _conditions(entry: Any, lang: str) -> Iterator[tuple[str, str]]:
    """Term and text, for what is known."""
    machine = entry.raw.get("machine", {})
    settings = {name: setting.show(setting.default) for name, setting in entry.settings.items()}
    words = {
        "cpu": _("CPU"),
        "cpus": _("CPUs"),
        "memory": _("Memory"),
        "clock": _("Clock"),
        "arch": _("Architecture"),
        "hypervisor": _("Hypervisor below"),
        "system": _("System"),
        "kernel": _("Kernel"),
        "clock_source": _("Clock source"),
        "load": _("Load at the start"),
        "root": _("Measured as"),
        "quick": _("Thoroughness"),
        "date": _("Date"),
    }
    said = {
        **machine,
        "root": _("root") if machine.get("root") else _("an ordinary user"),
        "quick": _("quick") if machine.get("quick") else _("full"),
    }
    if not entry.is_profile:
        said = {**settings, "clock": entry.constants["clock"].text}
    for key, word in words.items():
        if key in said:
            yield word, str(said[key])
    if entry.family:
        yield _("CPU family"), entry.family


def _quantities(entry: Any) -> Iterator[Quantity]:
    """What was measured, by probe; not what was filled in because nobody can measure it."""
    if not entry.is_profile:
        return
    every = [*entry.timings.values(), *entry.constants.values()]
    for one in sorted((one for one in every if one.probe), key=lambda one: one.probe):
        is_timing = hasattr(one, "op")
        yield Quantity(
            one.op if is_timing else one.name,
            _written(one.text, one.per if is_timing else None),
            _times(one.spread_text) if is_timing else "",
            one.n,
            one.outliers,
            one.probe,
            one.note or "",
            one.status,
        )


def _composites(tables: Mapping[str, Any]) -> Iterator[Quantity]:
    for name, table in tables.items():
        yield Quantity(
            name,
            _written(table.get("time", table.get("value", "")), table.get("per")),
            _times(str(table.get("spread", ""))),
            table.get("n"),
            table.get("outliers"),
            str(table.get("probe", "")),
            str(table.get("note", "")),
            "measured",
        )


def _written(value: Any, per: str | None) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = re.sub(r"^\d+\.\d+", lambda number: f"{float(number[0]):.4g}", text)
    text = re.sub(r"(?<=\d )us\b", "µs", text)
    return _("%(value)s per %(unit)s") % {"value": text, "unit": per} if per else text


def _times(spread: str) -> str:
    """“×1.3” of "p99=1.3x"."""
    found = re.fullmatch(r"p99=([\d.]+)x", spread)
    return f"×{found[1]}" if found else ""


def _swaps(entry: Any, lang: str) -> Iterator[Swap]:
    for one in simcore.replaced(entry, lang):
        octaves = math.log2(one.ratio) if one.ratio else 0.0
        length = 50 * min(abs(octaves), MOST_OCTAVES) / MOST_OCTAVES
        yield Swap(
            one.number.label,
            one.number.component_label,
            one.number.role,
            Filter(component=one.number.component, op=one.number.op).url,
            amount(one.number),
            _written(one.own, one.number.per),
            f"×{one.ratio:.3g}" if one.ratio else "",
            round(50 - length if octaves < 0 else 50, 2),
            round(max(length, 0.4), 2),
        )


# What is wrong with a profile, in the page's language. The engine says it in English.


def faults_in_words(faults: Iterable[str]) -> list[str]:
    return [_in_words(fault) for fault in faults]


def _in_words(fault: str) -> str:
    for pattern, words in _fault_words().items():
        if found := re.fullmatch(pattern, fault, re.DOTALL):
            return words % found.groupdict()
    return fault


def _fault_words() -> dict[str, str]:
    place = r"\[+(?P<place>[^\]]+)\]+(?: \d+)?"
    return {
        r"there is no \[machine\] table.*": _(
            "There is no [machine] table: this is not a profile written by “python -m simcore calibrate”."
        ),
        r"the profile is not TOML: (?P<why>.*)": _("The profile is not TOML: %(why)s."),
        r"the profile has (?P<n>\S+) characters; at most (?P<most>\S+) are taken": _(
            "The profile has %(n)s characters; at most %(most)s are taken."
        ),
        r"\[machine\] (?P<key>\w+) is missing": _("[machine] has no “%(key)s”."),
        r"role (?P<role>.*) must be 'machine'": _("role is %(role)s; it must be 'machine'."),
        r"\[constants\.clock\] is missing.*": _(
            "[constants.clock] is missing: cycles need the machine's clock."
        ),
        r"\[constants\.clock\] value must.*": _(
            "[constants.clock] must be a frequency from 1 MHz to 100 GHz, like “3.0 GHz”."
        ),
        r"\[settings\.cpus\] default must be from 1 to (?P<most>\d+)": _(
            "[settings.cpus] default must be from 1 to %(most)s."
        ),
        r"(?P<key>\w+) must be tables: .*": _("“%(key)s” must be tables: [%(key)s.<name>]."),
        rf"{place} unknown key (?P<key>'[^']*'); known: (?P<known>.*)": _(
            "[%(place)s] has the unknown key %(key)s; known are: %(known)s."
        ),
        rf"{place} status (?P<status>.*) must be one of (?P<known>.*)": _(
            "[%(place)s] status %(status)s must be one of %(known)s."
        ),
        rf"{place} is (?P<status>\w+): name its source.*": _(
            "[%(place)s] is %(status)s, but names neither probe nor source."
        ),
        rf"{place} .*?(?P<value>'[^']*') cannot be read; write it like (?P<like>.*)": _(
            "[%(place)s] %(value)s cannot be read; write it like %(like)s."
        ),
        rf"{place} time (?P<value>.*) must not be negative": _("[%(place)s] %(value)s must not be negative."),
        rf"{place} must be a table": _("[%(place)s] must be a table."),
    }
