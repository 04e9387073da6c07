"""What if: settings changed, of one layer or several, now or from the start, or a layer killed; the original
stays.

A setting that can change while it runs gives the scenario an intervention at the moment shown. Any other one
is changed from the start, as it would be on a real machine: it has to start again. The changes so far travel
with the form; the site keeps none of them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

import simcore
from simweb import build_page, diagram, presenters, store
from simweb.build_words import names_of
from simweb.models import Scenario

__all__ = [
    "Change",
    "Figure",
    "Misfit",
    "Told",
    "WhatIf",
    "Wrong",
    "applied",
    "branch",
    "branching_point",
    "fault_said",
    "figures",
    "has",
    "merged",
    "of_node",
    "packed",
    "unpacked",
    "values_of",
    "wrong_value",
]

LANGUAGES = ("en", "zh-hans")
STEPS = 16
NUMERIC = ("int", "size", "time", "cpus", "share", "rate")
MOST_CHANGES = 32
LONGEST_TEXT = 200
FIRST_FIELDS = 5
"""Of a layer with more settings than `MOST_FIELDS`, so many stand open."""
MOST_FIELDS = 7
NO_VALUE = ("wrong-unit", "wrong-type", "out-of-range", "not-a-choice")
"""Findings by which what was typed is no value of its setting."""


# The changes


@dataclass(frozen=True)
class Change:
    """A setting by its path (`vm1.vcpus`) and the value that it is to have, as typed; from `at_ns` on, or, if
    that is 0, from the start."""

    path: str
    text: str
    at_ns: int = 0

    @property
    def on(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def setting(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Misfit:
    """What was typed into the field of a setting, and is no value of it."""

    text: str
    finding: Any


def packed(changes: Iterable[Change]) -> str:
    return json.dumps([[one.path, one.text, one.at_ns] for one in changes], ensure_ascii=False)


def unpacked(text: str) -> list[Change]:
    """What `packed` gave; nothing where somebody wrote something else."""
    try:
        found = [Change(path, value, at_ns) for path, value, at_ns in json.loads(text)[:MOST_CHANGES]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return [
        one
        for one in found
        if isinstance(one.path, str)
        and isinstance(one.text, str)
        and type(one.at_ns) is int
        and 0 <= one.at_ns < 2**63
        and max(len(one.path), len(one.text)) <= LONGEST_TEXT
    ]


def merged(
    raw: Mapping[str, Any], changes: Sequence[Change], posted: Mapping[str, str], at_ns: int
) -> tuple[list[Change], dict[str, Misfit]]:
    """The changes with what the form's fields say: a new value replaces one of before, the value that it had
    takes the change back. A setting that can change in mid-run does so at `at_ns`. And, by path, what is no
    value: that is no change either."""
    found = {one.path: one for one in changes}
    misfits: dict[str, Misfit] = {}
    usual, draft = _standing(raw, (), at_ns), _standing(raw, changes, at_ns)
    for path in sorted(posted, key=_depth):
        text, known = posted[path].strip()[:LONGEST_TEXT], found.get(path)
        setting = _setting(draft, path)
        if setting is None or (known is not None and known.text == text):
            continue
        new = draft.set(path, build_page.typed(setting, text))
        if finding := next((one for one in new.errors if one.path == path and one.id in NO_VALUE), None):
            misfits[path] = Misfit(text, finding)
            continue
        if _value_of(new, path) == _was(usual, setting, path):
            found.pop(path, None)
        else:
            found[path] = Change(path, text, at_ns if setting.live else 0)
        draft = _standing(raw, found.values(), at_ns)
    kept = [one for one in found.values() if _setting(draft, one.path) is not None][:MOST_CHANGES]
    return kept, {path: one for path, one in misfits.items() if _setting(draft, path) is not None}


def applied(raw: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The scenario with these changes, which may be wrong: whoever makes a scenario of it is told."""
    changes = list(changes)
    draft = _with(simcore.Draft(raw), [one for one in changes if not one.at_ns])
    later: dict[tuple[int, str], dict[str, Any]] = {}
    for one in changes:
        if one.at_ns and (setting := _setting(draft, one.path)) is not None:
            value = build_page.typed(setting, one.text)
            later.setdefault((one.at_ns, one.on), {})[one.setting] = value
    new = dict(draft.raw)
    for (at_ns, on), settings in later.items():
        new = with_intervention(new, {"at": f"{at_ns} ns", "on": on, "do": "set", "settings": settings})
    return new


def has(raw: Mapping[str, Any], changes: Iterable[Change], path: str) -> bool:
    """Whether there is such a setting once the changes are made."""
    return _setting(_standing(raw, changes, 0), path) is not None


def with_intervention(raw: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    return {**raw, "interventions": [*(raw.get("interventions") or []), dict(one)]}


def _standing(raw: Mapping[str, Any], changes: Iterable[Change], at_ns: int) -> Any:
    """The draft as it stands at that moment: what was changed in mid-run until then, and all the changes, as
    if it had never been otherwise."""
    draft = simcore.Draft(raw)
    for one in draft.tree.interventions if draft.tree is not None else ():
        if one.at_ns <= at_ns:
            for name, value in one.settings.items():
                path = f"{one.on}.{name}"
                draft = draft.set(path, _setting(draft, path).show(value))
    return _with(draft, changes)


def _with(draft: Any, changes: Iterable[Change]) -> Any:
    for one in sorted(changes, key=lambda one: _depth(one.path)):
        if (setting := _setting(draft, one.path)) is not None:
            draft = draft.set(one.path, build_page.typed(setting, one.text))
    return draft


def _depth(path: str) -> int:
    """A device comes before what is set of it."""
    return path.count(".")


def _setting(draft: Any, path: str) -> Any:
    name, _dot, key = path.rpartition(".")
    node = draft.node(name)
    return node.entry.settings.get(key) if node is not None else None


def _value_of(draft: Any, path: str) -> Any:
    name, _dot, key = path.rpartition(".")
    return draft.node(name).settings[key]


def _was(usual: Any, setting: Any, path: str) -> Any:
    """The value as it was; of a device that was not there, its default."""
    return _value_of(usual, path) if _setting(usual, path) is setting else setting.default


# The form


@dataclass(frozen=True)
class Row:
    """A setting, the value that it had, what stands in its field, and the values that a finger can slide
    through, if there are any."""

    field: Any
    was: str
    text: str
    values: tuple[str, ...] = ()
    is_wrong: bool = False

    @property
    def place(self) -> int:
        return self.values.index(self.field.value) if self.field.value in self.values else -1

    @property
    def last(self) -> int:
        return len(self.values) - 1

    @property
    def is_changed(self) -> bool:
        return bool(self.field.value != self.was)


@dataclass(frozen=True)
class Wrong:
    """What forbids the race, and the path of the setting that it is about, as far as it is about one."""

    path: str
    said: str


@dataclass(frozen=True)
class Told:
    """A change as it stands in the list. `at`: the moment, or "" for one from the start."""

    layer: str
    label: str
    before: str
    after: str
    at: str


@dataclass(frozen=True)
class WhatIf:
    """Of the chosen layer: what can be set, and which faults there are; the changes so far, of any layer,
    those that the run holds already, and what is wrong."""

    node: str
    rows: list[Row]
    faults: tuple[str, ...]
    changes: list[Told]
    held: list[Told]
    wrongs: list[Wrong]

    @property
    def why_no_race(self) -> str:
        if self.wrongs:
            return _("They cannot race before what is wrong is put right.")
        return "" if self.changes else _("Nothing is different yet: change a setting first.")

    @property
    def first(self) -> list[Row]:
        return self.rows if len(self.rows) <= MOST_FIELDS else self.rows[:FIRST_FIELDS]

    @property
    def rest(self) -> list[Row]:
        return self.rows[len(self.first) :]

    @property
    def rest_is_open(self) -> bool:
        return any(row.is_changed or row.is_wrong for row in self.rest)


def of_node(
    raw: Mapping[str, Any],
    name: str,
    changes: Sequence[Change],
    at_ns: int,
    lang: str,
    misfits: Mapping[str, Misfit] = MappingProxyType({}),
) -> WhatIf | None:
    """None if there is no such layer."""
    usual, draft = _standing(raw, (), at_ns), _standing(raw, changes, at_ns)
    node = draft.node(name)
    if node is None or not draft.is_editable:
        return None
    words = build_page.words_of(draft, lang)
    fields = build_page.fields_of(draft, name, words)
    owner = getattr(node, "owner", None)
    if owner is not None:  # first, what else could be plugged in there
        fields = [*build_page.fields_of(draft, owner, words, only=name.removeprefix(f"{owner}.")), *fields]
    rows = [_row(usual, draft, field, misfits.get(field.path)) for field in fields if field.kind != "node"]
    faults = node.entry.faults if node.entry.role not in ("workload", "device", "firmware") else ()
    so_far = [_told(usual, draft, one, words) for one in changes]
    findings = [one.finding for one in misfits.values()]
    findings += simcore.Draft(applied(raw, changes)).errors if changes else []
    wrongs: dict[str, str] = {}
    for finding in findings:
        said = _said(draft, finding, name, words)
        wrongs[finding.path] = f"{wrongs[finding.path]} {said}" if finding.path in wrongs else said
    return WhatIf(
        name,
        rows,
        tuple(faults),
        so_far,
        list(_held(raw, draft, words)),
        [Wrong(*one) for one in wrongs.items()],
    )


def _row(usual: Any, draft: Any, field: Any, misfit: Misfit | None) -> Row:
    setting = _setting(draft, field.path)
    was, now = _was(usual, setting, field.path), _value_of(draft, field.path)
    values: set[Any] = set()
    if setting.type in NUMERIC and all(type(value) in (int, float) for value in (was, now)):
        values = {*values_of(setting, was), now}
    shown = tuple(build_page.shown(setting, value) for value in sorted(values))
    text = misfit.text if misfit is not None else field.value
    return Row(field, build_page.shown(setting, was), text, shown if len(shown) > 1 else (), bool(misfit))


def _said(draft: Any, finding: Any, name: str, words: Any) -> str:
    """In the names of the page: of another layer, that one's name too."""
    said = build_page.findings_said([finding], draft, words)[0]
    path, on = finding.path, build_page.node_of(draft, finding.path)
    about = [_layer(draft, on, words)] if on and on != name else []
    if _setting(draft, path) is not None:
        about.append(_label(draft, path, words))
    start = _("%(what)s: ") % {"what": _(", ").join(about)} if about else ""
    return f"{start}{said.message} {said.hint}"


def wrong_value(
    raw: Mapping[str, Any], changes: Sequence[Change], misfits: Mapping[str, Misfit], lang: str
) -> str:
    """What is wrong with the values, all of it in one line."""
    draft = _standing(raw, changes, 0)
    words = build_page.words_of(draft, lang)
    return " ".join(
        _said(draft, one.finding, path.rpartition(".")[0], words) for path, one in misfits.items()
    )


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


def _told(usual: Any, draft: Any, one: Change, words: Any) -> Told:
    setting = _setting(draft, one.path)
    before = build_page.shown(setting, _was(usual, setting, one.path))
    return Told(
        _layer(draft, one.on, words),
        _label(draft, one.path, words),
        _value(draft, one.path, before, words),
        _value(draft, one.path, one.text, words),
        _moment(one.at_ns) if one.at_ns else "",
    )


def _held(raw: Mapping[str, Any], draft: Any, words: Any) -> Iterable[Told]:
    """What is done in mid-run already."""
    tree = simcore.Draft(raw).tree
    for one in tree.interventions if tree is not None else ():
        layer = _layer(draft, one.on, words)
        if one.fault is not None:
            yield Told("", fault_said(one.fault) % {"node": layer}, "", "", _moment(one.at_ns))
        for name, value in one.settings.items():
            path = f"{one.on}.{name}"
            setting = _setting(draft, path)
            change = Change(path, build_page.shown(setting, value), one.at_ns)
            after = _value(draft, path, change.text, words)
            yield Told(layer, _label(draft, path, words), "", after, _moment(one.at_ns))


def _layer(draft: Any, name: str, words: Any) -> str:
    return names_of(draft.tree, words.of).get(name, name)


def _label(draft: Any, path: str, words: Any) -> str:
    name, _dot, key = path.rpartition(".")
    node = draft.node(name)
    known = words.of.get(node.is_, {}).get("settings", {}) if node is not None else {}
    return str(known.get(key, {}).get("label", key))


def _value(draft: Any, path: str, text: str, words: Any) -> str:
    """As a person would say it."""
    name, _dot, key = path.rpartition(".")
    setting = _setting(draft, path)
    if setting.type == "bool":
        return _("on") if text == "true" else _("off")
    if setting.type == "component" and text:
        return str(words.label(text, "short"))
    if setting.type == "choice" and text:
        return str(words.choice(draft.node(name).is_, key, text))
    return text or _("none")


def _moment(at_ns: int) -> str:
    return f"{at_ns / 1e9:.3f} s"


# The branch


def branch(
    raw: Mapping[str, Any], changes: Sequence[Change], fault: str, node: str, at_ns: int
) -> dict[str, Any]:
    """The scenario with these changes and, if one is named, that fault of that layer; under a name of its own
    in each language: what it was, and what differs."""
    new, draft = applied(raw, changes), _standing(raw, changes, 0)
    if fault:
        one = {"at": f"{max(1, at_ns)} ns", "on": node, "do": "fail", "fault": fault}
        new = with_intervention(new, one)
    label = {}
    for lang in LANGUAGES:
        with translation.override(lang):
            words = build_page.words_of(draft, lang)
            said = _differences(draft, changes, words)
            said += [fault_said(fault) % {"node": _layer(draft, node, words)}] if fault else []
            was = presenters.in_language(raw.get("label"), lang) or diagram.title_of(draft.tree, words.of)
            label[lang] = f"{was} — {_('; ').join(said)}"
    return {**new, "label": label}


def _differences(draft: Any, changes: Iterable[Change], words: Any) -> list[str]:
    """What differs, layer by layer; layers that differ by the same stand together."""
    of_layer: dict[str, list[str]] = {}
    for one in changes:
        value = _value(draft, one.path, one.text, words)
        said = _("%(setting)s %(value)s") % {"setting": _label(draft, one.path, words), "value": value}
        of_layer.setdefault(_layer(draft, one.on, words), []).append(said)
    alike: dict[tuple[str, ...], list[str]] = {}
    for layer, settings in of_layer.items():
        alike.setdefault(tuple(settings), []).append(layer)
    comma = _(", ")
    return [
        _("%(what)s: ") % {"what": comma.join(layers)} + comma.join(settings)
        for settings, layers in alike.items()
    ]


def fault_said(fault: str) -> str:
    """What a branch is called that differs by a fault, with a place for the layer's name."""
    return _("power cut at %(node)s") if fault == "power-cut" else _("%(node)s killed")


def branching_point(original: Scenario, moments: Sequence[int], start: str) -> tuple[str, int]:
    """Where a race of a scenario and its branch starts, if possible as named, and where it begins to be worth
    watching, in ns on the race's axis: the first of the moments at which something differs; 0 if something
    does from the start. A change that is made before that start wants the whole run."""
    record = store.record_of(original)
    starts = record.outcome.get("starts", {}) if record else {}
    if not all(moments) or start not in starts:
        return start, 0
    first = min(moments)
    if first < starts[start]:
        start = simcore.RACE_STARTS[0]
    return start, max(0, first - int(starts[start]))


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
