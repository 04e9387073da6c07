"""What the builder shows of a draft: the drawing, the chosen layer, its settings, and what may stand where.

Nothing here knows a request. A draft travels in the address (`packed`): the site keeps none of it.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

import simcore
from simweb import diagram, presenters, store
from simweb.build_words import names_of

__all__ = [
    "Field",
    "Page",
    "fields_of",
    "findings_said",
    "node_of",
    "pack",
    "page_of",
    "shown",
    "sits",
    "typed",
    "unpack",
    "words_of",
    "yaml_of",
]

LONGEST_PACKED = 24_000
LARGEST_DRAFT = 200_000
SCHEMA = "# yaml-language-server: $schema={url}\n"
FOLLOWS = ("not-offered", "no-iommu", "isa-mismatch")
"""What a layer in a wrong place misses, it finds in the right one."""
PLACES: tuple[tuple[str, str], ...] = (
    ("above", gettext_noop("Add on top")),
    ("below", gettext_noop("Put underneath")),
    ("beside", gettext_noop("Add beside")),
)


# A draft in an address


def pack(raw: Any) -> str:
    """Compressed, in letters that an address may have."""
    text = json.dumps(raw, separators=(",", ":"), ensure_ascii=False).encode()
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.urlsafe_b64encode(squeezed.compress(text) + squeezed.flush()).decode().rstrip("=")


def unpack(packed: str) -> dict[str, Any] | None:
    """What `pack` was given; None for anything else."""
    if len(packed) > LONGEST_PACKED:
        return None
    try:
        data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        text = zlib.decompressobj(-15).decompress(data, LARGEST_DRAFT)
        raw = simcore.load(text)
    except (binascii.Error, ValueError, zlib.error, simcore.ScenarioError):
        return None
    return raw


def yaml_of(raw: Any, schema_url: str) -> str:
    """As a file for an editor, which finds the schema by the first line."""
    return SCHEMA.format(url=schema_url) + simcore.to_yaml(dict(raw))


def sits() -> str:
    """What each component may stand on, by role, for the page that is dragged upon."""
    return json.dumps(
        {entry.id: entry.sits_on for entry in simcore.catalog().entries.values() if entry.sits_on}
    )


# The page


@dataclass(frozen=True)
class Choice:
    """A component that may be chosen, or may not and why."""

    id: str
    role: str
    role_word: str
    label: str
    sub: str
    edit: str
    why_not: str = ""
    hint: str = ""
    chosen: bool = False


@dataclass(frozen=True)
class Place:
    """Where something may be added: what fits there, and what does not."""

    id: str
    title: str
    fit: list[Choice]
    unfit: list[Choice]

    @property
    def layers(self) -> list[Choice]:
        return [choice for choice in self.fit if choice.role != "workload" or self.id == "instead"]

    @property
    def programs(self) -> list[Choice]:
        return [choice for choice in self.fit if choice not in self.layers]


@dataclass(frozen=True)
class Field:
    """One setting of the chosen layer. `kind`: text, bool, choice or component."""

    path: str
    name: str
    label: str
    help: str
    kind: str
    value: str
    usual: str
    limits: str
    live: bool
    choices: list[Choice] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)

    @property
    def is_set(self) -> bool:
        return self.value != self.usual

    @property
    def unfit(self) -> list[Choice]:
        return [choice for choice in self.choices if choice.why_not]


@dataclass(frozen=True)
class Row:
    """One line of the outline: a layer, how deep it stands, and whether something is wrong with it."""

    id: str
    label: str
    role: str
    depth: int
    chosen: bool
    mark: str


@dataclass(frozen=True)
class Chosen:
    """The layer that the page is about."""

    id: str
    is_: str
    label: str
    role: str
    role_word: str
    sub: str
    note: str
    era: str
    fields: list[Field]
    places: list[Place]
    replacements: Place
    landings: list[tuple[str, str]]
    is_device: bool
    is_root: bool
    can_aim: bool
    is_aim: bool
    holds: bool
    first: bool
    last: bool


@dataclass(frozen=True)
class Issue:
    """A fault, the layers that have it by id and name, and the edit that mends it, if there is one."""

    said: presenters.ShownFinding
    layers: dict[str, str]
    mend: str


@dataclass(frozen=True)
class Page:
    draft: Any
    raw: str
    packed: str
    title: str
    usual_title: str
    """What it is called when it has no title of its own."""
    drawing: diagram.Diagram | None
    rows: list[Row]
    chosen: Chosen | None
    issues: list[Issue]
    marks: dict[str, str]

    @property
    def errors(self) -> int:
        return sum(issue.said.severity == "error" for issue in self.issues)


def page_of(draft: Any, selected: str, lang: str) -> Page:
    words = words_of(draft, lang)
    tree = draft.tree
    if tree is not None and draft.node(selected) is None:
        selected = str(draft.raw.get("subject") or tree.stack.id)
    issues = list(_issues(draft, words))
    marks: dict[str, str] = {}
    for issue in issues:
        for on in issue.layers:
            if marks.get(on) != "error":
                marks[on] = issue.said.severity
    return Page(
        draft=draft,
        raw=json.dumps(draft.raw, separators=(",", ":"), ensure_ascii=False),
        packed=pack(draft.raw),
        title=presenters.in_language(draft.raw.get("label"), lang),
        usual_title=diagram.title_of(tree, words.of) if draft.is_editable else "",
        drawing=_drawing(tree, words),
        rows=list(_rows(tree, words, selected, marks)) if draft.is_editable else [],
        chosen=_chosen(draft, selected, words) if draft.is_editable else None,
        issues=issues,
        marks=marks,
    )


@dataclass(frozen=True)
class Words:
    """The texts of all components in one language; a machine that was sent in brings its own."""

    lang: str
    of: dict[str, Any]

    def label(self, is_: str, key: str = "label") -> str:
        return str(self.of.get(is_, {}).get(key) or is_)

    def choice(self, is_: str, setting: str, value: str) -> str:
        """What one of a setting's choices is called."""
        known = self.of.get(is_, {}).get("settings", {}).get(setting, {}).get("choices", {})
        return str(known.get(value, value))


def words_of(draft: Any, lang: str) -> Words:
    words = dict(presenters.components(lang))
    tree = draft.tree
    if tree is not None and store.is_sent_in(tree.stack.is_):
        words[tree.stack.is_] = tree.stack.entry.texts(lang)
    return Words(lang, words)


def _drawing(tree: Any, words: Words) -> diagram.Diagram | None:
    """None where the stack has parts that nobody knows: those can only be told as text."""
    known = tree is not None and all(node.is_ in words.of for node in tree.nodes.values())
    if not known or any(load.is_ not in words.of or load.on not in tree.nodes for load in tree.workloads):
        return None
    return diagram.draw(diagram.parts_of(tree, words.of))


def _rows(tree: Any, words: Words, selected: str, marks: dict[str, str]) -> Iterable[Row]:
    """From the top of the stack down, as the drawing has it."""
    loads = {node: [load for load in tree.workloads if load.on == node] for node in tree.nodes}

    def rows(node: Any, depth: int) -> Iterable[Row]:
        for load in loads[node.id]:
            yield row(load, "workload", depth + 1)
        for held in reversed(node.holds):
            yield from rows(held, depth + 1)
        yield row(node, node.role, depth)
        for device in node.devices.values():
            yield row(device, device.role, depth + 1)

    def row(node: Any, role: str, depth: int) -> Row:
        label = words.label(node.is_, "short")
        return Row(node.id, label, role, depth, node.id == selected, marks.get(node.id, ""))

    return rows(tree.stack, 0)


def _issues(draft: Any, words: Words) -> Iterable[Issue]:
    """One for each cause: layers with the same fault are told together, and what follows from where a layer
    stands is not told beside it."""
    names = names_of(draft.tree, words.of) if draft.tree is not None else {}
    misplaced = {finding.path for finding in draft.errors if finding.id == "sits-on"}
    causes: dict[tuple[str, ...], list[int]] = {}
    for number, finding in enumerate(draft.findings):
        if finding.id not in FOLLOWS or not misplaced & _below(draft, finding.path):
            said = findings_said([finding], draft, words)[0]
            # what has a place of its own to be mended at stays apart
            where = "" if node_of(draft, finding.path) else finding.path
            causes.setdefault((said.id, said.message, said.hint, where), []).append(number)
    for numbers in causes.values():
        findings = [draft.findings[number] for number in numbers]
        layers = {on: names.get(on, on) for finding in findings if (on := node_of(draft, finding.path))}
        mend = f"mend:{','.join(map(str, numbers))}" if draft.mended(findings[0]) is not None else ""
        yield Issue(findings_said(findings[:1], draft, words)[0], layers, mend)


def _below(draft: Any, name: str) -> set[str]:
    """A layer or device, and all that it stands on."""
    node = draft.tree.nodes.get(name)
    return {name, *(lower.id for lower in draft.tree.below(node))} if node is not None else set()


def findings_said(findings: Iterable[Any], draft: Any, words: Words) -> list[presenters.ShownFinding]:
    """In words, with names for ids."""
    roles, capabilities = presenters.role_words(), presenters.capability_words()
    names = names_of(draft.tree, words.of) if draft.tree is not None else {}

    def named(key: str, value: str) -> str:
        if key in ("role", "roles", "below_role"):
            return roles.get(value, value)
        if key == "capability":
            return capabilities.get(value, value)
        if key in ("is_", "below", "vm", "providers", "wanted"):
            return words.label(value)
        if key in ("node", "on", "owner", "host", "computer", "device", "kernels", "domains"):
            return names.get(value) or words.label(value)
        return value

    return presenters.findings_of(findings, words.lang, named)


def node_of(draft: Any, path: str) -> str:
    """The layer that a finding is about: the longest part of its path that names one."""
    while path and draft.node(path) is None:
        path = path.rpartition(".")[0]
    return path


def _chosen(draft: Any, name: str, words: Words) -> Chosen | None:
    node = draft.node(name)
    if node is None or node.is_ not in words.of:
        return None
    own, roles = words.of[node.is_], presenters.role_words()
    role, tree = node.entry.role, draft.tree
    is_device = getattr(node, "owner", None) is not None
    is_load = role == "workload"
    beside: Sequence[Any] = (
        tree.workloads if is_load else tree.nodes[node.parent].holds if node.parent and not is_device else ()
    )
    places = [] if is_device or is_load else [_place(draft, name, *place, words) for place in PLACES]
    aimed = draft.raw.get("subject")
    return Chosen(
        id=name,
        is_=node.is_,
        label=words.label(node.is_),
        role=role,
        role_word=roles.get(role, role),
        sub=str(own.get("sub", "")),
        note=str(own.get("note", "")),
        era=str(own.get("era", "")),
        fields=fields_of(draft, name, words),
        places=[place for place in places if place.fit or (place.unfit and place.id != "beside")],
        replacements=_replacements(draft, name, words),
        landings=[
            (onto, f"{words.label(draft.node(onto).is_, 'short')} · {onto}") for onto in draft.landings(name)
        ]
        if not is_device
        else [],
        is_device=is_device,
        is_root=not is_device and not is_load and node.parent is None,
        can_aim=role in ("kernel", "container"),
        is_aim=aimed == name,
        holds=bool(getattr(node, "holds", ())),
        first=not beside or beside[0].id == name,
        last=not beside or beside[-1].id == name,
    )


def _choice(offer: Any, words: Words, edit: str, chosen: bool = False) -> Choice:
    entry, said = offer.entry, findings_said(offer.errors[:1], offer.draft, words)
    return Choice(
        entry.id,
        entry.role,
        presenters.role_words().get(entry.role, entry.role),
        words.label(entry.id),
        str(words.of.get(entry.id, {}).get("sub", "")),
        edit,
        said[0].message if said else "",
        said[0].hint if said else "",
        chosen,
    )


def _place(draft: Any, name: str, place: str, title: str, words: Words) -> Place:
    roles = list(presenters.role_words())
    first = draft.node(name).entry.role if place == "beside" else ""
    offers = sorted(
        draft.offers(name, place),
        key=lambda offer: (offer.entry.role != first, roles.index(offer.entry.role)),
    )
    choices = [_choice(offer, words, f"add:{place}:{name}:{offer.entry.id}") for offer in offers]
    return _sorted_out(place, _(title), choices)


def _replacements(draft: Any, name: str, words: Words) -> Place:
    choices = [_choice(offer, words, f"swap:{name}:{offer.entry.id}") for offer in draft.replacements(name)]
    return _sorted_out("instead", _("In its place"), choices)


def _sorted_out(place: str, title: str, choices: list[Choice]) -> Place:
    fit = [choice for choice in choices if not choice.why_not]
    return Place(place, title, fit, [choice for choice in choices if choice.why_not])


def fields_of(draft: Any, name: str, words: Words, only: str = "") -> list[Field]:
    """The settings of a layer, or only one of them."""
    node = draft.node(name)
    settings = [one for one in node.entry.settings.values() if only in ("", one.name)]
    return [_field(draft, name, node, one, words) for one in settings]


def _field(draft: Any, name: str, node: Any, setting: Any, words: Words) -> Field:
    own = words.of[node.is_].get("settings", {}).get(setting.name, {})
    path = f"{name}.{setting.name}"
    value, usual = (shown(setting, one) for one in (node.settings[setting.name], setting.default))
    choices: list[Choice] = []
    kind = setting.type if setting.type in ("bool", "choice", "component", "node") else "text"
    if kind == "component":
        catalog = simcore.catalog()
        offers = draft.settings_of(path, catalog.of_role(*(setting.roles or ("device", "firmware"))))
        choices = [_choice(offer, words, "", offer.entry.id == value) for offer in offers]
        choices.sort(key=lambda choice: (bool(choice.why_not) and not choice.chosen, choice.label))
        if setting.default is None:
            choices.insert(0, Choice("", "", "", _("none"), "", "", chosen=not value))
    elif kind == "choice":
        choices = [
            Choice(
                str(one),
                "",
                "",
                words.choice(node.is_, setting.name, str(one)),
                "",
                "",
                chosen=str(one) == value,
            )
            for one in setting.choices
        ]
        if setting.default is None:
            choices.insert(0, Choice("", "", "", _("none"), "", "", chosen=not value))
    elif kind == "node":
        names = [one.id for one in draft.tree.nodes.values()]
        choices = [Choice("", "", "", _("none"), "", "", chosen=not value)]
        choices += [Choice(one, "", "", one, "", "", chosen=one == value) for one in names]
    low, high = (shown(setting, one) for one in (setting.min, setting.max))
    limits = f"{low} … {high}" if low and high else f"≥ {low}" if low else f"≤ {high}" if high else ""
    errors = [one for one in draft.errors if one.path == path]
    return Field(
        path,
        setting.name,
        str(own.get("label", setting.name)),
        str(own.get("help", "")),
        kind,
        value,
        usual,
        limits if kind == "text" else "",
        setting.live,
        choices,
        findings_said(errors, draft, words),
    )


def shown(setting: Any, value: Any) -> str:
    """A setting's value as a field has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(setting.said(value))


def typed(setting: Any, text: str) -> Any:
    """What somebody typed, as a scenario has it; what cannot be read stays text, and is found."""
    if text == "":
        return None
    if setting.type == "bool":
        return text == "true"
    if setting.type == "choice":
        return next((one for one in setting.choices if str(one) == text), text)
    if setting.type == "int" and text.lstrip("-").isdecimal() and len(text) < 20:
        return int(text)
    return text
