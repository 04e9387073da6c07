"""A stack that somebody is building: edits, what may stand where, and what mends a fault.

A draft is a raw scenario and may be wrong; it is drawn, edited and checked all the same, and only a legal one
runs. Every edit gives another draft, with what the new layers cannot be without already in place: a virtual
machine gets a kernel, a container an engine beside it. What may be added is found by adding it and checking.
"""

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import NoneType
from typing import Any

from simcore.catalog import Catalog, load_catalog
from simcore.component import Entry

from .findings import ERROR, Finding
from .reader import UNKNOWN
from .rules import PROCESS_HOMES, examine, of_its_kind, put, tables
from .scenario import Node, Scenario

__all__ = ["ABOVE", "BELOW", "BESIDE", "PLACES", "Draft", "Offer"]

ABOVE, BELOW, BESIDE = "above", "below", "beside"
PLACES = (ABOVE, BELOW, BESIDE)
BETWEEN = {"machine": "kernel", "hypervisor": "vm", "vm": "kernel"}
"""What a layer of that role carries before anything else can stand on it."""
STEMS = {"kernel": "os", "hypervisor": "hv", "vm": "vm", "engine": "engine", "container": "box"}
FIRST = ("linux", "vm", "docker", "nvme", "nic", "virtio-net")
"""Of several that would do, these are taken before the others: the usual ones."""
MOST_MENDS = 12
PARTS = ("device", "firmware")
"""What is no layer, but a setting of its machine."""
TEXTS = ("label", "question", "summary")
"""What a scenario says of itself; the rest is what it is."""


@dataclass(frozen=True)
class Draft:
    """A raw scenario with its tree and its findings. `tree` is None where not even a stack can be read."""

    raw: Mapping[str, Any]
    catalog: Catalog = field(default_factory=load_catalog, repr=False)

    @cached_property
    def _examined(self) -> tuple[Scenario | None, list[Finding]]:
        return examine(self.raw, self.catalog)

    @property
    def tree(self) -> Scenario | None:
        return self._examined[0]

    @property
    def findings(self) -> list[Finding]:
        return self._examined[1]

    @cached_property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == ERROR]

    @property
    def is_legal(self) -> bool:
        return self.tree is not None and not self.errors

    @cached_property
    def is_editable(self) -> bool:
        """Whether each part has a name of its own and is a known one, where it may be. Anything else can be
        told and changed as text only."""
        tree = self.tree
        if tree is None:
            return False
        entries = [node.entry for node in tree.nodes.values()] + [load.entry for load in tree.workloads]
        if any(entry.role == UNKNOWN for entry in entries):
            return False
        names = self.names if _is_shaped(self.raw) else []
        return len(set(names)) == len(names) > 0 and all(self.node(name) is not None for name in names)

    def worse_than(self, other: "Draft") -> list[Finding]:
        """The errors that the other draft has not."""
        known = {(finding.id, finding.path) for finding in other.errors}
        return [finding for finding in self.errors if (finding.id, finding.path) not in known]

    # ------------------------------------------------------------------------------------------------ edits

    def add(self, is_: str, on: str, place: str = ABOVE) -> "Draft":
        """A component on a layer, or beside it; or below it: then the layer stands on what was added, or on
        what that one carries (a hypervisor's guest, and its kernel)."""
        entry = self.catalog[is_]
        raw, found = self._copy(on)
        table, siblings = found
        if entry.role == "workload":
            raw["workloads"] = [
                *(raw.get("workloads") or []),
                {"id": self._fresh(entry.id), "is": entry.id, "on": on},
            ]
            return Draft(raw, self.catalog)._whole(self)
        if place == BESIDE:
            if siblings is None:
                return self
            siblings.insert(siblings.index(table) + 1, self._new(entry, self.node(on).parent))
            return Draft(raw, self.catalog)._whole(self)
        new = self._new(entry, on)
        if place == BELOW and siblings is not None:
            siblings[siblings.index(table)] = top = new
            top["holds"] = [table]
            while (role := BETWEEN.get(self.catalog[top["is"]].role)) and not self._may_carry(top, table):
                between = Draft(raw, self.catalog)._new(_usual(self.catalog.of_role(role))[0], top["id"])
                between["holds"], top["holds"] = [table], [between]
                top = between
            return Draft(raw, self.catalog)._fitted()._whole(self)
        table["holds"] = [*(table.get("holds") or []), new]
        return Draft(raw, self.catalog)._whole(self)._raised(self)

    def remove(self, name: str, keep: bool = False) -> "Draft":
        """Without a layer and what stands on it; with `keep`, what stood on it sinks."""
        raw, (table, siblings) = self._copy(name)
        if siblings is None:
            return self
        held = (table.get("holds") or []) if keep else []
        place = siblings.index(table)
        siblings[place : place + 1] = held
        return Draft(raw, self.catalog)._without_loose_ends()._whole(self)

    def move(self, name: str, onto: str) -> "Draft":
        """A layer, with all that stands on it, onto another one."""
        raw, (table, siblings) = self._copy(name)
        inner = {one.get("id") for one in tables({"stack": table})}
        if siblings is None or onto in inner or (target := _table(raw, onto)) is None:
            return self
        if siblings is raw.get("workloads"):
            table["on"] = onto
        else:
            siblings.remove(table)
            target["holds"] = [*(target.get("holds") or []), table]
        return Draft(raw, self.catalog)._whole(self)

    def shift(self, name: str, step: int) -> "Draft":
        """A layer before or after the one beside it."""
        raw, (table, siblings) = self._copy(name)
        if siblings is not None:
            place = siblings.index(table)
            there = min(max(place + step, 0), len(siblings) - 1)
            siblings[place], siblings[there] = siblings[there], siblings[place]
        return Draft(raw, self.catalog)

    def double(self, name: str) -> "Draft":
        """A second one beside it, with all that stands on it, each with a name of its own."""
        raw, (table, siblings) = self._copy(name)
        if siblings is None:
            return self
        names: dict[str, str] = {}
        taken = set(self.names)
        for one in tables({"stack": table}):
            names[one["id"]] = _twin(one["id"], names, taken)
            taken.add(names[one["id"]])
        twin = copy.deepcopy(table)
        for one in tables({"stack": twin}):
            one["id"] = names[one["id"]]
            if one.get("runtime") in names:
                one["runtime"] = names[one["runtime"]]
        siblings.insert(siblings.index(table) + 1, twin)
        if siblings is not raw.get("workloads"):
            loads = [load for load in raw.get("workloads") or [] if load.get("on") in names]
            for load in loads:
                copied = copy.deepcopy(load) | {
                    "on": names[load["on"]],
                    "id": _free(load["id"].rstrip("0123456789"), taken, numbered=True),
                }
                taken.add(copied["id"])
                raw["workloads"].append(copied)
        return Draft(raw, self.catalog)._whole(self)

    def swap(self, name: str, is_: str) -> "Draft":
        """Another component in its place; settings that both have stay."""
        if "." in name:
            return self.set(name, is_)
        raw, (table, _siblings) = self._copy(name)
        entry = self.catalog[is_]
        table["is"] = is_
        _keep_known(table, entry)
        return Draft(raw, self.catalog)._fitted(name)._whole(self)

    def set(self, path: str, value: Any) -> "Draft":
        """A setting, `vm1.vcpus` or `vm1.disk.cache`; None: as if it had never been given."""
        raw = copy.deepcopy(dict(self.raw))
        if put(raw, self.catalog, path, value) is not None:
            return self
        if value is None:
            _forget(raw, path)
        return Draft(raw, self.catalog)._whole(self, OF_A_SETTING)

    def aim(self, name: str) -> "Draft":
        """This is where the program runs that a lane times."""
        return Draft({**self.raw, "subject": name}, self.catalog)

    def rename(self, name: str, new: str) -> "Draft":
        raw, (table, _siblings) = self._copy(name)
        table["id"] = new
        for one in tables(raw):
            for key in ("runtime", "on"):
                if one.get(key) == name:
                    one[key] = new
        if raw.get("subject") == name:
            raw["subject"] = new
        for one in raw.get("interventions") or []:
            if one.get("on") == name:
                one["on"] = new
        return Draft(raw, self.catalog)

    def titled(self, title: str) -> "Draft":
        """Under a name of its own, or none; question and summary were those of the stack that it began as."""
        raw = {key: value for key, value in self.raw.items() if key not in TEXTS}
        return Draft({**raw, "label": title} if title else raw, self.catalog)

    def with_own_texts(self, others: Collection[Mapping[str, Any]]) -> "Draft":
        """Without the title, the question and the summary of another stack that it is not, or is no more."""
        bare = _bare(self.raw)
        if any(bare == _bare(other) for other in others):
            return self
        foreign = {
            key for key in TEXTS for one in others if key in self.raw and self.raw[key] == one.get(key)
        }
        raw = {key: value for key, value in self.raw.items() if key not in foreign}
        return Draft(raw, self.catalog) if foreign else self

    # ------------------------------------------------------------------------------------------- what may be

    def offers(self, on: str, place: str = ABOVE) -> list["Offer"]:
        """What may stand there, and what may not, with the reason."""
        node = self.node(on)
        if node is None:
            return []
        layers = [entry for entry in self.catalog.entries.values() if entry.role not in PARTS]
        under = self.tree.nodes[node.parent].role if self.tree and getattr(node, "parent", None) else ""
        if place == ABOVE:
            entries = [entry for entry in layers if node.role in entry.sits_on]
            if node.role in PROCESS_HOMES:
                entries += self.catalog.of_role("workload")
        elif place == BESIDE:
            entries = [entry for entry in layers if under in entry.sits_on]
        else:
            entries = [
                entry
                for entry in layers
                if under in entry.sits_on and _leads_to(entry.role, node.entry.sits_on)
            ]
        return [
            Offer(entry, draft, tuple(draft.worse_than(self)))
            for entry in dict.fromkeys(entries)
            if (draft := self.add(entry.id, on, place))
        ]

    def replacements(self, name: str) -> list["Offer"]:
        """What may stand in its place: components of the same role."""
        node = self.node(name)
        if node is None:
            return []
        others = self.catalog.of_role(node.entry.role)
        return [
            Offer(entry, draft, tuple(draft.worse_than(self)))
            for entry in others
            if entry.id != node.is_ and of_its_kind(entry, name.rpartition(".")[2])
            if (draft := self.swap(name, entry.id))
        ]

    def settings_of(self, path: str, choices: Iterable[Entry]) -> list["Offer"]:
        """What may be plugged in there, of those that are of the right kind at all."""
        node, place = self.node(path.rpartition(".")[0]), path.rpartition(".")[2]
        there = node.settings.get(place) if node is not None else None
        return [
            Offer(entry, draft, tuple(draft.worse_than(self)))
            for entry in choices
            if (entry.id == there or of_its_kind(entry, place)) and (draft := self.set(path, entry.id))
        ]

    def landings(self, name: str) -> list[str]:
        """The layers that it may be moved onto."""
        node = self.node(name)
        if node is None or self.tree is None:
            return []
        own = {inner.id for inner in node.walk()} if isinstance(node, Node) else set()
        return [
            other.id
            for other in self.tree.nodes.values()
            if other.id not in own
            and other.owner is None
            and other.id != (node.parent if isinstance(node, Node) else node.on)
            and (
                other.role in node.entry.sits_on
                or (node.entry.role == "workload" and other.role in PROCESS_HOMES)
            )
            and not self.move(name, other.id).worse_than(self)
        ]

    def mended(self, finding: Finding) -> "Draft | None":
        """With the fault gone, if there is one usual way to mend it."""
        mend = MENDS.get(finding.id) if self.is_editable else None
        draft = mend(self, finding) if mend is not None else None
        return None if draft is None or finding in draft.errors else draft

    # ------------------------------------------------------------------------------------------------- parts

    @property
    def names(self) -> list[str]:
        return [one["id"] for one in tables(self.raw) if isinstance(one.get("id"), str)]

    def node(self, name: str) -> Any:
        """The node or workload of that id."""
        if self.tree is None:
            return None
        found = self.tree.nodes.get(name)
        return found or next((load for load in self.tree.workloads if load.id == name), None)

    def _copy(self, name: str) -> tuple[dict[str, Any], tuple[dict[str, Any], list[Any] | None]]:
        """All of it anew; the table of that id and the list that it is in. Raises KeyError."""
        raw = copy.deepcopy(dict(self.raw))
        for table, siblings in _places(raw):
            if table.get("id") == name:
                return raw, (table, siblings)
        raise KeyError(name)

    def _fresh(self, stem: str, numbered: bool = False) -> str:
        return _free(stem, set(self.names), numbered)

    def _new(self, entry: Entry, on: str) -> dict[str, Any]:
        below = self.node(on)
        inside = entry.role == "kernel" and (below is None or below.role == "vm")
        stem = f"{on}-os" if inside else entry.id if entry.control_domain else STEMS.get(entry.role, entry.id)
        return {
            "id": self._fresh(stem, numbered=entry.role == "vm" and not entry.control_domain),
            "is": entry.id,
        }

    def _may_carry(self, below: Mapping[str, Any], above: Mapping[str, Any]) -> bool:
        return self.catalog[below["is"]].role in self.catalog[above["is"]].sits_on

    def _fitted(self, chosen: str = "") -> "Draft":
        """Virtual machines that are those of their hypervisor, each kind has its own; and where a component
        was chosen, machines and kernels above it that are of its instruction set."""
        draft, waiting = self, self.errors
        while waiting:
            finding, *waiting = waiting
            node = draft.node(finding.path.partition(".")[0])
            roles = ("vm", "kernel") if chosen and finding.id == "isa-mismatch" else ("vm",)
            if node is None or node.id == chosen or node.entry.role not in roles or node.entry.control_domain:
                continue
            trials = (
                draft.swap_only(node.id, entry) for entry in _usual(self.catalog.of_role(node.entry.role))
            )
            better = min((draft, *trials), key=lambda trial: _faults_at(trial, node.id))
            if better is not draft:
                waiting = [one for one in better.errors if one not in draft.errors] + waiting
                draft = better
                entry = draft.node(node.id).entry
                if entry.control_domain:
                    draft = draft.rename(node.id, draft._fresh(entry.id))
        return draft

    def swap_only(self, name: str, entry: Entry) -> "Draft":
        """Another component in its place, and nothing else but a firmware that it can run."""
        raw, (table, _siblings) = self._copy(name)
        table["is"] = entry.id
        _keep_known(table, entry)
        return Draft(raw, self.catalog)._whole(self, OF_A_MACHINE)

    def _whole(self, before: "Draft", mends: Collection[str] | None = None) -> "Draft":
        """With what the new layers cannot be without."""
        draft, mends = self, MENDS if mends is None else mends
        for _ in range(MOST_MENDS):
            fault = next((one for one in draft.worse_than(before) if one.id in mends), None)
            better = draft.mended(fault) if fault is not None else None
            if better is None:
                return draft
            draft = better
        return draft

    def _raised(self, before: "Draft") -> "Draft":
        """The timed program in what was built upon its layer: that is what one wants to see start."""
        subject, tree = self.raw.get("subject"), self.tree
        if tree is None or subject not in tree.nodes:
            return self
        above = [
            node
            for node in tree.nodes.values()
            if node.role in PROCESS_HOMES
            and node.id not in before.names
            and subject in {lower.id for lower in tree.below(node)}
        ]
        highest = max(above, key=lambda node: len(list(tree.below(node))), default=None)
        return self if highest is None else self.aim(highest.id)

    def _without_loose_ends(self) -> "Draft":
        """Nothing that names a layer which is gone."""
        raw, names = dict(self.raw), set(self.names)
        for key in ("workloads", "interventions"):
            if raw.get(key):
                raw[key] = [one for one in raw[key] if str(one.get("on", "")).partition(".")[0] in names]
        if raw.get("subject") not in names:
            raw.pop("subject", None)
        return Draft(raw, self.catalog)

    def _best(self, trials: Iterable["Draft"]) -> "Draft | None":
        """The first that is right, else the one with the fewest errors, if they are fewer than now."""
        best: Draft | None = None
        for trial in trials:
            if best is None or len(trial.errors) < len(best.errors):
                best = trial
            if not best.errors:
                break
        return best if best is not None and len(best.errors) < len(self.errors) else None


@dataclass(frozen=True)
class Offer:
    """A component that may be added, and the draft with it; or the errors that it would make."""

    entry: Entry
    draft: Draft = field(repr=False)
    errors: tuple[Finding, ...] = ()

    @property
    def is_legal(self) -> bool:
        return not self.errors


# -------------------------------------------------------------------------------------------------- mends


def _held(draft: Draft, on: str, entries: Iterable[Entry]) -> Iterator[Draft]:
    """The draft with each of these on a layer, before all that stands there."""
    for entry in _usual(entries):
        raw, (table, _siblings) = draft._copy(on)
        table["holds"] = [draft._new(entry, on), *(table.get("holds") or [])]
        yield Draft(raw, draft.catalog)


def _kernel(draft: Draft, finding: Finding) -> Draft | None:
    return draft._best(_held(draft, finding.path, draft.catalog.of_role("kernel")))


def _engine(draft: Draft, finding: Finding) -> Draft | None:
    """One that is there already, else a new one."""
    name = finding.path.partition(".")[0]
    node = draft.node(name)
    if node is None or node.parent is None or draft.tree is None:
        return None
    with_engines = [draft, *_held(draft, node.parent, draft.catalog.of_role("engine"))]
    trials = []
    for trial in with_engines:
        beside = trial.tree.nodes[node.parent].holds if trial.tree else ()
        for engine in (held.id for held in beside if "oci-runtime" in held.entry.provides):
            raw, (table, _siblings) = trial._copy(name)
            table["runtime"] = engine
            trials.append(Draft(raw, draft.catalog))
    return draft._best(trials)


def _control_domain(draft: Draft, finding: Finding) -> Draft | None:
    wanted = draft.catalog.get(str(finding.params["wanted"]))
    if wanted is None:
        return None
    draft = next(_held(draft, finding.path, [wanted]))
    return draft._whole(draft) if not draft.errors else _first_mend(draft) or draft


def _first_mend(draft: Draft) -> Draft | None:
    fault = next((one for one in draft.errors if one.id == "no-kernel"), None)
    return draft.mended(fault) if fault is not None else None


def _subject(draft: Draft, finding: Finding) -> Draft | None:
    """What stands highest and can run a program."""
    if draft.tree is None:
        return None
    homes = [node for node in draft.tree.nodes.values() if node.role in PROCESS_HOMES]
    highest = max(homes, key=lambda node: len(list(draft.tree.below(node))), default=None)  # type: ignore[union-attr]
    return draft.aim(highest.id) if highest is not None else None


def _card(draft: Draft, finding: Finding) -> Draft | None:
    """A network card for the computer that has none, and for the machine that it leads to."""
    if draft.tree is None:
        return None
    cards = _usual(entry for entry in draft.catalog.of_role("device") if "network" in entry.provides)
    computer, machine = str(finding.params["computer"]), draft.tree.stack
    ways = [draft] if "network" in machine.devices else _plugged(draft, f"{machine.id}.network", cards)
    trials = (
        trial
        for way in ways
        for trial in ([way] if computer == machine.id else _plugged(way, f"{computer}.network", cards))
    )
    return draft._best(trials)


def _put(draft: Draft, path: str, value: Any) -> Iterator[Draft]:
    """The draft with that setting, if there is such a place."""
    raw = copy.deepcopy(dict(draft.raw))
    if put(raw, draft.catalog, path, value) is None:
        yield Draft(raw, draft.catalog)


def _plugged(draft: Draft, path: str, entries: Iterable[Entry]) -> Iterator[Draft]:
    for entry in entries:
        yield from _put(draft, path, entry.id)


def _offered(draft: Draft, finding: Finding) -> Draft | None:
    """A layer below that would offer what is missing, were it only switched on; of a device, one that needs
    nothing which is not there."""
    capability, tree = finding.params.get("capability"), draft.tree
    if tree is None or (node := tree.nodes.get(finding.path)) is None:
        return None
    trials = [
        changed
        for lower in tree.below(tree.nodes[node.owner or node.id])
        for name, setting in lower.entry.settings.items()
        if setting.provides == capability and setting.type == "bool"
        for changed in _put(draft, f"{lower.id}.{name}", True)
    ]
    others = _usual(draft.catalog.of_role(node.role)) if node.owner else []
    return draft._best([*trials, *_plugged(draft, node.id, others)])


def _firmware(draft: Draft, finding: Finding) -> Draft | None:
    """The computer's usual one, else any that it can run."""
    owner = draft.node(finding.path.rpartition(".")[0])
    usual = owner.entry.settings["firmware"].default
    entries = sorted(draft.catalog.of_role("firmware"), key=lambda entry: entry.id != usual)
    return draft._best(_plugged(draft, finding.path, entries))


def _lent(draft: Draft, finding: Finding) -> Draft | None:
    """A second drive in the machine, for the guest that wants one of its own."""
    if finding.params.get("field") != "device" or draft.tree is None:
        return None
    place = f"{draft.tree.stack.id}.disk2"
    path = finding.path if finding.path.endswith(".device") else f"{finding.path}.device"
    ways = (draft, *_plugged(draft, place, _usual(draft.catalog.of_role("device"))))
    return draft._best(lent for way in ways for lent in _put(way, path, place))


MENDS: Mapping[str, Callable[[Draft, Finding], Draft | None]] = {
    "no-kernel": _kernel,
    "runtime-missing": _engine,
    "runtime-unknown": _engine,
    "no-control-domain": _control_domain,
    "missing-subject": _subject,
    "no-network": _card,
    "not-offered": _offered,
    "no-iommu": _offered,
    "missing-field": _lent,
    "firmware-isa": _firmware,
}
"""The usual way to mend a fault, by the finding's id."""
OF_A_MACHINE = ("firmware-isa",)
"""What comes along when a machine takes another one's place."""
OF_A_SETTING = ("missing-field", "no-network")
"""What comes along when a single setting is changed; the rest is for whoever changed it to see."""


# ------------------------------------------------------------------------------------------ raw scenarios


def _bare(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key not in TEXTS}


def _is_shaped(raw: Mapping[str, Any]) -> bool:
    """Tables where tables belong, lists where lists do, and texts as names."""

    def named(table: object, *keys: str) -> bool:
        return isinstance(table, dict) and all(isinstance(table.get(key), str) for key in keys)

    def stands(node: object) -> bool:
        if not isinstance(node, dict) or not named(node, "id", "is"):
            return False
        held, settings = node.get("holds") or [], node.get("settings") or {}
        shaped = isinstance(held, list) and isinstance(settings, dict)
        return shaped and isinstance(node.get("runtime", ""), (str, NoneType)) and all(map(stands, held))

    loads, later = raw.get("workloads") or [], raw.get("interventions") or []
    return (
        stands(raw.get("stack"))
        and isinstance(loads, list)
        and all(named(load, "id", "is", "on") for load in loads)
        and isinstance(later, list)
        and all(named(one, "on") for one in later)
        and isinstance(raw.get("subject", ""), (str, NoneType))
    )


def _places(raw: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[Any] | None]]:
    """Each table with the list that it is in; the machine is in none."""
    if isinstance(raw.get("stack"), dict):
        yield raw["stack"], None
    waiting = [raw.get("stack")]
    while waiting:
        table = waiting.pop()
        held = table.get("holds") if isinstance(table, dict) else None
        for one in held if isinstance(held, list) else []:
            if isinstance(one, dict):
                yield one, held
                waiting.append(one)
    loads = raw.get("workloads")
    for one in loads if isinstance(loads, list) else []:
        if isinstance(one, dict):
            yield one, loads


def _table(raw: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((table for table, _siblings in _places(raw) if table.get("id") == name), None)


def _forget(raw: dict[str, Any], path: str) -> None:
    name, *steps = path.split(".")
    table = _table(raw, name)
    inner = table.get("settings") if table is not None else None
    for step in steps[:-1]:
        inner = inner.get(step) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.pop(steps[-1], None)


def _free(stem: str, taken: set[str], numbered: bool = False) -> str:
    """The stem if nobody has that name, else with the first number that is free."""
    stem = stem.strip("-")[:50] or "layer"
    if not numbered and stem not in taken:
        return stem
    first = 1 if stem not in taken else 2
    return next(name for number in range(first, 10_000) if (name := f"{stem}{number}") not in taken)


def _twin(name: str, names: Mapping[str, str], taken: set[str]) -> str:
    """What a double is called: `vm1-os` on `vm2` is `vm2-os`."""
    for below, new in names.items():
        if name.startswith(f"{below}-") and (twin := new + name[len(below) :]) not in taken:
            return twin
    return _free(name.rstrip("0123456789"), taken, numbered=True)


def _keep_known(table: dict[str, Any], entry: Entry) -> None:
    """Only the settings that the component has."""
    known = {key: value for key, value in (table.get("settings") or {}).items() if key in entry.settings}
    table.pop("settings", None)
    if known:
        table["settings"] = known


def _faults_at(draft: Draft, name: str) -> tuple[int, int]:
    """Of that layer and what is plugged into it, then of the whole."""
    own = [error for error in draft.errors if error.path.partition(".")[0] == name]
    return len(own), len(draft.errors)


def _leads_to(role: str, wanted: Collection[str]) -> bool:
    """Whether a layer of that role carries one of the wanted roles, or what it carries does."""
    while role not in wanted and role in BETWEEN:
        role = BETWEEN[role]
    return role in wanted


def _usual(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: FIRST.index(entry.id) if entry.id in FIRST else len(FIRST))
