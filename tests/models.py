"""What a component's code names: the operations, constants, settings, log lines and requests that stand in it
as literals.

The code is read, not run: a model is its class and those above it in the role folders. A name may be written
where it is used (`self.spend(request, "vfs_read")`), handed to a method that uses it (`self._fetch(request,
"exec_reads", "block")`), composed (`f"service_{name}"`), or stand in a list of the class (`*self.medium`).
"""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from simcore.catalog import FOLDERS, load_catalog
from simcore.component import Entry

# What a verb names, from which argument on, and how many; arguments are counted without `self`.
VERBS = {
    "spend": ("op", 1, None),
    "repeat": ("op", 2, None),
    "wait": ("op", 1, 1),
    "submit": ("op", 2, None),
    "hop": ("op", 2, None),
    "leaving": ("op", 1, None),
    "plan": ("op", 0, None),
    "op": ("op", 0, 1),
    "instead": ("op", 0, 2),
    "draw_ns": ("op", 0, 1),
    "work": ("shown", 1, 1),  # its length is a setting: it needs a text, not a timing
    "sleep": ("shown", 1, 1),
    "what": ("shown", 2, 1),
    "constant": ("constant", 0, 1),
    "log": ("log", 1, 1),
    "ask": ("kind", 1, 1),
    "part": ("kind", 1, 1),
    "spawn": ("kind", 0, 1),
    "engine_what": ("engine", 0, 1),
    "lock": ("lock", 1, 1),
    "unlock": ("lock", 1, 1),
}
# Whose names a model uses beside its own: the role, or the id, of what it calls by this name.
OTHERS = {
    "container": ("container",),
    "hypervisor": ("hypervisor",),
    "computer.below": ("hypervisor",),
    "self.owner.below": ("hypervisor",),
    "computer": ("machine", "vm"),
    "self.computer": ("machine", "vm"),
    "self.owner": ("machine", "vm"),
    "vm": ("vm",),
    "computer.disk": ("device",),
    "self.computer.disk": ("device",),
    "drive": ("device",),
    "self.below": ("kernel",),
    "xen": ("xen",),
    "dom0": ("dom0",),
    "root": ("root-partition",),
    "windows": ("windows",),
    "linux": ("linux", "linux-arm", "linux-cloud", "linux-microvm"),
}
OWN = "self"


@dataclass(frozen=True)
class Named:
    """A name in the code. `pattern` matches it whole; for a plain literal it matches that alone."""

    what: str  # op, shown, constant, setting, log, kind, engine, lock
    pattern: str
    whose: str  # OWN, or the receiver as written
    place: str

    def matches(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None

    @property
    def literal(self) -> str:
        return self.pattern.replace("\\", "")


@cache
def named_by_class(cls: type, model: type) -> tuple[Named, ...]:
    """What this class's own code names, in an object of the class `model`."""
    lines, first = inspect.getsourcelines(cls)
    tree = ast.parse("".join(lines))
    forwarded = {name: verbs for base in model.__mro__ for name, verbs in _forwarding(base).items()}
    place = f"{cls.__module__}:{cls.__name__}"
    return tuple(_in_tree(model, tree, forwarded, place, first))


def named_by(entry: Entry) -> list[Named]:
    """What the entry's model names, the classes above it included."""
    return [named for cls in classes_of(entry) for named in named_by_class(cls, entry.model_class)]


def classes_of(entry: Entry) -> list[type]:
    """The model and what it inherits from, as far as that is a model too."""
    rooms = {f"simcore.{folder.name}" for folder in FOLDERS}
    return [cls for cls in entry.model_class.__mro__ if cls.__module__.rpartition(".")[0] in rooms]


def named_by_others(entry: Entry) -> list[Named]:
    """What other models name that belongs to a neighbour of this role, or to this one."""
    found = [named for other in load_catalog().entries.values() for named in named_by(other)]
    return [named for named in found if {entry.role, entry.id} & set(OTHERS.get(named.whose, ()))]


@cache
def _forwarding(cls: type) -> dict[str, list[tuple[int, str]]]:
    """The methods that hand a parameter to a verb: which parameter, and what it names."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name, method in vars(cls).items():
        if not inspect.isfunction(method) or name in VERBS or cls.__module__.count(".") < 2:
            continue
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(method)))
        parameters = list(inspect.signature(method).parameters)[1:]
        for call in _calls(tree):
            for what, argument in _arguments(call):
                if isinstance(argument, ast.Name) and argument.id in parameters:
                    found.setdefault(name, []).append((parameters.index(argument.id), what))
    return found


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node


def _arguments(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr in VERBS:
        what, first, many = VERBS[call.func.attr]
        for argument in call.args[first : None if many is None else first + many]:
            yield what, argument


def _in_tree(
    cls: type, tree: ast.AST, forwarded: dict[str, list[tuple[int, str]]], place: str, first: int
) -> Iterator[Named]:
    for call in _calls(tree):
        assert isinstance(call.func, ast.Attribute)
        whose = ast.unparse(call.func.value)
        found = list(_arguments(call))
        if whose == OWN and call.func.attr in forwarded:
            found += [(what, call.args[at]) for at, what in forwarded[call.func.attr] if at < len(call.args)]
        whose = OWN if call.func.attr == "what" else whose  # `self.sim.what(...)` is about this node
        at = f"{place}, line {first + call.lineno - 1}"
        for what, argument in found:
            for pattern in _patterns(cls, argument):
                yield Named(what, pattern, whose, at)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Constant):
            continue
        table = ast.unparse(node.value)
        if table.endswith(".settings"):
            yield Named("setting", re.escape(node.slice.value), table.removesuffix(".settings"), place)


def _patterns(cls: type, argument: ast.expr) -> Iterator[str]:
    """What a name may be, as regular expressions; a parameter is resolved where the method is called."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield re.escape(argument.value)
    elif isinstance(argument, ast.JoinedStr):
        parts = [re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in argument.values]
        yield "".join(parts)
    elif isinstance(argument, ast.IfExp):
        yield from _patterns(cls, argument.body)
        yield from _patterns(cls, argument.orelse)
    elif isinstance(argument, ast.Starred):
        names: Any = getattr(cls, ast.unparse(argument.value).removeprefix("self."))
        yield from map(re.escape, names)
    elif ast.unparse(argument) == "request.entry":  # or what a container has its kernel do with it
        yield "syscall_entry"
    elif not isinstance(argument, ast.Name):
        raise AssertionError(f"{cls.__name__} names something as {ast.unparse(argument)}: write a literal")
