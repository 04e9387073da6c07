"""A raw scenario to a tree, with every fault of form on the way: fields, ids, components, units, limits.

Reading never stops at a fault. What cannot be read is left out or taken for its default, so that one look
finds all; a tree with findings is never run.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from simcore import units
from simcore.catalog import Catalog, nearest
from simcore.component import LANGUAGES, LARGEST, Entry, Setting, SettingError

from .findings import Finding
from .scenario import SCHEMA_VERSION, Backing, Intervention, Node, Scenario, Workload

__all__ = ["ACTIONS", "UNKNOWN", "Reader"]

ACTIONS = ("set", "fail")
"""What an intervention may do in this version."""
UNKNOWN = "unknown"
"""The role of a component that does not exist: no rule speaks about it again."""
MOST = 200
"""Findings: who makes more mistakes than that has not written a scenario."""
ID = re.compile(r"[a-z][a-z0-9-]{0,62}")
LONGEST_SENTENCE = 2000

_TOP = (
    "schema_version",
    "label",
    "question",
    "summary",
    "stack",
    "workloads",
    "interventions",
    "until",
    "subject",
)
_NODE = ("id", "is", "settings", "holds", "runtime", "start")
_WORKLOAD = ("id", "is", "on", "settings", "start", "for")
_INTERVENTION = ("at", "on", "do", "settings", "fault")
_BACKING = ("on", "file")
_IN_HOLDS = ("machine", "kernel", "hypervisor", "vm", "engine", "container")


@dataclass
class Reader:
    """Reads one raw scenario; `findings` fills as it goes."""

    catalog: Catalog
    findings: list[Finding] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    """Where each id was first used."""

    def find(
        self, name: str, path: str, near: tuple[str, Iterable[str]] | None = None, **params: Any
    ) -> None:
        """Adds a finding; `near` is a name and those that may have been meant instead."""
        if len(self.findings) < MOST:
            if near is not None:
                params["nearest"] = nearest(*near)
            self.findings.append(Finding(name, path, params))

    def scenario(self, raw: object) -> Scenario | None:
        if not isinstance(raw, Mapping):
            self.find("not-a-table", "", value=raw)
            return None
        self._fields(raw, _TOP, "")
        version = raw.get("schema_version", SCHEMA_VERSION)
        if version != SCHEMA_VERSION or isinstance(version, bool):
            self.find("schema-version", "schema_version", value=version, known=SCHEMA_VERSION)
        if "stack" not in raw:
            self.find("missing-field", "", field="stack", expected="stack: {id: host, is: server-2s-xeon}")
            return None
        stack = self._node(raw["stack"], "stack", None)
        workloads = [
            workload
            for i, item in enumerate(self._list(raw, "workloads", "workloads"))
            if (workload := self._workload(item, f"workloads[{i}]")) is not None
        ]
        if stack is None:
            return None
        partial = Scenario(stack)
        interventions = [
            intervention
            for i, item in enumerate(self._list(raw, "interventions", "interventions"))
            if (intervention := self._intervention(item, f"interventions[{i}]", partial)) is not None
        ]
        return Scenario(
            stack=stack,
            workloads=tuple(workloads),
            interventions=tuple(interventions),
            until_ns=self._until(raw),
            subject=self._text(raw, "subject", "subject"),
            label=self._sentence(raw, "label"),
            question=self._sentence(raw, "question"),
            summary=self._sentence(raw, "summary"),
        )

    def _until(self, raw: Mapping[str, Any]) -> int | None:
        return self._time(raw["until"], "until", least=1) if raw.get("until") is not None else None

    def _fields(self, table: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
        for key in table:
            if key not in known:
                place = f"{path}.{key}" if path else str(key)
                self.find("unknown-field", place, (str(key), known), field=key, known=known)

    def _list(self, table: Mapping[str, Any], key: str, path: str) -> list[Any]:
        value = table.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self.find("wrong-type", path, value=value, expected="[…]")
        return []

    def _table(self, table: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
        value = table.get(key)
        if value is None or isinstance(value, Mapping):
            return value or {}
        self.find("wrong-type", path, value=value, expected="{…}")
        return {}

    def _text(self, table: Mapping[str, Any], key: str, path: str) -> str | None:
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value
        self.find("wrong-type", path, value=value, expected="a text")
        return None

    def _sentence(self, raw: Mapping[str, Any], key: str) -> dict[str, str]:
        """A text in some languages; a plain one counts for all."""
        value = raw.get(key)
        texts = dict.fromkeys(LANGUAGES, value) if isinstance(value, str) else value
        if texts is None:
            return {}
        if not isinstance(texts, Mapping):
            self.find("wrong-type", key, value=value, expected="{en: …, zh-hans: …}")
            return {}
        self._fields(texts, LANGUAGES, key)
        for lang, text in texts.items():
            if not isinstance(text, str) or len(text) > LONGEST_SENTENCE:
                self.find("wrong-type", f"{key}.{lang}", value=text, expected="a text")
        return {lang: text for lang, text in texts.items() if lang in LANGUAGES and isinstance(text, str)}

    def _time(self, value: object, path: str, least: int = 0) -> int | None:
        try:
            ns = units.duration_ns(value)
        except units.UnitError:
            self.find("wrong-unit", path, value=value, expected="200 us")
            return None
        if least <= ns <= LARGEST:
            return ns
        self.find(
            "out-of-range",
            path,
            value=value,
            low=units.show_duration(least),
            high=units.show_duration(LARGEST),
        )
        return None

    def _id(self, table: Mapping[str, Any], place: str) -> str:
        """The node's own id if it can be used as one, else its place, which stands for it in findings."""
        name = table.get("id")
        if name is None:
            self.find("missing-field", place, field="id", expected="id: vm1")
        elif not isinstance(name, str) or not ID.fullmatch(name):
            self.find("bad-id", place, id=name)
        elif name in self.places:
            self.find("double-id", place, id=name, first=self.places[name])
        else:
            self.places[name] = place
            return name
        return place

    def _entry(self, value: object, path: str, roles: tuple[str, ...], usual: str) -> Entry:
        """The component named, or a placeholder of role UNKNOWN."""
        placeholder = Entry(id=str(value), model="", role=UNKNOWN, file=Path())
        if value is None:
            self.find("missing-field", path, field="is", expected=f"is: {usual}")
            return placeholder
        entry = self.catalog.get(value) if isinstance(value, str) else None
        if entry is None:
            names = [one.id for one in self.catalog.of_role(*roles)]
            self.find("unknown-component", path, (str(value), names), is_=value, roles=roles)
            return placeholder
        if entry.role not in roles:
            self.find("wrong-role", path, is_=entry.id, role=entry.role, roles=roles)
            return placeholder
        return entry

    def _node(self, raw: object, place: str, parent: str | None) -> Node | None:
        if not isinstance(raw, Mapping):
            self.find("wrong-type", place, value=raw, expected="{id: …, is: …}")
            return None
        name = self._id(raw, place)
        self._fields(raw, _NODE, name)
        entry = self._entry(raw.get("is"), f"{name}.is", _IN_HOLDS, "linux")
        settings, devices = self._settings(self._table(raw, "settings", f"{name}.settings"), entry, name)
        holds = [
            held
            for i, item in enumerate(self._list(raw, "holds", f"{name}.holds"))
            if (held := self._node(item, f"{place}.holds[{i}]", name)) is not None
        ]
        start: int | Literal["manual"] | None = None
        if raw.get("start") == "manual":
            start = "manual"
        elif raw.get("start") is not None:
            start = self._time(raw["start"], f"{name}.start")
        return Node(
            id=name,
            entry=entry,
            settings=settings,
            path=place,
            parent=parent,
            holds=tuple(holds),
            devices=devices,
            runtime=self._text(raw, "runtime", f"{name}.runtime"),
            start=start,
        )

    def _settings(
        self, given: Mapping[str, Any], entry: Entry, owner: str
    ) -> tuple[dict[str, Any], dict[str, Node]]:
        """All settings of `entry`, those given and the defaults of the others, and the devices among them."""
        values: dict[str, Any] = {}
        devices: dict[str, Node] = {}
        if entry.role != UNKNOWN:
            for name in given:
                if name not in entry.settings:
                    self._unknown_setting(str(name), entry, owner)
        for name, setting in entry.settings.items():
            value = given.get(name)
            path = f"{owner}.{name}"
            if setting.type == "component" and (value is not None or setting.default is not None):
                device = self._device(setting.default if value is None else value, setting, path, owner)
                devices[name] = device
                values[name] = device.is_
            else:
                values[name] = setting.default if value is None else self._value(value, setting, path)
        return values, devices

    def _unknown_setting(self, name: str, entry: Entry, owner: str) -> None:
        known = sorted(entry.settings)
        self.find(
            "unknown-setting", f"{owner}.{name}", (name, known), setting=name, is_=entry.id, known=known
        )

    def _value(self, value: object, setting: Setting, path: str) -> Any:
        try:
            return setting.parse(value)
        except SettingError as error:
            self.find(error.reason, path, **error.params)
            return setting.default

    def _device(self, raw: object, setting: Setting, path: str, owner: str) -> Node:
        """A device or firmware from its short form (`virtio-blk`) or its long one (`{is: virtio-blk, …}`)."""
        table: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {"is": raw}
        entry = self._entry(table.get("is"), path, setting.roles or ("device", "firmware"), "virtio-blk")
        own = {key: value for key, value in table.items() if key not in ("is", "backing")}
        settings, devices = self._settings(own, entry, path)
        backing = None
        if "backing" in table:
            given = self._table(table, "backing", f"{path}.backing")
            self._fields(given, _BACKING, f"{path}.backing")
            on, file = (self._text(given, key, f"{path}.backing.{key}") for key in _BACKING)
            backing = Backing(on, file)
        return Node(
            id=path, entry=entry, settings=settings, path=path, parent=owner, owner=owner, devices=devices,
            backing=backing,
        )  # fmt: skip

    def _workload(self, raw: object, place: str) -> Workload | None:
        if not isinstance(raw, Mapping):
            self.find("wrong-type", place, value=raw, expected="{id: …, is: …, on: …}")
            return None
        name = self._id(raw, place)
        self._fields(raw, _WORKLOAD, name)
        entry = self._entry(raw.get("is"), f"{name}.is", ("workload",), "random-read")
        settings, _ = self._settings(self._table(raw, "settings", f"{name}.settings"), entry, name)
        on = self._text(raw, "on", f"{name}.on")
        if on is None and not raw.get("on"):
            self.find("missing-field", name, field="on", expected="on: guest-os")
        start: int | Literal["ready", "manual"] | None
        start = raw.get("start", "ready")
        if start not in ("ready", "manual"):
            start = self._time(start, f"{name}.start")
        for_ns = self._time(raw["for"], f"{name}.for", least=1) if raw.get("for") is not None else None
        return Workload(name, entry, on or "", settings, "ready" if start is None else start, for_ns, name)

    def _intervention(self, raw: object, place: str, scenario: Scenario) -> Intervention | None:
        if not isinstance(raw, Mapping):
            self.find("wrong-type", place, value=raw, expected="{at: …, on: …, do: …}")
            return None
        self._fields(raw, _INTERVENTION, place)
        for key, example in (("at", "5 s"), ("on", "vm1"), ("do", "set")):
            if raw.get(key) is None:
                self.find("missing-field", place, field=key, expected=f"{key}: {example}")
        at_ns = self._time(raw["at"], f"{place}.at") if raw.get("at") is not None else None
        on, do = self._text(raw, "on", f"{place}.on"), self._text(raw, "do", f"{place}.do")
        if do is not None and do not in ACTIONS:
            self.find("unknown-action", f"{place}.do", (do, ACTIONS), do=do, known=ACTIONS)
        node = scenario.nodes.get(on) if on is not None else None
        if on is not None and node is None:
            self.find("unknown-node", f"{place}.on", (on, scenario.nodes), node=on)
        settings = self._table(raw, "settings", f"{place}.settings")
        typed = self._live(settings, node.entry, place) if node is not None and node.role != UNKNOWN else {}
        if do == "set" and not settings:
            self.find("missing-field", place, field="settings", expected="settings: {cpus: 0.2}")
        if do != "set" and settings:
            self.find("not-here", f"{place}.settings", field="settings", with_="do: set")
        fault = self._text(raw, "fault", f"{place}.fault")
        if do != "fail" and fault is not None:
            self.find("not-here", f"{place}.fault", field="fault", with_="do: fail")
        if do == "fail" and node is not None and node.role != UNKNOWN:
            fault = self._fault(fault, node.entry, place)
        if at_ns is None or on is None or do is None:
            return None
        return Intervention(at_ns, on, do, typed, fault, place)

    def _live(self, settings: Mapping[str, Any], entry: Entry, place: str) -> dict[str, Any]:
        typed = {}
        live = [name for name, setting in entry.settings.items() if setting.live]
        for name, value in settings.items():
            path = f"{place}.settings.{name}"
            if name not in entry.settings:
                self._unknown_setting(str(name), entry, f"{place}.settings")
            elif name not in live:
                self.find("not-live", path, setting=name, is_=entry.id, live=live)
            else:
                typed[name] = self._value(value, entry.settings[name], path)
        return typed

    def _fault(self, fault: str | None, entry: Entry, place: str) -> str | None:
        if fault is None:
            return entry.faults[0]
        if fault not in entry.faults:
            near = (str(fault), entry.faults)
            self.find("unknown-fault", f"{place}.fault", near, fault=fault, is_=entry.id, known=entry.faults)
        return fault
