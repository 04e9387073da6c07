"""No number without a birth certificate: models contain none, entries give each its source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from simcore.catalog import FOLDERS, load_catalog
from simcore.component import Entry
from simcore.texts import sources
from simcore.timings import Constant, Timing, quantiles
from simcore.units import UnitError, cpus, guess

MODELS = sorted(file for folder in FOLDERS for file in folder.glob("*.py"))
ENTRIES = list(load_catalog().entries.values())
ALLOWED = (0, 1)
GHZ = 10**9


def short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def numbers(tree: ast.AST) -> Iterator[tuple[int, object]]:
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
    assert list(numbers(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    "code", ["x = 2", "wait(1.5)", "f(-3)", "p = '5 ms'", "s = '64 KiB'", "range(100)", "1e3"]
)
def test_a_number_in_a_model_would_be_found(code: str) -> None:
    assert list(numbers(ast.parse("y = " + code if code == "1e3" else code))) != []


@pytest.mark.parametrize("code", ["x[2]", "range(1, n)", "x = 0", "name = 'vm2'", "flag = True", "'5 ms'"])
def test_an_index_a_name_and_prose_are_no_numbers(code: str) -> None:
    assert list(numbers(ast.parse(code))) == []


def certificates(entry: Entry) -> Iterator[Timing | Constant]:
    for one in [*entry.timings.values(), *entry.constants.values()]:
        yield one
        yield from one.also


def name(entry: Entry) -> str:
    return entry.id


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_every_source_that_an_entry_cites_exists_and_says_where(entry: Entry) -> None:
    cited = [one for one in certificates(entry) if one.source]
    assert [one.source for one in cited if one.source not in sources()] == []
    assert [(one.source, one) for one in cited if not one.where] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_every_assumption_has_a_reason_that_says_something(entry: Entry) -> None:
    assumed = [one for one in certificates(entry) if one.status in ("assumed", "derived")]
    assert [one for one in assumed if len(re.findall(r"\w+", one.reason or "")) < 3] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_what_is_measured_or_published_names_machine_or_evidence(entry: Entry) -> None:
    known = [one for one in certificates(entry) if one.status in ("measured", "published")]
    assert [one for one in known if not (one.machine or one.evidence)] == []


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


def test_no_source_is_unused() -> None:
    cited = {one.source for entry in ENTRIES for one in certificates(entry)}
    assert sorted(set(sources()) - cited) == []


@pytest.mark.parametrize("key", sorted(sources()))
def test_a_source_can_be_found_again(key: str) -> None:
    source = sources()[key]
    assert {"title", "authors", "year"} <= set(source)
    assert re.fullmatch(r"(19|20)\d\d(-(19|20)\d\d)?", str(source["year"])), source["year"]
    assert str(source.get("url", "https://")).startswith(("https://", "http://"))
