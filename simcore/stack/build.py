"""From a scenario, which is frozen, to live layers: one object a node, wired from the machine up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from simcore.layer import Layer
from simcore.roles import Computer, Hypervisor, VirtualMachine, Workload
from simcore.simulation import Simulation
from simcore.timings import choose

from .scenario import Node, Scenario

OWNED = ("device", "firmware")


@dataclass(frozen=True)
class Stack:
    """The live layers of one run by node id, in the order of the trace's nodes; workloads come last."""

    layers: dict[str, Layer]
    workloads: list[Workload]
    nodes: list[dict[str, Any]]  # as the trace's header lists them

    @property
    def machine(self) -> Layer:
        return next(iter(self.layers.values()))


def simulation(scenario: Scenario, seed: int, spread: bool = True) -> Simulation:
    """A clock and draws for this scenario's machine."""
    machine = scenario.stack.entry
    clock = choose(machine.constants["clock"], machine.family)
    return Simulation(seed, int(clock.value), machine.family, spread, machine.own)


def build(scenario: Scenario, sim: Simulation) -> Stack:
    """Every layer of the scenario, ready to be asked; nothing has started."""
    layers: dict[str, Layer] = {}
    index: dict[str, int] = {}
    found = list(scenario.nodes.values())
    for node in found:
        index[node.id] = len(index)
        layers[node.id] = _layer(sim, node.id, index[node.id], node.entry, node.settings)
    for node in found:
        _join(scenario, node, layers)
    for node in sorted(found, key=partial(_turn, scenario)):
        layers[node.id].wire()
    workloads: list[Workload] = []
    for workload in scenario.workloads:
        index[workload.id] = len(index)
        live = _layer(sim, workload.id, index[workload.id], workload.entry, workload.settings)
        assert isinstance(live, Workload)
        live.below = layers[workload.on]
        live.owner = live.below.owner
        live.linked = _named(live, layers)
        live.number = len(workloads)
        live.wire()
        layers[workload.id] = live
        workloads.append(live)
    return Stack(layers, workloads, _header(scenario, index))


def _turn(scenario: Scenario, node: Node) -> tuple[bool, bool]:
    """What comes last: guests, with their threads in the control domain; devices, which need their kernel."""
    return node.role in OWNED, node.id in scenario.tenants


def _layer(sim: Simulation, name: str, index: int, entry: Any, settings: Any) -> Layer:
    layer: Layer = entry.model_class(sim, name, index, entry, settings)
    return layer


def _join(scenario: Scenario, node: Node, layers: dict[str, Layer]) -> None:
    """Give a layer its neighbours."""
    layer = layers[node.id]
    layer.offered = scenario.offered(node)
    if node.owner is not None:
        owner = layers[node.owner]
        assert isinstance(owner, Computer)
        layer.below = layer.owner = owner
        owner_node = scenario.nodes[node.owner]
        layer.kernel = _driver(scenario, owner_node, layers)
        if owner_node.parent is not None:
            layer.backing = _backing(scenario, node, layers)
    elif node.parent is not None:
        layer.below = layers[node.parent]
        layer.below.holds.append(layer)
        layer.owner = layers[scenario.computer(node).id]
    if isinstance(layer, Hypervisor) and (control := scenario.control_domain(node)) is not None:
        domain = layers[control.id]
        assert isinstance(domain, VirtualMachine)
        layer.control = domain
    for name, device in node.devices.items():
        layer.devices[name] = layers[device.id]
    layer.linked = _named(layer, layers)
    if node.runtime is not None:
        layer.runtime = layers[node.runtime]


def _named(layer: Layer, layers: dict[str, Layer]) -> dict[str, Layer]:
    """The nodes that a layer's settings name, by id."""
    named = [layer.settings[name] for name, one in layer.entry.settings.items() if one.type == "node"]
    return {name: layers[name] for name in named if name is not None}


def _backing(scenario: Scenario, node: Node, layers: dict[str, Layer]) -> Layer:
    """The kernel through whose files a guest's disk is read: that of the disk it is kept on, else the nearest
    below."""
    assert node.owner is not None
    below = list(scenario.below(scenario.nodes[node.owner]))
    on = node.backing.on if node.backing is not None else None
    if on is not None:
        keeper = scenario.nodes[on].owner
        kept = next((lower for lower in below if lower.role == "kernel" and lower.parent == keeper), None)
        if kept is not None:
            return layers[kept.id]
    kernel = next((layers[lower.id] for lower in below if lower.role == "kernel"), None)
    return kernel or _driver(scenario, scenario.stack, layers) or layers[scenario.stack.id]


def _driver(scenario: Scenario, owner: Node, layers: dict[str, Layer]) -> Layer | None:
    """Who drives a computer's devices: its kernel; under a type-1 hypervisor that of the control domain, else
    the hypervisor itself."""
    for held in owner.holds:
        if held.role == "kernel":
            return layers[held.id]
        if held.role == "hypervisor":
            control = scenario.control_domain(held)
            return layers[held.id] if control is None else _driver(scenario, control, layers)
    return None


def _header(scenario: Scenario, index: dict[str, int]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for node in scenario.nodes.values():
        parent = node.owner if node.owner is not None else node.parent
        settings = node.entry.settings
        listed.append(
            {
                "id": node.id,
                "is": node.is_,
                "role": node.role,
                "parent": -1 if parent is None else index[parent],
                "owner": -1 if node.owner is None else index[node.owner],
                "beside": node.entry.control_plane,
                "tenant": node.id in scenario.tenants,
                "settings": {name: settings[name].show(value) for name, value in node.settings.items()},
            }
        )
    for workload in scenario.workloads:
        settings = workload.entry.settings
        listed.append(
            {
                "id": workload.id,
                "is": workload.is_,
                "role": "workload",
                "parent": index[workload.on],
                "owner": -1,
                "beside": False,
                "tenant": workload.on in scenario.tenants,
                "settings": {name: settings[name].show(value) for name, value in workload.settings.items()},
            }
        )
    return listed
