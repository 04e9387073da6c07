"""Imports point down only (DESIGN §2.2): who may know whom."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from simcore.catalog import FOLDERS

ROOT = Path(__file__).resolve().parents[1]
ROOMS = tuple(f"simcore.{folder.name}" for folder in FOLDERS)
TOP = "simcore simcore.__main__ simcore.terminal"
ENTRIES = "simcore.catalog simcore.component simcore.timings simcore.units simcore.texts"

# Module or package → what it may import of simcore; a package may always import from itself.
MAY_IMPORT = {
    "simcore": "simcore.run simcore.stack simcore.explain simcore.trace simcore.machines simcore.validate "
    "simcore.ledger " + ENTRIES,
    "simcore.ledger": ENTRIES,
    "simcore.machines": "simcore.toml_text " + ENTRIES,
    "simcore.toml_text": "",
    "simcore.validate": "simcore.run simcore.stack simcore.explain simcore.trace simcore.simulation "
    + ENTRIES,
    "simcore.__main__": "simcore simcore.terminal simcore.run simcore.explain simcore.stack simcore.trace "
    "simcore.calibrate " + ENTRIES,
    "simcore.terminal": "simcore simcore.explain simcore.stack simcore.trace " + ENTRIES,
    "simcore.calibrate": "simcore.toml_text " + ENTRIES,
    "simcore.explain": "simcore.trace simcore.stack simcore.layer simcore.roles " + ENTRIES,
    "simcore.run": "simcore.cputime simcore.stack simcore.simulation simcore.layer simcore.roles simcore.cpu "
    "simcore.trace simcore.catalog",
    "simcore.cputime": "simcore.layer simcore.roles simcore.cpu simcore.trace",
    "simcore.stack": "simcore.layer simcore.roles simcore.simulation " + ENTRIES,
    **dict.fromkeys(
        ROOMS,
        "simcore.frames simcore.sharing simcore.layer simcore.roles simcore.requests simcore.cpu "
        "simcore.schedulers simcore.simulation simcore.smt simcore.spinning simcore.trace simcore.waiting",
    ),
    "simcore.frames": "",
    "simcore.sharing": "simcore.frames",
    "simcore.roles": "simcore.frames simcore.layer simcore.requests simcore.cpu simcore.trace",
    "simcore.layer": "simcore.component simcore.requests simcore.cpu simcore.waiting simcore.simulation "
    "simcore.timings simcore.trace",
    "simcore.requests": "simcore.trace",
    "simcore.smt": "simcore.cpu simcore.simulation simcore.trace",
    "simcore.spinning": "simcore.cpu simcore.simulation simcore.trace",
    "simcore.waiting": "simcore.cpu simcore.simulation simcore.trace",
    "simcore.schedulers": "simcore.cpu simcore.simulation simcore.trace",
    "simcore.cpu": "simcore.simulation simcore.trace",
    "simcore.simulation": "simcore.trace",
    "simcore.trace": "",
    "simcore.texts": "simcore.catalog simcore.component",
    "simcore.catalog": "simcore.component simcore.timings",
    "simcore.component": "simcore.timings simcore.units",
    "simcore.timings": "simcore.units",
    "simcore.units": "",
}
OUTSIDE = {"simpy": {"simcore.simulation"}, "ruamel": {"simcore.stack"}}
"""Who may know what is not ours and not Python's."""


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(file): file for file in files("simcore")}


@cache
def imports(module: str) -> frozenset[str]:
    """What a module imports when it runs; what only a type checker imports does not count."""
    file = MODULES[module]
    tree = ast.parse(file.read_text())
    only_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    package = module.split(".") if file.stem == "__init__" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            found |= {
                f"{source}.{alias.name}" if f"{source}.{alias.name}" in MODULES else source
                for alias in node.names
            }
    return frozenset(found)


def room(module: str) -> str:
    """The row of the table for this module: its own, or its package's."""
    return module if module in MAY_IMPORT else module.rpartition(".")[0]


def test_every_module_has_a_row_in_the_table_and_every_row_a_module() -> None:
    rooms = {room(module) for module in MODULES}
    assert sorted(rooms - set(MAY_IMPORT)) == []
    assert sorted(set(MAY_IMPORT) - rooms) == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down_only(module: str) -> None:
    allowed = MAY_IMPORT[room(module)].split()
    inside = {name for name in imports(module) if name.split(".")[0] == "simcore"}
    own = {name for name in inside if "." in room(module) and room(name) == room(module)}
    assert sorted(name for name in inside - own if room(name) not in allowed) == []


def test_the_rooms_of_components_do_not_know_each_other() -> None:
    for module in MODULES:
        if room(module) in ROOMS:
            assert {room(name) for name in imports(module)} & set(ROOMS) <= {room(module)}, module


def test_no_module_imports_itself_by_a_detour() -> None:
    """Ordered by who needs whom, modules form no ring, whenever the import is carried out."""
    late = {
        ("simcore.stack.scenario", "simcore.stack.rules")
    }  # a frozen scenario that is edited is checked again
    left = {
        module: {n for n in imports(module) if n in MODULES and n != module and (module, n) not in late}
        for module in MODULES
    }
    while free := [module for module, needed in left.items() if not needed & left.keys()]:
        for module in free:
            del left[module]
    assert sorted(left) == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_simcore_needs_only_simpy_and_ruamel_yaml(module: str) -> None:
    others = {name.split(".")[0] for name in imports(module)} - {"simcore", *sys.stdlib_module_names}
    assert sorted(name for name in others if room(module) not in OUTSIDE.get(name, ())) == []


def test_the_web_calls_simcore_by_its_front_door_only() -> None:
    found = {}
    for file in files("simweb"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if inner := [name for name in names if name.startswith("simcore.")]:
                found[file.name] = inner
    assert found == {}


def test_simcore_runs_without_the_web_installed() -> None:
    absent = ("django", "channels", "uvicorn", "simweb")
    code = [
        "import sys",
        f"sys.modules |= dict.fromkeys({absent})",  # None: it cannot be imported
        "import simcore",
        "scenario = simcore.scenario(simcore.prebuilt()['linux'], workload='boot')",
        "print(simcore.run(scenario).outcome['workloads'])",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, cwd=ROOT)
    assert "'n': 1" in done.stdout, done.stderr
