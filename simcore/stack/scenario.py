"""A scenario as a frozen tree: the machine at the root, devices with their owners, workloads beside it.

Equal scenarios have one canonical form, however they were written, and so one id. Nothing changes in place:
`with_workload`, `vary` and the like give another scenario, checked again.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from simcore.component import Entry
from simcore.units import show_duration

from .source import to_yaml

__all__ = ["Backing", "Intervention", "Node", "Scenario", "Workload"]

SCHEMA_VERSION = 1
TENANT_ROLES = ("vm", "container")
OWNER_ROLES = ("machine", "vm")


@dataclass(frozen=True)
class Backing:
    """What a guest's disk is kept on: a device path, or a file in the kernel that owns that device."""

    on: str | None = None
    file: str | None = None


@dataclass(frozen=True, eq=False)
class Node:
    """One layer, device or firmware. A device's id is its path (`vm1.disk`), its `owner` the machine or vm.

    `settings` holds every setting of the entry, typed (ns, bytes, …), defaults included; for a component
    setting the component's id, with the node itself in `devices`. `start` None means: when the host is ready.
    """

    id: str
    entry: Entry
    settings: Mapping[str, Any]
    path: str
    parent: str | None = None
    owner: str | None = None
    holds: tuple["Node", ...] = ()
    devices: Mapping[str, "Node"] = field(default_factory=dict)
    runtime: str | None = None
    start: int | Literal["manual"] | None = None
    backing: Backing | None = None

    @property
    def is_(self) -> str:
        return self.entry.id

    @property
    def role(self) -> str:
        return self.entry.role

    @property
    def provides(self) -> frozenset[str]:
        """The capabilities that it offers: those of its entry, and of the settings that are on."""
        chosen = (
            setting.provides
            for name, setting in self.entry.settings.items()
            if setting.provides is not None and self.settings[name]
        )
        return frozenset(self.entry.provides).union(chosen)

    @property
    def is_tenant(self) -> bool:
        """Somebody's guest or container, and not a part of the host."""
        return self.role in TENANT_ROLES and not self.entry.control_domain

    def walk(self) -> Iterator["Node"]:
        """This node, its devices, then what it holds: the order of nodes in a trace."""
        yield self
        for device in self.devices.values():
            yield from device.walk()
        for held in self.holds:
            yield from held.walk()


@dataclass(frozen=True, eq=False)
class Workload:
    """Work put onto a kernel or into a container. `start`: "ready", ns since power-on, or "manual"."""

    id: str
    entry: Entry
    on: str
    settings: Mapping[str, Any]
    start: int | Literal["ready", "manual"] = "ready"
    for_ns: int | None = None
    path: str = ""

    @property
    def is_(self) -> str:
        return self.entry.id


@dataclass(frozen=True, eq=False)
class Intervention:
    """Something done to a node at a time: `set` changes settings, `fail` is a fault."""

    at_ns: int
    on: str
    do: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None
    path: str = ""


@dataclass(frozen=True, eq=False)
class Scenario:
    """Everything that a run needs but its seed. The first workload is the one that a lane times."""

    stack: Node
    workloads: tuple[Workload, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    until_ns: int | None = None
    subject: str | None = None
    label: Mapping[str, str] = field(default_factory=dict)
    question: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """All nodes by id, owners before their devices, lower layers before upper ones."""
        return MappingProxyType({node.id: node for node in self.stack.walk()})

    @cached_property
    def tenants(self) -> frozenset[str]:
        """Ids of virtual machines, containers and all that they hold: what starts once the host is ready."""
        return frozenset(inner.id for node in self.stack.walk() if node.is_tenant for inner in node.walk())

    def control_domain(self, hypervisor: Node) -> Node | None:
        """The vm beside the guests that owns the devices, if this hypervisor has one."""
        return next((held for held in hypervisor.holds if held.entry.control_domain), None)

    def below(self, node: Node) -> Iterator[Node]:
        """What the node stands on, from near to far, down to the machine."""
        while node.parent is not None:
            node = self.nodes[node.parent]
            yield node

    def computer(self, node: Node) -> Node:
        """The machine or vm whose CPUs and memory the node uses (a vm uses those of what runs it)."""
        return next((lower for lower in self.below(node) if lower.role in OWNER_ROLES), self.stack)

    def offered(self, node: Node) -> frozenset[str]:
        """The capabilities that a node finds: offered by what is below it, down to the vm that it takes for
        its machine."""
        return frozenset().union(*(lower.provides for lower in self._in_sight(node)))

    def _in_sight(self, node: Node) -> Iterator[Node]:
        """A device looks out of its owner."""
        for lower in self.below(node):
            yield lower
            if lower.role in OWNER_ROLES and lower.id != node.owner:
                return
            yield from lower.devices.values()

    def canonical(self) -> dict[str, Any]:
        """The one spelling of this scenario: a raw scenario again, without what is default."""
        texts = {"label": self.label, "question": self.question, "summary": self.summary}
        raw: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
        raw |= {key: dict(sorted(text.items())) for key, text in texts.items() if text}
        raw["stack"] = _node(self.stack)
        if self.workloads:
            raw["workloads"] = [_workload(workload) for workload in self.workloads]
        if self.interventions:
            ordered = sorted(self.interventions, key=lambda intervention: intervention.at_ns)
            raw["interventions"] = [self._intervention(intervention) for intervention in ordered]
        if self.until_ns is not None:
            raw["until"] = show_duration(self.until_ns)
        if self.subject is not None:
            raw["subject"] = self.subject
        return raw

    def id(self, seed: int) -> str:
        """The scenario id: 16 letters and digits, the same for ever for this scenario and seed."""
        named = {"scenario": self.canonical(), "seed": seed}
        text = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return base64.b32encode(hashlib.sha256(text.encode()).digest()[:10]).decode().lower()

    def to_yaml(self) -> str:
        return to_yaml(self.canonical())

    def with_workload(self, name: str) -> "Scenario":
        """Its own workload `name` first (a lane times the first), or that component alone on the subject."""
        return self._edited(workload=name)

    def with_until(self, until: str) -> "Scenario":
        return self._edited(until=until)

    def with_machine(self, name: str) -> "Scenario":
        """The same stack on another machine."""
        return self._edited(machine=name)

    def vary(self, changes: Mapping[str, Any]) -> "Scenario":
        """With some settings changed, each named by its path: `vm1.vcpus`, `vm1.disk.cache`, `load.depth`."""
        return self._edited(vary=changes)

    def _edited(self, **edits: Any) -> "Scenario":
        from .rules import legal  # the rules read scenarios: the one place where the way back is needed

        return legal(self.canonical(), **edits)

    def _intervention(self, intervention: Intervention) -> dict[str, Any]:
        raw: dict[str, Any] = {"at": show_duration(intervention.at_ns), "on": intervention.on}
        raw["do"] = intervention.do
        if intervention.settings:
            settings = self.nodes[intervention.on].entry.settings
            raw["settings"] = {
                name: settings[name].show(value) for name, value in sorted(intervention.settings.items())
            }
        if intervention.fault is not None:
            raw["fault"] = intervention.fault
        return raw


def _node(node: Node) -> dict[str, Any]:
    raw: dict[str, Any] = {"id": node.id, "is": node.is_}
    settings = _settings(node)
    if settings:
        raw["settings"] = settings
    if node.runtime is not None:
        raw["runtime"] = node.runtime
    if node.start is not None:
        raw["start"] = _start(node.start)
    if node.holds:
        raw["holds"] = [_node(held) for held in node.holds]
    return raw


def _settings(node: Node | Workload) -> dict[str, Any]:
    """What differs from the defaults, in alphabetical order; devices short where they have no settings."""
    shown: dict[str, Any] = {}
    devices = node.devices if isinstance(node, Node) else {}
    for name, setting in sorted(node.entry.settings.items()):
        value = node.settings[name]
        if name in devices:
            device = devices[name]
            own = _settings(device)
            if device.backing is not None:
                backing = {"on": device.backing.on, "file": device.backing.file}
                own["backing"] = {key: text for key, text in backing.items() if text is not None}
            if own or device.is_ != setting.default:
                shown[name] = {"is": device.is_, **own} if own else device.is_
        elif value != setting.default:
            shown[name] = setting.show(value)
    return shown


def _workload(workload: Workload) -> dict[str, Any]:
    raw: dict[str, Any] = {"id": workload.id, "is": workload.is_, "on": workload.on}
    settings = _settings(workload)
    if settings:
        raw["settings"] = settings
    raw["start"] = _start(workload.start)
    if workload.for_ns is not None:
        raw["for"] = show_duration(workload.for_ns)
    return raw


def _start(start: int | str) -> str:
    return start if isinstance(start, str) else show_duration(start)
