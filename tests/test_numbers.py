"""No number without a birth certificate: models contain none, entries give each its source."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import simcore
from simcore import units
from simcore.catalog import FOLDERS, load_catalog
from simcore.component import Entry
from simcore.ledger import Number, Source, cited, numbers, numbers_explained, replaced
from simcore.texts import sources
from simcore.timings import SIZE_PER, STATUSES, Constant, Timing, quantiles
from simcore.units import UnitError, cpus, guess
from simcore.validate.cases import read_studies
from tests.profiles import LAPTOP

MODELS = sorted(file for folder in FOLDERS for file in folder.glob("*.py"))
ENTRIES = list(load_catalog().entries.values())
ALLOWED = (0, 1)
GHZ = 10**9


def short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def literals(tree: ast.AST) -> Iterator[tuple[int, object]]:
    """Line and value of each number, or text that reads like a quantity; indices do not count."""
    indices = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        for inner in ast.walk(node.slice)
    }
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in indices | prose or isinstance(node.value, bool):
            continue
        if isinstance(node.value, (int, float, complex)) and node.value not in ALLOWED:
            yield node.lineno, node.value
        if isinstance(node.value, str) and is_quantity(node.value):
            yield node.lineno, node.value


def is_quantity(text: str) -> bool:
    try:
        return guess(text) is not None or cpus(text) is not None
    except UnitError:
        return False


@pytest.mark.parametrize("file", MODELS, ids=short)
def test_a_model_contains_no_number(file: Path) -> None:
    assert list(literals(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    "code", ["x = 2", "wait(1.5)", "f(-3)", "p = '5 ms'", "s = '64 KiB'", "range(100)", "1e3"]
)
def test_a_number_in_a_model_would_be_found(code: str) -> None:
    assert list(literals(ast.parse("y = " + code if code == "1e3" else code))) != []


@pytest.mark.parametrize("code", ["x[2]", "range(1, n)", "x = 0", "name = 'vm2'", "flag = True", "'5 ms'"])
def test_an_index_a_name_and_prose_are_no_numbers(code: str) -> None:
    assert list(literals(ast.parse(code))) == []


def certificates(entry: Entry) -> Iterator[Timing | Constant]:
    for one in [*entry.timings.values(), *entry.constants.values()]:
        yield one
        yield from one.also


def name(entry: Entry) -> str:
    return entry.id


# Each claim about the ledger says what is wrong with a row; each is also shown a row that breaks it.


def without_origin(row: Number) -> Iterator[str]:
    """Neither a source, nor a probe that measured it, nor, if assumed, a reason that says something; one that
    is derived may instead name, in its reason, the sourced number of its entry that it is made of."""
    siblings = {other.op for other in numbers() if other.component == row.component and other.source}
    for one in row.all:
        if one.status in ("assumed", "derived") and len(re.findall(r"\w+", one.reason or "")) < 3:
            yield f"{row.id}: {one.status} without a reason"
        named = one.status == "derived" and siblings & set(re.findall(r"\w+", one.reason or ""))
        if one.status != "assumed" and not (one.source or one.probe or named):
            yield f"{row.id}: {one.status} without a source"


def dead_references(row: Number) -> Iterator[str]:
    """A source that is not in sources.toml or not said where; published without evidence or machine; two
    numbers of one operation on the same machine, of which a run could never choose the second."""
    for one in row.all:
        if one.source and one.source.key not in sources():
            yield f"{row.id}: no source {one.source.key}"
        if one.source and not one.where:
            yield f"{row.id}: does not say where in {one.source.key}"
        if one.status == "published" and not one.evidence:
            yield f"{row.id}: published without evidence"
        if one.status == "measured" and not (one.machine or one.evidence or row.role == "machine"):
            yield f"{row.id}: measured, but on what?"
    machines = [one.machine for one in row.all]
    yield from (f"{row.id}: twice on {one}" for one in set(machines) if machines.count(one) > 1)


BASE_UNITS = {
    "bytes": units.SIZE_UNITS, "image": units.SIZE_UNITS, "page": units.SIZE_UNITS, "block": units.SIZE_UNITS,
    "ns": units.TIME_UNITS, "period": units.TIME_UNITS, "slice": units.TIME_UNITS, "tick": units.TIME_UNITS,
    "clock": units.FREQUENCY_UNITS, "hz": units.FREQUENCY_UNITS,
}  # fmt: skip
"""What the last word of a constant's name says that its value is."""


def unfitting_units(row: Number) -> Iterator[str]:
    if row.per and row.per not in SIZE_PER and row.per not in numbers_explained("en")["per"]:
        yield f"{row.id}: per {row.per}, which is no known quantity"
    wanted = BASE_UNITS.get(row.op.split("_")[-1]) if row.kind == "constant" else None
    for one in row.all if wanted else ():
        if one.value != "0" and not any(re.fullmatch(rf"[\d.]+ ?{unit}", one.value) for unit in wanted or ()):
            yield f"{row.id}: {one.value} is not in {'/'.join(wanted or ())}"


CLAIMS = (without_origin, dead_references, unfitting_units)


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_number_of_the_ledger_is_in_order(claim: Callable[[Number], Iterator[str]]) -> None:
    assert [fault for row in numbers() for fault in claim(row)] == []


GOOD = Number(
    "c.op", "c", "device", "", "", "timing", "op", "", "", "1 us", "assumed", reason="looked for it: nothing"
)
SOURCE = Source(next(iter(sources())), "a title")


@pytest.mark.parametrize(
    ("claim", "broken"),
    [
        (without_origin, {"reason": None}),
        (without_origin, {"reason": "because"}),
        (without_origin, {"status": "derived", "source": SOURCE, "reason": None}),
        (without_origin, {"status": "derived"}),
        (without_origin, {"status": "published"}),
        (without_origin, {"status": "measured"}),
        (without_origin, {"also": (replace(GOOD, status="published"),)}),
        (dead_references, {"source": Source("nobody-1999", ""), "where": "Table 1"}),
        (dead_references, {"source": SOURCE}),
        (dead_references, {"status": "published", "source": SOURCE, "where": "Table 1", "machine": "zen"}),
        (dead_references, {"status": "measured", "probe": "cpu_kernel"}),
        (dead_references, {"machine": "zen", "also": (replace(GOOD, machine="zen"),)}),
        (dead_references, {"also": (replace(GOOD, machine="zen"), GOOD)}),
        (unfitting_units, {"per": "Mib"}),
        (unfitting_units, {"per": "furlong"}),
        (unfitting_units, {"kind": "constant", "op": "base_bytes", "value": "4096"}),
        (unfitting_units, {"kind": "constant", "op": "base_bytes", "value": "4 ms"}),
        (unfitting_units, {"kind": "constant", "op": "quota_period", "value": "100 KiB"}),
        (unfitting_units, {"kind": "constant", "op": "wait_ns", "value": "7"}),
        (unfitting_units, {"kind": "constant", "op": "clock", "value": "3.4 ns"}),
    ],
)  # fmt: skip
def test_a_number_that_is_not_in_order_would_be_found(
    claim: Callable[[Number], Iterator[str]], broken: dict[str, Any]
) -> None:
    assert list(claim(GOOD)) == []
    assert list(claim(replace(GOOD, **broken))) != []


def test_the_ledger_has_every_number_of_every_entry_once() -> None:
    rows = numbers()
    assert len({row.id for row in rows}) == len(rows)
    assert sum(len(row.all) for row in rows) == sum(len(list(certificates(entry))) for entry in ENTRIES)


def test_the_ledger_is_large_and_rests_on_many_sources() -> None:
    assert len([row for row in numbers() if not row.inherited]) >= 150
    assert len(cited()) >= 25


def test_the_ledger_says_which_number_each_machine_uses_and_what_it_borrows() -> None:
    """The system call was measured on the laptop's family, the exit on the server's."""
    rows = {row.id: row for row in numbers()}
    used = {
        name: {use.machine: use.borrowed for use in rows[name].used_on}
        for name in ("linux.syscall_entry", "kvm-qemu.vm_exit", "kvm-qemu.probe_exits")
    }
    assert used["linux.syscall_entry"].items() >= {"laptop": False, "server-2s-xeon": True}.items()
    assert used["kvm-qemu.vm_exit"].items() >= {"laptop": True, "server-2s-xeon": False}.items()
    assert not any(used["kvm-qemu.probe_exits"].values())
    for row in rows.values():
        users = [use.machine for one in row.all for use in one.used_on]
        assert len(users) == len(set(users)) >= 1, row.id


def test_the_ledger_knows_what_a_machine_s_own_profile_replaces() -> None:
    machine = simcore.machine_profile(LAPTOP)
    found = {one.number.id: one for one in replaced(machine)}
    assert found["linux.syscall_entry"].own == "200 ns"
    assert found["linux.syscall_entry"].ratio == pytest.approx(200 / (111 / 3))
    quantities = {name for one in found.values() for name, _ in one.number.measured_by}
    assert quantities <= {*machine.timings, *machine.constants}
    assert replaced(load_catalog()["laptop"]) == ()


def test_the_ledger_is_explained_in_both_languages_alike() -> None:
    english, chinese = numbers_explained("en"), numbers_explained("zh-hans")
    assert {part: list(words) for part, words in english.items()} == {
        part: list(words) for part, words in chinese.items()
    }
    assert set(english["status"]) == set(STATUSES)


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_spread_makes_no_timing_longer_or_shorter_on_average(entry: Entry) -> None:
    for timing in entry.timings.values():
        table, flat = quantiles(timing, 3 * GHZ), quantiles(timing, 3 * GHZ, spread=False)
        assert (
            abs(sum(table) - len(table) * timing.mean(3 * GHZ) * ((timing.per and 2**20) or 1))
            <= len(table) / 2
        )
        assert len(set(flat)) == 1
        assert min(table) >= 0


def test_no_source_is_unused_by_numbers_and_cases_and_none_of_a_case_is_missing() -> None:
    of_cases = {source for study in read_studies() for source in study.sources}
    assert sorted(set(sources()) - set(cited()) - of_cases) == []
    assert sorted(of_cases - set(sources())) == []


@pytest.mark.parametrize("key", sorted(sources()))
def test_a_source_can_be_found_again(key: str) -> None:
    source = sources()[key]
    assert {"title", "authors", "year"} <= set(source)
    assert re.fullmatch(r"(19|20)\d\d(-(19|20)\d\d)?", str(source["year"])), source["year"]
    assert str(source.get("url", "https://")).startswith(("https://", "http://"))
