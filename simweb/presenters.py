"""What pages show, computed from scenarios, results and texts. Nothing here knows a request."""

import difflib
import gzip
import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

import simcore
from simweb import diagram, glossary, store
from simweb.models import Scenario
from simweb.store import ledger_version

__all__ = [
    "MOST_LANES", "Bar", "Card", "Finish", "Gap", "Lane", "ShownFinding", "cards", "components", "examine",
    "example_text", "findings_of", "finishes", "gaps_of", "in_language", "lane_of", "legend", "machines_of",
    "nearest", "path_of", "picture", "player_data", "race_title", "reordered", "role_words", "texts_gz",
    "texts_url", "texts_version", "too_large", "view_words",
]  # fmt: skip

GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("", "", ("linux", "docker-on-linux", "linux-on-kvm", "linux-on-virtualbox")),
    (
        gettext_noop("What if the hypervisor comes first?"),
        gettext_noop(
            "On the bare machine: it drives the devices itself, or leaves them to a guest of its own."
        ),
        ("linux-on-esxi", "xen-pv", "xen-pvh", "xen-hvm", "hyperv-server", "hyperv-windows"),
    ),
    (
        gettext_noop("What if the hypervisor is a program of another system?"),
        gettext_noop(
            "An application with a driver; files, threads and interrupts are those of the system below."
        ),
        (
            "vmware-workstation",
            "vmware-on-windows",
            "vmware-with-hyperv",
            "virtualbox-on-windows",
            "virtualbox-with-hyperv",
        ),
    ),
    (
        gettext_noop("Why is an emulated disk slow?"),
        gettext_noop(
            "Always KVM, always the same disk or card. What differs is who stands on the way to it."
        ),
        ("kvm-emulated-ide", "kvm-vhost", "firecracker", "nvme-passthrough", "sriov-nic"),
    ),
    (
        gettext_noop("How was it done without the processor's help?"),
        gettext_noop("Guests before there was hardware for them, and guests of another instruction set."),
        (
            "trap-and-emulate",
            "binary-translation",
            "paravirtual",
            "arm-on-x86-tcg",
            "x86-on-arm-tcg",
            "arm-container-on-x86",
        ),
    ),
    (
        gettext_noop("One more turn"),
        gettext_noop("A guest in a guest, a guest that does not boot but goes on, and another kernel."),
        ("nested-kvm", "snapshot-restore", "windows"),
    ),
)
"""The gallery: title, what they have in common, and the prebuilt stacks in order. The first group needs no
title: what it shows is the introduction. Stacks of no group follow the last."""
FOLLOWED = {
    "random-read": "read",
    "request-response": "round_trip",
    "system-call": "syscall",
    "page-touch": "touch",
}
"""By workload, the kind of its requests that a page is about, one at a time."""
MOST_LANES = 4
MOST_BARS = 8
HERE = Path(__file__).parent


# Diagrams


@lru_cache(maxsize=4)
def components(lang: str) -> Mapping[str, Any]:
    components: Mapping[str, Any] = simcore.texts(lang)["components"]
    return components


def picture(scenario: Any, lang: str, size: diagram.Size = diagram.FULL) -> diagram.Diagram:
    """The diagram of a legal scenario."""
    machine = scenario.stack.entry
    words = {**components(lang), machine.id: machine.texts(lang)}  # one that was sent in has its own
    return diagram.draw(diagram.parts_of(scenario, words), size)


def in_language(value: Any, lang: str) -> str:
    """A label is a text, or one for each language."""
    if isinstance(value, Mapping):
        return str(value.get(lang) or value.get("en") or next(iter(value.values()), ""))
    return str(value or "")


# The gallery


@dataclass(frozen=True)
class Card:
    """One stack of the gallery; `words` is what it can be found by, in both languages."""

    id: str
    label: str
    question: str
    drawing: diagram.Diagram
    words: str


@dataclass(frozen=True)
class Group:
    """Stacks of the gallery that have something in common."""

    title: str
    say: str
    cards: list[Card]


def groups(cards: Sequence[Card]) -> list[Group]:
    by_id = {card.id: card for card in cards}
    found = [
        Group(_(title) if title else "", _(say) if say else "", own)
        for title, say, ids in GROUPS
        if (own := [by_id.pop(id_) for id_ in ids if id_ in by_id])
    ]
    found[-1].cards.extend(by_id.values())
    return found


@lru_cache(maxsize=4)
def cards(lang: str) -> list[Card]:
    stacks = simcore.prebuilt()
    listed = [id_ for _title, _say, ids in GROUPS for id_ in ids]
    ids = [id_ for id_ in listed if id_ in stacks] + sorted(set(stacks) - set(listed))
    found = []
    for id_ in ids:
        raw, scenario = stacks[id_], simcore.scenario(stacks[id_], workload="boot")
        drawing = picture(scenario, lang, diagram.CARD)
        label, question = (in_language(raw.get(key), lang) for key in ("label", "question"))
        found.append(Card(id_, label or id_, question, drawing, _words(id_, raw, scenario, drawing)))
    return found


def _words(id_: str, raw: Mapping[str, Any], scenario: Any, drawing: diagram.Diagram) -> str:
    """Its names, its question, what it is made of, the roles of that, and the type of its hypervisors."""
    words = [id_]
    roles = {box.part.role for box in drawing.boxes}
    for lang in ("en", "zh-hans"):
        words += [in_language(raw.get(key), lang) for key in ("label", "question")]
        parts = [box.part.is_ for box in drawing.boxes if box.part.role != "workload"]
        words += [components(lang)[is_]["label"] for is_ in parts]
        with translation.override(lang):
            words += [word for role, word in role_words().items() if role in roles]
        words += [kind.label for kind in kinds(scenario, lang)]
    return " · ".join(dict.fromkeys(words))


def reordered(
    chosen: Sequence[str], *, toggle: str = "", add: str = "", remove: str = "", up: str = "", down: str = ""
) -> list[str]:
    """The lanes chosen for a race after one press of a button; unknown and double ids fall out."""
    known = set(simcore.prebuilt())
    lanes = list(dict.fromkeys(id_ for id_ in chosen if id_ in known))[:MOST_LANES]
    add, remove = (add, remove or toggle) if toggle in lanes else (add or toggle, remove)
    if add in known and add not in lanes and len(lanes) < MOST_LANES:
        lanes.append(add)
    if remove in lanes:
        lanes.remove(remove)
    for id_, step in ((up, -1), (down, 1)):
        if id_ in lanes:
            here = lanes.index(id_)
            there = min(max(here + step, 0), len(lanes) - 1)
            lanes[here], lanes[there] = lanes[there], lanes[here]
    return lanes


# The player


@dataclass(frozen=True)
class Kind:
    """What is called type 1 or type 2: a hypervisor's name and label, the facts, and what is to be said."""

    name: str
    label: str
    facts: list[tuple[str, str]]
    say: str


def kinds(scenario: Any, lang: str) -> list[Kind]:
    """Of each hypervisor that holds a guest."""
    found = []
    for node in scenario.nodes.values():
        if node.role == "hypervisor" and any(held.role == "vm" for held in node.holds):
            try:
                label = simcore.type_label(scenario, node.id)
            except ValueError:  # it holds only its control domain
                continue
            name = components(lang)[node.is_]["label"]
            found.append(Kind(str(name), label.label(lang), *label.said(lang)))
    return found


@dataclass(frozen=True)
class Lane:
    """One stack in the player or a race."""

    number: int
    stack: str
    label: str
    question: str
    summary: str
    scenario: Scenario
    machine: Any
    drawing: diagram.Diagram

    @property
    def follows(self) -> str:
        """The kind of request that can be followed one by one, stop by stop; "" if there is none."""
        loads = [load["is"] for load in self.scenario.raw.get("workloads") or []]
        return next((FOLLOWED[load] for load in loads if load in FOLLOWED), "")


def lane_of(number: int, scenario: Scenario, lang: str, size: diagram.Size) -> Lane:
    raw, stack = scenario.raw, scenario.ref
    label, question, summary = (in_language(raw.get(key), lang) for key in ("label", "question", "summary"))
    legal = store.scenario(raw)
    drawing = picture(legal, lang, size)
    label = label or diagram.title_of(legal, components(lang))
    return Lane(number, stack, label, question, summary, scenario, legal.stack.entry, drawing)


def machines_of(lanes: Sequence[Lane], lang: str) -> list[str]:
    """The machines of a race whose lanes stand on different ones, as their drawings call them."""
    texts = {lane.machine.id: lane.machine.texts(lang) for lane in lanes}
    return [str(words.get("short") or words["label"]) for words in texts.values()] if len(texts) > 1 else []


def titles(lanes: Sequence[Lane]) -> str:
    """What is shown, in each language, for whoever puts it on a page: JSON."""
    labels = [(lane.scenario.raw.get("label"), lane.stack[:16]) for lane in lanes]
    names = {
        lang: [in_language(label, lang) or stack for label, stack in labels]
        for lang, _word in settings.LANGUAGES
    }
    return json.dumps({lang: " · ".join(each) for lang, each in names.items()}, ensure_ascii=False)


def player_data(lanes: Sequence[Lane], result: Mapping[str, Any] | None, lang: str) -> dict[str, Any]:
    """`trace` and `lanes` as the player's main element carries them; no trace while there is no result.
    `words`: the texts of machines that were sent in, which are not in the file of all texts."""
    runs = result["lanes"] if result else [None] * len(lanes)
    data = [
        {
            "stack": lane.stack,
            "label": lane.label,
            "scenario": lane.scenario.id,
            "trace": reverse("trace", args=[run["trace"]]) if run else "",
            "start_ns": run["start_ns"] if run else 0,
            "end_ns": run["end_ns"] if run else 0,
        }
        for lane, run in zip(lanes, runs, strict=True)
    ]
    return {
        "trace": data[0]["trace"],
        "traces": [lane["trace"] for lane in data],
        "lanes": json.dumps(data, ensure_ascii=False),
        "words": json.dumps(
            {
                lane.machine.id: dict(lane.machine.texts(lang))
                for lane in lanes
                if lane.machine.id not in components(lang)
            },
            ensure_ascii=False,
        ),
    }


def view_words() -> dict[str, str]:
    """What each tab of the player is called."""
    return {
        "own": _("Its own work"),
        "boot": _("Boot"),
        "read": _("4 KiB read"),
        "send": _("Packet"),
        "call": _("System call"),
        "touch": _("First touch"),
    }


def race_title(view: str) -> str:
    words = {
        "own": _("Race: their own work"),
        "read": _("Race: the same reads"),
        "send": _("Race: the same packets"),
        "call": _("Race: the same system calls"),
        "touch": _("Race: the same memory, touched"),
    }
    return words.get(view) or _("Race to the first instruction")


def role_words() -> dict[str, str]:
    """The roles from the hardware up, each with its word."""
    return {
        "machine": _("machine"),
        "firmware": _("firmware"),
        "device": _("device"),
        "kernel": _("kernel"),
        "hypervisor": _("hypervisor"),
        "vm": _("virtual machine"),
        "engine": _("engine"),
        "container": _("container"),
        "workload": _("workload"),
    }


def capability_words() -> dict[str, str]:
    """What a layer needs of those below it, in words."""
    return {
        "cgroups": _("control groups (cgroups)"),
        "direct-kernel": _("a kernel handed over without firmware"),
        "emulated-devices": _("emulated devices"),
        "hw-virtualization": _("hardware virtualization"),
        "hyper-v": _("the calls of Hyper-V"),
        "linux": _("a Linux kernel"),
        "namespaces": _("namespaces"),
        "passthrough": _("passing a real device through"),
        "virtio": _("virtio devices"),
        "virtio-mmio": _("virtio devices without a PCI bus (MMIO)"),
        "vmbus": _("the channels of Hyper-V (VMBus)"),
        "vmkernel": _("the kernel of ESXi (VMkernel)"),
        "vmxnet": _("the network of VMware (VMXNET)"),
        "whp": _("the Windows Hypervisor Platform"),
        "xen": _("the calls of Xen"),
        "xenbus": _("the channels of Xen (XenBus)"),
    }


def legend(lanes: Sequence[Lane]) -> list[tuple[str, str]]:
    """The roles that a page shows, from the hardware up, each with its word."""
    shown = {box.part.role for lane in lanes for box in lane.drawing.boxes}
    return [(role, word) for role, word in role_words().items() if role in shown]


@dataclass(frozen=True)
class Finish:
    """A lane at its end: its place, "" if it never got there, and how long it took from the race's start."""

    lane: Lane
    place: str
    time: str


def finishes(lanes: Sequence[Lane], result: Mapping[str, Any]) -> list[Finish]:
    """In the order in which they came; those at the same moment have the same place."""
    took = {
        lane.number: run["end_ns"] - run["start_ns"]
        for lane, run in zip(lanes, result["lanes"], strict=True)
        if run.get("finished", True)
    }
    ordered = sorted(lanes, key=lambda lane: (lane.number not in took, took.get(lane.number, 0)))
    return [
        Finish(
            lane,
            str(1 + sum(other < took[lane.number] for other in took.values())),
            simcore.show_time(took[lane.number]),
        )
        if lane.number in took
        else Finish(lane, "", "")
        for lane in ordered
    ]


# The gap between two lanes of a race


@dataclass(frozen=True)
class Bar:
    """One part of a gap: `width` of 100, in the hue of `role`. `url`: its number in the ledger, if one stands
    behind it. Of a part of one run also its longest `span`, when that began, and, of a wait, what for."""

    layer: str
    text: str
    url: str
    label: str
    where: str
    role: str
    ns: int
    width: float
    signed: bool = True
    span: int = -1
    start_ns: int = 0
    waits_for: str = ""

    @property
    def shown(self) -> str:
        return signed_time(self.ns) if self.signed else str(simcore.show_time(self.ns))


@dataclass(frozen=True)
class Gap:
    """`bars` are the largest parts and `rest` the others; with `rest_ns` they sum to the gap exactly."""

    slower: str
    faster: str
    total_ns: int
    bars: list[Bar]
    rest: list[Bar]
    requests: int = 0
    """How many requests each lane made in this time, if that is all that it did and they are as many."""

    @property
    def each(self) -> str:
        return str(simcore.show_time(round(self.total_ns / self.requests)))

    @property
    def total(self) -> str:
        return str(simcore.show_time(self.total_ns))

    @property
    def rest_ns(self) -> int:
        return sum(bar.ns for bar in self.rest)

    @property
    def rest_shown(self) -> str:
        signed = any(bar.signed for bar in self.rest)
        return signed_time(self.rest_ns) if signed else str(simcore.show_time(self.rest_ns))


@dataclass(frozen=True)
class Step:
    """A flow's turn on the critical path, `width` of 100 from `left` on. Bars and `rest_ns` sum to it."""

    label: str
    layer: str
    role: str
    behalf: str
    start_ns: int
    end_ns: int
    left: float
    width: float
    bars: list[Bar]
    rest_n: int
    rest_ns: int

    @property
    def ns(self) -> int:
        return self.end_ns - self.start_ns

    @property
    def shown(self) -> str:
        return str(simcore.show_time(self.ns))

    @property
    def waits(self) -> bool:
        """Whether nobody worked for most of the turn."""
        return 2 * sum(bar.ns for bar in self.bars if bar.waits_for) > self.ns

    @property
    def rest_shown(self) -> str:
        return str(simcore.show_time(self.rest_ns))


@dataclass(frozen=True)
class Spent:
    """What a run's time went to, part by part, and turn by turn in order of time."""

    whole: Gap
    steps: list[Step]


def signed_time(ns: int) -> str:
    shown: str = simcore.show_time(ns)
    return shown if ns <= 0 else f"+{shown}"


def gaps_of(plan: store.Plan, result: Mapping[str, Any], lanes: Sequence[Lane], lang: str) -> list[Gap]:
    """First to last, then each neighbour in the finish order (the same thing when there are only two). None
    where a lane never finished: what was lost made no difference in time."""
    if not plan.is_race or not all(lane.get("finished", True) for lane in result["lanes"]):
        return []
    gaps: list[Any] = [result["gap"], *(result["gaps"] if len(lanes) > 2 else [])]
    labels = {lane.scenario.id: lane.label for lane in lanes}
    requests = _requests_each(plan)
    return [replace(_gap(gap, labels, _layers(lanes), lang), requests=requests) for gap in gaps]


def _requests_each(plan: store.Plan) -> int:
    """How many requests each lane made from its first to its last; 0 where that is not what is raced."""
    if plan.start != "first-request":
        return 0
    records = [store.record_of(row) for row in plan.scenarios]
    counts = {next(iter(record.outcome["workloads"].values()))["n"] for record in records if record}
    return counts.pop() if len(counts) == 1 else 0


def _layers(lanes: Sequence[Lane]) -> dict[Any, Any]:
    """By id and component, as lanes may have different layers of one id; and by id alone."""
    parts = [box.part for lane in lanes for box in lane.drawing.boxes]
    return {part.id: part for part in parts} | {(part.id, part.is_): part for part in parts}


def path_of(plan: store.Plan, lanes: Sequence[Lane], lang: str) -> Spent | None:
    """What one lane's time went to: its critical path, whose parts sum to it. Of a run that is about single
    requests the journey tells more."""
    record = None if plan.is_race or lanes[0].follows else store.record_of(plan.scenarios[0])
    if record is None or not (parts := record.outcome.get("parts")):
        return None
    whole = {"from": "", "to": lanes[0].label, "total_ns": sum(part["ns"] for part in parts), "parts": parts}
    layers = _layers(lanes)
    return Spent(_gap(whole, {}, layers, lang), _steps(record.outcome.get("steps") or [], layers, lang))


def _steps(steps: Sequence[Mapping[str, Any]], layers: Mapping[Any, Any], lang: str) -> list[Step]:
    if not steps:
        return []
    start, whole = steps[0]["start_ns"], steps[-1]["end_ns"] - steps[0]["start_ns"] or 1
    found = []
    for step in steps:
        ns = step["end_ns"] - step["start_ns"]
        bars = [_bar(part, ns, layers, lang, signed=False) for part in step["parts"]]
        own = layers.get(step["layer"])
        behalf = _flow_label(step["for"], layers, lang) if step["for"] else ""
        found.append(
            Step(
                # a flow that was asked for is called what it does, one of its own what it is
                label=bars[0].label if behalf and bars else _flow_label(step, layers, lang),
                layer=step["layer"],
                role=own.role if own else "wait",
                behalf=behalf,
                start_ns=step["start_ns"],
                end_ns=step["end_ns"],
                left=min(99.4, round(100 * (step["start_ns"] - start) / whole, 2)),
                width=round(max(0.6, 100 * ns / whole), 2),
                bars=bars,
                rest_n=step["rest"]["n"],
                rest_ns=step["rest"]["ns"],
            )
        )
    return found


def _flow_label(flow: Mapping[str, Any], layers: Mapping[Any, Any], lang: str) -> str:
    """The kind of request, and where it is at home if that is among the layers."""
    kind = simcore.texts(lang)["kinds"].get(flow["kind"]) or {}
    layer = layers.get(flow["layer"])
    return " · ".join([str(kind.get("name") or flow["kind"]), *([layer.short] if layer else [])])


def _gap(gap: Mapping[str, Any], labels: Mapping[str, str], layers: Mapping[Any, Any], lang: str) -> Gap:
    largest = max((abs(part["ns"]) for part in gap["parts"]), default=0) or 1
    bars = [_bar(part, largest, layers, lang, signed=bool(gap["from"])) for part in gap["parts"]]
    bars.sort(key=lambda bar: -abs(bar.ns))
    cut = len(bars) if len(bars) <= MOST_BARS + 1 else MOST_BARS
    faster, slower = (labels.get(gap[end], gap[end]) for end in ("from", "to"))
    return Gap(slower, faster, gap["total_ns"], bars[:cut], bars[cut:])


def _bar(
    part: Mapping[str, Any], longest_ns: int, layers: Mapping[Any, Any], lang: str, *, signed: bool
) -> Bar:
    layer = layers.get((part["layer"], part["is"])) or layers.get(part["layer"])
    words = _part_words(part, lang)
    where = [layer.short] if layer else []
    return Bar(
        layer=part["layer"],
        text=part["text"],
        url=_ledger_url(part["is"], part["text"]),
        label=str(words.get("name") or part["text"]),
        where=" · ".join(where + ([part["thread"]] if part.get("thread") else [])),
        role=layer.role if layer else "wait",
        ns=part["ns"],
        width=round(max(0.6, 100 * abs(part["ns"]) / longest_ns), 2),
        signed=signed,
        span=part.get("span", -1),
        start_ns=part.get("start_ns", 0),
        waits_for=str(words.get("explain", "")) if part.get("kind") in ("wait", "queue") else "",
    )


def _ledger_url(component: str, op: str) -> str:
    if (component, op) not in _timed():
        return ""
    return f"{reverse('numbers')}?{urlencode({'component': component, 'op': op})}#{component}.{op}"


@lru_cache(maxsize=1)
def _timed() -> frozenset[tuple[str, str]]:
    return frozenset((row.component, row.op) for row in simcore.numbers() if row.kind == "timing")


def _part_words(part: Mapping[str, Any], lang: str) -> Mapping[str, Any]:
    """The texts of the operation; of the kind of request or waiting where it is none of a component."""
    words = simcore.texts(lang)
    component = words["components"].get(part["is"]) or _words_of_machine(part["is"], lang)
    found: Mapping[str, Any] = (
        component.get("ops", {}).get(part["text"]) or words["kinds"].get(part["text"]) or {}
    )
    return found


def _words_of_machine(name: str, lang: str) -> Mapping[str, Any]:
    """The texts of a machine that was sent in: those of all others are known beforehand."""
    entry = store.machine(name)
    return entry.texts(lang) if entry else {}


# Checking a scenario


@dataclass(frozen=True)
class ShownFinding:
    """A finding with its sentences."""

    id: str
    severity: str
    path: str
    message: str
    why: str
    hint: str


def examine(text: str) -> tuple[dict[str, Any] | None, list[Any]]:
    """The raw scenario, if it can be read at all, and everything that is wrong with it."""
    try:
        raw = simcore.load(text.encode("utf-8", "replace"))
        store.meet(raw)
        return raw, list(simcore.check(raw))
    except simcore.ScenarioError as error:
        return None, list(error.findings)


def findings_of(
    findings: Iterable[Any], lang: str, named: Callable[[str, str], str] | None = None
) -> list[ShownFinding]:
    """Errors first, else in the order found; with names for ids where `named` is given. Nothing that
    somebody typed can break the page."""
    shown = []
    for finding in findings:
        words = finding.as_dict(lang, named)
        shown.append(
            ShownFinding(
                *(_printable(words[key]) for key in ("id", "severity", "path", "message", "why", "hint"))
            )
        )
    return sorted(shown, key=lambda finding: finding.severity != "error")


def _printable(text: Any) -> str:
    return str(text).encode("utf-8", "replace").decode()


def too_large(limit: int) -> ShownFinding:
    return ShownFinding(
        id="post-too-large",
        severity="error",
        path="",
        message=_("This is larger than the %(limit)s MiB that the site takes.") % {"limit": limit // 2**20},
        why=_("A scenario is a page or two of text; nobody waits for a machine to read a book."),
        hint=_("Paste only the scenario itself."),
    )


def example_text(ref: str) -> str:
    """The scenario to start from in the form: the named prebuilt one, else the first."""
    stacks = simcore.prebuilt()
    raw = stacks.get(ref) or stacks.get(GROUPS[0][2][0]) or next(iter(stacks.values()))
    text: str = simcore.scenario(raw).to_yaml()
    return text


def nearest(ref: str) -> list[str]:
    known = sorted([*simcore.prebuilt(), *store.RACES])
    return difflib.get_close_matches(ref[:100], known, n=3, cutoff=0.4)


# Texts that the player fetches once


@lru_cache(maxsize=64)
def texts_json(lang: str, of: tuple[str, ...] = ()) -> bytes:
    """The texts of one language, those of the player's own controls as `ui`: of all components, or of these
    and without what only a check says."""
    words = dict(simcore.texts(lang))
    if of:
        known = words["components"]
        words["components"] = {name: known[name] for name in of if name in known}
        del words["findings"]
    words["ui"] = _ui(lang)
    words["terms"] = glossary.terms_of_ops()
    return json.dumps(words, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=dict).encode()


@lru_cache(maxsize=64)
def texts_gz(lang: str, of: tuple[str, ...] = ()) -> bytes:
    return gzip.compress(texts_json(lang, of), 9, mtime=0)


def _ui(lang: str) -> dict[str, Any]:
    file = HERE / f"ui.{lang}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


@lru_cache(maxsize=64)
def texts_version(lang: str, of: tuple[str, ...] = ()) -> str:
    return hashlib.sha256(texts_json(lang, of)).hexdigest()[:8]


def texts_url(lang: str, lanes: Sequence[Lane]) -> str:
    """Where the texts of all that these lanes are made of stand."""
    of = tuple(sorted({box.part.is_ for lane in lanes for box in lane.drawing.boxes}))
    query = urlencode({"v": texts_version(lang, of), "of": ",".join(of)}, safe=",")
    return f"{reverse('texts', args=[lang, ledger_version()])}?{query}"
