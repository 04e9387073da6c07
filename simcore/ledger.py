"""The ledger: every number that a run may draw on, one row each, with its birth certificate.

A row is a timing or a constant as its entry states it, with all that else is known of the same number beneath
(`also`): sources that disagree are all kept. Each says on which machines of the catalogue a run uses it, and
where it is borrowed; the rule is `timings.choose`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, cast

from simcore.catalog import HERE, load_catalog
from simcore.component import Entry, read_texts
from simcore.texts import sources
from simcore.timings import Constant, Timing, choose

__all__ = [
    "Number", "Replaced", "Source", "Use", "cited", "numbers", "numbers_explained", "replaced", "written",
]  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A paper, datasheet or measurement campaign of `sources.toml`."""

    key: str
    title: str
    authors: str = ""
    year: str = ""
    venue: str = ""
    url: str = ""


@dataclass(frozen=True)
class Use:
    """A machine of the catalogue whose runs use a number; `borrowed` if it is at home on another one. `own`
    is what they use instead, where the machine's own profile measured it. `ns` is a time in cycles on its
    clock."""

    machine: str
    label: str
    family: str | None
    borrowed: bool
    own: str | None = None
    ns: int | None = None


@dataclass(frozen=True)
class Number:
    """One number as it is written, and where it is from.

    `id` is what links name it by: `<component>.<op>`; of a constant that is called like an operation of its
    entry `<component>.<op>.constant`. `measured_by`: quantities of a machine's own profile that would replace
    it, with their factors.
    `inherited`: the entry whose number it is, where this entry is a variant that leaves it as it is.
    """

    id: str
    component: str
    role: str
    component_label: str
    era: str
    kind: str
    op: str
    label: str
    explain: str
    value: str
    status: str
    per: str | None = None
    per_label: str | None = None
    over: str | None = None
    spread: str | None = None
    spread_status: str | None = None
    source: Source | None = None
    where: str | None = None
    evidence: tuple[str, ...] = ()
    machine: str | None = None
    clock_hz: int | None = None
    reason: str | None = None
    note: str | None = None
    probe: str | None = None
    n: int | None = None
    measured_by: tuple[tuple[str, Fraction], ...] = ()
    used_on: tuple[Use, ...] = ()
    inherited: str | None = None
    also: tuple["Number", ...] = ()

    @property
    def all(self) -> tuple["Number", ...]:
        """This one and the same number on other machines or from other sources."""
        return (self, *self.also)


@dataclass(frozen=True)
class Replaced:
    """A number of the catalogue, and what a machine's own profile gives instead; `ratio` is that over what
    the machine would use without a profile."""

    number: Number
    own: str
    ratio: float | None


@lru_cache(maxsize=4)
def numbers(lang: str = "en") -> tuple[Number, ...]:
    """Every timing and constant of the catalogue, by component and in the order of its entry."""
    return tuple(number for entry in load_catalog().entries.values() for number in _of(entry, lang))


def cited(rows: tuple[Number, ...] | None = None) -> Counter[str]:
    """How many numbers rest on each source, by key; those under `also` count too."""
    every = (one for row in (numbers() if rows is None else rows) for one in row.all)
    return Counter(one.source.key for one in every if one.source)


def numbers_explained(lang: str) -> Mapping[str, Any]:
    """What the words of the ledger mean, and the rule by which a run chooses among several numbers."""
    return read_texts(HERE / f"ledger.{lang}.toml")


def replaced(machine: Entry, lang: str = "en") -> tuple[Replaced, ...]:
    """The numbers of the catalogue in whose place a run on this machine uses what its profile measured."""
    rows = {(row.component, row.kind, row.op): row for row in numbers(lang) if not row.inherited}
    found = []
    for (component, kind, op), row in rows.items():
        entry = load_catalog()[component]
        if entry.role == "machine" and entry.id != machine.id:
            continue  # another machine's idling is not in its runs
        main: Timing | Constant = entry.timings[op] if kind == "timing" else entry.constants[op]
        own, is_own = _chosen(main, machine)
        if is_own:
            other: Timing | Constant = choose(cast(Any, main), machine.family)
            mine, theirs = (_amount(one, _clock(machine)) for one in (own, other))
            found.append(Replaced(row, _said(own), mine / theirs if mine and theirs else None))
    return tuple(found)


def _said(one: Timing | Constant) -> str:
    """A number made of measured quantities: of a constant only the value is new."""
    return one.text if isinstance(one, Timing) else written(one.value)


def _amount(one: Timing | Constant, clock_hz: int) -> float | None:
    if isinstance(one, Timing):
        return float(one.mean(clock_hz))
    return float(one.value) if isinstance(one.value, (int, float)) else None


def _of(entry: Entry, lang: str) -> Iterator[Number]:
    words = entry.texts(lang)
    machines = [entry] if entry.role == "machine" else load_catalog().of_role("machine")
    every: tuple[Timing | Constant, ...] = (*entry.timings.values(), *entry.constants.values())
    for one in every:
        name = one.op if isinstance(one, Timing) else one.name
        said = words.get("ops", {}).get(name, {}) if isinstance(one, Timing) else {}
        clash = isinstance(one, Constant) and name in entry.timings
        about: dict[str, Any] = {
            "id": f"{entry.id}.{name}{'.constant' if clash else ''}",
            "component": entry.id,
            "role": entry.role,
            "component_label": str(words["label"]),
            "era": str(words.get("era", "")),
            "kind": "timing" if isinstance(one, Timing) else "constant",
            "op": name,
            "label": str(said.get("name", name)),
            "explain": str(said.get("explain") or said.get("say") or ""),
            "inherited": entry.like if one == _base(entry, name) else None,
        }
        main, *others = (
            Number(**about, **_certificate(each, lang), used_on=used)
            for each, used in zip((one, *one.also), _uses(one, machines, lang), strict=True)
        )
        yield replace(main, also=tuple(others))


def _base(entry: Entry, name: str) -> Timing | Constant | None:
    """The number of this name in the entry that this one is a variant of."""
    base = entry.like and load_catalog().get(entry.like)
    return (base.timings.get(name) or base.constants.get(name)) if base else None


def _uses(main: Timing | Constant, machines: list[Entry], lang: str) -> list[tuple[Use, ...]]:
    """For the number and each of its `also`: the machines whose runs use it."""
    every = (main, *main.also)
    found: list[tuple[Use, ...]] = [() for _ in every]
    for machine in machines:
        chosen, is_own = _chosen(main, machine)
        place = next((place for place, one in enumerate(every) if one is chosen), 0)
        instead = _said(chosen) if is_own else None
        ns = None
        if isinstance(chosen, Timing) and chosen.in_cycles and not chosen.per:
            ns = chosen.mean_ns(_clock(machine))
        label = str(machine.texts(lang)["short"])
        found[place] += (Use(machine.id, label, machine.family, chosen.borrowed, instead, ns),)
    return found


def _chosen(main: Timing | Constant, machine: Entry) -> tuple[Timing | Constant, bool]:
    """What a run on this machine uses, and whether that is of the machine's own profile."""
    chosen: Timing | Constant = choose(cast(Any, main), machine.family, machine.own)
    return chosen, not chosen.borrowed and all(chosen is not one for one in (main, *main.also))


def _clock(machine: Entry) -> int:
    return int(machine.constants["clock"].value)


def _certificate(one: Timing | Constant, lang: str) -> dict[str, Any]:
    """The fields of a row that are this number's own."""
    same = ("status", "where", "evidence", "machine", "clock_hz", "reason", "note", "probe", "n")
    known: dict[str, Any] = {name: getattr(one, name) for name in same}
    known |= {"source": _source(one.source), "measured_by": tuple(one.measured_by.items())}
    if isinstance(one, Constant):
        return known | {"value": written(one.text)}
    known |= {"per": one.per, "over": one.over, "spread": one.spread_text}
    known["per_label"] = numbers_explained(lang)["per"].get(one.per, one.per)
    return known | {"value": _curve(one) if one.curve else one.text, "spread_status": one.spread_status}


def _source(key: str | None) -> Source | None:
    if key is None:
        return None
    made = sources().get(key, {})
    parts = {part: str(made.get(part, "")) for part in ("authors", "year", "venue", "url")}
    return Source(key, str(made.get("title", key)), **parts)


def _curve(timing: Timing) -> str:
    unit = "cycles" if timing.in_cycles else "ns"
    return ", ".join(f"{written(float(x))}: {float(y):g} {unit}" for x, y in timing.curve)


def written(value: Any) -> str:
    """A value as people write it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(written(one) for one in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
