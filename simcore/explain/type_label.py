"""What is called type 1 or type 2, told from three facts of a stack.

Which code has the processor's highest privilege, whose drivers reach the devices, and whose scheduler decides
when a virtual CPU runs. All three are read off the layers as they are built; nothing in a run asks for them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcore.component import read_texts
from simcore.layer import Layer
from simcore.roles import Computer
from simcore.stack.build import build, simulation
from simcore.stack.scenario import Scenario
from simcore.texts import texts

__all__ = ["TypeLabel", "type_label"]

HERE = Path(__file__).parent
VERDICTS = {
    ("itself", "itself", "itself"): "alone",
    ("itself", "guest", "itself"): "with_a_control_domain",
    ("itself", "guest", "guest"): "scheduled_by_a_guest",
    ("below", "below", "below"): "on_a_kernel",
    ("beneath", "below", "below"): "in_a_guest",
}
"""Who is privileged, drives and schedules, seen from the hypervisor, and what that is called."""


@dataclass(frozen=True)
class TypeLabel:
    """The three facts, each the id of a node, and the verdict on them, the id of a text."""

    hypervisor: str
    privileged: str
    drivers: str
    scheduler: str
    verdict: str
    components: dict[str, str]  # of these nodes

    @property
    def facts(self) -> dict[str, str]:
        return {"privileged": self.privileged, "drivers": self.drivers, "scheduler": self.scheduler}

    def label(self, lang: str = "en") -> str:
        return str(_words(lang)["verdicts"][self.verdict]["label"])

    def said(self, lang: str = "en") -> tuple[list[tuple[str, str]], str]:
        """The facts, each with the name of who it is, and what is to be said of them."""
        words, known = _words(lang), texts(lang)["components"]
        names = {node: known[component]["label"] for node, component in self.components.items()}
        facts = [(str(words["facts"][fact]), str(names[node])) for fact, node in self.facts.items()]
        return facts, str(words["verdicts"][self.verdict]["say"])

    def as_text(self, lang: str = "en") -> str:
        """The label, the facts, and what is to be said of them, a line each."""
        words, known = _words(lang), texts(lang)["components"]
        names = {node: known[component]["label"] for node, component in self.components.items()}
        lines = [f"{names[self.hypervisor]}: {self.label(lang)}"]
        lines += [f"  {words['facts'][fact]}: {names[node]} ({node})" for fact, node in self.facts.items()]
        return "\n".join([*lines, f"  {words['verdicts'][self.verdict]['say']}"]) + "\n"


def type_label(scenario: Scenario, hypervisor: str) -> TypeLabel:
    """The label of a hypervisor of this stack, by its id.

    Raises ValueError if the node is no hypervisor, or holds no virtual machine to look at.
    """
    stack = build(scenario, simulation(scenario, seed=1))
    layer = stack.layers.get(hypervisor)
    if layer is None or layer.entry.role != "hypervisor":
        known = [name for name, one in stack.layers.items() if one.entry.role == "hypervisor"]
        raise ValueError(f"{hypervisor!r} is no hypervisor here: there is {' and '.join(known) or 'none'}")
    guests = [held for held in layer.holds if held.entry.role == "vm" and not held.entry.control_domain]
    if not guests:
        raise ValueError(f"{hypervisor} holds no virtual machine: give it one, to see who runs that")
    carrier, computer = guests[0].cpus[0].host, layer.owner
    assert isinstance(computer, Computer)
    assert carrier is not None
    (privileged,) = stack.machine.holds
    drivers, scheduler = computer.disk.kernel, stack.layers[stack.nodes[carrier.sched.node]["id"]]
    assert drivers is not None
    verdict = VERDICTS[_seen(layer, privileged), _seen(layer, drivers), _seen(layer, scheduler)]
    components = {one.id: one.entry.id for one in (layer, privileged, drivers, scheduler)}
    return TypeLabel(layer.id, privileged.id, drivers.id, scheduler.id, verdict, components)


def _seen(hypervisor: Layer, other: Layer) -> str:
    if other is hypervisor:
        return "itself"
    if other is hypervisor.below:
        return "below"
    return "guest" if other in hypervisor.everything() else "beneath"


def _words(lang: str) -> Any:
    return read_texts(HERE / f"type_label.{lang}.toml")
