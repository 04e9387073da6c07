"""The cases as data: what was measured, by whom, and the scenario that stands for it.

One file a study, `cases/<study>.toml`: its runs (scenarios to simulate), its cases (a run, an anchor, the two
measured values), and claims about which layer takes most. What is not a case stands in `left_out.toml`, with
the reason. All faults of all files are reported together.
"""

import copy
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from simcore.stack.rules import legal
from simcore.stack.scenario import Scenario
from simcore.stack.source import load, prebuilt
from simcore.timings import EntryError, unknown_keys

__all__ = ["FAMILIES", "Case", "Largest", "Point", "RunSpec", "Study", "left_out", "read_studies"]

HERE = Path(__file__).parent
FAMILIES = ("start", "density", "disk", "network", "cpu", "syscall", "memory", "scheduling")
_STUDY = {"study", "sources", "noise", "note", "runs", "cases", "largest", "profile"}
_RUN = {"id", "stack", "scenario", "machine", "vary", "copies", "beside", "workload", "seeds", "until"}
_CASE = {
    "id", "label", "family", "quantity", "unit", "metric", "run", "measured", "points", "evidence", "anchor",
    "why", "composite",
}  # fmt: skip
_LARGEST = {"id", "label", "run", "expect", "evidence", "why"}


@dataclass(frozen=True)
class RunSpec:
    """A scenario to simulate: a prebuilt one or its own, with changes, perhaps many copies of one node."""

    id: str
    stack: str | None = None
    scenario: str | None = None
    machine: str | None = None
    vary: Mapping[str, Any] = field(default_factory=dict)
    copies: Mapping[str, Any] | None = None
    beside: Sequence[Mapping[str, Any]] = ()  # workloads that are there once, whatever is copied
    workload: Mapping[str, Any] = field(default_factory=lambda: {"is": "boot"})
    seeds: int = 1  # how many runs, of which the median counts: where a result depends on a random phase
    until: str | None = None

    def build(self, machine: str | None = None) -> Scenario:
        """The legal scenario. Raises ScenarioError with all that is wrong with it."""
        raw = (
            load(self.scenario.encode())
            if self.scenario
            else copy.deepcopy(dict(prebuilt()[self.stack or ""]))
        )
        settings = {key: value for key, value in self.workload.items() if key not in ("is", "id", "on")}
        subject = self.workload.get("on", raw.get("subject"))
        name = str(self.workload.get("id", self.workload["is"]))
        if self.scenario is None or not raw.get("workloads"):
            raw["workloads"] = [
                {"id": name, "is": self.workload["is"], "on": subject, "settings": settings, "start": "ready"}
            ]
        if self.copies is not None:
            _multiply(raw, **self.copies)
        raw["workloads"] += self.beside
        return legal(raw, vary=self.vary or None, machine=machine or self.machine, until=self.until)


def _multiply(raw: dict[str, Any], of: str, n: int, **changed: Any) -> None:
    """`n` of the node and of all that it holds, each with its own workloads: vm1, vm1-2, vm1-3 …; `changed`
    is what is said of each of them that the node did not say, such as its `start`."""
    home, node = next(_parents(raw["stack"], of))
    node.update(changed)
    inside = set(_ids(node))
    for number in range(2, n + 1):
        home["holds"].append(_renamed(node, inside, number))
        raw["workloads"] += [
            {**work, "id": f"{work['id']}-{number}", "on": f"{work['on']}-{number}"}
            for work in raw["workloads"]
            if work["on"] in inside
        ]


def _parents(node: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for held in node.get("holds", []):
        if held["id"] == name:
            yield node, held
        yield from _parents(held, name)


def _ids(node: Mapping[str, Any]) -> Iterator[str]:
    yield node["id"]
    for held in node.get("holds", []):
        yield from _ids(held)


def _renamed(node: Mapping[str, Any], inside: set[str], number: int) -> dict[str, Any]:
    twin = {**copy.deepcopy(dict(node)), "id": f"{node['id']}-{number}"}
    if twin.get("runtime") in inside:
        twin["runtime"] += f"-{number}"
    if "holds" in twin:
        twin["holds"] = [_renamed(held, inside, number) for held in node["holds"]]
    return twin


@dataclass(frozen=True)
class Point:
    """One measured value and the run that stands for it. A case with several is a curve over `x`."""

    run: str
    measured: float
    x: float | None = None
    metric: str | None = None  # of an anchor: another quantity of a run, such as another stage of a boot


@dataclass(frozen=True)
class Case:
    """A measured quantity, as a ratio to the study's anchor; a local composite is absolute."""

    id: str
    study: str
    label: Mapping[str, str]
    family: str
    quantity: str
    unit: str
    metric: str
    points: tuple[Point, ...]
    evidence: tuple[str, ...]
    anchor: Point | None
    anchor_evidence: str | None
    why: Mapping[str, str] | None = None
    composite: str | None = None


@dataclass(frozen=True)
class Largest:
    """A claim about which layer takes most of the time."""

    id: str
    study: str
    label: Mapping[str, str]
    run: str
    expect: str
    evidence: tuple[str, ...]
    why: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Study:
    """All values that one group took on one machine. `noise` is relative."""

    id: str
    sources: tuple[str, ...]
    noise: float
    note: Mapping[str, str]
    runs: Mapping[str, RunSpec]
    cases: tuple[Case, ...]
    largest: tuple[Largest, ...]
    profile: str | None = None


@lru_cache(maxsize=4)
def read_studies(folder: Path = HERE / "cases") -> tuple[Study, ...]:
    """All studies, in alphabetical order. Raises EntryError with the faults of all files together."""
    faults: list[str] = []
    studies = [_study(file, faults) for file in sorted(folder.glob("*.toml"))]
    ids = [case.id for study in studies for case in study.cases]
    ids += [claim.id for study in studies for claim in study.largest]
    faults += [
        f"the case id {name!r} is there twice" for name in sorted({i for i in ids if ids.count(i) > 1})
    ]
    if faults:
        raise EntryError(faults)
    return tuple(studies)


def left_out() -> Sequence[Mapping[str, Any]]:
    """What is not a case: groups of evidence (`groups`) and why (`reason`, by language)."""
    rows: list[Mapping[str, Any]] = tomllib.loads((HERE / "left_out.toml").read_text(encoding="utf-8"))[
        "left_out"
    ]
    return rows


def _study(file: Path, faults: list[str]) -> Study:
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    own: list[str] = unknown_keys(raw, _STUDY)
    if raw.get("study") != file.stem:
        own.append(f"study {raw.get('study')!r} must be the file's name")
    runs = {}
    for table in raw.get("runs", []):
        own += [f"run {table.get('id')}: {fault}" for fault in unknown_keys(table, _RUN)]
        if (table.get("stack") is None) == (table.get("scenario") is None):
            own.append(f"run {table.get('id')} needs a stack or a scenario, and not both")
        runs[table["id"]] = RunSpec(**{key: value for key, value in table.items() if key in _RUN})
    cases = tuple(_case(table, file.stem, runs, own) for table in raw.get("cases", []))
    largest = tuple(_largest(table, file.stem, runs, own) for table in raw.get("largest", []))
    faults += [f"{file.name}: {fault}" for fault in own]
    return Study(
        id=file.stem,
        sources=tuple(raw.get("sources", ())),
        noise=float(raw.get("noise", 0)),
        note=raw.get("note", {}),
        runs=runs,
        cases=cases,
        largest=largest,
        profile=raw.get("profile"),
    )


def _case(table: Mapping[str, Any], study: str, runs: Mapping[str, RunSpec], faults: list[str]) -> Case:
    name = table.get("id")
    faults += [f"case {name}: {fault}" for fault in unknown_keys(table, _CASE)]
    if table.get("family") not in FAMILIES:
        faults.append(f"case {name}: family {table.get('family')!r} must be one of {', '.join(FAMILIES)}")
    rows = table.get("points") or [{"run": table.get("run"), "measured": table.get("measured", 0)}]
    points = tuple(Point(row["run"], float(row["measured"]), row.get("x")) for row in rows)
    anchor = table.get("anchor")
    if (anchor is None) == (table.get("composite") is None):
        faults.append(f"case {name} needs an anchor; only a local composite is absolute")
    named = [point.run for point in points] + ([anchor["run"]] if anchor else [])
    faults += [f"case {name}: there is no run {run!r}" for run in named if run not in runs]
    return Case(
        id=str(name), study=study, label=table.get("label", {}), family=str(table.get("family")),
        quantity=str(table.get("quantity", "")), unit=str(table.get("unit", "")),
        metric=str(table.get("metric", "")), points=points, evidence=tuple(table.get("evidence", ())),
        anchor=_anchor(anchor),
        anchor_evidence=None if anchor is None else anchor.get("evidence"),
        why=table.get("why"), composite=table.get("composite"),
    )  # fmt: skip


def _anchor(table: Mapping[str, Any] | None) -> Point | None:
    if table is None:
        return None
    return Point(table["run"], float(table["measured"]), metric=table.get("metric"))


def _largest(table: Mapping[str, Any], study: str, runs: Mapping[str, RunSpec], faults: list[str]) -> Largest:
    faults += [f"largest {table.get('id')}: {fault}" for fault in unknown_keys(table, _LARGEST)]
    if table.get("run") not in runs:
        faults.append(f"largest {table.get('id')}: there is no run {table.get('run')!r}")
    return Largest(
        id=str(table.get("id")), study=study, label=table.get("label", {}), run=str(table.get("run")),
        expect=str(table.get("expect")), evidence=tuple(table.get("evidence", ())), why=table.get("why"),
    )  # fmt: skip
