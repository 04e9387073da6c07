"""What if: one setting of one layer changed, now or from the start, or the layer killed; the original stays.

A setting that can change while it runs gives the scenario an intervention at the moment shown. Any other one
is changed from the start, as it would be on a real machine: it has to start again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

import simcore
from simweb import build_page, presenters, store
from simweb.models import Scenario

__all__ = [
    "Effect",
    "Figure",
    "WhatIf",
    "branching_point",
    "changed",
    "effects_of",
    "fault_said",
    "figures",
    "of_node",
    "slid",
    "told",
]

LANGUAGES = ("en", "zh-hans")
STEPS = 16
NUMERIC = ("int", "size", "time", "cpus", "share", "rate")


@dataclass(frozen=True)
class Slide:
    """A range of values for a setting, by their place in the row."""

    field: Any
    values: tuple[str, ...]
    at: int

    @property
    def last(self) -> int:
        return len(self.values) - 1

    @property
    def shown(self) -> str:
        return self.values[self.at]


@dataclass(frozen=True)
class WhatIf:
    """Of the chosen layer: what can be set, on which of it a finger can slide, and which faults there are."""

    node: str
    label: str
    fields: list[Any]
    slides: list[Slide]
    faults: tuple[str, ...]


def of_node(raw: Mapping[str, Any], name: str, lang: str) -> WhatIf | None:
    draft = simcore.Draft(raw)
    page = build_page.page_of(draft, name, lang)
    if page.chosen is None or page.chosen.id != name:
        return None
    node = draft.node(name)
    fields = [field for field in page.chosen.fields if field.kind != "node"]
    slides = [slide for field in fields if (slide := _slide(node, field)) is not None]
    faults = node.entry.faults if node.role not in ("workload", "device", "firmware") else ()
    return WhatIf(name, page.chosen.label, fields, slides, tuple(faults))


def _slide(node: Any, field: Any) -> Slide | None:
    setting = node.entry.settings[field.name]
    value = node.settings[field.name]
    if setting.type not in NUMERIC or not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    values = values_of(setting, value)
    if len(values) < 2:
        return None
    return Slide(field, tuple(str(setting.show(one)) for one in values), values.index(value))


def values_of(setting: Any, value: float) -> list[Any]:
    """The value, its halves and its doubles, as far as the setting goes."""
    low = setting.min if setting.min is not None else value / 2**8
    high = setting.max if setting.max is not None else (1 if setting.type == "share" else value * 2**8)
    whole = setting.type in ("int", "size", "time")
    found = {value}
    for direction in (2, 0.5):
        other: float = value
        for _step in range(STEPS // 2):
            other = other * direction
            if whole and other != int(other):
                break
            if not low <= other <= high or other == 0:
                break
            found.add(int(other) if whole else other)
    return sorted(found)


def changed(
    raw: Mapping[str, Any], name: str, values: Mapping[str, Any], at_ns: int | None
) -> dict[str, Any]:
    """The scenario with these settings: those that can change in mid-run from `at_ns` on, all others from the
    start. Raises ScenarioError with what is wrong with it."""
    draft = simcore.Draft(raw)
    node = draft.node(name)
    if node is None:
        raise KeyError(name)
    later = {}
    for key, value in values.items():
        if at_ns and node.entry.settings[key].live:
            later[key] = value
        else:
            draft = draft.set(f"{name}.{key}", value)
    new = dict(draft.raw)
    if later:
        new = with_intervention(new, {"at": f"{at_ns} ns", "on": name, "do": "set", "settings": later})
    return new


def with_intervention(raw: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    return {**raw, "interventions": [*(raw.get("interventions") or []), dict(one)]}


def fault_said(fault: str) -> str:
    """What a branch is called that differs by a fault, with a place for the layer's name."""
    return _("power cut at %(node)s") if fault == "power-cut" else _("%(node)s killed")


def branching_point(original: Scenario, t: str) -> list[tuple[str, str]]:
    """Where a race of a scenario and its branch begins to be worth watching, on the race's axis."""
    trace = store.record_of(original)
    if trace is None or not t.isdecimal():
        return []
    since = int(t) - trace.outcome["lane"]["start_ns"]
    return [("t", str(since))] if since > 0 else []


def told(raw: Mapping[str, Any], say: Callable[[str], str]) -> dict[str, Any]:
    """The changed scenario under a name of its own, in each language: what it was, and what differs."""
    label = {}
    for lang in LANGUAGES:
        with translation.override(lang):
            label[lang] = f"{presenters.in_language(raw.get('label'), lang)} — {say(lang)}"
    return {**raw, "label": label}


# While the finger slides


@dataclass(frozen=True)
class Figure:
    """A result of the run as it is and as it would be; `width`: of 100, the longer of the two."""

    label: str
    before: str
    after: str
    before_width: int
    after_width: int
    times: str


def slid(raw: Mapping[str, Any], path: str, place: int) -> tuple[dict[str, Any], str]:
    """The scenario with the value at that place of the slide, and the value as text."""
    name, _dot, key = path.rpartition(".")
    draft = simcore.Draft(raw)
    node = draft.node(name)
    if node is None or key not in node.entry.settings:
        raise KeyError(path)
    setting = node.entry.settings[key]
    values = values_of(setting, node.settings[key])
    value = setting.show(values[min(max(place, 0), len(values) - 1)])
    return dict(draft.set(path, value).raw), str(value)


def figures(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Figure]:
    """What a lane comes to: its first workload's mean, and when it was finished."""
    found = []
    for label, read in (
        (_("From the start to the end of the work"), _length),
        (_("Mean of one piece of work"), _mean),
    ):
        old, new = read(before), read(after)
        if old and new:
            most = max(old, new)
            found.append(
                Figure(
                    label, simcore.show_time(old), simcore.show_time(new),
                    max(1, round(100 * old / most)), max(1, round(100 * new / most)), f"×{new / old:.2f}",
                )
            )  # fmt: skip
    return found


def _length(outcome: Mapping[str, Any]) -> int:
    lane = outcome["lane"]
    return int(lane["end_ns"] - lane["start_ns"]) if lane["finished"] else 0


def _mean(outcome: Mapping[str, Any]) -> int:
    first = next(iter(outcome["workloads"].values()), None)
    return int(first["mean_ns"] or 0) if first else 0


# Who notices


@dataclass(frozen=True)
class Effect:
    """What a change did to one layer or one program. `kind`: same, slower, faster, lost or unfinished."""

    id: str
    label: str
    role: str
    kind: str
    said: str


def effects_of(rows: tuple[Scenario, ...], lang: str) -> list[Effect]:
    """Of two lanes, the second of which has an intervention that the first has not; else nothing."""
    if len(rows) != 2 or not rows[1].raw.get("interventions") or rows[0].raw.get("interventions"):
        return []
    records = [record for row in rows if (record := store.record_of(row)) is not None]
    if len(records) < 2:
        return []
    before, after = (record.outcome for record in records)
    tree = simcore.Draft(rows[0].raw).tree
    words = presenters.components(lang)
    found = []
    for name, node in before["nodes"].items():
        known = tree.nodes.get(name) if tree else None
        if known is None or known.role in ("device", "firmware"):
            continue
        state = after["nodes"].get(name, node)["state"]
        lost = state == "killed" or (node["state"] == "ready" and state != "ready")
        label = str(words.get(known.is_, {}).get("short", known.is_))
        said = _("lost") if state == "killed" else _("never comes up") if lost else _("does not notice")
        found.append(Effect(name, label, known.role, "lost" if lost else "same", said))
    for name, load in before["workloads"].items():
        found.append(_effect(name, load, after["workloads"].get(name, load), tree, words))
    return found


def _effect(name: str, before: Mapping[str, Any], after: Mapping[str, Any], tree: Any, words: Any) -> Effect:
    load = next((one for one in tree.workloads if one.id == name), None) if tree else None
    label = str(words.get(load.is_, {}).get("short", name)) if load else name
    if lost := (after.get("writes") or {}).get("lost"):
        said = _("%(n)s acknowledged writes lost, held by %(who)s")
        who = ", ".join(after["writes"]["held_by"])
        return Effect(name, label, "workload", "lost", said % {"n": lost, "who": who})
    if before["finished_ns"] is not None and after["finished_ns"] is None:
        done = _("%(done)s of %(all)s done") % {"done": after["n"], "all": before["n"]}
        return Effect(name, label, "workload", "lost", _("lost: %(done)s") % {"done": done})
    old, new = before["finished_ns"] or 0, after["finished_ns"] or 0
    if abs(new - old) <= max(1000, old // 10**6):
        return Effect(name, label, "workload", "same", _("does not notice"))
    said = _("done %(time)s later") if new > old else _("done %(time)s sooner")
    kind = "slower" if new > old else "faster"
    return Effect(name, label, "workload", kind, said % {"time": simcore.show_time(abs(new - old))})
